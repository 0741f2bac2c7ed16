/* shmeter selftest */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "program.h"
#include "progress.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/floor.h"
#include "shmeter/guard.h"
#include "shmeter/known_counts.h"
#include "shmeter/memory.h"
#include "shmeter/os.h"
#include "shmeter/selftest.h"
#include "shmeter/store.h"

/* Blocks of a part: as in the profiles quick and standard. */
static const unsigned part_blocks[] = { 8, 16 };
#define LENGTHS (sizeof(part_blocks) / sizeof(part_blocks[0]))
/* Slowdowns that are injected into one side of the control, in per cent; 0 is the unchanged control. */
static const unsigned injected[] = { 0, 2, 5, 10 };
#define STEPS (sizeof(injected) / sizeof(injected[0]))
/* Blocks of each step: twenty parts at standard length. */
#define BLOCKS_DEFAULT 320
/* 95 % of all pairs of parts differ by less than the noise floor. */
#define FLOOR_SHARE 0.95
/* The slowdown that parts of standard length must detect, for `selftest` to succeed. */
#define SEEN_PERCENT 10

struct selftest {
	const struct selftest_options *options;
	char out[4096];
	struct sm_identity machine;
	struct progress progress;
	double *time_ln[LENGTHS], *ratio_ln[LENGTHS];
	size_t times[LENGTHS], ratios[LENGTHS];
	struct sm_baselines runs; /* of the cases */
	bool bad, unsure;
};

static int run_into(struct selftest *self, const char *folder, const char *const *patterns, size_t count,
		    const char *inject, unsigned blocks, struct sm_results *results, struct sm_error *err)
{
	struct sm_run_options run = { 0 };
	int rc;

	run.plan.patterns = patterns;
	run.plan.pattern_count = count;
	run.plan.inject = inject;
	run.plan.repeat_blocks = blocks;
	run.no_counters = true;
	run.folder = folder;
	complete_run(&run, &self->options->common);
	progress_follow(&self->progress, &run);
	rc = sm_run(&run, sm_scenarios, sm_scenario_count, results, err);
	progress_wipe(&self->progress);
	return rc;
}

/* Checks the claims of the calibration scenarios: empty work takes no time, and a known delay is measured. */
static int calibrate(struct selftest *self, struct sm_error *err)
{
	static const char *const patterns[] = { "calibration/*" };
	struct sm_results results;
	char folder[4200];
	int rc;

	snprintf(folder, sizeof(folder), "%s/calibration", self->out);
	sm_results_init(&results);
	rc = run_into(self, folder, patterns, 1, NULL, 8, &results, err);
	for (size_t i = 0; rc == 0 && i < results.claim_count; i++) {
		const struct sm_claim_row *claim = &results.claims[i];

		sm_print_line(stdout, "%-13s %s: %s%s%s", sm_verdict_name(claim->verdict), claim->sentence,
			      claim->evidence, strcmp(claim->reason, "-") ? ". Why: " : "",
			      strcmp(claim->reason, "-") ? claim->reason : "");
		self->bad |= claim->verdict == SM_REFUTED;
		self->unsure |= claim->verdict == SM_INCONCLUSIVE;
	}
	if (rc == 0)
		sm_environment_identify(json_object_get(results.manifest, "environment"), &self->machine);
	sm_results_free(&results);
	return rc;
}

static void keep(double **all, size_t *count, const double *more, size_t n)
{
	*all = realloc(*all, (*count + n + 1) * sizeof(**all));
	if (!*all)
		sm_no_memory(); /* a few hundred numbers */
	memcpy(*all + *count, more, n * sizeof(*more));
	*count += n;
}

static void tell(struct selftest *self, unsigned percent, unsigned blocks, const struct sm_parts *parts)
{
	unsigned seen = percent ? parts->slower : parts->slower + parts->faster;
	struct sm_interval rate = sm_binomial_interval(seen, parts->count, 0.95);

	if (parts->count == 0) {
		if (percent)
			printf("  %2u %% slower", percent);
		else
			fputs("  no change", stdout);
		printf(", %2u blocks: not tested, too few usable blocks in one pair class\n", blocks);
		self->unsure = true;
		return;
	}
	if (percent)
		printf("  %2u %% slower, %2u blocks: detected in %u of %u (%.0f %%, 95 %% CI %.0f to %.0f)\n", percent,
		       blocks, seen, parts->count, 100 * rate.estimate, 100 * rate.low, 100 * rate.high);
	else
		printf("  no change, %2u blocks: false alarms in %u of %u (%.1f %%, 95 %% CI %.1f to %.1f; at most 5 %% "
		       "are expected)\n",
		       blocks, seen, parts->count, 100 * rate.estimate, 100 * rate.low, 100 * rate.high);
	if (percent == 0 || (percent == SEEN_PERCENT && blocks == part_blocks[LENGTHS - 1])) {
		enum sm_verdict verdict = sm_parts_judge(parts, percent);

		if (percent && verdict != SM_SUPPORTED)
			printf("  a slowdown of %u %% must be detected in most parts of %u blocks: this machine is too noisy "
			       "for such gates, or too few blocks are usable\n",
			       percent, blocks);
		self->bad |= verdict == SM_REFUTED;
		self->unsure |= verdict == SM_INCONCLUSIVE;
	}
}

/* One run of the control, with one side slowed down by `percent`. */
static int step(struct selftest *self, unsigned percent, unsigned blocks, struct sm_error *err)
{
	static const char *const patterns[] = { "aa" };
	struct sm_results results;
	char folder[4200], inject[32];
	int rc;

	snprintf(folder, sizeof(folder), "%s/slower-%u", self->out, percent);
	snprintf(inject, sizeof(inject), "aa/b=%u", percent);
	sm_results_init(&results);
	rc = run_into(self, folder, patterns, 1, percent ? inject : NULL, blocks, &results, err);
	for (unsigned i = 0; rc == 0 && i < LENGTHS; i++) {
		struct sm_parts parts;

		rc = sm_parts_of(&parts, &results, part_blocks[i], err);
		if (rc == 0) {
			tell(self, percent, part_blocks[i], &parts);
			keep(&self->time_ln[i], &self->times[i], parts.time_ln, parts.count);
			if (percent == 0)
				keep(&self->ratio_ln[i], &self->ratios[i], parts.ratio_ln, parts.count);
		}
		sm_parts_free(&parts);
	}
	sm_results_free(&results);
	return rc;
}

/* One run of the cases whose noise floor is asked for: before each step of the control and at the end, so that the runs
 * lie as far apart as the self-test allows. */
static int run_cases(struct selftest *self, unsigned blocks, struct sm_error *err)
{
	const struct common_options *common = &self->options->common;
	struct sm_results results;
	char folder[4200];
	int rc;

	if (common->operands == 0)
		return 0;
	snprintf(folder, sizeof(folder), "%s/cases-%zu", self->out, self->runs.count + 1);
	sm_results_init(&results);
	rc = run_into(self, folder, common->operand, common->operands, NULL,
		      blocks < SM_BASELINE_BLOCKS ? blocks : SM_BASELINE_BLOCKS, &results, err);
	sm_results_free(&results);
	return rc < 0 ? rc : sm_baselines_add(&self->runs, folder, sm_scenarios, sm_scenario_count, err);
}

#define PERCENT_MAX 32

/* "1.2 %", of a factor; "unknown" of 0. */
static void write_floor(double factor, char out[PERCENT_MAX])
{
	if (factor > 0)
		snprintf(out, PERCENT_MAX, "%.1f %%", 100 * (factor - 1));
	else
		snprintf(out, PERCENT_MAX, "unknown");
}

/* The variant to which the ratio has the least floor: the reference that cancels most of what runs differ by.  NULL:
 * there is none; it belongs to `floors`. */
static const char *best_reference(json_t *floors)
{
	const char *name, *best = NULL;
	json_t *one;

	json_object_foreach (floors, name, one)
		if (!best || json_number_value(one) < json_number_value(json_object_get(floors, best)))
			best = name;
	return best;
}

/* The noise floors of the cases; NULL where no pattern was given. */
static int find_floors(struct selftest *self, json_t **cases, struct sm_error *err)
{
	const char *id;
	bool unknown = false;
	json_t *one;
	int rc = self->runs.count > 0 ? sm_floor_of_cases(&self->runs, cases, err) : 0;

	if (rc < 0 || self->runs.count == 0)
		return rc;
	printf("\nNoise floors of cases: 95 %% of all pairs of runs differ by less (%zu runs)\n", self->runs.count);
	json_object_foreach (*cases, id, one) {
		json_t *ratios = json_object_get(one, "ratio");
		const char *best = best_reference(ratios);
		char time[PERCENT_MAX], ratio[PERCENT_MAX];

		write_floor(json_number_value(json_object_get(one, "time")), time);
		write_floor(best ? json_number_value(json_object_get(ratios, best)) : 0, ratio);
		sm_print_line(stdout, "  times %s, ratio%s%s %s: %s", time, best ? " to " : "", best ? best : "", ratio,
			      id);
		unknown |= !json_object_get(one, "time");
	}
	if (unknown)
		puts("  Unknown: too few runs count (other load, a moved control, too few blocks), or there is no other "
		     "case.");
	self->unsure |= unknown;
	return 0;
}

static int find_floor(struct selftest *self, struct sm_error *err)
{
	const unsigned standard = LENGTHS - 1;
	struct sm_floor floor = {
		.time = exp(sm_couples_within(self->time_ln[standard], self->times[standard], FLOOR_SHARE)),
		.ratio = exp(sm_couples_within(self->ratio_ln[standard], self->ratios[standard], FLOOR_SHARE)),
	};

	int rc;

	if (isnan(floor.time) || isnan(floor.ratio)) {
		printf("The noise floor is unknown: too few usable blocks in one pair class.\n");
		self->unsure = true;
		return 0;
	}
	printf("\nNoise floor of the control: its times differ by up to %.1f %% between moments, ratios by up to %.1f %% "
	       "(95 %% of pairs of parts of %u blocks).\nA baseline gate that allows less is refused on this machine "
	       "(host %s of type %s), where the floor of its case is unknown.\n",
	       100 * (floor.time - 1), 100 * (floor.ratio - 1), part_blocks[standard], self->machine.host,
	       self->machine.type);
	rc = find_floors(self, &floor.cases, err);
	if (rc == 0)
		rc = sm_floor_save(&self->machine, &floor, err);
	json_decref(floor.cases);
	return rc;
}

static int test(struct selftest *self, struct sm_error *err)
{
	unsigned blocks = self->options->blocks ? self->options->blocks : BLOCKS_DEFAULT;
	int rc = 0;

	printf("Calibration\n");
	rc = calibrate(self, err);
	if (rc == 0)
		printf("\nA/A control: one case under two names, one of them slowed down\n");
	for (unsigned i = 0; rc == 0 && i < STEPS; i++) {
		rc = run_cases(self, blocks, err);
		if (rc == 0)
			rc = step(self, injected[i], blocks, err);
	}
	if (rc == 0)
		rc = run_cases(self, blocks, err);
	return rc == 0 ? find_floor(self, err) : rc;
}

/* Prints what each kind of known work counted, and returns the exit code. */
static int print_counts(const struct sm_known_count counts[SM_KNOWN_COUNTS])
{
	bool wrong = false, tested = false;

	for (int i = 0; i < SM_KNOWN_COUNTS; i++) {
		const struct sm_known_count *count = &counts[i];

		printf("%-13s %s (%s): ", sm_verdict_name(count->verdict), count->what, count->event);
		if (count->verdict == SM_NOT_TESTABLE)
			sm_print_line(stdout, "skipped: %s", count->reason);
		else
			printf("counted %.0f, %s %.0f%s\n", count->counted,
			       i == SM_KNOWN_PADDED ? "one shared line would give" : "expected", count->expected,
			       count->state == SM_SCALED ? ", scaled" : "");
		wrong |= count->verdict == SM_REFUTED;
		tested |= count->verdict != SM_NOT_TESTABLE;
	}
	printf("%s\n", wrong    ? "Refuted counters count something else on this machine: do not use them."
		       : tested ? "All tested counters are correct."
				: "No counter could be tested here.");
	return wrong ? EXIT_WRONG : tested ? EXIT_OK : EXIT_MACHINE;
}

static int test_counters(void)
{
	struct sm_known_count counts[SM_KNOWN_COUNTS];
	struct sm_topology *topology = NULL;
	struct sm_error err = { 0 };
	int rc = sm_topology_open(&topology, NULL, &err);

	if (rc == 0)
		rc = sm_known_counts(&sm_os_linux, topology, counts, &err);
	if (topology)
		sm_topology_close(topology);
	return rc < 0 ? complain(&err) : print_counts(counts);
}

int cmd_selftest(const struct selftest_options *options)
{
	struct selftest self = { .options = options };
	struct sm_error err = { 0 };
	int rc;

	if (options->counters && options->common.operands > 0) {
		sm_fail(&err, EINVAL, "--counters tests counters only: omit %s", options->common.operand[0]);
		return complain(&err);
	}
	if (options->counters)
		return test_counters();
	progress_open(&self.progress, options->common.quiet);
	rc = make_run_folder(options->out, self.out, sizeof(self.out), &err);
	if (rc == 0)
		rc = sm_guard_start(&err);
	if (rc == 0)
		rc = test(&self, &err);
	(void)!sm_guard_stop(NULL); /* no settings were changed */
	for (unsigned i = 0; i < LENGTHS; i++) {
		free(self.time_ln[i]);
		free(self.ratio_ln[i]);
	}
	sm_baselines_free(&self.runs);
	if (rc < 0)
		return complain(&err);
	printf("%s The runs are in %s.\n",
	       self.bad      ? "Do NOT trust the instrument on this machine: see above."
	       : self.unsure ? "Nothing is wrong, but some tests are inconclusive: see above."
			     : "The instrument works as specified on this machine.",
	       self.out);
	return self.bad ? EXIT_WRONG : EXIT_OK;
}
