/* The ledger of changed settings: what was there before, on disk before the change, so that it can be put back
 * even when nobody is left who remembers. */
#ifndef SHMETER_LEDGER_H
#define SHMETER_LEDGER_H

#include <stdbool.h>
#include <sys/types.h>

#include "shmeter/error.h"

/* Notes the old value of a setting under an owner, the process that changes it, with the keeper that will put it
 * back when the owner is gone; 0, 0 where only sm_ledger_undo() does.  It is on disk when this returns.  The ledger is `$SHMETER_STATE_DIR/settings.json`, for
 * root below /var/lib/shmeter, else below $XDG_STATE_HOME or ~/.local/state.  -errno in words. */
SM_MUST_USE int sm_ledger_note(const char *path, const char *old, pid_t owner, pid_t keeper,
			       struct sm_error *err);
/* When a process began, in clock ticks since boot: with its number, its name.  0: it is not there. */
unsigned long long sm_process_begun(pid_t pid);
/* Strikes out what an owner noted since this boot: it was put back, or never changed.  `began` tells it from an
 * earlier process of the same number: sm_process_begun() while it lived. */
void sm_ledger_strike(pid_t owner, unsigned long long began);

/* One setting that sm_ledger_undo() came to. */
struct sm_undone {
	const char *path, *old;
	enum { SM_UNDONE, SM_UNDO_FAILED, SM_UNDO_IN_USE, SM_UNDO_REBOOTED } result;
	pid_t owner; /* SM_UNDO_IN_USE: the run that will put it back itself */
};

/* Puts everything back, the newest change first, and strikes it out.  What a living owner noted is left to it, and
 * the keeper of a dead one is waited for; what was noted before a reboot is gone with it and only struck out.  `tell` hears of each; returns how many
 * were put back, or -errno in words.  Nothing is put back from a ledger that names a path which is not `known`
 * (sm_tuning_knows), or that lies in a folder, or is a file, of another user or writable by others. */
SM_MUST_USE int sm_ledger_undo(bool (*known)(const char *path), void (*tell)(const struct sm_undone *),
			       struct sm_error *err);

/* The path of a file beside the ledger, whose folder is made. */
void sm_state_path(const char *name, char *out, size_t size);

/* Writes until it reads back (a pool whose pages are still in the hands of dying processes does not shrink at
 * once), for at most three seconds.  Settings with choices are read as the one in brackets. */
bool sm_setting_write(const char *path, const char *value);
/* The setting as it can be written back.  -errno. */
SM_MUST_USE int sm_setting_read(const char *path, char *out, size_t size);

#endif
