/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What a process and a file are: control group, mount, and marks of a program. */
#pragma once

#include "kernel.h"

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

/* The control group of the current process; the top bit marks those of version 1. */
INLINE u64 group_of(struct task_struct *task)
{
	u64 id = bpf_get_current_cgroup_id();
	if (id > 1)
		return id;
	struct css_set *set = LOAD(task, cgroups);
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

INLINE struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)((char *)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0));
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
