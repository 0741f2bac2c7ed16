/* shmeter report */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "program.h"
#include "shmeter/store.h"
#include "show.h"

static bool is_same_folder(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Chooses where files go: to --out, or into the run folder; where it is not writable, the report goes only to standard
 * output. */
static int choose_target(const struct report_options *options, struct sm_results *results, struct sm_error *err)
{
	const char *folder = options->common.operand[0];
	/* check the lock again after loading: a run may have ended or begun meanwhile */
	bool live = results->live || sm_store_is_locked(folder);
	bool elsewhere = options->out && !is_same_folder(options->out, folder);

	if (!elsewhere && access(folder, W_OK | X_OK) == 0 && !live)
		return 0;
	free(results->out);
	results->out = NULL;
	if (!elsewhere) {
		if (!options->common.quiet)
			fprintf(stderr,
				"shmeter: no files are written to %s: it is %s; pass --out DIR to "
				"write elsewhere\n",
				folder, live ? "still being measured" : "read-only");
		return 0;
	}
	if (mkdir(options->out, 0777) != 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot create %s: %s", options->out, strerror(errno));
	results->out = strdup(options->out);
	return results->out ? 0 : sm_fail(err, ENOMEM, "no memory for the report");
}

int cmd_report(const struct report_options *options)
{
	const struct common_options *common = &options->common;
	struct sm_results results;
	struct sm_error err = { 0 };
	int rc;

	if (common->operands != 1) {
		sm_fail(&err, EINVAL, "`shmeter report` needs one run folder, for example results/latest");
		return complain(&err);
	}
	sm_results_init(&results);
	rc = load_run(&results, common->operand[0], &err);
	if (rc == 0)
		rc = choose_target(options, &results, &err);
	if (rc == 0)
		rc = sm_store_write_analysis(&results, &err);
	rc = rc < 0 ? complain(&err) : show_results(&results, &options->show, common);
	sm_results_free(&results);
	return rc;
}
