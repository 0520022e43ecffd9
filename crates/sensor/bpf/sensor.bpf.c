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
#include "items.h"

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
