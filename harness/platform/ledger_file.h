/* The ledger's file: who holds which setting, and what it was before. */
#ifndef SHMETER_PLATFORM_LEDGER_FILE_H
#define SHMETER_PLATFORM_LEDGER_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmeter/error.h"

/* The file, locked against everybody else. */
struct ledger {
	char path[4200];
	char boot[64]; /* this one's id; never empty */
	int folder, lock;
	json_t *list; /* of entries, the oldest first */
};

/* A process by its number and its start, in clock ticks since boot; 0, 0: none. */
struct process {
	pid_t pid;
	unsigned long long began;
};

/* One holder of one setting.  Strings belong to the list. */
struct entry {
	const char *path, *boot;
	const char *old;   /* before the first holder */
	const char *value; /* what it wants; NULL: a count, or not noted */
	bool counts;       /* wants `pages` more than the pages in use before the first holder */
	uint64_t pages, in_use;
	struct process owner, keeper; /* none of both: until sm_ledger_undo() */
};

/* Opens and locks it, which may wait; what cannot be read as a ledger, or is not this user's alone, is an error and not
 * an empty one.  After success ledger_close(). */
SM_MUST_USE int ledger_open(struct ledger *ledger, struct sm_error *err);
/* Writes the list to disk; an empty one removes the file. */
SM_MUST_USE int ledger_save(const struct ledger *ledger, struct sm_error *err);
void ledger_close(struct ledger *ledger);

/* False: no entry that this program can have written, and `out` is undefined. */
SM_MUST_USE bool ledger_read(const json_t *json, struct entry *out);
/* Adds one at the end.  -ENOMEM. */
SM_MUST_USE int ledger_add(struct ledger *ledger, const struct entry *entry, struct sm_error *err);

#endif
