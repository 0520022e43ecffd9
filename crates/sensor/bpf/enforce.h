/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Policies: their maps, in which only containers are that the agent registered, and their verdicts. */
#pragma once

#include "event.h"
#include "policy.h"

struct exec_policy {
	u32 flags;
	u32 policy;
};

/*
 * All before the address must be equal. A port (in network order) is part of the key, so that ranges
 * with other ports do not hide each other; zero is all ports.
 */
struct range {
	u32 bits;
	u32 policy;
	u16 family;
	u16 port;
	u32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct exec_policy);
} exec_policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct exec_path);
	__type(value, u32);
} exec_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} connect_policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct range);
	__type(value, u32);
} denied SEC(".maps");

/* Ends the process before its first instruction if a policy of its container says so. */
__attribute__((noinline)) int enforce_exec(u64 group)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = current_task();
	if (is_runtime(task)) {
		b->head.flags |= CHECKED;
		return 0;
	}
	struct exec_policy *policy = of_group(&exec_policies, &group);
	if (!policy)
		return 0;
	int hit = 0;
	if (policy->flags & FORBID_UPPER && b->head.flags & UPPER)
		hit = 1;
	if (policy->flags & FORBID_MEMORY && b->head.flags & UNLINKED)
		hit = 1;
	if (policy->flags & (FORBID_LISTED | FORBID_UNLISTED)) {
		struct exec_path *key = &b->exec_path;
		__builtin_memset(key, 0, sizeof(*key));
		key->policy = policy->policy;
		/* The path is the first item. */
		u32 length = *(u16 *)&b->items[2];
		length = length > PATH_BYTES ? PATH_BYTES : length;
		asm volatile("" : "+r"(length));
		length &= 127;
		bpf_probe_read_kernel(key->names, length, &b->items[4]);
		int listed = bpf_map_lookup_elem(&exec_paths, key) != 0;
		if (listed ? policy->flags & FORBID_LISTED : policy->flags & FORBID_UNLISTED)
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

/* Attached to the control groups of containers with a policy over connections, never higher. */
INLINE int allow(struct bpf_sock_addr *ctx, u32 family)
{
	u64 group = bpf_get_current_cgroup_id();
	u32 *policy = of_group(&connect_policies, &group);
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
