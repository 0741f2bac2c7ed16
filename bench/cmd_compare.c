/* shmeter compare */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "program.h"
#include "registry.h"
#include "shmeter/compare.h"

#define INDENT    4 /* of the continuation lines of a case */
#define FIRST_MAX 64

static int slowest_first(const void *a, const void *b)
{
	const struct sm_compared *x = a, *y = b;
	double r = isnan(x->ratio.estimate) ? 0 : x->ratio.estimate;
	double s = isnan(y->ratio.estimate) ? 0 : y->ratio.estimate;

	return (r < s) - (r > s);
}

/* "noise floor 2.1 %", of a case. */
static const char *floor_words(const struct sm_compared *row, char *out, size_t size)
{
	if (isnan(row->floor))
		return "noise floor unknown";
	snprintf(out, size, "noise floor %.1f %%", 100 * (row->floor - 1));
	return out;
}

static void print_row(const struct sm_compared *row)
{
	const char *gap = strcmp(row->reason, "-") ? "; " : "";
	const char *reason = strcmp(row->reason, "-") ? row->reason : "";
	char first[FIRST_MAX], floor[FIRST_MAX];

	if (isnan(row->ratio.estimate)) {
		snprintf(first, sizeof(first), "%-16s ", row->says);
		say(INDENT, first, "%s: %s", row->id, row->reason);
		return;
	}
	snprintf(first, sizeof(first), "%-16s %6.3f ", row->says, row->ratio.estimate);
	if (isnan(row->ratio.low))
		say(INDENT, first, "(no interval: %u and %u blocks) %s, %s%s%s", row->old_blocks, row->new_blocks,
		    row->id, row->klass, gap, reason);
	else
		say(INDENT, first, "(%.0f %% CI %.3f to %.3f; smallest detectable difference %.1f %%; %s) %s, %s%s%s",
		    100 * row->ratio.confidence, row->ratio.low, row->ratio.high, 100 * (row->mde - 1),
		    floor_words(row, floor, sizeof(floor)), row->id, row->klass, gap, reason);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static void print_json(const struct sm_comparison_of_runs *c)
{
	json_t *rows = json_array(), *all;

	for (size_t i = 0; i < c->count; i++) {
		const struct sm_compared *row = &c->row[i];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:s}", "case",
						      row->id, "says", row->says, "ratio", number(row->ratio.estimate),
						      "low", number(row->ratio.low), "high", number(row->ratio.high),
						      "p", number(row->p), "mde", number(row->mde), "old_blocks",
						      (int)row->old_blocks, "new_blocks", (int)row->new_blocks,
						      "noise_floor", number(row->floor), "reason", row->reason));
	}
	all = json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:i, s:o}", "same_machine",
			c->likeness == SM_SAME_HOST, "old_is", sm_likeness_words(c->likeness), "ratio",
			number(c->overall.estimate), "low", number(c->overall.low), "high", number(c->overall.high),
			"mde", number(c->overall_mde), "slower", (int)c->slower, "faster", (int)c->faster,
			"noise_floor", number(c->most), "noise_floors_unknown", (int)c->unknown, "cases", rows);
	json_dumpf(all, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(all);
}

/* Two runs do not show by how much runs of one build differ: says what is known about that. */
static void print_floor(const struct sm_comparison_of_runs *c)
{
	char known[128] = "", unknown[256] = "";

	if (!isnan(c->most))
		snprintf(known, sizeof(known),
			 " Runs of one build alone differ by up to %.1f %% (the largest noise floor).",
			 100 * (c->most - 1));
	if (c->unknown > 0)
		snprintf(unknown, sizeof(unknown),
			 " By how much runs of one build alone differ is unknown for %u case%s: `shmeter selftest "
			 "PATTERN...` measures it, and later runs know it.",
			 c->unknown, c->unknown == 1 ? "" : "s");
	say(0, "", "These are times of two runs.%s%s", known, unknown);
}

static void print(const struct sm_comparison_of_runs *c, const char *old, const char *new)
{
	static const char *const machines[] = {
		[SM_OTHER_TYPE] =
			"The runs are from different machines (CPU, PUs, caches, memory or kernel differ), so a "
			"difference is not a regression.",
		[SM_SAME_TYPE] =
			"The runs are from two hosts of one type, or one does not record its host, so a difference "
			"is not a regression.",
		[SM_SAME_HOST] =
			"The runs are from one host. Runs at different times differ by more than their confidence "
			"intervals say. `shmeter ab` alternates two builds instead.",
	};
	bool here = c->likeness == SM_SAME_HOST;
	char interval[128] = "";

	say(0, "", "%s (new) against %s (old). A ratio over 1: the new run took longer.", new, old);
	say(0, "", "%s", machines[c->likeness]);
	putchar('\n');
	for (size_t i = 0; i < c->count; i++)
		print_row(&c->row[i]);
	putchar('\n');
	if (!isnan(c->overall.low))
		snprintf(interval, sizeof(interval),
			 " (95 %% CI over the cases %.3f to %.3f; smallest detectable difference %.1f %%)",
			 c->overall.low, c->overall.high, 100 * (c->overall_mde - 1));
	say(0, "", "Overall: %.3f%s; %u %s, %u %s, %u not trusted, %zu cases in both runs.", c->overall.estimate,
	    interval, c->slower, here ? "slower" : "longer", c->faster, here ? "faster" : "shorter", c->distrusted,
	    c->count);
	print_floor(c);
}

int cmd_compare(const struct compare_options *options)
{
	struct sm_comparison_of_runs comparison = { 0 };
	struct sm_digest *before = NULL, *now = NULL;
	struct sm_error err = { 0 };
	int rc;

	if (options->common.operands != 2) {
		sm_fail(&err, EINVAL, "`shmeter compare` needs two run folders, the old one first");
		return complain(&err);
	}
	rc = sm_digest_load(&before, options->common.operand[0], sm_scenarios, sm_scenario_count, &err);
	if (rc == 0)
		rc = sm_digest_load(&now, options->common.operand[1], sm_scenarios, sm_scenario_count, &err);
	if (rc == 0)
		rc = sm_compare_runs(&comparison, before, now, &err);
	if (rc == 0 && comparison.count == 0)
		rc = sm_fail(&err, EINVAL, "%s and %s have no case in common", options->common.operand[0],
			     options->common.operand[1]);
	if (rc == 0) {
		qsort(comparison.row, comparison.count, sizeof(*comparison.row), slowest_first);
		if (options->json)
			print_json(&comparison);
		else
			print(&comparison, options->common.operand[0], options->common.operand[1]);
	}
	sm_compare_free(&comparison);
	sm_digest_free(now);
	sm_digest_free(before);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
