/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Observes processes and system calls. Which calls are reported, and which of their arguments point
 * to what, is a table that the loader fills (`specs`); a call that no loaded rule needs has no entry
 * and costs one lookup. Calls are seen at their exit: their result is known then, the pages with
 * their arguments are present, and what a descriptor leads to is read from the kernel, not from
 * memory that the process can change.
 *
 * An event is a head and items (tag, length, bytes), which `decode.rs` reads. Nobody is woken for an
 * event: the reader polls.
 */
#include "kernel.h"
#include "enforce.h"

#define RING_BYTES (8 << 20)
#define SPECS 1024
#define COMPAT 512
#define MAX_STRING 4096
#define MAX_NAME 256
#define MAX_DEPTH 48
#define OFFSET_MASK 0x3fff

enum kind { EXEC = 1, FORK, EXIT, CALL };

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
	POLICY = 78,
};

/* Flags of an event. */
enum {
	UPPER = 1, /* the file is in the upper layer of an overlay */
	UNLINKED = 2, /* the file has no name any more */
	AT_FD = 4, /* started by execveat with a descriptor */
	COMPAT_CALL = 8,
	CUT = 16, /* did not fit */
	CHECKED = 32, /* nothing is left for user space to judge by policies */
	MATCHED = 64, /* a policy matches */
	KILLED = 128,
};

enum argument { NOTHING, PATH, PATH_AT, TEXT, DESCRIPTOR, SOCKADDR, OPEN_HOW };

enum { ONLY_SUCCESS = 1, RESULT_IS_FD = 2, BITS = 4, POINTED_BITS = 8 };

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
	u8 unused;
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

struct buffer {
	struct head head;
	/* Behind the last offset there is room for the longest string. */
	u8 items[OFFSET_MASK + 1 + MAX_STRING + 8];
};

struct settings {
	/* The sensor's own process, which is never reported. */
	u32 self;
	/* Whether processes outside of containers are reported: 0 no, 1 only processes, 2 all. */
	u32 host;
};

struct counters {
	u64 seen;
	u64 dropped[CATEGORIES];
	u64 cut;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct settings);
} settings SEC(".maps");

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

INLINE struct buffer *get_buffer(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&buffers, &zero);
}

INLINE struct settings *get_settings(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

INLINE struct counters *get_counters(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&counters, &zero);
}

/* The control group of the current process; the top bit tells those of version 1. */
INLINE u64 group_of(struct task_struct *task)
{
	u64 id = bpf_get_current_cgroup_id();
	if (id > 1)
		return id;
	struct css_set *set = READ(task, cgroups);
	u32 number = ENUM_VALUE(enum cgroup_subsys_id, memory_cgrp_id);
	struct cgroup_subsys_state *state = 0;
	bpf_probe_read_kernel(&state, sizeof(state),
			      __builtin_preserve_access_index(&set->subsys[0]) + number);
	if (!state)
		return id;
	struct cgroup *group = READ(state, cgroup);
	struct kernfs_node *node = READ(group, kn);
	u64 other = READ(node, id);
	return other > 1 ? other | 1ull << 63 : id;
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
	if (!b)
		return 0;
	struct task_struct *leader = READ(task, group_leader);
	struct task_struct *parent = READ(leader, real_parent);
	struct cred *cred = READ(task, cred);
	b->head.size = 0;
	b->head.kind = kind;
	b->head.flags = 0;
	b->head.time = bpf_ktime_get_boot_ns();
	b->head.cgroup = group;
	b->head.pid = READ(task, tgid);
	b->head.tid = READ(task, pid);
	b->head.ppid = READ(parent, tgid);
	b->head.uid = READ(cred, uid).val;
	b->head.gid = READ(cred, gid).val;
	b->head.euid = READ(cred, euid).val;
	b->head.login = FIELD_EXISTS(task, loginuid) ? READ(task, loginuid).val : (u32)-1;
	b->head.start = READ(leader, start_boottime);
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
		if (category < CATEGORIES)
			count->dropped[category]++;
		return;
	}
	u32 items = b->head.size & OFFSET_MASK;
	u64 size = sizeof(struct head) + items;
	b->head.size = size;
	if (bpf_ringbuf_output(&events, b, size, BPF_RB_NO_WAKEUP) && category < CATEGORIES)
		count->dropped[category]++;
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

/*
 * The functions from here on are verified once, each by itself, and not wherever they are called: they
 * take numbers only, and look the buffer up. Nothing else runs on this processor meanwhile.
 */

/* Whether the text begins at the root. */
__attribute__((noinline)) int put_user_string(u16 tag, u64 from)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	u32 offset = b->head.size & OFFSET_MASK;
	long length = bpf_probe_read_user_str(&b->items[offset + 4], MAX_STRING, (void *)from);
	if (length < 1)
		length = 1;
	if (length > MAX_STRING)
		length = MAX_STRING;
	int absolute = length > 1 && b->items[offset + 4] == '/';
	finish_item(b, offset, tag, length - 1);
	return absolute;
}

INLINE struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)((char *)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0));
}

/*
 * The names from a file up to the root of its mount namespace, each ended by a NUL; a first byte
 * says whether that was reached. The root of the process does not count: it can be changed by chroot.
 */
__attribute__((noinline)) int put_path(u16 tag, u64 mnt_, u64 dentry_)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct vfsmount *mnt = (void *)mnt_;
	struct dentry *dentry = (void *)dentry_;
	u32 first = b->head.size & OFFSET_MASK;
	u32 offset = first + 5;
	u8 reached = 0;
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		struct dentry *top = READ(mnt, mnt_root);
		struct dentry *parent = READ(dentry, d_parent);
		if (dentry == top || dentry == parent) {
			struct mount *mount = mount_of(mnt);
			struct mount *above = READ(mount, mnt_parent);
			if (dentry != top)
				break;
			if (above == mount) {
				reached = 1;
				break;
			}
			dentry = READ(mount, mnt_mountpoint);
			mnt = __builtin_preserve_access_index(&above->mnt);
			continue;
		}
		const unsigned char *name = READ(dentry, d_name.name);
		offset &= OFFSET_MASK;
		long length = bpf_probe_read_kernel_str(&b->items[offset], MAX_NAME, name);
		if (length > 0 && length <= MAX_NAME)
			offset += length;
		dentry = parent;
	}
	/* A file without a directory, as those of memfd_create, has only a name. */
	if (!reached && offset == first + 5) {
		const unsigned char *name = READ(dentry, d_name.name);
		offset &= OFFSET_MASK;
		long length = bpf_probe_read_kernel_str(&b->items[offset], MAX_NAME, name);
		if (length > 0 && length <= MAX_NAME)
			offset += length;
	}
	first &= OFFSET_MASK;
	b->items[first + 4] = reached;
	if (offset < first + 5)
		return 0;
	finish_item(b, first, tag, offset - first - 4);
	return 0;
}

/* What is known of a socket, as `decode.rs` reads it. */
struct ends {
	u16 family;
	u16 type;
	u16 protocol;
	u16 remote_port; /* in network order */
	u16 local_port; /* in the machine's order */
	u16 unused[3];
	u8 local[16];
	u8 remote[16];
};

__attribute__((noinline)) int put_unix(u16 tag, u64 sock)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct unix_sock *unix = (void *)sock;
	struct unix_address *address = READ(unix, addr);
	if (!address) {
		struct sock *peer = READ(unix, peer);
		if (!peer)
			return 0;
		address = READ((struct unix_sock *)peer, addr);
		if (!address)
			return 0;
	}
	int length = READ(address, len);
	if (length < 2 || length > 110)
		return 0;
	u32 offset = b->head.size & OFFSET_MASK;
	length &= 127;
	bpf_probe_read_kernel(&b->items[offset + 4], length,
			      __builtin_preserve_access_index(&address->name));
	finish_item(b, offset, tag, length);
	return 0;
}

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define FILE_TYPE 0170000
#define SOCKET_TYPE 0140000

__attribute__((noinline)) int put_socket(u16 tag, u64 file)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct socket *socket = READ((struct file *)file, private_data);
	struct sock *sock = READ(socket, sk);
	u32 offset = b->head.size & OFFSET_MASK;
	struct ends *ends = (void *)&b->items[offset + 4];
	__builtin_memset(ends, 0, sizeof(*ends));
	u16 family = READ(sock, __sk_common.skc_family);
	ends->family = family;
	ends->type = READ(sock, sk_type);
	ends->protocol = READ(sock, sk_protocol);
	if (family == AF_INET) {
		u32 local = READ(sock, __sk_common.skc_rcv_saddr);
		u32 remote = READ(sock, __sk_common.skc_daddr);
		__builtin_memcpy(ends->local, &local, 4);
		__builtin_memcpy(ends->remote, &remote, 4);
	} else if (family == AF_INET6) {
		struct in6_addr local = READ(sock, __sk_common.skc_v6_rcv_saddr);
		struct in6_addr remote = READ(sock, __sk_common.skc_v6_daddr);
		__builtin_memcpy(ends->local, &local, 16);
		__builtin_memcpy(ends->remote, &remote, 16);
	}
	if (family == AF_INET || family == AF_INET6) {
		ends->remote_port = READ(sock, __sk_common.skc_dport);
		ends->local_port = READ(sock, __sk_common.skc_num);
	}
	finish_item(b, offset, tag, sizeof(*ends));
	if (family == AF_UNIX)
		put_unix(tag, (u64)sock);
	return 0;
}

INLINE struct file *file_of(struct task_struct *task, u32 fd)
{
	struct files_struct *files = READ(task, files);
	struct fdtable *table = READ(files, fdt);
	if (fd >= READ(table, max_fds))
		return 0;
	struct file **all = READ(table, fd);
	struct file *file = 0;
	bpf_probe_read_kernel(&file, sizeof(file), all + fd);
	return file;
}

INLINE u16 marks_of(struct inode *inode)
{
	u16 flags = 0;
	struct super_block *super = READ(inode, i_sb);
	if (READ(super, s_magic) == 0x794c7630) {
		/* The kernel's own type of an overlay's inode begins with these. */
		void *upper = 0;
		bpf_probe_read_kernel(&upper, sizeof(upper),
				      (char *)inode + TYPE_SIZE(struct inode));
		if (upper)
			flags |= UPPER;
	}
	if (!READ(inode, i_nlink))
		flags |= UNLINKED;
	return flags;
}

/* A descriptor: its path, or the ends of its socket. */
__attribute__((noinline)) int put_file(u32 fd, u16 path_tag, u16 socket_tag)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file = file_of(task, fd);
	if (!file)
		return 0;
	struct inode *inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & FILE_TYPE) == SOCKET_TYPE)
		return put_socket(socket_tag, (u64)file);
	struct path path = READ(file, f_path);
	b->head.flags |= marks_of(inode);
	return put_path(path_tag, (u64)path.mnt, (u64)path.dentry);
}

/* The directory that a relative path begins at. */
__attribute__((noinline)) int put_base(u16 tag, u32 fd)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct path path = {};
	if ((s32)fd == -100) {
		struct fs_struct *fs = READ(task, fs);
		path = READ(fs, pwd);
	} else {
		struct file *file = file_of(task, fd);
		if (!file)
			return 0;
		path = READ(file, f_path);
	}
	return put_path(tag, (u64)path.mnt, (u64)path.dentry);
}

INLINE void put_user_bytes(struct buffer *b, u16 tag, u64 from, u64 length)
{
	if (length > 127)
		length = 127;
	length &= 127;
	u32 offset = b->head.size & OFFSET_MASK;
	if (!bpf_probe_read_user(&b->items[offset + 4], length, (void *)from))
		finish_item(b, offset, tag, length);
}

__attribute__((noinline)) int put_argument(u32 number, u32 type)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	/* The compiler must not find out that the mask is not needed; the verifier needs it. */
	asm volatile("" : "+r"(number));
	number &= 7;
	u64 value = b->head.arguments[number];
	u64 next = b->head.arguments[number + 1];
	switch (type) {
	case PATH:
		if (!put_user_string(STRING + number, value))
			put_base(BASE + number, -100);
		break;
	case PATH_AT:
		if (!put_user_string(STRING + number, next))
			put_base(BASE + number, value);
		break;
	case TEXT:
		put_user_string(STRING + number, value);
		break;
	case DESCRIPTOR:
		put_file(value, FILE_OF + number, SOCKET_OF + number);
		break;
	case SOCKADDR:
		put_user_bytes(b, ADDRESS + number, value, next);
		break;
	case OPEN_HOW:
		put_user_bytes(b, STRUCT + number, value, 24);
		break;
	}
	return 0;
}

/* Flags of open that write: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC. */
#define WRITES (1 | 2 | 0100 | 01000)

SEC("tp_btf/sys_exit")
int on_call(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	s64 result = ctx[1];
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 number;
	u32 compat = 0;
#if defined(__TARGET_ARCH_x86)
	number = READ(regs, orig_ax);
	/* TS_COMPAT: the call came through the 32-bit entry. */
	compat = READ(task, thread_info.status) & 2;
	number &= ~0x40000000u;
#else
	number = READ(regs, syscallno);
#endif
	if (number >= COMPAT)
		return 0;
	u32 key = compat ? number + COMPAT : number;
	struct spec *spec = bpf_map_lookup_elem(&specs, &key);
	if (!spec || !spec->known)
		return 0;
	if (result < 0 && spec->flags & ONLY_SUCCESS)
		return 0;
	struct settings *set = get_settings();
	if (!set || bpf_get_current_pid_tgid() >> 32 == set->self)
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 2, set))
		return 0;
	struct buffer *b = start_event(CALL, task, group);
	if (!b)
		return 0;
	b->head.call = number;
	b->head.result = result;
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		b->head.flags |= COMPAT_CALL;
		b->head.arguments[0] = (u32)READ(regs, bx);
		b->head.arguments[1] = (u32)READ(regs, cx);
		b->head.arguments[2] = (u32)READ(regs, dx);
		b->head.arguments[3] = (u32)READ(regs, si);
		b->head.arguments[4] = (u32)READ(regs, di);
		b->head.arguments[5] = (u32)READ(regs, bp);
	} else {
		b->head.arguments[0] = READ(regs, di);
		b->head.arguments[1] = READ(regs, si);
		b->head.arguments[2] = READ(regs, dx);
		b->head.arguments[3] = READ(regs, r10);
		b->head.arguments[4] = READ(regs, r8);
		b->head.arguments[5] = READ(regs, r9);
	}
#else
	b->head.arguments[0] = READ(regs, orig_x0);
	for (int i = 1; i < 6; i++)
		b->head.arguments[i] = READ(regs, regs[i]);
#endif
	if (spec->flags & (BITS | POINTED_BITS)) {
		u64 value = b->head.arguments[spec->filter & 3];
		if (spec->flags & POINTED_BITS) {
			u64 pointed = 0;
			bpf_probe_read_user(&pointed, sizeof(pointed), (void *)value);
			value = pointed;
		}
		/* A new process returns from the call that created it, too. */
		if (!(value & spec->mask) || !result)
			return 0;
	}
	u32 category = spec->category;
	u32 flags = spec->open_flags;
	if (category == C_READ && flags && b->head.arguments[(flags - 1) & 3] & WRITES)
		category = C_WRITE;
	for (u32 i = 0; i < 6; i++) {
		u32 type = spec->arguments[i];
		if (type)
			put_argument(i, type);
	}
	if (spec->flags & RESULT_IS_FD && result >= 0)
		put_file(result, FILE_RESULT, SOCKET_RESULT);
	send(b, category);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork(u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *child = (void *)ctx[1];
	struct settings *set = get_settings();
	u32 pid = READ(child, pid);
	/* A thread. */
	if (!set || pid != READ(child, tgid))
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 1, set))
		return 0;
	struct buffer *b = start_event(FORK, task, group);
	if (!b)
		return 0;
	b->head.result = pid;
	b->head.arguments[0] = READ(child, start_boottime);
	send(b, C_PROCESS);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct settings *set = get_settings();
	if (!set || READ(task, pid) != READ(task, tgid))
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 1, set))
		return 0;
	struct buffer *b = start_event(EXIT, task, group);
	if (!b)
		return 0;
	b->head.result = READ(task, exit_code);
	send(b, C_PROCESS);
	return 0;
}

struct credentials {
	u64 inheritable;
	u64 permitted;
	u64 effective;
	u32 tty;
	u32 egid;
	u64 inode;
	u64 device;
};

__attribute__((noinline)) int put_credentials(u64 file)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cred *cred = READ(task, cred);
	struct signal_struct *signal = READ(task, signal);
	struct tty_struct *tty = READ(signal, tty);
	struct inode *inode = READ((struct file *)file, f_inode);
	struct super_block *super = READ(inode, i_sb);
	u32 offset = b->head.size & OFFSET_MASK;
	struct credentials *c = (void *)&b->items[offset + 4];
	c->inheritable = READ(cred, cap_inheritable).val;
	c->permitted = READ(cred, cap_permitted).val;
	c->effective = READ(cred, cap_effective).val;
	c->egid = READ(cred, egid).val;
	c->tty = 0;
	if (tty) {
		struct tty_driver *driver = READ(tty, driver);
		u32 minor = READ(driver, minor_start) + READ(tty, index);
		/* As in /proc/PID/stat. */
		c->tty = (minor & 0xff) | READ(driver, major) << 8 | (minor & ~0xff) << 12;
	}
	c->inode = READ(inode, i_ino);
	c->device = READ(super, s_dev);
	finish_item(b, offset, CREDENTIALS, sizeof(*c));
	return 0;
}

__attribute__((noinline)) int put_arguments(void)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct mm_struct *mm = READ(task, mm);
	u64 start = READ(mm, arg_start);
	u64 length = READ(mm, arg_end) - start;
	u32 offset = b->head.size & OFFSET_MASK;
	if (length > MAX_STRING - 1) {
		length = MAX_STRING - 1;
		b->head.flags |= CUT;
	}
	length &= MAX_STRING - 1;
	if (!bpf_probe_read_user(&b->items[offset + 4], length, (void *)start))
		finish_item(b, offset, ARGUMENTS, length);
	return 0;
}

/* Ends the process before its first instruction if a policy of its container says so. */
__attribute__((noinline)) int enforce_exec(u64 group)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct nsproxy *spaces = READ(task, nsproxy);
	struct mnt_namespace *mounts = READ(spaces, mnt_ns);
	u32 number = READ(mounts, ns.inum);
	/* The host or the runtime itself, on its way into the container: no policy holds for them. */
	if (bpf_map_lookup_elem(&runtime_mounts, &number)) {
		b->head.flags |= CHECKED;
		return 0;
	}
	struct exec_policy *policy = bpf_map_lookup_elem(&exec_policies, &group);
	if (!policy)
		return 0;
	int hit = 0;
	if (policy->flags & KILL_UPPER && b->head.flags & UPPER)
		hit = 1;
	if (policy->flags & KILL_MEMORY && b->head.flags & UNLINKED)
		hit = 1;
	if (policy->flags & (KILL_LISTED | KILL_UNLISTED)) {
		u32 zero = 0;
		struct exec_path *key = bpf_map_lookup_elem(&path_keys, &zero);
		if (!key)
			return 0;
		__builtin_memset(key, 0, sizeof(*key));
		key->policy = policy->policy;
		/* The path is the first item. */
		u32 length = *(u16 *)&b->items[2];
		length = length > PATH_BYTES ? PATH_BYTES : length;
		asm volatile("" : "+r"(length));
		length &= 127;
		bpf_probe_read_kernel(key->names, length, &b->items[4]);
		int listed = bpf_map_lookup_elem(&exec_paths, key) != 0;
		if (listed ? policy->flags & KILL_LISTED : policy->flags & KILL_UNLISTED)
			hit = 1;
	}
	b->head.flags |= CHECKED;
	if (!hit)
		return 0;
	b->head.flags |= MATCHED;
	b->head.result = policy->policy;
	if (!(policy->flags & AUDIT_ONLY) && !bpf_send_signal(9))
		b->head.flags |= KILLED;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct linux_binprm *bprm = (void *)ctx[2];
	struct settings *set = get_settings();
	if (!set || bpf_get_current_pid_tgid() >> 32 == set->self)
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 1, set))
		return 0;
	struct buffer *b = start_event(EXEC, task, group);
	if (!b)
		return 0;
	struct file *file = READ(bprm, file);
	struct path path = READ(file, f_path);
	b->head.flags |= marks_of(READ(file, f_inode));
	if (FIELD_EXISTS(bprm, fdpath) && READ(bprm, fdpath))
		b->head.flags |= AT_FD;
	put_path(EXE, (u64)path.mnt, (u64)path.dentry);
	enforce_exec(group);
	put_credentials((u64)file);
	put_arguments();
	put_base(CWD, -100);
	u32 offset = b->head.size & OFFSET_MASK;
	const char *name = READ(bprm, filename);
	long length = bpf_probe_read_kernel_str(&b->items[offset + 4], MAX_STRING, name);
	if (length > 1 && length <= MAX_STRING)
		finish_item(b, offset, FILE_NAME, length - 1);
	/* Flags of the program, not of its inputs. */
	u16 flags = b->head.flags;
	put_file(0, STDIO, SOCKET_OF);
	put_file(1, STDIO + 1, SOCKET_OF + 1);
	put_file(2, STDIO + 2, SOCKET_OF + 2);
	b->head.flags = flags | (b->head.flags & CUT);
	send(b, C_EXEC);
	return 0;
}

/* Attached to the control groups of containers with a policy over connections, never higher. */
INLINE int allow(struct bpf_sock_addr *ctx, u32 family)
{
	u64 group = bpf_get_current_cgroup_id();
	u32 *policy = bpf_map_lookup_elem(&connect_policies, &group);
	if (!policy)
		return 1;
	struct range range = {.bits = 64 + 128, .policy = *policy, .family = family};
	if (family == 4) {
		range.address[0] = ctx->user_ip4;
	} else {
		range.address[0] = ctx->user_ip6[0];
		range.address[1] = ctx->user_ip6[1];
		range.address[2] = ctx->user_ip6[2];
		range.address[3] = ctx->user_ip6[3];
		/* An IPv4 address inside IPv6. */
		if (!range.address[0] && !range.address[1] && range.address[2] == 0xffff0000) {
			range.family = 4;
			range.address[0] = range.address[3];
			range.address[2] = 0;
			range.address[3] = 0;
		}
	}
	int verdict = 1;
	if (bpf_map_lookup_elem(&denied, &range)) {
		/* Without this, older compilers compute the result in a way that Linux refuses. */
		asm volatile("" ::: "memory");
		verdict = 0;
	}
	range.port = ctx->user_port & 0xffff;
	if (bpf_map_lookup_elem(&denied, &range)) {
		asm volatile("" ::: "memory");
		verdict = 0;
	}
	return verdict;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return allow(ctx, 4);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return allow(ctx, 6);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return allow(ctx, 4);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return allow(ctx, 6);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
