/* The ledger of changed settings: who holds which, and what it was before the first holder, on disk before the change, so
 * that it can be put back even when nobody is left who remembers.
 *
 * Several runs may hold one setting at once.  The first notes the old value, each further one copies it, and the last one
 * puts it back (docs/adr/0019-holders-of-a-setting.md).  The ledger is `$SHMETER_STATE_DIR/settings.json`, for root below
 * /var/lib/shmeter, else below $XDG_STATE_HOME or ~/.local/state. */
#ifndef SHMETER_LEDGER_H
#define SHMETER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmeter/error.h"
#include "shmeter/setting.h"

/* What a holder wants of a setting. */
struct sm_wish {
	const char *path;
	const char *value; /* what it is to be; NULL: `pages` of its own in a pool */
	uint64_t pages;    /* beside those of other holders, and those in use before the first */
};

/* Makes a setting as wished and holds it so until sm_ledger_leave(), for the process `owner`, with the keeper that leaves
 * for it when it is dead; 0, 0: until sm_ledger_undo().  A pool only grows, as far as the kernel gives it.  It is on disk
 * before the change.  A new wish of a holder takes the place of its former one.  Returns 1, with `old` as it was before the
 * first holder; 0 where nothing is held: it is so, nobody holds it, and it is a value or until sm_ledger_undo(); or
 * the caller may not write the setting and all is there.  -EBUSY: another holder wants another value; -errno in words, and nothing is changed. */
SM_MUST_USE int sm_ledger_hold(const struct sm_wish *wish, pid_t owner, pid_t keeper, char old[SM_SETTING_MAX],
			       struct sm_error *err);

/* When a process began, in clock ticks since boot: with its number, its name.  0: it is not there, or not known. */
unsigned long long sm_process_begun(pid_t pid);

/* Ends the hold of an owner on a setting, or with `path` NULL all that it holds.  The last living holder puts the old value back, another one lets a pool shrink
 * to what the others wish for.  `began` tells the owner from an earlier process of the same number: sm_process_begun()
 * while it lived.  With `old` an entry that the ledger has lost counts as well.  -EBUSY in words: a setting would not go
 * back and stays in the ledger; another -errno: of the ledger. */
SM_MUST_USE int sm_ledger_leave(const char *path, pid_t owner, unsigned long long began, const char *old,
				struct sm_error *err);

/* One setting that sm_ledger_undo() came to. */
struct sm_undone {
	const char *path, *old;
	enum { SM_UNDONE, SM_UNDO_FAILED, SM_UNDO_IN_USE, SM_UNDO_REBOOTED } result;
	pid_t owner; /* SM_UNDO_IN_USE: a run that holds it; the last one puts it back */
};

/* Ends the holds of all that are dead, and those until this, the newest setting first.  The keeper of a dead owner is
 * waited for; what was held before a reboot is gone with it and only struck out.  `tell` hears of each setting; returns
 * how many have their old value again, or -errno in words.  Nothing is put back from a ledger that names a path which is
 * not `known` (sm_tuning_knows), that has an entry which cannot be read, or that lies in a folder, or is a file, of another user or
 * writable by others. */
SM_MUST_USE int sm_ledger_undo(bool (*known)(const char *path), void (*tell)(const struct sm_undone *),
			       struct sm_error *err);

/* The path of a file beside the ledger, whose folder is made. */
void sm_state_path(const char *name, char *out, size_t size);

#endif
