/* The file of the ledger: who holds which setting, and its value before. */
#ifndef SHMETER_PLATFORM_LEDGER_FILE_H
#define SHMETER_PLATFORM_LEDGER_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmeter/error.h"

/* The file, locked against all other processes. */
struct ledger {
	char path[4200];
	char boot[64]; /* the id of this boot; never empty */
	int folder, lock;
	json_t *list; /* entries, oldest first */
};

/* A process by its number and its start, in clock ticks since boot; 0, 0: none. */
struct process {
	pid_t pid;
	unsigned long long began;
};

/* One holder of one setting.  The strings belong to the list. */
struct entry {
	const char *path, *boot;
	const char *old;   /* the value before the first holder */
	const char *value; /* the wanted value; NULL: a count, or not recorded */
	bool counts;       /* wants `pages` more than the pages in use before the first holder */
	uint64_t pages, in_use;
	struct process owner, keeper; /* both 0: holds until sm_ledger_undo() */
};

/* Opens and locks the ledger, and may wait for the lock.  A file that is not a valid ledger, or that other users can
 * write, is an error, not an empty ledger.  After success call ledger_close(). */
SM_MUST_USE int ledger_open(struct ledger *ledger, struct sm_error *err);
/* Writes the list to disk; an empty one removes the file. */
SM_MUST_USE int ledger_save(const struct ledger *ledger, struct sm_error *err);
void ledger_close(struct ledger *ledger);

/* False: this program cannot have written the entry, and `out` is undefined. */
SM_MUST_USE bool ledger_read(const json_t *json, struct entry *out);
/* Adds an entry at the end.  Returns -ENOMEM if there is no memory. */
SM_MUST_USE int ledger_add(struct ledger *ledger, const struct entry *entry, struct sm_error *err);

#endif
