/* A shelf: copies of runs of one type of machine, each in a folder of its own below STORE/TYPE (docs/adr/0028).  It may be
 * shared by many writers, restored from a cache, or made by a stranger: nothing on it is locked, and no link is followed. */
#ifndef SHMETER_SHELF_H
#define SHMETER_SHELF_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "shmeter/error.h"

/* Runs of one host that stay; more than about twenty add little to a baseline (docs/gate.md).  The oldest of them stay as long
 * as the shelf: else runs that get slower a little each time would move what is normal. */
#define SM_SHELF_KEEP   20
#define SM_SHELF_OLDEST 10
/* Runs of one type that stay, the new one included. */
#define SM_SHELF_TYPE_KEEP 200
/* Longest name of a folder on it. */
#define SM_SHELF_NAME_MAX 128

struct sm_shelf {
	char folder[4200]; /* STORE/TYPE; it need not exist before the first run is added */
	char type[SM_SHELF_NAME_MAX];
	char name[SM_SHELF_NAME_MAX]; /* of the run with the manifest, on this shelf: TIME-HOST-SEED */
	bool there;                   /* it is on the shelf */
	char **run;                   /* names of the other runs that are there, the newest first */
	size_t count;
};

/* Finds the shelf of the type of machine that a manifest records, and lists its runs.  Makes the folder `store` where it
 * does not exist; the folder above it must.  -EINVAL where the manifest lacks what makes the names (type, start, seed);
 * -ENOTDIR for a file or a link; -errno where a folder cannot be made or read.  Free with sm_shelf_free(), also after an
 * error. */
SM_MUST_USE int sm_shelf_open(struct sm_shelf *shelf, const char *store, const json_t *manifest, struct sm_error *err);
void sm_shelf_free(struct sm_shelf *shelf);
/* Whether a name is that of a run of the host of the manifest; false where that is not known. */
bool sm_shelf_has_host(const struct sm_shelf *shelf, const char *name);
/* Writes the path of a listed run.  -EBADMSG where it is no folder with plain files: a link, a pipe, a name
 * that sm_shelf_add() does not give. */
SM_MUST_USE int sm_shelf_path(const struct sm_shelf *shelf, const char *name, char *path, size_t size,
			      struct sm_error *err);
/* Copies the measured files of the run in `folder` to shelf->name: to a temporary folder, which is then renamed.  Then
 * removes, and counts in `removed`, what is between the oldest SM_SHELF_OLDEST and the newest runs of its host beyond
 * SM_SHELF_KEEP, and then all runs of the hosts that were seen longest ago while the type has over SM_SHELF_TYPE_KEEP.
 * Removes what writers that were killed left over a day ago; lists the runs again.  -EEXIST where the run is there, also if
 * another process has just added it; -ESTALE where it would be among those between, or begins in the future; -errno
 * where it cannot be read or written. */
SM_MUST_USE int sm_shelf_add(struct sm_shelf *shelf, const char *folder, size_t *removed, struct sm_error *err);

#endif
