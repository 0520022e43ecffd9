/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Events: their layout, the buffer in which they are written, the maps, and how one is started and sent.
 * `decode.rs` reads them, `kernel.rs` fills `specs` and `groups`.
 */
#pragma once

#include "numbers.h"

#define RING_BYTES (8 << 20)
#define SPECS 1024
#define COMPAT 512
#define MAX_STRING 4096
#define MAX_NAME 256
#define MAX_DEPTH 48
#define OFFSET_MASK 0x3fff

enum kind { EXEC = 1, FORK, EXIT, CALL, ASKED, ANSWERED };

enum item {
	STRING = 1, /* + number of the argument */
	BASE = 11, /* directory of a relative path, + number of the argument */
	FILE_OF = 21, /* path of a descriptor, + number of the argument */
	SOCKET_OF = 31, /* ends of a socket, + number of the argument */
	ADDRESS = 41, /* + number of the argument */
	STRUCT = 51, /* + number of the argument */
	FILE_RESULT = 61,
	SOCKET_RESULT = 62,
	EXE = 70,
	ARGUMENTS = 71,
	CWD = 72,
	CREDENTIALS = 73,
	STDIO = 74, /* + descriptor; socket items in SOCKET_OF + descriptor */
	FILE_NAME = 77,
	OPENING = 78,
	MESSAGE = 79, /* a question to a name server, or its answer */
};

enum argument { NOTHING, PATH, PATH_AT, TEXT, DESCRIPTOR, SOCKADDR, OPEN_HOW };

enum {
	ONLY_SUCCESS = 1,
	RESULT_IS_FD = 2,
	BITS = 4,
	POINTED_BITS = 8,
	OPENS_PATH = 16,
	AT_FUNCTION = 32, /* observed at its function, not at the exit of all calls */
};

enum moving {
	NO_DATA,
	BYTES,
	BYTES_TO,
	PARTS,
	MESSAGES_ONE,
	MESSAGES_MANY,
	READS,
	READS_FROM,
	READS_MESSAGE,
};

enum category { C_PROCESS, C_EXEC, C_READ, C_WRITE, C_NETWORK, C_OTHER, CATEGORIES };

struct spec {
	u8 known;
	u8 category;
	u8 flags;
	/* The argument with the flags of open, plus 1. */
	u8 open_flags;
	u8 arguments[6];
	/* The argument that must have one of the bits in `mask`, or point to such a number. */
	u8 filter;
	/* How the call sends or receives data: `enum moving`. */
	u8 moves;
	u32 mask;
};

struct head {
	u32 size;
	u16 kind;
	u16 flags;
	u64 time;
	u64 cgroup;
	u32 pid;
	u32 tid;
	u32 ppid;
	u32 uid;
	u32 gid;
	u32 euid;
	u32 login;
	u32 call;
	u64 start;
	s64 result;
	u64 arguments[6];
	char comm[16];
	/* Behind `arguments` there must be room for an index of 3 bits and one more. */
};

struct counters {
	u64 seen;
	u64 dropped[CATEGORIES];
	u64 cut;
	u64 filtered;
};

#define MAX_GIVEN 88

/*
 * What an opening looks like to rules that ask only about the file: the call, its flags, the
 * file, and the path that the process gave. The hash of a name also depends on the address of its directory.
 */
struct opening {
	u32 call;
	u32 flags;
	u64 mount;
	u64 dentry;
	u64 inode;
	u64 name;
	u8 given[MAX_GIVEN];
};

#define PATH_BYTES 124

/* A path as `put_path` writes it: whether the root was reached, then the names from the last. */
struct exec_path {
	u32 policy;
	u8 names[PATH_BYTES];
};

/*
 * Where an event is written. A thread can be preempted in a program at a function, and since Linux 7.0 also at a
 * tracepoint. Another one can run a program on the same processor meanwhile, so each claims a place from 1 on.
 * Place 0 is for programs that are not preempted.
 */
struct buffer {
	/* In place 0: how many others are in use. Otherwise how many want this one; the only one has it. */
	u64 claims;
	u64 owner;
	struct opening opening;
	struct exec_path exec_path;
	struct head head;
	/* Behind the last offset there is room for the longest string. */
	u8 items[OFFSET_MASK + 1 + MAX_STRING + 8];
};
#define PLACES 6

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, u32);
	__type(value, struct buffer);
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPECS);
	__type(key, u32);
	__type(value, struct spec);
} specs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} counters SEC(".maps");

/* Groups that user space has classified: 1 a container, 2 the host. Others are reported. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u32);
} groups SEC(".maps");

/* Openings that no rule can match, whichever process does them. User space fills this. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct opening);
	__type(value, u32);
} quiet SEC(".maps");

INLINE struct buffer *buffer_at(u32 place)
{
	return bpf_map_lookup_elem(&buffers, &place);
}

INLINE struct buffer *get_buffer(void)
{
	struct buffer *first = buffer_at(0);
	if (!first || !first->claims)
		return first;
	u64 self = bpf_get_current_pid_tgid();
	for (u32 place = 1; place < PLACES; place++) {
		struct buffer *b = buffer_at(place);
		if (b && b->owner == self)
			return b;
	}
	return first;
}

/* Claims a place for the current thread, until `release`. None may be free. */
INLINE int claim(void)
{
	struct buffer *first = buffer_at(0);
	if (!first)
		return 0;
	for (u32 place = 1; place < PLACES; place++) {
		struct buffer *b = buffer_at(place);
		if (!b)
			return 0;
		__sync_fetch_and_add(&b->claims, 1);
		if (*(volatile u64 *)&b->claims == 1) {
			b->owner = bpf_get_current_pid_tgid();
			__sync_fetch_and_add(&first->claims, 1);
			return 1;
		}
		__sync_fetch_and_add(&b->claims, -1);
	}
	return 0;
}

/* The same at a tracepoint. */
INLINE int claim_if_preempted(struct settings *set)
{
	return !set->preempted || claim();
}

/* Nothing if there was no claim. */
INLINE void release(void)
{
	struct buffer *first = buffer_at(0);
	struct buffer *b = get_buffer();
	if (!first || !b || b == first)
		return;
	b->owner = 0;
	__sync_fetch_and_add(&b->claims, -1);
	__sync_fetch_and_add(&first->claims, -1);
}

INLINE struct counters *get_counters(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&counters, &zero);
}

/* Counts an event that is lost. */
INLINE void drop(u32 category)
{
	struct counters *count = get_counters();
	if (count && category < CATEGORIES)
		count->dropped[category]++;
}

/* Whether events of a group are wanted; `least` is the setting that reports the host. */
INLINE int wanted(u64 group, u32 least, struct settings *set)
{
	u32 *class = bpf_map_lookup_elem(&groups, &group);
	if (class && *class == 2 && set->host < least)
		return 0;
	return 1;
}

INLINE struct buffer *start_event(u16 kind, struct task_struct *task, u64 group)
{
	struct buffer *b = get_buffer();
	struct settings *set = get_settings();
	if (!b || !set)
		return 0;
	struct task_struct *leader = LOAD(task, group_leader);
	struct task_struct *parent = LOAD(leader, real_parent);
	struct cred *cred = LOAD(task, cred);
	b->head.size = 0;
	b->head.kind = kind;
	b->head.flags = 0;
	b->head.time = bpf_ktime_get_boot_ns();
	b->head.cgroup = group;
	b->head.pid = number_of(leader, set);
	if (!b->head.pid)
		return 0;
	b->head.tid = number_of(task, set);
	b->head.ppid = number_of(LOAD(parent, group_leader), set);
	b->head.uid = LOAD(cred, uid).val;
	b->head.gid = LOAD(cred, gid).val;
	b->head.euid = LOAD(cred, euid).val;
	b->head.login = FIELD_EXISTS(task, loginuid) ? LOAD(task, loginuid).val : (u32)-1;
	b->head.start = LOAD(leader, start_boottime);
	b->head.call = 0;
	b->head.result = 0;
	bpf_probe_read_kernel(&b->head.comm, sizeof(b->head.comm),
			      __builtin_preserve_access_index(&task->comm));
	return b;
}

INLINE void send(struct buffer *b, u32 category)
{
	struct counters *count = get_counters();
	if (!count)
		return;
	count->seen++;
	u64 queued = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	/* What is worth least makes room for the rest. */
	if ((category == C_READ && queued > RING_BYTES / 2) ||
	    (category != C_EXEC && category != C_PROCESS && queued > RING_BYTES / 4 * 3)) {
		drop(category);
		return;
	}
	u32 items = b->head.size & OFFSET_MASK;
	u64 size = sizeof(struct head) + items;
	b->head.size = size;
	if (bpf_ringbuf_output(&events, &b->head, size, BPF_RB_NO_WAKEUP))
		drop(category);
	if (b->head.flags & CUT)
		count->cut++;
}

/* An item of `length` bytes was written behind its tag. */
INLINE void finish_item(struct buffer *b, u32 offset, u16 tag, u32 length)
{
	if (offset + 4 + length > OFFSET_MASK) {
		b->head.flags |= CUT;
		return;
	}
	offset &= OFFSET_MASK;
	*(u16 *)&b->items[offset] = tag;
	*(u16 *)&b->items[offset + 2] = length;
	b->head.size = offset + 4 + length;
}
