/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Denies programs and files that a policy of the container forbids, by hooks of Linux security modules
 * (include/linux/lsm_hook_defs.h). One program for each hook, policies in maps. This is a separate object,
 * because it needs Linux 5.11 and the sensor does not.
 *
 * A path is judged from the root of its mount namespace, which chroot does not change, and on the root file
 * system of a container also from the root of that file system: a bind mount does not hide a file of the image.
 */
#include "numbers.h"
#include "policy.h"

#define PATH_ROOM 1024
#define PATH_KEPT 256
#define PATH_KEY 240
#define MAX_NAMES 128
#define MODE_READ 1
#define MODE_WRITE 2
#define OPEN_TRUNCATE 01000
/* MNT_NS_INTERNAL of fs/mount.h */
#define INTERNAL ((void *)-22l)

/* What a path in a list is forbidden for, as in `lsm.rs`. */
enum { EXECUTE, READ_FILE, WRITE_FILE, ABOVE_FILE, TOO_DEEP };
#define BIT(kind) (1u << (kind))
/* A protected file under another name would not be protected. */
#define MOVE (BIT(READ_FILE) | BIT(WRITE_FILE) | BIT(ABOVE_FILE))

/* Every path of a file must be listed, not only one of them. */
#define EACH_PATH (1u << 31)

enum { NOWHERE = -1, TOO_LONG = -2 };

/* A path in a list: all of it with the NUL at its end, or a directory with the slash at its end. */
struct path_key {
	u32 bits;
	u32 policy;
	u32 kind;
	u8 path[PATH_KEY];
};

/* As `lsm.rs` reads it. */
struct denial {
	u64 time;
	u64 group;
	u64 start;
	u32 pid;
	u32 tid;
	u32 ppid;
	u32 policy;
	u32 kind;
	u32 denied;
	char comm[16];
	u8 path[PATH_KEY];
};

/* Of a thread, as it can be preempted here; behind a path there are zeros. */
struct scratch {
	u8 path[PATH_ROOM + 256];
	struct path_key key;
	struct denial denial;
	/* Of a path that is being written. In memory, not in registers, so that the verifier does not know their values:
	 * otherwise it would verify each name for each value. */
	volatile u32 at;
	volatile u32 crossed;
};

/* `device` is that of the container's root file system; zero if it is not known. */
struct hook_policy {
	u32 flags;
	u32 policy;
	u32 device;
};

struct trial {
	/* Whether the sensor tries now. */
	u32 trying;
	u32 calls;
	/* Denials that were not reported. */
	u64 lost;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct hook_policy);
} program_policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct hook_policy);
} file_policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct path_key);
	__type(value, u32);
} listed_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} denials SEC(".maps");

/* Whether the kernel calls this at all: a list of modules without `bpf` lets it be attached, and never does. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct trial);
} trials SEC(".maps");

INLINE struct scratch *get_scratch(void)
{
	return bpf_task_storage_get(&scratches, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/*
 * Writes a path at the end of its room, and returns where it begins, or why it cannot be judged. Of a long
 * path, only the beginning is kept.
 */
__attribute__((noinline)) int put_place(u64 mnt_, u64 dentry_, u32 by_mounts)
{
	struct scratch *s = get_scratch();
	if (!s)
		return TOO_LONG;
	struct vfsmount *mnt = (void *)mnt_;
	struct dentry *dentry = (void *)dentry_;
	s->at = PATH_ROOM - 1;
	s->crossed = 0;
	for (int names = 0; names < MAX_NAMES; names++) {
		if (by_mounts && dentry == READ(mnt, mnt_root)) {
			struct mount *mount = mount_of(mnt);
			struct mount *above = READ(mount, mnt_parent);
			if (above == mount) {
				/* An overlay opens a file of its layers for itself. */
				if (READ(mount, mnt_ns) == INTERNAL) {
					s->crossed = 1;
					return NOWHERE;
				}
				/* A mount of a part that was never put into the tree. */
				if (dentry != READ(dentry, d_parent))
					s->crossed = 1;
				goto root;
			}
			s->crossed = 1;
			dentry = READ(mount, mnt_mountpoint);
			mnt = __builtin_preserve_access_index(&above->mnt);
			continue;
		}
		struct dentry *parent = READ(dentry, d_parent);
		if (dentry == parent) {
			if (!by_mounts)
				goto root;
			s->crossed = 1;
			return NOWHERE;
		}
		u32 length = READ(dentry, d_name.len) & 255;
		u32 at = s->at & (PATH_ROOM - 1);
		if (at < PATH_KEPT) {
			bpf_probe_read_kernel(&s->path[PATH_ROOM - 1 - PATH_KEPT], PATH_KEPT,
					      &s->path[at]);
			at = PATH_ROOM - 1 - PATH_KEPT;
		}
		at -= length + 1;
		at &= PATH_ROOM - 1;
		s->path[at] = '/';
		bpf_probe_read_kernel(&s->path[at + 1], length, READ(dentry, d_name.name));
		s->at = at;
		dentry = parent;
	}
	return TOO_LONG;
root:
	if (s->at == PATH_ROOM - 1) {
		s->path[PATH_ROOM - 2] = '/';
		return PATH_ROOM - 2;
	}
	return s->at;
}

/*
 * The first of some kinds for which a policy lists a path of a file, plus 1; 0 if there is none. Also writes a
 * path for the report.
 */
__attribute__((noinline)) int find_listed(u64 mnt, u64 dentry, u32 policy, u32 device, u32 kinds)
{
	struct scratch *s = get_scratch();
	if (!s)
		return TOO_DEEP + 1;
	bpf_probe_read_kernel_str(s->denial.path, PATH_KEY, READ((struct dentry *)dentry, d_name.name));
	int found = 0;
	int written = 0;
	for (u32 by_mounts = 1; by_mounts < 2; by_mounts--) {
		int at = put_place(mnt, dentry, by_mounts);
		if (at == TOO_LONG)
			return TOO_DEEP + 1;
		if (at != NOWHERE) {
			s->key.bits = (8 + PATH_KEY) * 8;
			s->key.policy = policy;
			bpf_probe_read_kernel(s->key.path, PATH_KEY, &s->path[at & (PATH_ROOM - 1)]);
			if (!written)
				__builtin_memcpy(s->denial.path, s->key.path, PATH_KEY);
			written = 1;
			found = 0;
			for (u32 kind = EXECUTE; kind <= ABOVE_FILE; kind++) {
				s->key.kind = kind;
				if (!found && kinds & BIT(kind) &&
				    bpf_map_lookup_elem(&listed_paths, &s->key))
					found = kind + 1;
			}
			if (!found == !!(kinds & EACH_PATH))
				return found;
		}
		/* A name that is new has no inode. */
		struct super_block *super = READ((struct dentry *)dentry, d_sb);
		if (!s->crossed || READ(super, s_dev) != device)
			break;
	}
	return found;
}

/* Writes which process it is. Verified once, by itself: the numbers have many branches. */
__attribute__((noinline)) int put_process(void)
{
	struct scratch *s = get_scratch();
	struct settings *set = get_settings();
	if (!s || !set)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = LOAD(task, group_leader);
	struct task_struct *parent = LOAD(leader, real_parent);
	s->denial.start = LOAD(leader, start_boottime);
	s->denial.pid = number_of(leader, set);
	s->denial.tid = number_of(task, set);
	s->denial.ppid = number_of(LOAD(parent, group_leader), set);
	bpf_probe_read_kernel(&s->denial.comm, sizeof(s->denial.comm),
			      __builtin_preserve_access_index(&task->comm));
	return 0;
}

INLINE void report(struct scratch *s, u64 group, struct hook_policy *policy, u32 kind)
{
	put_process();
	s->denial.time = bpf_ktime_get_boot_ns();
	s->denial.group = group;
	s->denial.policy = policy->policy;
	s->denial.kind = kind;
	s->denial.denied = !(policy->flags & AUDIT_ONLY);
	u32 zero = 0;
	struct trial *trial = bpf_map_lookup_elem(&trials, &zero);
	if (bpf_ringbuf_output(&denials, &s->denial, sizeof(s->denial), BPF_RB_NO_WAKEUP) && trial)
		__sync_fetch_and_add(&trial->lost, 1);
}

__attribute__((noinline)) int forbids_file(u64 mnt, u64 dentry, u32 kinds)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 group = group_of(task);
	struct hook_policy *policy = of_group(&file_policies, &group);
	if (!policy || is_runtime(task))
		return 0;
	int found = find_listed(mnt, dentry, policy->policy, policy->device, kinds);
	if (!found)
		return 0;
	struct scratch *s = get_scratch();
	if (s)
		report(s, group, policy, found - 1);
	return !(policy->flags & AUDIT_ONLY);
}

/* Without the barrier, older compilers compute the result in a way that Linux refuses. */
#define DENY_IF(condition)                                                                         \
	if (condition) {                                                                           \
		asm volatile("" ::: "memory");                                                     \
		return -1;                                                                         \
	}                                                                                          \
	return 0

INLINE int forbids_program(struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 group = group_of(task);
	struct hook_policy *policy = of_group(&program_policies, &group);
	if (!policy || is_runtime(task))
		return 0;
	struct scratch *s = get_scratch();
	if (!s)
		return 1;
	struct path path = READ(file, f_path);
	u32 flags = policy->flags;
	u16 marks = marks_of(READ(file, f_inode));
	u32 kinds = BIT(EXECUTE) | (flags & FORBID_UNLISTED ? EACH_PATH : 0);
	int listed = find_listed((u64)path.mnt, (u64)path.dentry, policy->policy, policy->device, kinds);
	int hit = (flags & FORBID_UPPER && marks & UPPER) || (flags & FORBID_MEMORY && marks & UNLINKED);
	u32 kind = EXECUTE;
	u32 lists = listed ? FORBID_LISTED : FORBID_UNLISTED;
	/* What cannot be compared is not let through. */
	if (listed == TOO_DEEP + 1) {
		kind = TOO_DEEP;
		lists = FORBID_LISTED | FORBID_UNLISTED;
	}
	if (flags & lists)
		hit = 1;
	if (!hit)
		return 0;
	report(s, group, policy, kind);
	return !(flags & AUDIT_ONLY);
}

SEC("lsm/bprm_check_security")
int bprm_check(u64 *ctx)
{
	DENY_IF(forbids_program(READ((struct linux_binprm *)ctx[0], file)));
}

SEC("lsm/file_open")
int file_open(u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	u32 zero = 0;
	struct trial *trial = bpf_map_lookup_elem(&trials, &zero);
	struct settings *set = get_settings();
	if (trial && trial->trying && set && is_self(bpf_get_current_task_btf(), set)) {
		trial->calls++;
		return 0;
	}
	u32 kinds = 0;
	u32 mode = READ(file, f_mode);
	if (mode & MODE_READ)
		kinds |= BIT(READ_FILE);
	if (mode & MODE_WRITE || READ(file, f_flags) & OPEN_TRUNCATE)
		kinds |= BIT(WRITE_FILE);
	struct path path = READ(file, f_path);
	DENY_IF(forbids_file((u64)path.mnt, (u64)path.dentry, kinds));
}

INLINE int forbids_change(const struct path *path, u32 kinds)
{
	return forbids_file((u64)READ(path, mnt), (u64)READ(path, dentry), kinds);
}

/* A name in a directory. A pointer that the kernel trusts cannot be passed as the number that it is. */
INLINE int forbids_name(const struct path *directory, u64 dentry, u32 kinds)
{
	u64 number = 0;
	bpf_probe_read_kernel(&number, sizeof(number), &dentry);
	return forbids_file((u64)READ(directory, mnt), number, kinds);
}

SEC("lsm/path_truncate")
int path_truncate(u64 *ctx)
{
	DENY_IF(forbids_change((void *)ctx[0], BIT(WRITE_FILE)));
}

SEC("lsm/path_chmod")
int path_chmod(u64 *ctx)
{
	DENY_IF(forbids_change((void *)ctx[0], BIT(WRITE_FILE)));
}

SEC("lsm/path_chown")
int path_chown(u64 *ctx)
{
	DENY_IF(forbids_change((void *)ctx[0], BIT(WRITE_FILE)));
}

SEC("lsm/path_unlink")
int path_unlink(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], BIT(WRITE_FILE)));
}

SEC("lsm/path_rmdir")
int path_rmdir(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], BIT(WRITE_FILE)));
}

SEC("lsm/path_mkdir")
int path_mkdir(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], BIT(WRITE_FILE)));
}

SEC("lsm/path_mknod")
int path_mknod(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], BIT(WRITE_FILE)));
}

SEC("lsm/path_symlink")
int path_symlink(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], BIT(WRITE_FILE)));
}

/* A link is on the mount of its file. */
SEC("lsm/path_link")
int path_link(u64 *ctx)
{
	const struct path *directory = (void *)ctx[1];
	DENY_IF(forbids_name(directory, ctx[0], MOVE) ||
		forbids_name(directory, ctx[2], BIT(WRITE_FILE)));
}

/* Two names may also be exchanged. */
SEC("lsm/path_rename")
int path_rename(u64 *ctx)
{
	DENY_IF(forbids_name((void *)ctx[0], ctx[1], MOVE) ||
		forbids_name((void *)ctx[2], ctx[3], MOVE));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
