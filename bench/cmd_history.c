/* shmeter history */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/history.h"
#include "shmeter/report.h"
#include "shmeter/store.h"
#include "shmeter/text.h"
#include "show.h"

/* Most runs of a case that are listed; the figure has all. */
#define LISTED_MAX 20
/* Most figures that one command draws. */
#define DRAWN_MAX 200

struct show {
	const struct history_options *options;
	unsigned cases, steps, drifts, drawn;
};

/* Makes the folders above the file; an error says why the last one cannot be there. */
static int make_folders(char *file, struct sm_error *err)
{
	int error = 0;

	for (char *slash = strchr(file + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		error = mkdir(file, 0777) == 0 || errno == EEXIST ? 0 : error ? error : errno;
		*slash = '/';
	}
	return error ? sm_fail(err, error, "cannot make the folder of %s: %s; pass --db FILE", file, strerror(error))
		     : 0;
}

/* Finds the file: that of --db, or one below the user's data folder, which is made where a run is added. */
static int find_file(const struct history_options *options, char *out, size_t size, struct sm_error *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (options->db) {
		snprintf(out, size, "%s", options->db);
		return 0;
	}
	if (data && *data)
		snprintf(out, size, "%s/shmeter/history.sqlite", data);
	else if (home && *home)
		snprintf(out, size, "%s/.local/share/shmeter/history.sqlite", home);
	else
		return sm_fail(err, ENOENT,
			       "no folder for the history: neither XDG_DATA_HOME nor HOME is set; pass --db FILE");
	return 0;
}

static int add(const struct history_options *options, char *file, struct sm_error *err)
{
	struct sm_history *history = NULL;
	int rc = options->db ? 0 : make_folders(file, err);

	for (size_t i = 1; rc == 0 && i < options->common.operands; i++) {
		struct sm_results run;
		bool added = false;

		sm_results_init(&run);
		rc = load_run(&run, options->common.operand[i], err);
		if (rc == 0 && !history)
			rc = sm_history_open(&history, file, true, err);
		if (rc == 0)
			rc = sm_history_add(history, &run, &added, err);
		if (rc == 0 && !options->common.quiet)
			sm_print_line(stdout, "%s %s %s", options->common.operand[i],
				      added ? "added to" : "is already in", file);
		sm_results_free(&run);
	}
	sm_history_close(history);
	return rc;
}

static const char *format(const char *unit, double value, char out[SM_TEXT_MAX])
{
	if (strncmp(unit, "ns", 2) == 0)
		return sm_format_ns(out, value);
	snprintf(out, SM_TEXT_MAX, "%.4g", value);
	return out;
}

static void print_point(const struct sm_history_series *series, size_t i)
{
	const struct sm_history_point *p = &series->point[i];
	char median[SM_TEXT_MAX], low[SM_TEXT_MAX], high[SM_TEXT_MAX], interval[96] = "no interval";

	if (isfinite(p->low))
		snprintf(interval, sizeof(interval), "%s to %s", format(series->unit, p->low, low),
			 format(series->unit, p->high, high));
	sm_print_encoded(stdout, SM_TO_TERMINAL, "  %-20s %-24.24s %10s (%s)  %s", p->started, p->run,
			 format(series->unit, p->median, median), interval, p->klass);
	if (!p->same_class)
		printf("  other pair class, not in the trend");
	if (p->step) {
		double before = NAN;

		for (size_t j = i; j-- > 0 && isnan(before);)
			if (series->point[j].same_class)
				before = series->point[j].level;
		printf("  STEP: %+.1f %%", 100 * (p->level / before - 1));
	}
	putchar('\n');
}

/* The level of the first run in the trend, or of the last. */
static double level_at_end(const struct sm_history_series *series, bool last)
{
	for (size_t i = 0; i < series->count; i++) {
		const struct sm_history_point *p = &series->point[last ? series->count - 1 - i : i];

		if (p->same_class)
			return p->level;
	}
	return NAN;
}

static int show_series(const struct sm_history_series *series, void *context, struct sm_error *err)
{
	const struct sm_report_options report = { .plots = plots_folder(), .stop = stop_flag() };
	struct show *show = context;
	size_t first = series->count > LISTED_MAX ? series->count - LISTED_MAX : 0;

	show->cases++;
	sm_print_line(stdout, "%s", series->id);
	if (first > 0)
		printf("  ... %zu earlier runs\n", first);
	for (size_t i = 0; i < series->count; i++) {
		show->steps += series->point[i].step;
		if (i >= first || series->point[i].step)
			print_point(series, i);
	}
	if (series->drifts)
		printf("  DRIFT: %+.1f %% from the first run to the last, as a straight line\n",
		       100 * (level_at_end(series, true) / level_at_end(series, false) - 1));
	show->drifts += series->drifts;
	if (!show->options->out || show->drawn == DRAWN_MAX)
		return 0;
	show->drawn++;
	return sm_report_history(series, &report, show->options->out, err);
}

/* Whose runs were shown, and how many were not. */
static void print_machine(const struct sm_history_machine *machine)
{
	const struct {
		unsigned runs;
		const char *of;
	} left[] = {
		{ machine->other_hosts, "of other hosts of this type (--same-type shows them)" },
		{ machine->no_host,
		  "of this type that do not record their host (--same-type shows them, `history add` of "
		  "their folders records it)" },
		{ machine->other_types, "of other types of machine" },
	};
	char whose[128], rest[384] = "";
	size_t used = 0;

	if (machine->same_type)
		snprintf(whose, sizeof(whose), "all hosts of type %s", machine->type);
	else if (*machine->host)
		snprintf(whose, sizeof(whose), "host %s of type %s", machine->host, machine->type);
	else
		snprintf(whose, sizeof(whose), "type %s (these runs do not record their host)", machine->type);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]) && used < sizeof(rest); i++)
		if (left[i].runs > 0)
			used += (size_t)snprintf(rest + used, sizeof(rest) - used, "%s%u %s",
						 used ? ", " : " Runs not shown: ", left[i].runs, left[i].of);
	say(0, "", "Machine: %s.%s%s", whose, rest, used ? "." : "");
}

static int show(const struct history_options *options, const char *file, struct sm_error *err)
{
	struct sm_history_machine machine = { .type = "" };
	struct show show = { .options = options };
	struct sm_history *history;
	const char *glob = options->common.operands > 1 ? options->common.operand[1] : NULL;
	char wide[512];
	int rc = sm_history_open(&history, file, false, err);

	if (rc < 0)
		return rc;
	if (options->out && mkdir(options->out, 0777) < 0 && errno != EEXIST)
		rc = sm_fail(err, errno, "cannot create %s: %s", options->out, strerror(errno));
	if (glob) /* a scenario or a variant selects all of its cases */
		snprintf(wide, sizeof(wide), "%s%s", glob, strpbrk(glob, "?*") ? "" : "*");
	if (rc == 0)
		rc = sm_history_machine(history, options->same_type, &machine, err);
	if (rc == 0)
		rc = sm_history_each(history, glob ? wide : NULL, &machine, show_series, &show, err);
	sm_history_close(history);
	if (rc == 0 && show.cases == 0)
		rc = sm_fail(err, EINVAL, "no case in %s matches \"%s\"", file, glob ? glob : "*");
	if (rc < 0)
		return rc;
	printf("%u cases, %u steps that lasted at least two runs, %u drifts.\n", show.cases, show.steps, show.drifts);
	print_machine(&machine);
	printf("A step or a drift may come from the machine: it is a hint, not a verdict. `shmeter ab` gives a verdict.\n");
	return 0;
}

int cmd_history(const struct history_options *options)
{
	struct sm_error err = { 0 };
	char file[4200];
	int rc = find_file(options, file, sizeof(file), &err);

	if (rc < 0)
		return complain(&err);
	if (options->common.operands >= 2 && strcmp(options->common.operand[0], "add") == 0)
		rc = add(options, file, &err);
	else if (options->common.operands >= 1 && options->common.operands <= 2 &&
		 strcmp(options->common.operand[0], "show") == 0)
		rc = show(options, file, &err);
	else
		rc = sm_fail(&err, EINVAL, "`shmeter history` takes `add DIR...` or `show [CASE]`");
	return rc < 0 ? complain(&err) : EXIT_OK;
}
