/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to open a file. */
#pragma once

/* Opens a file by the entry for 32-bit programs, which takes only addresses below 4 GiB. */
static int open_32(const char *path)
{
#if defined(__x86_64__)
	char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int result;
	strncpy(low, path, 4095);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(5), "b"(low), "c"(O_RDONLY), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	return result < 0 ? (errno = -result, -1) : result;
#else
	return open(path, O_RDONLY);
#endif
}

#define MIXED 4
#define FIRST_USER 1001

static int open_by(int how, const char *path)
{
	unsigned long long read_only[3] = {O_RDONLY};
	switch (how) {
#if defined(__x86_64__)
	case 0:
		return syscall(SYS_open, path, O_RDONLY);
	case 1:
		return syscall(SYS_creat, path, 0600);
#endif
	case 2:
		return syscall(SYS_openat2, AT_FDCWD, path, read_only, sizeof(read_only));
	default:
		return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	}
}

/* The user 1001 opens only /tmp/mix-1001, and so on, for so many seconds; by different calls, or all by the same. */
static int mix(int seconds, int same)
{
	for (int how = 0; how < MIXED; how++) {
		int child = fork();
		if (child)
			continue;
		cpu_set_t first;
		CPU_ZERO(&first);
		CPU_SET(0, &first);
		char path[40];
		snprintf(path, sizeof(path), "/tmp/mix-%d", FIRST_USER + how);
		int file = open(path, O_WRONLY | O_CREAT, 0600);
		if (sched_setaffinity(0, sizeof(first), &first) || fchown(file, FIRST_USER + how, 0) ||
		    setuid(FIRST_USER + how))
			_exit(1);
		for (double end = now() + seconds; now() < end;)
			for (int i = 0; i < 100; i++)
				close(open_by(same ? MIXED : how, path));
		_exit(0);
	}
	int failed = 0;
	for (int status, i = 0; i < MIXED; i++)
		failed |= wait(&status) < 0 || status;
	return failed ? -1 : 0;
}
