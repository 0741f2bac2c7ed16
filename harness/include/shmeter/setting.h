/* Settings of the system: files that hold one value each. */
#ifndef SHMETER_SETTING_H
#define SHMETER_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"

/* The longest value of a setting, its end included. */
#define SM_SETTING_MAX 256

/* The setting as it can be written back: of choices the one in brackets, of nr_hugepages the number without the pages
 * that the kernel counts as surplus and takes back itself.  -errno. */
SM_MUST_USE int sm_setting_read(const char *path, char *out, size_t size);

/* Writes once, through no link.  -errno: of the open or of the write. */
SM_MUST_USE int sm_setting_put(const char *path, const char *value);

/* Writes until it reads back, for at most three seconds.  A pool that shrinks while dying processes hold pages of it is
 * waited for as long. */
SM_MUST_USE bool sm_setting_write(const char *path, const char *value);

/* How many of the pages that a pool's setting counts are in use: for nr_hugepages all that are not free or are promised
 * to a mapping, for nr_overcommit_hugepages the surplus; 0 where that cannot be read. */
uint64_t sm_setting_in_use(const char *path);

#endif
