/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attacker does, one step a line, for the test of the sensor: nothing here outlives the
 * container or touches anything outside of it. A line of the input is `NAME STEP ARGUMENT...`; a
 * process of that name does the step.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
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

static int dial(const char *address, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	inet_pton(AF_INET, address, &to.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* Only a refusal is of interest: no server answers. */
	return connect(fd, (void *)&to, sizeof(to)) && errno == EPERM ? -1 : fd;
}

static int step(int n, char **v)
{
	const char *do_ = v[1];
#define IS(name) (!strcmp(do_, name))
	if (IS("read"))
		return open(v[2], O_RDONLY);
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
	if (IS("connect"))
		return dial(v[2], atoi(v[3]));
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
	if (IS("chroot")) {
		char *arguments[] = {v[3], "nothing", v[n - 1], 0};
		if (chroot(v[2]) || chdir("/"))
			return -1;
		return execv(v[3], arguments);
	}
	if (IS("from-memory") || IS("written")) {
		const char *path = "/tmp/new";
		int fd = IS("written") ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700) : memfd_create("new", 0);
		copy(fd);
		char *arguments[] = {"new", "nothing", v[n - 1], 0};
		if (IS("from-memory"))
			return syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
		close(fd);
		return execv(path, arguments);
	}
	if (IS("shared-memory")) {
		int fd = open("/dev/shm/new", O_WRONLY | O_CREAT | O_TRUNC, 0700);
		copy(fd);
		close(fd);
		char *arguments[] = {"new", "nothing", v[n - 1], 0};
		return execv("/dev/shm/new", arguments);
	}
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
	char line[4096];
	while (fgets(line, sizeof(line), stdin)) {
		char *words[64];
		int count = 0;
		for (char *word = strtok(line, "\t\n"); word && count < 63; word = strtok(0, "\t\n"))
			words[count++] = word;
		words[count] = 0;
		if (count < 2)
			continue;
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
			dup2(open("/dev/null", O_RDWR), 0);
			execv(path, words);
			_exit(127);
		}
		int status = 0;
		waitpid(child, &status, 0);
		printf("%s %d\n", words[count - 1], status);
		fflush(stdout);
	}
	return 0;
}
