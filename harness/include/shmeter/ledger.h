/* The ledger of changed settings: a file that says who holds which setting, and its value before the first holder.  It
 * is written before the change, so that the setting can be restored even when all holders have died.
 *
 * Several runs may hold one setting at once.  The first records the old value, each further one copies it, and the last
 * one restores it (docs/adr/0019-holders-of-a-setting.md).  The ledger is `$SHMETER_STATE_DIR/settings.json`, for root
 * below /var/lib/shmeter, else below $XDG_STATE_HOME or ~/.local/state. */
#ifndef SHMETER_LEDGER_H
#define SHMETER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmeter/error.h"
#include "shmeter/setting.h"

/* The value that a holder wants a setting to have. */
struct sm_wish {
	const char *path;
	const char *value; /* the new value; NULL: the setting is a pool of huge pages, see `pages` */
	uint64_t pages;    /* pages for this holder, on top of the other holders' and those in use before the first */
};

/* Changes a setting as wished and holds it for the process `owner` until sm_ledger_leave().  `keeper` is the process
 * that leaves for a dead owner.  With both 0 the hold lasts until sm_ledger_undo().  The ledger is on disk before the
 * change.  A pool only grows, as far as the kernel allows.  A new wish of a holder replaces its former one.  Returns 1
 * where the setting is held; `old` is then its value before the first holder.  Returns 0 where nothing is held: the
 * setting already is as wished and nobody holds it (and it is a value, or the hold would last until sm_ledger_undo()),
 * or the caller may not write it and it already has all that is wished.  -EBUSY: another holder wants another value.
 * Another -errno, with the sentence: nothing was changed. */
SM_MUST_USE int sm_ledger_hold(const struct sm_wish *wish, pid_t owner, pid_t keeper, char old[SM_SETTING_MAX],
			       struct sm_error *err);

/* Start time of a process, in clock ticks since boot; with the pid it identifies the process.  0: no such process, or
 * not known. */
unsigned long long sm_process_begun(pid_t pid);

/* Ends an owner's hold on a setting, or with `path` NULL on all its settings.  The last living holder restores the old
 * value; another one lets a pool shrink to what the others wish for.  `began` is the owner's sm_process_begun() while
 * it lived: it distinguishes the owner from another process with the same pid.  With `old`, a setting whose entry the
 * ledger has lost is restored too.  -EBUSY: a setting could not be restored and stays in the ledger; another -errno: an
 * error of the ledger. */
SM_MUST_USE int sm_ledger_leave(const char *path, pid_t owner, unsigned long long began, const char *old,
				struct sm_error *err);

/* What sm_ledger_undo() did with one setting. */
struct sm_undone {
	const char *path, *old;
	enum { SM_UNDONE, SM_UNDO_FAILED, SM_UNDO_IN_USE, SM_UNDO_REBOOTED } result;
	pid_t owner; /* SM_UNDO_IN_USE: a run that holds it; the last holder restores it */
};

/* Ends the holds of all dead owners and those that last until sm_ledger_undo(), the newest setting first.  Waits for
 * the keeper of a dead owner.  A hold from before a reboot is only removed from the ledger: the reboot has reset the
 * setting.  Calls `tell` for each setting; returns how many were restored, or -errno with the sentence.  Restores
 * nothing where the ledger names a path that is not `known` (sm_tuning_knows), has an unreadable entry, or where the
 * file or its folder belongs to another user or is writable by others. */
SM_MUST_USE int sm_ledger_undo(bool (*known)(const char *path), void (*tell)(const struct sm_undone *),
			       struct sm_error *err);

/* The path of a file next to the ledger.  Makes the folder. */
void sm_state_path(const char *name, char *out, size_t size);

#endif
