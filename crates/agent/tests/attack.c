/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attacker does, one step a line, for the test of the sensor: nothing here outlives the
 * container or touches anything outside of it. A line of the input is `NAME STEP ARGUMENT...`; a
 * process of that name does the step. Each line of the output is the last argument, the status, and
 * when the step began and ended.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SELF "/attack"

static int copy(int to)
{
	int from = open("/proc/self/exe", O_RDONLY);
	struct stat s;
	fstat(from, &s);
	for (off_t at = 0; at < s.st_size;)
		if (sendfile(to, from, &at, s.st_size - at) <= 0)
			return -1;
	return 0;
}

/* Only a refusal is of interest: no server answers. */
static int dial(int type, const char *address, int port, int connected)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int six = !inet_pton(AF_INET, address, &to.sin_addr);
	if (six)
		inet_pton(AF_INET6, address, &to6.sin6_addr);
	int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0);
	void *name = six ? (void *)&to6 : (void *)&to;
	socklen_t size = six ? sizeof(to6) : sizeof(to);
	int done = connected ? connect(fd, name, size) : sendto(fd, "x", 1, 0, name, size);
	return done < 0 && errno == EPERM ? -1 : 0;
}

static int become(const char *path, char **v, int n)
{
	char *arguments[] = {(char *)path, "nothing", v[n - 1], 0};
	return execv(path, arguments);
}

/* Writes a copy of this program. */
static void place(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	copy(fd);
	close(fd);
}

/* Starts this program, or one with a path, under a name; its status. */
static int start(char **words)
{
	char path[256];
	/* A path is the program; any other name is a link to this one. */
	if (words[0][0] == '/') {
		snprintf(path, sizeof(path), "%s", words[0]);
	} else {
		snprintf(path, sizeof(path), "/run/as/%s", words[0]);
		mkdir("/run", 0755);
		mkdir("/run/as", 0755);
		symlink(SELF, path);
	}
	int child = fork();
	if (!child) {
		/* The steps are read from the standard input. */
		dup2(open("/dev/null", O_RDWR), 0);
		execv(path, words);
		char **last = words;
		while (last[1])
			last++;
		dprintf(2, "%s %s: %s\n", path, *last, strerror(errno));
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return status;
}

/* Makes a new terminal the one of this process. */
static int terminal(void)
{
	int main = posix_openpt(O_RDWR | O_NOCTTY);
	if (main < 0 || grantpt(main) || unlockpt(main) || setsid() < 0)
		return -1;
	return open(ptsname(main), O_RDWR);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Asks a name server that does not exist for a name, by each of the calls that resolvers use. */
static int ask(const char *how, const char *name, int type)
{
	unsigned char m[300] = {0}, *at = m + 2;
	memcpy(at, "\x12\x34\1\0\0\1\0\0\0\0\0", 12);
	at += 12;
	while (*name) {
		size_t length = strcspn(name, ".");
		*at++ = length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	*at++ = 0;
	*at++ = type >> 8;
	*at++ = type;
	*at++ = 0;
	*at++ = 1;
	size_t length = at - m - 2;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!strcmp(how, "to"))
		return sendto(fd, m + 2, length, 0, (void *)&to, sizeof(to));
	if (!strcmp(how, "tcp")) {
		int server = socket(AF_INET, SOCK_STREAM, 0);
		int one = 1;
		setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(server, (void *)&to, sizeof(to)) || listen(server, 1))
			return -1;
		fd = socket(AF_INET, SOCK_STREAM, 0);
		m[0] = length >> 8;
		m[1] = length;
		return connect(fd, (void *)&to, sizeof(to)) ? -1 : write(fd, m, length + 2);
	}
	struct iovec part = {m + 2, length};
	struct mmsghdr messages[2] = {{{.msg_iov = &part, .msg_iovlen = 1}}};
	messages[1] = messages[0];
	if (!strcmp(how, "message")) {
		messages[0].msg_hdr.msg_name = &to;
		messages[0].msg_hdr.msg_namelen = sizeof(to);
		return sendmsg(fd, &messages[0].msg_hdr, 0);
	}
	if (connect(fd, (void *)&to, sizeof(to)))
		return -1;
	if (!strcmp(how, "many")) {
		/* The second question is another one: where the answer to the first would be. */
		unsigned char other[300];
		memcpy(other, m + 2, length);
		other[2] |= 0x80;
		struct iovec second = {other, length};
		messages[1].msg_hdr.msg_iov = &second;
		return sendmmsg(fd, messages, 2, 0);
	}
	return write(fd, m + 2, length);
}

/* Answers one question with an address of loopback, asks it, and connects to that address. */
static int resolve(const char *name)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned char m[300] = "\x12\x34\1\0\0\1\0\0\0\0\0", *end = m + 12;
	const unsigned char record[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\x09";
	*end++ = strlen(name);
	end = mempcpy(end, name, strlen(name));
	end = mempcpy(end, "\0\0\1\0\1", 5);
	if (bind(server, (void *)&at, sizeof(at)) || connect(client, (void *)&at, sizeof(at)))
		return -1;
	write(client, m, end - m);
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	int length = recvfrom(server, m, sizeof(m), 0, (void *)&from, &size);
	m[2] |= 0x80;
	m[7] = 1;
	memcpy(m + length, record, sizeof(record) - 1);
	sendto(server, m, length + sizeof(record) - 1, 0, (void *)&from, size);
	read(client, m, sizeof(m));
	return dial(SOCK_STREAM, "127.0.0.9", 8080, 1);
}

/* Goes into a new control group inside its own, whose hierarchy is mounted there. */
static int enter_new_group(const char *hierarchy)
{
	char own[256] = {0}, path[512], number[20];
	int fd = open("/proc/self/cgroup", O_RDONLY);
	read(fd, own, sizeof(own) - 1);
	close(fd);
	char *second = strstr(own, "0::");
	if (!second)
		return -1;
	second[strcspn(second, "\n")] = 0;
	snprintf(path, sizeof(path), "%s%s/new-%d", hierarchy, second + 3, getpid());
	if (mkdir(path, 0755))
		return -1;
	strcat(path, "/cgroup.procs");
	snprintf(number, sizeof(number), "%d", getpid());
	return write(open(path, O_WRONLY), number, strlen(number)) < 0 ? -1 : 0;
}

/* From now on, seccomp refuses a system call. */
static int refuse(int call)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, filter};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#include "opens.h"

static int step(int n, char **v)
{
	const char *do_ = v[1];
#define IS(name) (!strcmp(do_, name))
	/* The rest is done by a child with another name. */
	if (IS("via"))
		return start(v + 2) ? -1 : 0;
	if (IS("terminal"))
		return terminal() < 0 || start(v + 2) ? -1 : 0;
	if (IS("userfault")) {
		if (setuid(atoi(v[2])))
			return -1;
		/* 1: only for faults of the program itself, since Linux 5.11. */
		int fd = syscall(SYS_userfaultfd, 1);
		return fd < 0 && errno == EINVAL ? syscall(SYS_userfaultfd, 0) : fd;
	}
	if (IS("read"))
		return open(v[2], O_RDONLY);
	if (IS("read-32"))
		return open_32(v[2]);
	if (IS("refused"))
		return refuse(SYS_bpf) ? -1 : step(n - 1, v + 1);
	if (IS("mix"))
		return mix(atoi(v[2]), 0);
	if (IS("mix-same"))
		return mix(atoi(v[2]), 1);
	if (IS("read-and-wait")) {
		int fd = open(v[2], O_RDONLY);
		sleep(atoi(v[3]));
		return fd;
	}
	if (IS("write"))
		return open(v[2], O_WRONLY | O_CREAT, 0600);
	if (IS("empty"))
		return open(v[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (IS("rename"))
		return rename(v[2], v[3]);
	if (IS("link"))
		return link(v[2], v[3]);
	if (IS("symlink"))
		return symlink(v[2], v[3]);
	if (IS("unlink"))
		return unlink(v[2]);
	if (IS("mkdir"))
		return mkdir(v[2], 0700);
	if (IS("chmod"))
		return chmod(v[2], strtol(v[3], 0, 8));
	if (IS("rmdir"))
		return rmdir(v[2]);
	if (IS("chown"))
		return chown(v[2], 0, 0);
	if (IS("truncate"))
		return truncate(v[2], 0);
	if (IS("empty-by-reading"))
		return open(v[2], O_RDONLY | O_TRUNC);
	if (IS("exchange"))
		return syscall(SYS_renameat2, AT_FDCWD, v[2], AT_FDCWD, v[3], 2);
	if (IS("missing"))
		return access(v[2], F_OK) ? 0 : (errno = EEXIST, -1);
	if (IS("overlay")) {
		char options[256];
		snprintf(options, sizeof(options), "lowerdir=%s:%s", v[2], v[3]);
		return mount("overlay", v[4], "overlay", 0, options);
	}
	if (IS("mount-groups"))
		return mount("groups", v[2], "cgroup2", 0, 0);
	if (IS("in-new-group"))
		return enter_new_group(v[2]) ? -1 : step(n - 2, v + 2);
	if (IS("bind"))
		return mount(v[2], v[3], 0, MS_BIND | MS_REC, 0);
	if (IS("connect"))
		return dial(SOCK_STREAM, v[2], atoi(v[3]), 1);
	if (IS("connect-datagram"))
		return dial(SOCK_DGRAM, v[2], atoi(v[3]), 1);
	if (IS("send"))
		return dial(SOCK_DGRAM, v[2], atoi(v[3]), 0);
	if (IS("ask"))
		return ask(v[2], v[3], atoi(v[4]));
	if (IS("resolve"))
		return resolve(v[2]);
	if (IS("unix")) {
		struct sockaddr_un to = {.sun_family = AF_UNIX};
		strncpy(to.sun_path, v[2], sizeof(to.sun_path) - 1);
		return connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&to, sizeof(to));
	}
	if (IS("packet"))
		return socket(AF_PACKET, SOCK_RAW, 0);
	if (IS("unshare"))
		return unshare(atoi(v[2]) ? CLONE_NEWUSER : CLONE_NEWNS);
	if (IS("setns"))
		return setns(open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS);
	if (IS("mount"))
		return mount("none", "/tmp", "tmpfs", 0, "size=4k");
	if (IS("bpf")) {
		union bpf_attr none = {0};
		return syscall(SYS_bpf, BPF_PROG_LOAD, &none, sizeof(none));
	}
	if (IS("ptrace") || IS("memory")) {
		int child = fork();
		if (!child) {
			pause();
			_exit(0);
		}
		int result;
		if (IS("ptrace")) {
			result = ptrace(PTRACE_ATTACH, child, 0, 0);
			waitpid(child, 0, 0);
		} else {
			char path[40];
			snprintf(path, sizeof(path), "/proc/%d/mem", child);
			result = open(path, O_WRONLY);
		}
		kill(child, 9);
		return result;
	}
	if (IS("trace-me"))
		return ptrace(PTRACE_TRACEME, 0, 0, 0);
	if (IS("chroot"))
		return chroot(v[2]) || chdir("/") ? -1 : become(v[3], v, n);
	if (IS("read-in")) {
		if (chroot(v[2]) || chdir("/"))
			return -1;
		return open(v[3], O_RDONLY);
	}
	if (IS("start"))
		return become(v[2], v, n);
	if (IS("start-in"))
		return chdir(v[2]) ? -1 : become(v[3], v, n);
	if (IS("start-as")) {
		char *arguments[] = {v[2], "nothing", v[n - 1], 0};
		return execv(v[3], arguments);
	}
	if (IS("start-in-namespace"))
		return unshare(atoi(v[2])) ? -1 : become(v[3], v, n);
	if (IS("start-by-number")) {
		char path[40];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", open(v[2], O_RDONLY));
		return become(path, v, n);
	}
	if (IS("start-deleted")) {
		place(v[2]);
		int fd = open(v[2], O_RDONLY | O_CLOEXEC);
		unlink(v[2]);
		char *arguments[] = {v[2], "nothing", v[n - 1], 0};
		return syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
	}
	if (IS("start-leased")) {
		/* Opening a file waits for the process that has a lease of it, unless it asks not to. */
		signal(SIGIO, SIG_IGN);
		if (fcntl(open(v[2], O_RDONLY | O_CLOEXEC), F_SETLEASE, F_WRLCK))
			return -1;
		int child = fork(), status = -1;
		if (!child) {
			execl(v[2], v[2], (char *)0);
			_exit(0);
		}
		waitpid(child, &status, 0);
		return status;
	}
	if (IS("start-deep")) {
		/* A program in so many directories. */
		if (chdir("/tmp"))
			return -1;
		for (int i = atoi(v[2]); i > 0; i--)
			if ((mkdir("d", 0755) && errno != EEXIST) || chdir("d"))
				return -1;
		place("new");
		return become("./new", v, n);
	}
	if (IS("place"))
		return place(v[2]), 0;
	if (IS("place-and-start"))
		return place(v[2]), become(v[2], v, n);
	if (IS("start-by-descriptor")) {
		char *arguments[] = {v[2], "nothing", v[n - 1], 0};
		return syscall(SYS_execveat, open(v[2], O_PATH), "", arguments, environ, AT_EMPTY_PATH);
	}
	if (IS("script")) {
		int fd = open(v[2], O_WRONLY | O_CREAT | O_TRUNC, 0700);
		dprintf(fd, "#!%s\n", v[3]);
		close(fd);
		char *arguments[] = {v[2], "nothing", v[n - 1], 0};
		return execv(v[2], arguments);
	}
	if (IS("from-memory")) {
		int fd = memfd_create("new", 0);
		copy(fd);
		char *arguments[] = {"new", "nothing", v[n - 1], 0};
		return syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
	}
	if (IS("written"))
		return place("/tmp/new"), become("/tmp/new", v, n);
	if (IS("shared-memory"))
		return place("/dev/shm/new"), become("/dev/shm/new", v, n);
	if (IS("shell-on-socket")) {
		int server = socket(AF_INET, SOCK_STREAM, 0);
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t size = sizeof(at);
		bind(server, (void *)&at, size);
		listen(server, 1);
		getsockname(server, (void *)&at, &size);
		int client = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(client, (void *)&at, size))
			return -1;
		dup2(client, 0);
		symlink(SELF, "/run/sh");
		char *arguments[] = {"sh", "nothing", v[n - 1], 0};
		return execv("/run/sh", arguments);
	}
	if (IS("open-close")) {
		/* For benchmarks: this many. */
		for (long i = atol(v[2]); i > 0; i--)
			close(open(v[3], O_RDONLY));
		return 0;
	}
	/* Anything else only has to be started with its arguments. */
	return 0;
}

int main(int n, char **v)
{
	char *name = strrchr(v[0], '/');
	name = name ? name + 1 : v[0];
	if (strcmp(name, "attack")) {
		if (n < 2)
			return 0;
		int result = step(n, v);
		if (result < 0)
			dprintf(2, "%s %s %s: %s\n", name, v[1], v[n - 1], strerror(errno));
		return result < 0;
	}
	if (n > 1 && !strcmp(v[1], "pause"))
		for (;;)
			pause();
	/* A step by the first process of a container. */
	if (n > 2 && !strcmp(v[1], "first")) {
		start(v + 2);
		for (;;)
			pause();
	}
	char line[4096];
	while (fgets(line, sizeof(line), stdin)) {
		char *words[64];
		int count = 0;
		for (char *word = strtok(line, "\t\n"); word && count < 63; word = strtok(0, "\t\n"))
			words[count++] = word;
		words[count] = 0;
		if (count < 2)
			continue;
		double begun = now();
		int status = start(words);
		printf("%s %d %.6f %.6f\n", words[count - 1], status, begun, now());
		fflush(stdout);
	}
	return 0;
}
