/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the programs need of the kernel: types with the fields that are read (the loader finds their
 * offsets in the BTF of the running kernel), and the numbers of helpers.
 * Sources: include/uapi/linux/bpf.h, include/linux/sched.h, fs/mount.h, include/net/sock.h.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define CORE __attribute__((preserve_access_index))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_F_NO_PREALLOC = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_AVAIL_DATA = 0,
};

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_tail_call)(void *ctx, void *programs, u32 index) = (void *)12;
static u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static u64 (*bpf_get_current_task)(void) = (void *)35;
static u64 (*bpf_get_current_cgroup_id)(void) = (void *)80;
static long (*bpf_send_signal)(u32 signal) = (void *)109;
static long (*bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, u32 size, const void *from) = (void *)114;
static long (*bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;
static u64 (*bpf_get_current_ancestor_cgroup_id)(int level) = (void *)123;
static long (*bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static u64 (*bpf_ringbuf_query)(void *ring, u64 flags) = (void *)134;
static void *(*bpf_task_storage_get)(void *map, void *task, void *value, u64 flags) = (void *)156;
static struct pt_regs *(*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

/* Reads a field; zero where the address is not valid. */
#define READ(pointer, field)                                                                       \
	({                                                                                         \
		typeof((pointer)->field) value_;                                                   \
		bpf_probe_read_kernel((void *)&value_, sizeof(value_),                                    \
				      __builtin_preserve_access_index(&(pointer)->field));         \
		value_;                                                                            \
	})

/*
 * A field of what the arguments of a program or the current task lead to. From Linux 5.11 on, they are
 * followed without a call, which makes a field ten times as cheap.
 */
#define LOAD(pointer, field)                                                                       \
	({                                                                                         \
		typeof((pointer)->field) loaded_;                                                  \
		if (DIRECT)                                                                        \
			loaded_ = (pointer)->field;                                                \
		else                                                                               \
			loaded_ = READ(pointer, field);                                            \
		loaded_;                                                                           \
	})
#define FIELD_EXISTS(pointer, field) __builtin_preserve_field_info((pointer)->field, 2)
#define TYPE_SIZE(type) __builtin_preserve_type_info(*(type *)0, 1)
#define ENUM_VALUE(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 1)
#define ENUM_EXISTS(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 0)

enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
};
#define DIRECT ENUM_EXISTS(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

struct qstr {
	u32 len;
	u64 hash_len;
	unsigned char *name;
} CORE;

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
} CORE;

struct inode {
	u16 i_mode;
	unsigned int i_nlink;
	unsigned long i_ino;
	struct super_block *i_sb;
} CORE;

INLINE struct task_struct *current_task(void)
{
	if (DIRECT)
		return bpf_get_current_task_btf();
	return (void *)bpf_get_current_task();
}

struct dentry {
	struct dentry *d_parent;
	struct inode *d_inode;
	struct super_block *d_sb;
	struct qstr d_name;
} CORE;

struct vfsmount {
	struct dentry *mnt_root;
} CORE;

struct ns_common {
	unsigned int inum;
} CORE;

struct mnt_namespace {
	struct ns_common ns;
} CORE;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
} CORE;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} CORE;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
} CORE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} CORE;

struct files_struct {
	struct fdtable *fdt;
} CORE;

struct fs_struct {
	struct path root;
	struct path pwd;
} CORE;

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
} CORE;

typedef struct {
	u32 val;
} id_t;

typedef struct {
	u64 val;
} kernel_cap_t;

struct cred {
	id_t uid;
	id_t gid;
	id_t euid;
	id_t egid;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
} CORE;

struct tty_driver {
	int major;
	int minor_start;
} CORE;

struct tty_struct {
	struct tty_driver *driver;
	int index;
} CORE;

struct signal_struct {
	struct tty_struct *tty;
} CORE;

struct kernfs_node {
	u64 id;
} CORE;

struct cgroup {
	int level;
	struct kernfs_node *kn;
	u64 ancestor_ids[]; /* until Linux 6.0 */
} CORE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} CORE;

enum cgroup_subsys_id {
	memory_cgrp_id = 1,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
} CORE;

struct thread_info {
	u32 status;
} CORE;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} CORE;

struct pid_namespace {
	struct ns_common ns;
} CORE;

struct upid {
	int nr;
	struct pid_namespace *ns;
} CORE;

/* From the first PID namespace to the one in which the process was created. */
struct pid {
	unsigned int level;
	struct upid numbers[1];
} CORE;

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_boottime;
	int exit_code;
	char comm[16];
	struct cred *cred;
	struct mm_struct *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct pid *thread_pid;
	id_t loginuid;
} CORE;

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *fdpath;
} CORE;

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol;
} CORE;

struct socket {
	struct sock *sk;
} CORE;

struct sockaddr_un {
	u16 sun_family;
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
} CORE;

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
} CORE;

/* include/uapi/linux/bpf.h; its layout never changes. */
struct bpf_sock_addr {
	u32 user_family;
	u32 user_ip4;
	u32 user_ip6[4];
	u32 user_port;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, ax, orig_ax, bx, cx, bp;
} CORE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
} CORE;
#endif
