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
#include "calls.h"
#include "enforce.h"
#include "event.h"
#include "fanotify.h"

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
	if (!claim_if_preempted(set)) {
		drop(C_PROCESS);
		return 0;
	}
	struct buffer *b = start_event(FORK, task, group);
	if (b) {
		b->head.result = number_of(child, set);
		b->head.arguments[0] = LOAD(child, start_boottime);
		send(b, C_PROCESS);
	}
	release();
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
	if (!claim_if_preempted(set)) {
		drop(C_PROCESS);
		return 0;
	}
	struct buffer *b = start_event(EXIT, task, group);
	if (b) {
		b->head.result = LOAD(task, exit_code);
		send(b, C_PROCESS);
	}
	release();
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

INLINE void put_exec(struct task_struct *task, struct linux_binprm *bprm, u64 group)
{
	struct buffer *b = start_event(EXEC, task, group);
	if (!b)
		return;
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
	if (!claim_if_preempted(set)) {
		drop(C_EXEC);
		return 0;
	}
	put_exec(task, bprm, group);
	release();
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
