/* Records who holds which setting, and its value before. */
#include "shmeter/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ledger_file.h"
#include "shmeter/text.h"

/* Times 10 ms: within this time a keeper has restored the settings. */
#define KEEPER_TRIES 500

/* The state of a process and its start; false: there is no such process, or it cannot be read. */
static bool read_process(pid_t pid, char *state, unsigned long long *began)
{
	char path[64], text[1024];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || sm_read_file(path, text, sizeof(text)) < 0)
		return false;
	end = strrchr(text, ')'); /* the name before it may contain any character */
	return end &&
	       sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		      state, began) == 2;
}

/* A zombie has nothing left to restore. */
static bool has_ended(char state)
{
	return state == 'Z' || state == 'X';
}

unsigned long long sm_process_begun(pid_t pid)
{
	unsigned long long began = 0;
	char state;

	return read_process(pid, &state, &began) && !has_ended(state) ? began : 0;
}

/* A process whose state is unknown counts as alive, so that nothing is taken away from it. */
static bool lives(struct process process)
{
	unsigned long long began = 0;
	char state;

	if (process.pid == 0)
		return false;
	if (!read_process(process.pid, &state, &began))
		return kill(process.pid, 0) == 0 || errno == EPERM;
	return !has_ended(state) && (process.began == 0 || began == process.began);
}

static bool is_until_undo(const struct entry *entry)
{
	return entry->owner.pid == 0 && entry->keeper.pid == 0;
}

static bool is_held(const struct entry *entry)
{
	return is_until_undo(entry) || lives(entry->owner) || lives(entry->keeper);
}

/* An entry matches only an owner whose start is known. */
static bool is_of(const struct entry *entry, struct process owner)
{
	return owner.pid != 0 && owner.began != 0 && entry->owner.pid == owner.pid && entry->owner.began == owner.began;
}

/* Checks that every entry can be read, and that its path is `known` (NULL: any). */
static int check(const struct ledger *ledger, bool (*known)(const char *), struct sm_error *err)
{
	struct entry entry;
	json_t *json;
	size_t i;

	json_array_foreach (ledger->list, i, json)
		if (!ledger_read(json, &entry) || (known && !known(entry.path)))
			return sm_fail(err, EBADMSG,
				       "%s: entry %zu is no setting that shmeter changes; nothing was "
				       "%s. Look at it, put back by hand what it says, and remove it",
				       ledger->path, i + 1, known ? "put back" : "changed");
	return 0;
}

/* Which holders are leaving, besides dead processes. */
struct leaving {
	struct process owner; /* 0, 0: no particular process */
	bool undo;            /* also entries that hold until sm_ledger_undo() */
};

/* What all entries of a setting have in common. */
struct holders {
	struct entry first; /* has the old value; path NULL: there is no entry */
	struct entry last;  /* of the entries that stay */
	unsigned gone, stay;
	uint64_t pages; /* sum over the entries that stay */
	json_t *rest;   /* the whole ledger without the leaving entries; NULL: no memory */
};

static bool is_gone(const struct entry *entry, const struct leaving *leaving)
{
	return is_of(entry, leaving->owner) || !is_held(entry) || (leaving->undo && is_until_undo(entry));
}

/* True: the entry leaves. */
static bool count_one(struct holders *holders, const struct entry *entry, const struct leaving *leaving)
{
	if (!holders->first.path)
		holders->first = *entry;
	if (is_gone(entry, leaving)) {
		holders->gone++;
		return true;
	}
	holders->stay++;
	holders->last = *entry;
	holders->pages += entry->pages;
	return false;
}

/* Checks every process once, so that the counts and the remaining list agree.  Entries of an earlier boot have been
 * removed before. */
static void count_holders(const struct ledger *ledger, const char *path, const struct leaving *leaving,
			  struct holders *holders)
{
	struct entry entry;
	json_t *json;
	size_t i;

	*holders = (struct holders){ .rest = json_array() };
	json_array_foreach (ledger->list, i, json) {
		if (ledger_read(json, &entry) && strcmp(entry.path, path) == 0 && count_one(holders, &entry, leaving))
			continue;
		if (json_array_append(holders->rest, json) < 0) {
			json_decref(holders->rest);
			holders->rest = NULL;
		}
	}
}

/* Removes the entries of an earlier boot, whose settings ended with it. */
static void strike_rebooted(struct ledger *ledger, void (*tell)(const struct sm_undone *))
{
	struct entry entry;

	for (size_t i = json_array_size(ledger->list); i-- > 0;)
		if (ledger_read(json_array_get(ledger->list, i), &entry) && strcmp(entry.boot, ledger->boot) != 0) {
			if (tell)
				tell(&(struct sm_undone){
					.path = entry.path, .old = entry.old, .result = SM_UNDO_REBOOTED });
			json_array_remove(ledger->list, i);
		}
}

/* The size of a pool with room for all: the old size, or the pages in use before plus all wishes. */
static uint64_t pool_for(const struct entry *entry, uint64_t pages)
{
	uint64_t old = strtoull(entry->old, NULL, 10);

	return entry->in_use + pages > old ? entry->in_use + pages : old;
}

/* Grows or shrinks a pool, as `grow` says, never the other way.  Returns -errno on failure. */
static int resize(const char *path, uint64_t pages, bool grow)
{
	char now[SM_SETTING_MAX], wanted[32];
	int rc = sm_setting_read(path, now, sizeof(now));
	uint64_t has = rc < 0 ? 0 : strtoull(now, NULL, 10);

	if (rc < 0 || has == pages || (has < pages) != grow)
		return rc;
	snprintf(wanted, sizeof(wanted), "%" PRIu64, pages);
	return sm_setting_put(path, wanted);
}

/* Restores a setting, or shrinks a pool, after some holders left, and removes their entries.  False: the setting and
 * the entries stay. */
static bool settle(struct ledger *ledger, const char *path, const struct leaving *leaving, struct holders *holders)
{
	bool is_so;

	count_holders(ledger, path, leaving, holders);
	is_so = holders->rest != NULL;
	if (holders->gone > 0 && holders->stay == 0)
		is_so = sm_setting_write(path, holders->first.old);
	else if (holders->gone > 0 && holders->last.counts)
		is_so = resize(path, pool_for(&holders->last, holders->pages), false) == 0;
	if (is_so && holders->rest) {
		json_decref(ledger->list);
		ledger->list = holders->rest;
	} else {
		json_decref(holders->rest);
	}
	holders->rest = NULL;
	return is_so;
}

/* Whether this process may not change the setting, but its value already satisfies the wish. */
static bool is_out_of_reach(const struct sm_wish *wish, const char *now)
{
	if (access(wish->path, W_OK) == 0)
		return false;
	return wish->value ? strcmp(now, wish->value) == 0
			   : sm_setting_in_use(wish->path) + wish->pages <= strtoull(now, NULL, 10);
}

/* Reports that another holder has the setting at another value. */
static int refuse(const struct sm_wish *wish, const struct entry *other, struct sm_error *err)
{
	if (is_until_undo(other))
		return sm_fail(err, EBUSY,
			       "%s is set to %s by `shmeter tune --apply`, and %s is wanted: put it "
			       "back with `shmeter tune --undo` first",
			       wish->path, other->value, wish->value);
	return sm_fail(err, EBUSY,
		       "%s is held at %s by a run (process %d), and %s is wanted: start again when that "
		       "run has ended",
		       wish->path, other->value, (int)other->owner.pid, wish->value);
}

static int change(const struct entry *entry, uint64_t others)
{
	char now[SM_SETTING_MAX];
	int rc;

	if (entry->counts)
		return resize(entry->path, pool_for(entry, others + entry->pages), true);
	rc = sm_setting_read(entry->path, now, sizeof(now));
	return rc < 0 || strcmp(now, entry->value) == 0 ? rc : sm_setting_put(entry->path, entry->value);
}

/* Replaces the leaving entries by the new one and makes the change.  The ledger is on disk before the change; if the
 * change fails, the ledger is restored. */
static int note_and_change(struct ledger *ledger, const struct entry *entry, struct holders *others,
			   struct sm_error *err)
{
	json_t *before = ledger->list;
	int rc;

	ledger->list = json_incref(others->rest);
	rc = ledger_add(ledger, entry, err);
	if (rc == 0)
		rc = ledger_save(ledger, err);
	if (rc == 0 && (rc = change(entry, others->pages)) < 0) {
		sm_fail(err, -rc, "%s cannot be changed: %s%s", entry->path, strerror(-rc),
			rc == -EACCES || rc == -EPERM ? "; changing it needs root" : "");
		json_decref(ledger->list);
		ledger->list = json_incref(before);
		(void)!ledger_save(ledger, NULL);
	}
	json_decref(before);
	return rc;
}

/* A setting that already has the value, and that nobody will restore, needs no entry.  The pages of a run do, so
 * that the next run does not count on the same pages. */
static bool is_to_note(const struct entry *entry, const struct holders *others, const char *now)
{
	if (others->first.path)
		return true;
	if (!entry->counts)
		return strcmp(now, entry->value) != 0;
	return !is_until_undo(entry) || entry->in_use + entry->pages > strtoull(now, NULL, 10);
}

/* The caller has the ledger open.  1: held; 0: there is nothing to hold. */
static int hold(struct ledger *ledger, const struct sm_wish *wish, struct process owner, struct process keeper,
		char old[SM_SETTING_MAX], struct sm_error *err)
{
	/* a holder has one entry: the new one replaces its old one and those of dead processes */
	const struct leaving us = { .owner = owner, .undo = owner.pid == 0 };
	struct holders others;
	char now[SM_SETTING_MAX];
	int rc = check(ledger, NULL, err);

	if (rc == 0 && (rc = sm_setting_read(wish->path, now, sizeof(now))) < 0)
		rc = sm_fail(err, -rc, "%s cannot be read: %s", wish->path, strerror(-rc));
	if (rc < 0)
		return rc;
	strike_rebooted(ledger, NULL);
	count_holders(ledger, wish->path, &us, &others);
	snprintf(old, SM_SETTING_MAX, "%s", others.first.path ? others.first.old : now);
	const struct entry entry = {
		.path = wish->path,
		.boot = ledger->boot,
		.old = old,
		.value = wish->value,
		.counts = !wish->value,
		.pages = wish->pages,
		/* excludes what the other holders use now */
		.in_use = others.stay > 0 && others.last.counts ? others.last.in_use : sm_setting_in_use(wish->path),
		.owner = owner,
		.keeper = keeper,
	};

	if (!others.rest)
		rc = sm_fail(err, ENOMEM, "no memory for the ledger; nothing was changed");
	else if (wish->value && others.stay > 0 && others.last.value && strcmp(others.last.value, wish->value) != 0)
		rc = refuse(wish, &others.last, err);
	else if (is_to_note(&entry, &others, now))
		rc = (rc = note_and_change(ledger, &entry, &others, err)) < 0 ? rc : 1;
	json_decref(others.rest);
	return rc;
}

/* Finds the start of a process; pid 0: none.  A process whose start is unknown cannot hold a setting, because a
 * later process could have the same number. */
static int identify(pid_t pid, struct process *process, struct sm_error *err)
{
	*process = (struct process){ pid, sm_process_begun(pid) };
	if (pid == 0 || process->began != 0)
		return 0;
	return sm_fail(err, EAGAIN,
		       "process %d is gone, or its start cannot be read in /proc: nothing was changed, since "
		       "nobody would put it back",
		       (int)pid);
}

int sm_ledger_hold(const struct sm_wish *wish, pid_t owner, pid_t keeper, char old[SM_SETTING_MAX],
		   struct sm_error *err)
{
	struct process holder = { 0 }, guard = { 0 };
	struct ledger ledger;
	int rc = sm_setting_read(wish->path, old, SM_SETTING_MAX);

	if (rc < 0)
		return sm_fail(err, -rc, "%s cannot be read: %s", wish->path, strerror(-rc));
	if (is_out_of_reach(wish, old))
		return 0;
	rc = identify(owner, &holder, err);
	if (rc == 0)
		rc = identify(keeper, &guard, err);
	if (rc == 0)
		rc = ledger_open(&ledger, err);
	if (rc < 0)
		return rc;
	rc = hold(&ledger, wish, holder, guard, old, err);
	ledger_close(&ledger);
	return rc;
}

/* Adds the essential part of an owner's entry, if it was lost with the ledger. */
static int restore(struct ledger *ledger, const char *path, struct process owner, const char *old, struct sm_error *err)
{
	const struct entry lost = { .path = path, .boot = ledger->boot, .old = old, .owner = owner };
	struct entry entry;
	json_t *json;
	size_t i;

	json_array_foreach (ledger->list, i, json)
		if (ledger_read(json, &entry) && strcmp(entry.path, path) == 0 && is_of(&entry, owner))
			return 0;
	return ledger_add(ledger, &lost, err);
}

/* Settles what an owner holds: one setting or, if `path` is NULL, all of them, newest first. */
static int leave(struct ledger *ledger, const char *path, struct process owner, struct sm_error *err)
{
	const struct leaving us = { .owner = owner };
	json_t *all = json_incref(ledger->list);
	struct holders holders;
	struct entry entry;
	int rc = 0;

	for (size_t i = json_array_size(all); i-- > 0;)
		if (ledger_read(json_array_get(all, i), &entry) && is_of(&entry, owner) &&
		    (!path || strcmp(entry.path, path) == 0) && !settle(ledger, entry.path, &us, &holders))
			rc = sm_fail(err, EBUSY, "%s could not be set to %s again: try `shmeter tune --undo`",
				     entry.path, entry.old);
	json_decref(all);
	return rc;
}

int sm_ledger_leave(const char *path, pid_t owner, unsigned long long began, const char *old, struct sm_error *err)
{
	const struct process holder = { owner, began };
	struct ledger ledger;
	int rc = ledger_open(&ledger, err), rc_save;

	if (rc < 0)
		return rc;
	strike_rebooted(&ledger, NULL);
	if (path && old)
		rc = restore(&ledger, path, holder, old, err);
	if (rc == 0)
		rc = leave(&ledger, path, holder, err);
	rc_save = ledger_save(&ledger, rc < 0 ? NULL : err);
	ledger_close(&ledger);
	return rc < 0 ? rc : rc_save;
}

/* Opens the ledger once no keeper is still at work for a dead owner. */
static int open_when_settled(struct ledger *ledger, struct sm_error *err)
{
	const struct timespec nap = { .tv_nsec = 10000000 };

	for (int left = KEEPER_TRIES;; left--) {
		int rc = ledger_open(ledger, err);
		struct entry entry;
		bool busy = false;
		json_t *json;
		size_t i;

		if (rc < 0)
			return rc;
		json_array_foreach (ledger->list, i, json)
			busy |= ledger_read(json, &entry) && !lives(entry.owner) && lives(entry.keeper);
		if (!busy || left == 0)
			return 0;
		ledger_close(ledger);
		nanosleep(&nap, NULL);
	}
}

/* Undoes every setting once, the one with the newest entry first. */
static int undo_all(struct ledger *ledger, void (*tell)(const struct sm_undone *))
{
	const struct leaving undoing = { .undo = true };
	json_t *all = json_incref(ledger->list), *seen = json_object();
	int count = 0;

	for (size_t i = json_array_size(all); i-- > 0;) {
		struct sm_undone undone = { 0 };
		struct holders holders;
		struct entry entry;

		if (!ledger_read(json_array_get(all, i), &entry) || json_object_get(seen, entry.path))
			continue;
		json_object_set_new(seen, entry.path, json_true());
		undone.result = !settle(ledger, entry.path, &undoing, &holders) ? SM_UNDO_FAILED
				: holders.stay > 0                              ? SM_UNDO_IN_USE
										: SM_UNDONE;
		undone.path = entry.path;
		undone.old = holders.first.old;
		undone.owner = lives(holders.last.owner) ? holders.last.owner.pid : holders.last.keeper.pid;
		tell(&undone);
		count += undone.result == SM_UNDONE;
	}
	json_decref(seen);
	json_decref(all);
	return count;
}

int sm_ledger_undo(bool (*known)(const char *), void (*tell)(const struct sm_undone *), struct sm_error *err)
{
	struct ledger ledger;
	int rc = open_when_settled(&ledger, err), count = 0;

	if (rc < 0)
		return rc;
	rc = check(&ledger, known, err);
	if (rc == 0) {
		strike_rebooted(&ledger, tell);
		count = undo_all(&ledger, tell);
		rc = ledger_save(&ledger, err);
	}
	ledger_close(&ledger);
	return rc < 0 ? rc : count;
}
