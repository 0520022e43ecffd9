/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Items of an event: texts, paths, descriptors, sockets and addresses that arguments lead to. */
#pragma once

#include "event.h"

/*
 * The functions that are not inlined are verified once, each by itself, and not wherever they are called: they
 * take numbers only, and look the buffer of the thread up.
 */

/* Whether the text begins at the root. */
__attribute__((noinline)) int put_user_string(u16 tag, u64 from)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	u32 offset = b->head.size & OFFSET_MASK;
	long length = bpf_probe_read_user_str(&b->items[offset + 4], MAX_STRING, (void *)from);
	if (length < 1)
		length = 1;
	if (length > MAX_STRING)
		length = MAX_STRING;
	int absolute = length > 1 && b->items[offset + 4] == '/';
	finish_item(b, offset, tag, length - 1);
	return absolute;
}

/* The directory and the name of a file, which are read at once where the kernel has them so. */
struct names {
	struct dentry *parent;
	u64 hash;
	const unsigned char *name;
};

INLINE struct names names_of(struct dentry *dentry)
{
	struct names names;
	u32 first = __builtin_preserve_field_info(((struct dentry *)0)->d_parent, 0);
	u32 last = __builtin_preserve_field_info(((struct dentry *)0)->d_name.name, 0);
	if (last - first == __builtin_offsetof(struct names, name)) {
		bpf_probe_read_kernel(&names, sizeof(names), (char *)dentry + first);
	} else {
		names.parent = READ(dentry, d_parent);
		names.hash = 0;
		names.name = READ(dentry, d_name.name);
	}
	return names;
}

/*
 * The names from a file up to the root of its mount namespace, each ended by a NUL; a first byte
 * says whether that was reached. The root of the process does not count: it can be changed by chroot.
 */
__attribute__((noinline)) int put_path(u16 tag, u64 mnt_, u64 dentry_)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct vfsmount *mnt = (void *)mnt_;
	struct dentry *dentry = (void *)dentry_;
	u32 first = b->head.size & OFFSET_MASK;
	u32 offset = first + 5;
	u8 reached = 0;
	struct dentry *top = READ(mnt, mnt_root);
	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		struct names names = names_of(dentry);
		struct dentry *parent = names.parent;
		if (dentry == top || dentry == parent) {
			struct mount *mount = mount_of(mnt);
			struct mount *above = READ(mount, mnt_parent);
			if (dentry != top)
				break;
			if (above == mount) {
				reached = 1;
				break;
			}
			dentry = READ(mount, mnt_mountpoint);
			mnt = __builtin_preserve_access_index(&above->mnt);
			top = READ(mnt, mnt_root);
			continue;
		}
		offset &= OFFSET_MASK;
		long length = bpf_probe_read_kernel_str(&b->items[offset], MAX_NAME, names.name);
		if (length > 0 && length <= MAX_NAME)
			offset += length;
		dentry = parent;
	}
	/* A file without a directory, as those of memfd_create, has only a name. */
	if (!reached && offset == first + 5) {
		const unsigned char *name = READ(dentry, d_name.name);
		offset &= OFFSET_MASK;
		long length = bpf_probe_read_kernel_str(&b->items[offset], MAX_NAME, name);
		if (length > 0 && length <= MAX_NAME)
			offset += length;
	}
	first &= OFFSET_MASK;
	b->items[first + 4] = reached;
	if (offset < first + 5)
		return 0;
	finish_item(b, first, tag, offset - first - 4);
	return 0;
}

/* What is known of a socket, as `decode.rs` reads it. */
struct ends {
	u16 family;
	u16 type;
	u16 protocol;
	u16 remote_port; /* in network order */
	u16 local_port; /* in the machine's order */
	u16 unused[3];
	u8 local[16];
	u8 remote[16];
};

__attribute__((noinline)) int put_unix(u16 tag, u64 sock)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct unix_sock *unix = (void *)sock;
	struct unix_address *address = READ(unix, addr);
	if (!address) {
		struct sock *peer = READ(unix, peer);
		if (!peer)
			return 0;
		address = READ((struct unix_sock *)peer, addr);
		if (!address)
			return 0;
	}
	int length = READ(address, len);
	if (length < 2 || length > 110)
		return 0;
	u32 offset = b->head.size & OFFSET_MASK;
	length &= 127;
	bpf_probe_read_kernel(&b->items[offset + 4], length,
			      __builtin_preserve_access_index(&address->name));
	finish_item(b, offset, tag, length);
	return 0;
}

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define FILE_TYPE 0170000
#define SOCKET_TYPE 0140000

__attribute__((noinline)) int put_socket(u16 tag, u64 file)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct socket *socket = READ((struct file *)file, private_data);
	struct sock *sock = READ(socket, sk);
	u32 offset = b->head.size & OFFSET_MASK;
	struct ends *ends = (void *)&b->items[offset + 4];
	__builtin_memset(ends, 0, sizeof(*ends));
	u16 family = READ(sock, __sk_common.skc_family);
	ends->family = family;
	ends->type = READ(sock, sk_type);
	ends->protocol = READ(sock, sk_protocol);
	if (family == AF_INET) {
		u32 local = READ(sock, __sk_common.skc_rcv_saddr);
		u32 remote = READ(sock, __sk_common.skc_daddr);
		__builtin_memcpy(ends->local, &local, 4);
		__builtin_memcpy(ends->remote, &remote, 4);
	} else if (family == AF_INET6) {
		struct in6_addr local = READ(sock, __sk_common.skc_v6_rcv_saddr);
		struct in6_addr remote = READ(sock, __sk_common.skc_v6_daddr);
		__builtin_memcpy(ends->local, &local, 16);
		__builtin_memcpy(ends->remote, &remote, 16);
	}
	if (family == AF_INET || family == AF_INET6) {
		ends->remote_port = READ(sock, __sk_common.skc_dport);
		ends->local_port = READ(sock, __sk_common.skc_num);
	}
	finish_item(b, offset, tag, sizeof(*ends));
	if (family == AF_UNIX)
		put_unix(tag, (u64)sock);
	return 0;
}

INLINE struct file *file_of(struct task_struct *task, u32 fd)
{
	struct files_struct *files = LOAD(task, files);
	struct fdtable *table = LOAD(files, fdt);
	if (fd >= LOAD(table, max_fds))
		return 0;
	struct file **all = LOAD(table, fd);
	struct file *file = 0;
	bpf_probe_read_kernel(&file, sizeof(file), all + fd);
	return file;
}

/* Fills in what is known of an opening; nothing if the path is relative or too long. */
INLINE int describe(struct opening *opening, struct task_struct *task, u32 fd, u64 path)
{
	__builtin_memset(opening->given, 0, sizeof(opening->given));
	long length = bpf_probe_read_user_str(opening->given, MAX_GIVEN, (void *)path);
	if (length < 2 || length >= MAX_GIVEN || opening->given[0] != '/')
		return 0;
	struct file *file = file_of(task, fd);
	struct path at = READ(file, f_path);
	opening->mount = (u64)at.mnt;
	opening->dentry = (u64)at.dentry;
	struct inode *inode = READ(file, f_inode);
	opening->inode = READ(inode, i_ino);
	opening->name = READ(at.dentry, d_name.hash_len);
	return file != 0;
}

/* A descriptor: its path, or the ends of its socket. */
__attribute__((noinline)) int put_file(u32 fd, u16 path_tag, u16 socket_tag)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = current_task();
	struct file *file = file_of(task, fd);
	if (!file)
		return 0;
	struct inode *inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & FILE_TYPE) == SOCKET_TYPE)
		return put_socket(socket_tag, (u64)file);
	struct path path = READ(file, f_path);
	b->head.flags |= marks_of(inode);
	return put_path(path_tag, (u64)path.mnt, (u64)path.dentry);
}

/* The directory that a relative path begins at. */
__attribute__((noinline)) int put_base(u16 tag, u32 fd)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	struct task_struct *task = current_task();
	struct path path = {};
	if ((s32)fd == -100) {
		struct fs_struct *fs = LOAD(task, fs);
		path = READ(fs, pwd);
	} else {
		struct file *file = file_of(task, fd);
		if (!file)
			return 0;
		path = READ(file, f_path);
	}
	return put_path(tag, (u64)path.mnt, (u64)path.dentry);
}

INLINE void put_user_bytes(struct buffer *b, u16 tag, u64 from, u64 length)
{
	if (length > 127)
		length = 127;
	length &= 127;
	u32 offset = b->head.size & OFFSET_MASK;
	if (!bpf_probe_read_user(&b->items[offset + 4], length, (void *)from))
		finish_item(b, offset, tag, length);
}

__attribute__((noinline)) int put_argument(u32 number, u32 type)
{
	struct buffer *b = get_buffer();
	if (!b)
		return 0;
	/* The compiler must not find out that the mask is not needed; the verifier needs it. */
	asm volatile("" : "+r"(number));
	number &= 7;
	u64 value = b->head.arguments[number];
	u64 next = b->head.arguments[number + 1];
	switch (type) {
	case PATH:
		if (!put_user_string(STRING + number, value))
			put_base(BASE + number, -100);
		break;
	case PATH_AT:
		if (!put_user_string(STRING + number, next))
			put_base(BASE + number, value);
		break;
	case TEXT:
		put_user_string(STRING + number, value);
		break;
	case DESCRIPTOR:
		put_file(value, FILE_OF + number, SOCKET_OF + number);
		break;
	case SOCKADDR:
		put_user_bytes(b, ADDRESS + number, value, next);
		break;
	case OPEN_HOW:
		put_user_bytes(b, STRUCT + number, value, 24);
		break;
	}
	return 0;
}
