/* shmeter export */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/export.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "show.h"

static int write_document(FILE *out, void *context)
{
	const struct sm_written *document = context;

	errno = 0;
	if (fwrite(document->text, 1, document->size, out) != document->size)
		return errno ? -errno : -EIO;
	return 0;
}

/* Finds the path to write to: the target of a link, and never a device or a folder. */
static int target(const char *path, char **out, struct sm_error *err)
{
	struct stat status;

	*out = NULL;
	if (lstat(path, &status) != 0) {
		*out = strdup(path); /* a new file; writing it reports any error */
		return *out ? 0 : sm_fail(err, ENOMEM, "no memory for the path %s", path);
	}
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		*out = realpath(path, NULL);
	if (!*out)
		return sm_fail(err, EINVAL,
			       "--out %s is not a regular file; name one, or omit --out for standard output", path);
	return 0;
}

static int deliver(const struct export_options *options, struct sm_written *document, struct sm_error *err)
{
	char *path;
	int rc;

	if (!options->out) {
		/* The program reports a failed write when it ends, as for every command. */
		fwrite(document->text, 1, document->size, stdout);
		return 0;
	}
	rc = target(options->out, &path, err);
	if (rc == 0)
		rc = sm_store_write_file(path, write_document, document, err);
	free(path);
	return rc;
}

static int export(const struct export_options *options, const struct sm_results *results, const struct sm_results *like,
		  struct sm_error *err)
{
	struct sm_written document;
	struct sm_export_tally tally;
	int rc = sm_export(results, options->to, like, sm_written_open(&document), &tally, err);

	sm_written_close(&document);
	if (rc == 0)
		rc = deliver(options, &document, err);
	if (rc == 0 && tally.left_out[0] && !options->common.quiet)
		sm_print_line(stderr, "shmeter: %zu trials exported; left out: %s", tally.trials, tally.left_out);
	free(document.text);
	return rc;
}

int cmd_export(const struct export_options *options)
{
	struct sm_results results, like;
	struct sm_error err = { 0 };
	int rc;

	if (options->common.operands != 1) {
		sm_fail(&err, EINVAL, "`shmeter export` needs one run folder, for example results/latest");
		return complain(&err);
	}
	if (!options->to) {
		sm_fail(&err, EINVAL, "`shmeter export` needs --to FORMAT, one of %s", SM_EXPORT_NAMES);
		return complain(&err);
	}
	if (options->like && strcmp(options->to, "go-bench") != 0) {
		sm_fail(&err, EINVAL, "--like is for --to go-bench, which alone names the pair classes as keys");
		return complain(&err);
	}
	sm_results_init(&results);
	sm_results_init(&like);
	rc = load_run(&results, options->common.operand[0], &err);
	if (rc == 0 && options->like)
		rc = load_run(&like, options->like, &err);
	if (rc == 0)
		rc = export(options, &results, options->like ? &like : NULL, &err);
	sm_results_free(&results);
	sm_results_free(&like);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
