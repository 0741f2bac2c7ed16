/* shmeter tune */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program.h"
#include "shmeter/ledger.h"
#include "shmeter/text.h"
#include "shmeter/tuning.h"

static int failures;

static void tell_undone(const struct sm_undone *undone)
{
	switch (undone->result) {
	case SM_UNDONE: printf("%s is %s again\n", undone->path, undone->old); break;
	case SM_UNDO_REBOOTED:
		printf("%s went back when the machine was started again\n", undone->path);
		break;
	case SM_UNDO_IN_USE:
		printf("%s is in use by a run (process %d), which puts it back when it ends\n",
		       undone->path, (int)undone->owner);
		break;
	case SM_UNDO_FAILED:
		failures++;
		printf("%s could not be set to %s: it is kept in mind; try again as root\n",
		       undone->path, undone->old);
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
		printf("Nothing was left to put back.\n");
	return failures ? EXIT_MACHINE : EXIT_OK;
}

/* What is a process' own limit, which no setting of the system changes for it. */
static void tell_limits(void)
{
	struct rlimit limit;
	char text[SM_TEXT_MAX];

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < 1ull << 30)
		printf("RLIMIT_MEMLOCK is %s: `ulimit -l unlimited` in the shell that runs shmeter lets it "
		       "lock memory\n",
		       sm_format_bytes(text, (double)limit.rlim_cur));
}

static void list(const struct sm_tuning *tunings, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		printf("%s\n  now %s, better %s: %s\n", tunings[i].path, tunings[i].now,
		       tunings[i].wanted, tunings[i].why);
	tell_limits();
	printf(count ? "Nothing was changed. `shmeter tune --apply` changes all of this until `shmeter "
		       "tune --undo`; `shmeter run --tune` what a run needs, while it lasts.\n"
		     : "Nothing is left to improve.\n");
}

static int apply(const struct sm_tuning *tunings, unsigned count)
{
	struct sm_error err = { 0 };

	for (unsigned i = 0; i < count; i++) {
		const struct sm_tuning *one = &tunings[i];
		char now[64];

		if (access(one->path, W_OK) < 0) {
			sm_fail(&err, errno, "%s cannot be written: %s; changing it needs root",
				one->path, strerror(errno));
			return complain(&err);
		}
		if (sm_ledger_note(one->path, one->now, 0, 0, &err) < 0)
			return complain(&err);
		if (sm_setting_write(one->path, one->wanted))
			printf("%s: %s, was %s\n", one->path, one->wanted, one->now);
		else if (sm_setting_read(one->path, now, sizeof(now)) == 0)
			printf("%s: %s, was %s; the kernel did not give %s\n", one->path, now,
			       one->now, one->wanted);
	}
	printf(count ? "`shmeter tune --undo` puts all of it back.\n" : "Nothing is left to improve.\n");
	return EXIT_OK;
}

int cmd_tune(struct arguments *arguments)
{
	struct sm_tuning *tunings;
	struct sm_error err = { 0 };
	unsigned count;
	int rc = EXIT_OK;

	if (arguments->undo)
		return undo();
	tunings = calloc(SM_TUNINGS_MAX, sizeof(*tunings));
	if (!tunings) {
		sm_fail(&err, ENOMEM, "no memory for the list of settings");
		return complain(&err);
	}
	count = sm_tuning_list(&sm_os_linux, tunings);
	if (arguments->apply)
		rc = apply(tunings, count);
	else
		list(tunings, count);
	free(tunings);
	return rc;
}
