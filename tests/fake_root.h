/* A folder that stands for the machine's /proc and /sys: struct sm_os.root points there. */
#ifndef SHMETER_TESTS_FAKE_ROOT_H
#define SHMETER_TESTS_FAKE_ROOT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char root[64];

static inline void root_make(void)
{
	snprintf(root, sizeof(root), "/tmp/shmeter-root-XXXXXX");
	cr_assert(mkdtemp(root));
}

/* Puts a file there, with the folders above it. */
static inline void put(const char *path, const char *text)
{
	char command[256], full[256];
	FILE *file;

	snprintf(command, sizeof(command), "mkdir -p $(dirname %s%s)", root, path);
	cr_assert_eq(system(command), 0);
	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "w");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

static inline void root_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_expect_eq(system(command), 0);
}

#endif
