/* The few kernel interfaces that a test must replace with a fake.  Tests exercise everything else for real (resource
 * limits, namespaces, another uid). */
#ifndef SHMETER_OS_H
#define SHMETER_OS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmeter/intern.h"

struct sm_os {
	const char *root; /* "" on a real machine; a folder that holds a fake /sys and /proc in tests */
	int (*perf_open)(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags);
	int (*perf_ioctl)(int fd, unsigned long request, unsigned long argument);
	ssize_t (*perf_read)(int fd, void *buffer, size_t size);
	uint64_t page_bytes;       /* of a base page; 0: of this machine's, as on the real kernel */
	struct sm_os_files *files; /* where sm_os_read() remembers what it read; NULL: it reads every time */
};

/* What files contained when they were first read, for many questions about one moment.  All zero: nothing yet.  Free with
 * sm_os_forget(). */
struct sm_os_files {
	struct sm_os_file {
		sm_name path;
		size_t size; /* of the caller's buffer */
		int rc;
		char *text;
	} * at;
	size_t count;
};
void sm_os_forget(struct sm_os_files *files);

/* The real kernel. */
extern const struct sm_os sm_os_linux;

/* sm_read_file() below `os->root`, with a printf-formatted path such as "/proc/sys/...". */
int sm_os_read(const struct sm_os *os, char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5), warn_unused_result));

/* The size of a base page: 4, 16 or 64 KiB. */
uint64_t sm_os_page_bytes(const struct sm_os *os);

/* Whether a path exists below `os->root`.  Distinguishes "none" from "not visible" (/sys is not mounted). */
bool sm_os_has(const struct sm_os *os, const char *path);

#endif
