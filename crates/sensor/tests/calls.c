/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every system call that the sensor observes, for a test of it. Most fail, which is an event, too. What
 * succeeds stays in the folder of the first argument and in the namespaces of this process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)

struct handle {
	unsigned bytes;
	int type;
	unsigned char id[128];
};

int main(int n, char **v)
{
	if (n == 3)
		return 0;
	if (chdir(v[1]) || unshare(CLONE_NEWNS) || mount("none", "/", 0, MS_REC | MS_PRIVATE, 0))
		return 1;

	/* Files: reading, writing and creating. */
	int file = CALL(openat, AT_FDCWD, "file", O_WRONLY | O_CREAT, 0600);
	unsigned long long how[3] = {O_RDONLY};
	CALL(openat2, AT_FDCWD, "file", how, sizeof(how));
	struct handle handle = {.bytes = 128};
	int mount_id;
	name_to_handle_at(AT_FDCWD, "file", (void *)&handle, &mount_id, 0);
	int folder = open(".", O_RDONLY);
	CALL(open_by_handle_at, folder, &handle, O_RDONLY);
	CALL(renameat, AT_FDCWD, "file", AT_FDCWD, "b");
	CALL(renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 0);
	CALL(linkat, AT_FDCWD, "c", AT_FDCWD, "d", 0);
	CALL(symlinkat, "c", AT_FDCWD, "link");
	CALL(fchmod, file, 0600);
	CALL(fchmodat, AT_FDCWD, "c", 0600);
	CALL(fchownat, AT_FDCWD, "c", -1, -1, 0);
	syscall(452, AT_FDCWD, "c", 0600, 0);
	CALL(mkdirat, AT_FDCWD, "folder", 0700);
	CALL(unlinkat, AT_FDCWD, "link", 0);
#if defined(__x86_64__)
	CALL(open, "c", O_RDWR);
	CALL(creat, "e", 0600);
	CALL(rename, "e", "f");
	CALL(link, "f", "g");
	CALL(symlink, "f", "h");
	CALL(unlink, "h");
	CALL(mkdir, "i", 0700);
	CALL(rmdir, "i");
	CALL(chmod, "f", 0600);
	CALL(chown, "f", -1, -1);
	CALL(dup2, file, 60);
#endif
	CALL(dup, file);
	CALL(dup3, file, 61, 0);

	/* Mounts, in a namespace of their own. */
	CALL(mount, "none", "folder", "tmpfs", 0, "size=4k");
	CALL(umount2, "folder", 0);
	CALL(move_mount, -1, "a", -1, "b", 0);
	CALL(fsopen, "none-of-that-name", 0);
	CALL(pivot_root, "none", "none");

	/* Processes, and what they may do. */
	CALL(ptrace, PTRACE_PEEKDATA, -1, 0, 0);
	CALL(process_vm_writev, -1, 0, 0, 0, 0, 0);
	CALL(setns, -1, CLONE_NEWUTS);
	CALL(unshare, 0);
	CALL(setuid, 0);
	CALL(setgid, 0);
	CALL(setreuid, -1, -1);
	CALL(setresuid, -1, -1, -1);
	CALL(setresgid, -1, -1, -1);
	CALL(capset, 0, 0);
	if (!CALL(clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0))
		_exit(0);
	unsigned long long arguments[11] = {CLONE_NEWUTS, 0, 0, 0, SIGCHLD};
	if (!CALL(clone3, arguments, sizeof(arguments)))
		_exit(0);

	/* The kernel. */
	CALL(init_module, 0, 0, "");
	CALL(finit_module, -1, "", 0);
	CALL(delete_module, "none_of_that_name", O_NONBLOCK);
	CALL(kexec_load, 0, 0, 0, 0xffff);
	CALL(bpf, -1, 0, 0);
	CALL(userfaultfd, -1);
	CALL(io_uring_setup, 0, 0);
	int memory = CALL(memfd_create, "memory", 0);

	/* The network, on a loopback address. */
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int server = CALL(socket, AF_INET, SOCK_STREAM, 0), pair[2];
	CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
	CALL(bind, server, &at, size);
	CALL(listen, server, 2);
	getsockname(server, (void *)&at, &size);
	int client = CALL(socket, AF_INET, SOCK_STREAM, 0);
	CALL(connect, client, &at, size);
	CALL(accept4, server, 0, 0, 0);
#if defined(__x86_64__)
	int other = CALL(socket, AF_INET, SOCK_STREAM, 0);
	CALL(connect, other, &at, size);
	CALL(accept, server, 0, 0);
#endif
	CALL(sendto, client, "x", 1, 0, 0, 0);

	/* Programs: from memory, then this one without a name. */
	char *again[] = {"again", "a b", "", 0}, *environment[] = {0};
	int from = open("/proc/self/exe", O_RDONLY), wrote = 1;
	char buffer[4096];
	int deleted = open("deleted", O_WRONLY | O_CREAT, 0700);
	while (wrote > 0) {
		wrote = read(from, buffer, sizeof(buffer));
		if (wrote > 0 && (write(memory, buffer, wrote) != wrote || write(deleted, buffer, wrote) != wrote))
			return 1;
	}
	close(deleted);
	if (!fork())
		return CALL(execveat, memory, "", again, environment, AT_EMPTY_PATH);
	deleted = open("deleted", O_RDONLY | O_CLOEXEC);
	unlink("deleted");
	if (!fork()) {
		char path[40];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", deleted);
		return execve(path, again, environment);
	}
	while (wait(0) > 0)
		;
	CALL(chroot, ".");
	return 0;
}
