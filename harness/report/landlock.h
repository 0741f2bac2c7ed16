/* What is used of the kernel's Landlock.  Kernel headers older than 5.13 lack it, and a program that was built with them
 * should still confine gnuplot on a newer kernel.  The values never change; their source is the kernel's
 * include/uapi/linux/landlock.h, and Documentation/userspace-api/landlock.rst explains them. */
#ifndef SM_REPORT_LANDLOCK_H
#define SM_REPORT_LANDLOCK_H

#include <stdint.h>

/* Numbers of the calls, the same on all architectures. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };

enum { RULE_PATH_BENEATH = 1 };

enum {
	WRITE_FILE = 1 << 1,
	REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5,
	MAKE_CHAR = 1 << 6,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9,
	MAKE_FIFO = 1 << 10,
	MAKE_BLOCK = 1 << 11,
	MAKE_SYM = 1 << 12,
};

struct ruleset {
	uint64_t handled_access_fs;
};

struct path_beneath {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

#endif
