/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Questions to name servers and their answers (RFC 1035): what a process sends to port 53 and receives from
 * there. The data is read when the call returns, so a process that races with this can hide it. The first
 * bytes are looked at before anything else, because most data is something else.
 */
#pragma once

#include "items.h"

/* A name has up to 255 bytes; before it are a length (TCP) and 12 bytes, behind it 4. */
#define MAX_QUESTION 288
#define MAX_ANSWER 1024
#define MIN_MESSAGE 17
/* Most data that processes read is longer. */
#define LONGEST_ANSWER 4096
#define NAME_SERVER 0x3500 /* port 53, in network order */
#define TCP 6

/* One question, and neither a response nor an answer. */
INLINE int asks(const u8 *at)
{
	return !(at[2] & 0xf8) && !at[4] && at[5] == 1 && !at[6] && !at[7] && !at[8] && !at[9];
}

/* A response without an error, with up to 255 answers. */
INLINE int answers(const u8 *at)
{
	return (at[2] & 0xf8) == 0x80 && !(at[3] & 0xf) && !at[4] && at[5] == 1 && !at[6] && at[7];
}

/* In the number of a descriptor: the data was received. */
#define RECEIVED 0x80000000u

/* `address` is the other end if the socket is not connected. */
__attribute__((noinline)) int look_at(u32 fd, u64 data, u64 length, u64 address)
{
	u8 start[14];
	u32 received = fd & RECEIVED;
	fd &= ~RECEIVED;
	if (length < MIN_MESSAGE || (received && length > LONGEST_ANSWER))
		return 0;
	if (bpf_probe_read_user(start, sizeof(start), (void *)data))
		return 0;
	int whole = received ? answers(start) : asks(start);
	/* Over TCP, its length is before a message, or was moved by itself. */
	int behind = received ? answers(start + 2) : asks(start + 2);
	if (!whole && !behind)
		return 0;
	struct settings *set = get_settings();
	struct task_struct *task = current_task();
	u64 group = group_of(task);
	if (!set || is_self(task, set) || !wanted(group, 2, set))
		return 0;
	struct file *file = file_of(task, fd);
	struct inode *inode = READ(file, f_inode);
	if (!file || (READ(inode, i_mode) & FILE_TYPE) != SOCKET_TYPE)
		return 0;
	struct socket *socket = READ(file, private_data);
	struct sock *sock = READ(socket, sk);
	u16 family = READ(sock, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	u16 port = READ(sock, __sk_common.skc_dport);
	if (!port && address)
		/* In the addresses of both families, the port follows the family. */
		bpf_probe_read_user(&port, sizeof(port), (void *)(address + 2));
	if (port != NAME_SERVER)
		return 0;
	if (READ(sock, sk_protocol) == TCP && behind) {
		data += 2;
		length -= 2;
	}
	struct buffer *b = start_event(received ? ANSWERED : ASKED, task, group);
	if (!b)
		return 0;
	b->head.arguments[0] = fd;
	b->head.arguments[1] = length;
	put_socket(SOCKET_OF, (u64)file);
	if (address)
		put_user_bytes(b, ADDRESS, address, family == AF_INET ? 16 : 28);
	if (!received && length > MAX_QUESTION)
		length = MAX_QUESTION;
	if (length > MAX_ANSWER)
		length = MAX_ANSWER;
	asm volatile("" : "+r"(length));
	length &= 2047;
	u32 offset = b->head.size & OFFSET_MASK;
	if (!bpf_probe_read_user(&b->items[offset + 4], length, (void *)data))
		finish_item(b, offset, MESSAGE, length);
	send(b, C_NETWORK);
	return 0;
}

struct part {
	u64 data;
	u64 length;
};

/* The beginning of `struct user_msghdr` (include/linux/socket.h); `struct mmsghdr` is one of them in 64 bytes. */
struct message {
	u64 address;
	u32 address_length;
	u32 unused;
	u64 parts;
	u64 count;
};
#define NEXT_MESSAGE 64

#define MAX_PARTS 4

/*
 * The first part is a message, or its length over TCP, then the message follows and perhaps another length. Programs that
 * move something else pay for one part. `length` is what was received.
 */
__attribute__((noinline)) int look_at_parts(u32 fd, u64 parts, u64 count, u64 length, u64 address)
{
	for (u32 i = 0; i < MAX_PARTS && i < count; i++) {
		struct part part = {};
		if (bpf_probe_read_user(&part, sizeof(part), (void *)(parts + i * sizeof(part))))
			return 0;
		if (fd & RECEIVED) {
			if (length < part.length)
				part.length = length;
			length -= part.length;
		}
		if (part.length <= 2)
			continue;
		look_at(fd, part.data, part.length, address);
		if (!i)
			break;
	}
	return 0;
}

__attribute__((noinline)) int look_at_message(u32 fd, u64 at, u64 length)
{
	struct message message = {};
	if (bpf_probe_read_user(&message, sizeof(message), (void *)at))
		return 0;
	return look_at_parts(fd, message.parts, message.count, length, message.address);
}

/* glibc sends the questions for IPv4 and IPv6 together. */
#define MAX_MESSAGES 4

__attribute__((noinline)) int moved(u32 how, u32 fd, u64 data, u64 length, u64 address)
{
	fd &= ~RECEIVED;
	switch (how) {
	case BYTES:
		return look_at(fd, data, length, 0);
	case BYTES_TO:
		return look_at(fd, data, length, address);
	case PARTS:
		return look_at_parts(fd, data, length, 0, 0);
	case MESSAGES_ONE:
		return look_at_message(fd, data, 0);
	case MESSAGES_MANY:
		for (u32 i = 0; i < MAX_MESSAGES && i < length; i++)
			look_at_message(fd, data + i * NEXT_MESSAGE, 0);
		return 0;
	case READS:
		return look_at(fd | RECEIVED, data, length, 0);
	case READS_FROM:
		return look_at(fd | RECEIVED, data, length, address);
	case READS_MESSAGE:
		return look_at_message(fd | RECEIVED, data, length);
	}
	return 0;
}
