/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the resolver of the C library for a name, and prints its addresses. With the address of a server, it asks that
 * one over TCP as musl does from 1.2.4 on: the length and the message are two parts of a call.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void print(const void *address)
{
	char text[INET_ADDRSTRLEN];
	puts(inet_ntop(AF_INET, address, text, sizeof(text)));
}

static int ask_in_parts(const char *server, const char *name)
{
	unsigned char m[600] = "\x12\x34\1\0\0\1\0\0\0\0\0", *at = m + 12, prefix[2];
	for (size_t length; *name; name += length + (name[length] == '.')) {
		length = strcspn(name, ".");
		*at++ = length;
		at = (unsigned char *)memcpy(at, name, length) + length;
	}
	at = (unsigned char *)memcpy(at, "\0\0\1\0\1", 5) + 5;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	inet_pton(AF_INET, server, &to.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (void *)&to, sizeof(to)))
		return 1;
	prefix[0] = (at - m) >> 8;
	prefix[1] = at - m;
	struct iovec parts[2] = {{prefix, 2}, {m, at - m}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		return 1;
	parts[1].iov_len = sizeof(m);
	ssize_t length = recvmsg(fd, &message, 0);
	if (length < 6)
		return 1;
	print(m + length - 6);
	return 0;
}

int main(int n, char **v)
{
	if (n > 2)
		return ask_in_parts(v[1], v[2]);
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	if (n < 2 || getaddrinfo(v[1], 0, &hints, &found))
		return 1;
	for (; found; found = found->ai_next)
		print(&((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr);
	return 0;
}
