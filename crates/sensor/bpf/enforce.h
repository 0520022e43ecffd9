/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The maps of policies. Only containers that the agent registered are in them. */
#pragma once

#include "kernel.h"

#define PATH_BYTES 124

enum {
	KILL_UPPER = 1, /* programs that are not in the image */
	KILL_MEMORY = 2, /* programs without a file */
	KILL_LISTED = 4, /* programs in `exec_paths` */
	KILL_UNLISTED = 8, /* programs that are not */
	AUDIT_ONLY = 16,
};

struct exec_policy {
	u32 flags;
	u32 policy;
};

/* A path as `put_path` writes it: whether the root was reached, then the names from the last. */
struct exec_path {
	u32 policy;
	u8 names[PATH_BYTES];
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
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exec_path);
} path_keys SEC(".maps");

/* Namespaces of mounts in which the container runtime itself runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} runtime_mounts SEC(".maps");

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
