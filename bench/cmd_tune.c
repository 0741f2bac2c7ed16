/* shmeter tune */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "program.h"
#include "shmeter/ledger.h"
#include "shmeter/text.h"
#include "shmeter/tuning.h"

#define INDENT 2 /* of the continuation lines of a sentence */

static int failures;

/* The ledger may hold any text, so it is printed encoded. */
static void tell_undone(const struct sm_undone *undone)
{
	switch (undone->result) {
	case SM_UNDONE: say(INDENT, "", "%s: restored to %s", undone->path, undone->old); break;
	case SM_UNDO_REBOOTED: say(INDENT, "", "%s: reset by a reboot", undone->path); break;
	case SM_UNDO_IN_USE:
		say(INDENT, "", "%s: in use by a run (process %d); the last run that uses it restores it", undone->path,
		    (int)undone->owner);
		break;
	case SM_UNDO_FAILED:
		failures++;
		say(INDENT, "", "%s: cannot restore %s; run `shmeter tune --undo` again as root", undone->path,
		    undone->old);
		break;
	}
}

static int undo(void)
{
	struct sm_error err = { 0 };
	int count = sm_ledger_undo(sm_tuning_knows, tell_undone, &err);

	if (count < 0)
		return complain(&err);
	if (count == 0 && failures == 0)
		printf("Nothing to restore.\n");
	return failures ? EXIT_MACHINE : EXIT_OK;
}

/* Prints the limits of a process, which no system setting changes. */
static void tell_limits(void)
{
	struct rlimit limit;
	char text[SM_TEXT_MAX];

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < 1ull << 30)
		say(INDENT, "",
		    "RLIMIT_MEMLOCK is %s: `ulimit -l unlimited` in the shell that runs shmeter lets it lock "
		    "memory",
		    sm_format_bytes(text, (double)limit.rlim_cur));
}

static bool is_so(const struct sm_tuning *one)
{
	return strcmp(one->now, one->wanted) == 0;
}

static void list(const struct sm_tuning *tunings, unsigned count)
{
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		if (is_so(&tunings[i]))
			continue;
		any = true;
		say(INDENT, "", "%s", tunings[i].path);
		say(INDENT, "  ", "now %s, better %s: %s", tunings[i].now, tunings[i].wanted, tunings[i].why);
	}
	tell_limits();
	say(0, "", "%s",
	    any ? "Nothing was changed. `shmeter tune --apply` applies all of this until `shmeter tune --undo`; "
		  "`shmeter run --tune` applies what a run needs, until the run ends."
		: "Nothing to improve.");
}

static void tell_applied(const struct sm_tuning *one, const char *now)
{
	bool is_less = one->pages > 0 ? strtoull(now, NULL, 10) < strtoull(one->wanted, NULL, 10)
				      : strcmp(now, one->wanted) != 0;

	if (is_so(one) && strcmp(now, one->now) == 0)
		say(INDENT, "", "%s: stays %s", one->path, now);
	else if (is_less)
		say(INDENT, "", "%s: %s, was %s; the kernel did not accept %s", one->path, now, one->now, one->wanted);
	else
		say(INDENT, "", "%s: %s, was %s", one->path, now, one->now);
}

/* Returns 1: the setting is held until `tune --undo`; 0: it already has the value, and no run holds it; or a negative
 * errno. */
static int apply_one(const struct sm_tuning *one, struct sm_error *err)
{
	const struct sm_wish wish = { .path = one->path,
				      .value = one->pages > 0 ? NULL : one->wanted,
				      .pages = one->pages };
	char now[SM_SETTING_MAX], old[SM_SETTING_MAX];
	int rc, rc_read;

	if (!is_so(one) && access(one->path, W_OK) < 0)
		return sm_fail(err, errno, "cannot write %s: %s%s", one->path, strerror(errno),
			       errno == EACCES || errno == EPERM ? "; run as root" : "");
	rc = sm_ledger_hold(&wish, 0, 0, old, err);
	if (rc <= 0)
		return rc;
	rc_read = sm_setting_read(one->path, now, sizeof(now));
	if (rc_read < 0)
		return sm_fail(err, -rc_read, "cannot read %s: %s", one->path, strerror(-rc_read));
	tell_applied(one, now);
	return rc;
}

static int apply(const struct sm_tuning *tunings, unsigned count)
{
	struct sm_error err = { 0 };
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		int rc = apply_one(&tunings[i], &err);

		if (rc < 0)
			return complain(&err);
		any |= rc > 0;
	}
	printf(any ? "`shmeter tune --undo` restores all of it.\n" : "Nothing to improve.\n");
	return EXIT_OK;
}

int cmd_tune(const struct tune_options *options)
{
	struct sm_tuning *tunings;
	struct sm_error err = { 0 };
	unsigned count;
	int rc = EXIT_OK;

	if (options->undo)
		return undo();
	tunings = calloc(SM_TUNINGS_MAX, sizeof(*tunings));
	if (!tunings) {
		sm_fail(&err, ENOMEM, "no memory for the list of settings");
		return complain(&err);
	}
	count = sm_tuning_list(&sm_os_linux, tunings);
	if (options->apply)
		rc = apply(tunings, count);
	else
		list(tunings, count);
	free(tunings);
	return rc;
}
