/* shmeter report */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"
#include "shmeter/store.h"

static bool is_same_folder(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Files go where --out says, or into the run folder; where that cannot be, everything is said on standard output. */
static int choose_target(const struct arguments *arguments, struct sm_results *results, struct sm_error *err)
{
	const char *folder = arguments->operand[0];
	/* asked before the rows were loaded and again now: a run may have ended or begun meanwhile */
	bool live = results->live || sm_store_is_locked(folder);
	bool elsewhere = arguments->out && !is_same_folder(arguments->out, folder);

	if (!elsewhere && access(folder, W_OK | X_OK) == 0 && !live)
		return 0;
	free(results->out);
	results->out = NULL;
	if (!elsewhere) {
		if (!arguments->quiet)
			fprintf(stderr,
				"shmeter: no files are written into %s: it is %s; pass --out DIR to "
				"write elsewhere\n",
				folder, live ? "still being measured" : "read-only");
		return 0;
	}
	if (mkdir(arguments->out, 0777) != 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot make %s: %s", arguments->out, strerror(errno));
	results->out = strdup(arguments->out);
	return results->out ? 0 : sm_fail(err, ENOMEM, "no memory for the report");
}

int cmd_report(struct arguments *arguments)
{
	struct sm_results results;
	struct sm_error err = { 0 };
	int rc;

	if (arguments->operands != 1) {
		sm_fail(&err, EINVAL, "`shmeter report` needs one run folder, for example results/latest");
		return complain(&err);
	}
	sm_results_init(&results);
	rc = load_run(&results, arguments->operand[0], &err);
	if (rc == 0)
		rc = choose_target(arguments, &results, &err);
	if (rc == 0)
		rc = sm_store_write_analysis(&results, &err);
	rc = rc < 0 ? complain(&err) : show_results(arguments, &results);
	sm_results_free(&results);
	return rc;
}
