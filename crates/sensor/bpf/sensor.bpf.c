/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Observes processes and system calls. Which calls are reported, and which of their arguments point
 * to what, is a table that the loader fills (`specs`); a call that no loaded rule needs has no entry
 * and costs one lookup. Calls are seen at their exit: their result is known then, the pages with
 * their arguments are present, and what a descriptor leads to is read from the kernel, not from
 * memory that the process can change.
 *
 * An event is a head and items (tag, length, bytes), which `decode.rs` reads. No process is woken for
 * an event: the reader polls.
 */
#include "enforce.h"
#include "event.h"
#include "fanotify.h"
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

SEC("tp_btf/sys_exit")
int on_call(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	s64 result = ctx[1];
	struct task_struct *task = current_task();
	u32 number;
	u32 compat = 0;
#if defined(__TARGET_ARCH_x86)
	number = LOAD(regs, orig_ax);
	/* TS_COMPAT: the call came through the 32-bit entry. */
	compat = LOAD(task, thread_info.status) & 2;
	number &= ~0x40000000u;
#else
	number = LOAD(regs, syscallno);
#endif
	if (number >= COMPAT)
		return 0;
	u32 key = compat ? number + COMPAT : number;
	struct spec *spec = bpf_map_lookup_elem(&specs, &key);
	if (!spec)
		return 0;
	if (spec->moves && result > 0 && !compat)
		moved(spec->moves, argument_of(regs, 0), argument_of(regs, 1),
		      spec->moves < READS ? argument_of(regs, 2) : result, argument_of(regs, 4));
	if (!spec->known)
		return 0;
	if (result < 0 && spec->flags & ONLY_SUCCESS)
		return 0;
	struct settings *set = get_settings();
	if (!set || is_self(task, set))
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 2, set))
		return 0;
	u32 zero = 0;
	struct opening *opening = bpf_map_lookup_elem(&openings, &zero);
	int described = 0;
	if (!opening)
		return 0;
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
				return 0;
			}
		}
	}
	struct buffer *b = start_event(CALL, task, group);
	if (!b)
		return 0;
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
	if (described) {
		u32 offset = b->head.size & OFFSET_MASK;
		__builtin_memcpy(&b->items[offset + 4], opening, sizeof(*opening));
		finish_item(b, offset, OPENING, sizeof(*opening));
	}
	send(b, category);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct task_struct *child = (void *)ctx[1];
	struct settings *set = get_settings();
	/* A thread. */
	if (!set || LOAD(child, pid) != LOAD(child, tgid))
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 1, set))
		return 0;
	struct buffer *b = start_event(FORK, task, group);
	if (!b)
		return 0;
	b->head.result = number_of(child, set);
	b->head.arguments[0] = LOAD(child, start_boottime);
	send(b, C_PROCESS);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct settings *set = get_settings();
	if (!set || LOAD(task, pid) != LOAD(task, tgid))
		return 0;
	u64 group = group_of(task);
	if (!wanted(group, 1, set))
		return 0;
	struct buffer *b = start_event(EXIT, task, group);
	if (!b)
		return 0;
	b->head.result = LOAD(task, exit_code);
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
	u64 mounts; /* the number of the mount namespace */
};

__attribute__((noinline)) int put_credentials(u64 file)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = current_task();
	struct cred *cred = LOAD(task, cred);
	struct signal_struct *signal = LOAD(task, signal);
	struct tty_struct *tty = LOAD(signal, tty);
	struct inode *inode = READ((struct file *)file, f_inode);
	u32 offset = b->head.size & OFFSET_MASK;
	struct credentials *c = (void *)&b->items[offset + 4];
	c->inheritable = READ(cred, cap_inheritable).val;
	c->permitted = READ(cred, cap_permitted).val;
	c->effective = READ(cred, cap_effective).val;
	c->egid = LOAD(cred, egid).val;
	c->tty = 0;
	if (tty) {
		struct tty_driver *driver = LOAD(tty, driver);
		u32 minor = LOAD(driver, minor_start) + LOAD(tty, index);
		/* As in /proc/PID/stat. */
		c->tty = (minor & 0xff) | LOAD(driver, major) << 8 | (minor & ~0xff) << 12;
	}
	c->inode = READ(inode, i_ino);
	struct nsproxy *spaces = LOAD(task, nsproxy);
	struct mnt_namespace *mounts = LOAD(spaces, mnt_ns);
	c->mounts = LOAD(mounts, ns.inum);
	finish_item(b, offset, CREDENTIALS, sizeof(*c));
	return 0;
}

__attribute__((noinline)) int put_arguments(void)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = current_task();
	struct mm_struct *mm = LOAD(task, mm);
	u64 start = LOAD(mm, arg_start);
	u64 length = LOAD(mm, arg_end) - start;
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

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct linux_binprm *bprm = (void *)ctx[2];
	struct settings *set = get_settings();
	if (!set || is_self(task, set))
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
	if (FIELD_EXISTS(bprm, fdpath) && LOAD(bprm, fdpath))
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
