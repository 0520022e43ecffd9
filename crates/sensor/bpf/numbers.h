/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The numbers of processes as the sensor sees them, and which process it is. `kernel.rs` fills `settings`. */
#pragma once

#include "task.h"

/* PID namespaces between the first one and the sensor's. */
#define MAX_NESTED 4

struct settings {
	/* The sensor's own process, which is never reported. */
	u32 self;
	/* Whether processes outside of containers are reported: 0 no, 1 only processes, 2 all. */
	u32 host;
	/* The sensor's PID namespace, whose numbers are reported; 0 is the first of the machine. */
	u32 namespace;
	/* Whether threads can be preempted in programs at tracepoints. */
	u32 preempted;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct settings);
} settings SEC(".maps");

INLINE struct settings *get_settings(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&settings, &zero);
}

/*
 * The number of a task in the sensor's PID namespace, as in its `/proc`; 0 if it is not in there. Nodes that
 * are containers (kind) have their own namespace.
 */
INLINE u32 number_of(struct task_struct *task, struct settings *set)
{
	if (!set->namespace)
		return LOAD(task, pid);
	struct pid *pid = LOAD(task, thread_pid);
	u32 level = READ(pid, level);
	struct upid *numbers = __builtin_preserve_access_index(&pid->numbers[0]);
#pragma unroll
	for (u32 i = 1; i <= MAX_NESTED; i++) {
		if (i > level)
			return 0;
		struct pid_namespace *space = READ(numbers + i, ns);
		if (READ(space, ns.inum) == set->namespace)
			return READ(numbers + i, nr);
	}
	return 0;
}

/* Whether the current process is the sensor, which is never reported. */
INLINE int is_self(struct task_struct *task, struct settings *set)
{
	if (!set->namespace)
		return bpf_get_current_pid_tgid() >> 32 == set->self;
	return number_of(LOAD(task, group_leader), set) == set->self;
}
