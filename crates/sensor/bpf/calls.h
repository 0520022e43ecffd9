/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * System calls. They are seen at the exit of every call, which makes each call of each process slower, or, where
 * the kernel has trampolines for programs, at the functions of those that rules need (`hooks.rs`).
 */
#pragma once

#include "items.h"
#include "names.h"

/* Flags of open that write: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC. */
#define WRITES (1 | 2 | 0100 | 01000)
#define O_EXCL 0200

/* An argument of a 64-bit call. */
INLINE u64 argument_of(struct pt_regs *regs, u32 number)
{
#if defined(__TARGET_ARCH_x86)
	switch (number) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->r10;
	case 4:
		return regs->r8;
	default:
		return regs->r9;
	}
#else
	return number ? regs->regs[number] : regs->orig_x0;
#endif
}

INLINE void put_call(struct pt_regs *regs, s64 result, struct task_struct *task, struct spec *spec, u32 number,
		     u32 compat)
{
	if (spec->moves && result > 0 && !compat)
		moved(spec->moves, argument_of(regs, 0), argument_of(regs, 1),
		      spec->moves < READS ? argument_of(regs, 2) : result, argument_of(regs, 4));
	if (!spec->known)
		return;
	if (result < 0 && spec->flags & ONLY_SUCCESS)
		return;
	struct settings *set = get_settings();
	if (!set || is_self(task, set))
		return;
	u64 group = group_of(task);
	if (!wanted(group, 2, set))
		return;
	struct buffer *b = get_buffer();
	if (!b)
		return;
	struct opening *opening = &b->opening;
	int described = 0;
	if (spec->flags & OPENS_PATH && !compat && result >= 0) {
		u64 path = argument_of(regs, spec->open_flags == 2 ? 0 : 1);
		u64 how = argument_of(regs, spec->open_flags == 2 ? 1 : 2);
		/* A new file is opened once. */
		if (!(how & O_EXCL)) {
			opening->call = number;
			opening->flags = how;
			described = describe(opening, task, result, path);
			if (described && bpf_map_lookup_elem(&quiet, opening)) {
				struct counters *count = get_counters();
				if (count)
					count->filtered++;
				return;
			}
		}
	}
	b = start_event(CALL, task, group);
	if (!b)
		return;
	b->head.call = number;
	b->head.result = result;
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		b->head.flags |= COMPAT_CALL;
		b->head.arguments[0] = (u32)LOAD(regs, bx);
		b->head.arguments[1] = (u32)LOAD(regs, cx);
		b->head.arguments[2] = (u32)LOAD(regs, dx);
		b->head.arguments[3] = (u32)LOAD(regs, si);
		b->head.arguments[4] = (u32)LOAD(regs, di);
		b->head.arguments[5] = (u32)LOAD(regs, bp);
	} else {
		for (u32 i = 0; i < 6; i++)
			b->head.arguments[i] = argument_of(regs, i);
	}
#else
	for (u32 i = 0; i < 6; i++)
		b->head.arguments[i] = argument_of(regs, i);
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
			return;
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
	if (described) {
		u32 offset = b->head.size & OFFSET_MASK;
		__builtin_memcpy(&b->items[offset + 4], opening, sizeof(*opening));
		finish_item(b, offset, OPENING, sizeof(*opening));
	}
	send(b, category);
}

/* A system call: its number, and its entry. */
struct called {
	struct spec *spec;
	u32 number;
	u32 compat;
};

INLINE struct called called_by(struct pt_regs *regs, struct task_struct *task)
{
	struct called called = {};
	u32 number;
#if defined(__TARGET_ARCH_x86)
	number = LOAD(regs, orig_ax);
	/* TS_COMPAT: the call came through the 32-bit entry. */
	called.compat = LOAD(task, thread_info.status) & 2;
	number &= ~0x40000000u;
#else
	number = LOAD(regs, syscallno);
#endif
	if (number >= COMPAT)
		return called;
	u32 key = called.compat ? number + COMPAT : number;
	called.number = number;
	called.spec = bpf_map_lookup_elem(&specs, &key);
	return called;
}

/* How often the sensor itself came to a function that is not observed yet: whether the kernel calls programs there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} own_calls SEC(".maps");

INLINE void note_own_call(struct task_struct *task)
{
	u32 zero = 0;
	u32 *calls = bpf_map_lookup_elem(&own_calls, &zero);
	struct settings *set = get_settings();
	if (calls && set && is_self(task, set))
		__sync_fetch_and_add(calls, 1);
}

/* `at_function`: AT_FUNCTION or 0. */
INLINE int report_call(struct pt_regs *regs, s64 result, u32 at_function)
{
	struct task_struct *task = current_task();
	struct called called = called_by(regs, task);
	struct spec *spec = called.spec;
	if (!spec)
		return 0;
	if ((spec->flags & AT_FUNCTION) != at_function) {
		if (at_function)
			note_own_call(task);
		return 0;
	}
	if (!spec->known && !spec->moves)
		return 0;
	struct settings *set = get_settings();
	int claims = at_function || (set && set->preempted);
	if (claims && !claim()) {
		drop(spec->known ? spec->category : C_NETWORK);
		return 0;
	}
	put_call(regs, result, task, spec, called.number, called.compat);
	if (claims)
		release();
	return 0;
}

SEC("tp_btf/sys_exit")
int on_call(u64 *ctx)
{
	return report_call((void *)ctx[0], ctx[1], 0);
}

/*
 * Functions of system calls; their argument is the registers of the caller. What is attached to each is small and
 * continues in a common program, because the kernel takes long to verify that. A map of programs is only for functions
 * of one prototype.
 */
#define GROUP(number)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                             \
		__uint(max_entries, 1);                                                            \
		__type(key, u32);                                                                  \
		__type(value, u32);                                                                \
	} group_##number SEC(".maps");                                                             \
	SEC("fexit/call")                                                                          \
	int at_function_##number(u64 *ctx)                                                         \
	{                                                                                          \
		return report_call((void *)ctx[0], ctx[1], AT_FUNCTION);                           \
	}                                                                                          \
	SEC("fexit/function")                                                                      \
	int function_##number(u64 *ctx)                                                            \
	{                                                                                          \
		bpf_tail_call(ctx, &group_##number, 0);                                            \
		return 0;                                                                          \
	}
GROUP(0)
GROUP(1)
GROUP(2)

/*
 * A socket is read or written as a file: `sock_read_iter` and `sock_write_iter` (net/socket.c). Other calls come here,
 * too, and threads of the kernel that have the registers of a process.
 */
SEC("fexit/data")
int at_data(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = bpf_task_pt_regs(task);
	struct called called = called_by(regs, task);
	struct spec *spec = called.spec;
	s64 result = ctx[2];
	if (!spec || !(spec->flags & AT_FUNCTION) || called.compat || result <= 0)
		return 0;
	u32 how = spec->moves;
	if (how != BYTES && how != PARTS && how != READS)
		return 0;
	if (!claim()) {
		drop(C_NETWORK);
		return 0;
	}
	moved(how, argument_of(regs, 0), argument_of(regs, 1), how == READS ? result : argument_of(regs, 2), 0);
	release();
	return 0;
}

/*
 * A call that seccomp refused does not come to its function. `__secure_computing` has an argument until Linux 6.15, and
 * has set the result of the call then; if it sends a signal instead, it has restored the register.
 */
INLINE int report_refused(int verdict)
{
	if (!verdict)
		return 0;
	struct pt_regs *regs = bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
	s64 result = LOAD(regs, ax);
	s64 restored = LOAD(regs, orig_ax);
#else
	s64 result = LOAD(regs, regs[0]);
	s64 restored = LOAD(regs, orig_x0);
#endif
	return report_call(regs, result == restored ? -1 : result, AT_FUNCTION);
}

SEC("fexit/refused")
int at_refused_1(u64 *ctx)
{
	return report_refused(ctx[1]);
}

SEC("fexit/refused")
int at_refused_0(u64 *ctx)
{
	return report_refused(ctx[0]);
}
