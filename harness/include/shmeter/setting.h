/* System settings: files that hold one value each. */
#ifndef SHMETER_SETTING_H
#define SHMETER_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"

/* The longest value of a setting, with its NUL. */
#define SM_SETTING_MAX 256

/* Reads a setting in the form in which it can be written back.  For a list of choices this is the one in brackets.  For
 * nr_hugepages it is the number without surplus pages, which the kernel takes back itself.  -errno. */
SM_MUST_USE int sm_setting_read(const char *path, char *out, size_t size);

/* Writes once; does not follow a symbolic link.  -errno of the open or the write. */
SM_MUST_USE int sm_setting_put(const char *path, const char *value);

/* Writes until the value reads back, for at most three seconds: a pool cannot shrink while dying processes hold its
 * pages. */
SM_MUST_USE bool sm_setting_write(const char *path, const char *value);

/* How many pages of a pool are in use.  For nr_hugepages: those that are not free, and those reserved for a mapping.
 * For nr_overcommit_hugepages: the surplus pages.  0 where that cannot be read. */
uint64_t sm_setting_in_use(const char *path);

#endif
