/* shmeter look: which shared memory running processes have, who else has it, how it is mapped, and what that costs here
 * by the figures of a run. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "look_show.h"
#include "program.h"
#include "shmeter/environment.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "show.h"

#define LAST_RUN         "results/latest"
#define LOOK_INTERVAL_NS 1000000000u
#define NS_PER_S         1000000000u
/* Limits of --every and --interval: ticks of the kernel's clock, and what a person waits for. */
#define LEAST_NS 10000000u
#define MOST_NS  3600000000000u

unsigned look_figures(const struct sm_look *look, size_t object, const struct look_run *run,
		      struct sm_look_figure out[SM_LOOK_FIGURES_MAX])
{
	return run->folder ? sm_look_figures(look, object, sm_os_page_bytes(look->os), &run->results, run->folder, out)
			   : 0;
}

static const struct sm_look *sorted; /* of by_size() */
static int by_size(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	uint64_t one = sorted->object[*x].bytes, other = sorted->object[*y].bytes;

	return one != other ? (one < other ? 1 : -1) : (*x > *y) - (*x < *y);
}

size_t *look_by_size(const struct sm_look *look)
{
	size_t *order = sm_zeroed_memory(look->object_count + 1, sizeof(*order));

	for (size_t i = 0; i < look->object_count; i++)
		order[i] = i;
	sorted = look;
	qsort(order, look->object_count, sizeof(*order), by_size);
	return order;
}

/* Whether the run is of this machine: figures of another say nothing about it. */
static bool is_of_here(const struct sm_results *run)
{
	struct sm_identity here, there;
	struct sm_topology *topology = NULL;
	json_t *environment = NULL;
	struct sm_error err;
	bool same;

	if (sm_topology_open(&topology, NULL, &err) == 0)
		environment = sm_environment_capture(&sm_os_linux, topology);
	sm_environment_identify(environment, &here);
	sm_environment_identify(json_object_get(run->manifest, "environment"), &there);
	same = environment && strcmp(here.type, there.type) == 0 && strcmp(here.host, there.host) == 0 &&
	       strcmp(here.host, "-") != 0;
	json_decref(environment);
	sm_topology_close(topology);
	return same;
}

/* Loads the run of --run, or the latest one if there is one that can be used. */
static int open_run(struct look_run *run, const char *asked, struct sm_error *err)
{
	const char *folder = asked ? asked : LAST_RUN;
	struct sm_error why = { 0 };
	char moved[256];
	int rc;

	sm_results_init(&run->results);
	if (!asked && access(LAST_RUN, F_OK) != 0) {
		snprintf(
			run->note, sizeof(run->note),
			"No figures: no run is known here (%s). `shmeter run page_size_random` measures one; --run DIR names "
			"another.",
			LAST_RUN);
		return 0;
	}
	rc = load_run(&run->results, folder, &why);
	if (rc < 0 && asked) {
		*err = why;
		return rc;
	}
	if (rc < 0)
		snprintf(run->note, sizeof(run->note), "No figures: %s.", why.text);
	else if (!is_of_here(&run->results))
		snprintf(run->note, sizeof(run->note), "No figures: run %s is not known to be of this machine.",
			 folder);
	else if (!sm_look_run_serves(&run->results, moved))
		snprintf(run->note, sizeof(run->note), "No figures: %s (%s).", moved, folder);
	else
		run->folder = folder;
	return 0;
}

static int read_pids(const struct common_options *common, pid_t *pids, struct sm_error *err)
{
	if (common->operands == 0)
		return sm_fail(err, EINVAL, "`shmeter look` needs a process ID; `pidof NAME` finds it");
	for (size_t i = 0; i < common->operands; i++) {
		uint64_t pid = 0;

		if (sm_parse_whole(common->operand[i], INT_MAX, &pid) < 0 || pid == 0)
			return sm_fail(err, EINVAL, "\"%s\" is not a process ID", common->operand[i]);
		pids[i] = (pid_t)pid;
	}
	return 0;
}

static int check_times(const struct look_options *options, struct sm_error *err)
{
	uint64_t ns = options->every_ns ? options->every_ns : options->interval_ns;

	if (options->every_ns && options->interval_ns)
		return sm_fail(err, EINVAL,
			       "--every and --interval exclude each other: faults are counted from look to look");
	if (ns && (ns < LEAST_NS || ns > MOST_NS))
		return sm_fail(err, EINVAL, "--%s must be from 10ms to 1h", options->every_ns ? "every" : "interval");
	return 0;
}

static int wait_for(uint64_t ns)
{
	struct timespec left = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	while (!*stop_flag() && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	return *stop_flag() ? -EINTR : 0;
}

static int look_once(const struct look_options *options, const pid_t *pids, uint64_t *begun, uint64_t interval_ns,
		     const struct look_run *run, struct sm_error *err)
{
	struct sm_look look;
	int rc = sm_look_begin(&look, &sm_os_linux, pids, begun, options->common.operands, options->tree, err);

	if (rc == 0 && !options->no_counters)
		sm_look_lines(&look);
	if (rc == 0 && wait_for(interval_ns) < 0)
		rc = sm_fail(err, EINTR, "stopped by a signal");
	if (rc == 0) {
		sm_look_end(&look);
		if (sm_look_all_ended(&look))
			rc = sm_fail(err, ENOENT, "process %d ended before it could be read; look at one that runs",
				     (int)pids[0]);
	}
	if (rc == 0) {
		if (options->every_ns && !options->json && isatty(STDOUT_FILENO))
			printf("\033[H\033[J");
		if (options->json)
			look_print_json(&look, run, options);
		else
			look_print(&look, run, options);
		fflush(stdout);
		if (look.gap_count > 0 && !look.readable)
			rc = sm_fail(err, EACCES,
				     "the mappings of none of these processes can be read; the reasons are above");
	}
	sm_look_free(&look);
	return rc;
}

int cmd_look(const struct look_options *options)
{
	pid_t pids[OPERANDS_MAX];
	uint64_t begun[OPERANDS_MAX] = { 0 };
	uint64_t interval_ns = options->interval_ns ? options->interval_ns : LOOK_INTERVAL_NS;
	struct look_run run = { .folder = NULL };
	struct sm_error err = { 0 };
	unsigned looks = 0;
	int rc = read_pids(&options->common, pids, &err);

	if (rc == 0)
		rc = check_times(options, &err);
	if (rc == 0)
		rc = open_run(&run, options->run, &err);
	while (rc == 0) {
		rc = look_once(options, pids, begun, options->every_ns ? options->every_ns : interval_ns, &run, &err);
		looks += rc == 0;
		if (!options->every_ns || *stop_flag() || ferror(stdout))
			break;
	}
	sm_results_free(&run.results);
	if (looks > 0 && rc == -ENOENT && !options->json)
		puts("They have ended.");
	if (looks > 0 && (rc == -ENOENT || rc == -EINTR)) /* live, until they ended or Ctrl-C */
		rc = 0;
	return rc < 0 ? complain(&err) : EXIT_OK;
}
