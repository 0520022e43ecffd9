/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the policies of both objects have in common. */
#pragma once

#include "task.h"

/* Bits of a policy over programs, as in `policy.rs`. */
enum {
	FORBID_UPPER = 1, /* programs that are not in the image */
	FORBID_MEMORY = 2, /* programs without a file */
	FORBID_LISTED = 4, /* programs in its list */
	FORBID_UNLISTED = 8, /* programs that are not */
	AUDIT_ONLY = 16,
};

/* Namespaces of mounts in which the container runtime itself runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} runtime_mounts SEC(".maps");

INLINE int is_trusted(struct task_struct *task)
{
	struct nsproxy *spaces = READ(task, nsproxy);
	struct mnt_namespace *mounts = READ(spaces, mnt_ns);
	u32 number = READ(mounts, ns.inum);
	return bpf_map_lookup_elem(&runtime_mounts, &number) != 0;
}

INLINE struct dentry *root_of(struct task_struct *task)
{
	struct fs_struct *fs = READ(task, fs);
	return READ(fs, root.dentry);
}

/*
 * The host or the runtime itself, on its way into the container: no policy holds for them. In a namespace of
 * its own, the runtime makes places for mounts before the container's root is its root.
 */
INLINE int is_runtime(struct task_struct *task)
{
	if (is_trusted(task))
		return 1;
	struct task_struct *parent = READ(task, real_parent);
	return is_trusted(parent) && root_of(task) == root_of(parent);
}

/* Control groups from the top of the hierarchy to those of containers. */
#define MAX_LEVELS 16

/*
 * The control group of the current process that is this far below the top, or zero. Programs that observe may
 * call the helper since Linux 5.15.
 */
INLINE u64 group_at(int level)
{
	if (!FIELD_EXISTS((struct cgroup *)0, ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level);
	struct css_set *set = READ((struct task_struct *)bpf_get_current_task(), cgroups);
	struct cgroup *group = READ(set, dfl_cgrp);
	if (level > READ(group, level))
		return 0;
	u64 id = 0;
	void *ids = __builtin_preserve_access_index(&group->ancestor_ids);
	bpf_probe_read_kernel(&id, sizeof(id), (u64 *)ids + level);
	return id;
}

/*
 * The entry of a control group, or of one above it: a container can make groups inside its own. `group` becomes
 * the group that has it. A group of version 1 must have its own entry.
 */
INLINE void *of_group(void *map, u64 *group)
{
	void *found = bpf_map_lookup_elem(map, group);
	if (found || *group >> 63)
		return found;
	for (int level = 1; level <= MAX_LEVELS; level++) {
		u64 above = group_at(level);
		if (!above || above == *group)
			return 0;
		found = bpf_map_lookup_elem(map, &above);
		if (found) {
			*group = above;
			return found;
		}
	}
	return 0;
}
