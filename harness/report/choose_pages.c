/* Chooses the page size and the way to populate: by the cost of an access, and by the cost before the first one. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choosing.h"
#include "shmeter/text.h"
#include "words.h"

/* An operation of the scenarios that pass over memory is 4 KiB, whatever the pages. */
#define BLOCK_BYTES 4096u

/* An operation of the scenarios that touch memory: a base page of the machine that the run is from. */
static double page_bytes(const struct choosing *c, const char *scenario)
{
	double bytes = words_number(choosing_run(c, scenario), "environment/page_bytes");

	return bytes > 0 ? bytes : BLOCK_BYTES;
}

/* "4k: 603 ms per GiB (first_touch/4k: 2.30 us (...))": the time of an operation of `bytes`, and of 1 GiB. */
static void say_per_gib(const struct choosing *c, const char *what, const struct ranked *row, double bytes)
{
	char gib[SM_TEXT_MAX], each[SM_TEXT_MAX], figure[256];

	choosing_say(c, "%s %s per GiB: %s per %s.", what, sm_format_ns(gib, row->figure.estimate * (1u << 30) / bytes),
		     choosing_figure(row, figure), sm_format_bytes(each, bytes));
}

/* Populating and writing, and the writes alone after populating. */
static void say_prefault(const struct choosing *c)
{
	const struct sm_case_row *total = choosing_point(c, "prefault", SM_PLACE_UNSET, "phase=total", NULL, 0);
	const struct sm_case_row *access = choosing_point(c, "prefault", SM_PLACE_UNSET, "phase=access", NULL, 0);

	if (!total || !access) {
		choosing_say(c, "The run has no prefault: ways of populating are not compared.");
		return;
	}
	struct ranking ways = ranking_open(choosing_run(c, "prefault"), total->group);
	struct ranking uses = ranking_open(choosing_run(c, "prefault"), access->group);

	if (ways.count > 0 && uses.count > 0) {
		const struct ranked *lazy = choosing_row(&uses, sm_name_of("lazy"));
		double page = page_bytes(c, "prefault");
		char heading[96], size[SM_TEXT_MAX];

		snprintf(heading, sizeof(heading), "Populating and the first write, per %s page",
			 sm_format_bytes(size, page));
		choosing_table(c, &ways, heading);
		choosing_table(c, &uses, "The first write alone, to memory that was populated before");
		fputc('\n', c->out);
		choosing_take(c, &ways, "Populating by it and writing takes");
		say_per_gib(c, "That is", &ways.row[0], page);
		if (lazy && ranking_is_better(&uses, &uses.row[0], lazy)) {
			say_per_gib(c, "Populated before, the first pass takes", &uses.row[0], page);
			say_per_gib(c, "Lazy, it takes", lazy, page);
		}
	}
	ranking_close(&ways);
	ranking_close(&uses);
}

/* The cost of the first touch by page size. */
static void say_first_touch(const struct choosing *c)
{
	const struct sm_case_row *point = choosing_point(c, "first_touch", SM_PLACE_UNSET, "", NULL, 0);

	if (!point) {
		choosing_say(c, "The run has no first_touch: what populating each page size costs is not known.");
		return;
	}
	struct ranking touch = ranking_open(choosing_run(c, "first_touch"), point->group);
	double page = page_bytes(c, "first_touch");
	char heading[96], size[SM_TEXT_MAX];

	snprintf(heading, sizeof(heading), "Populating by page size, per %s of fresh memory",
		 sm_format_bytes(size, page));
	choosing_table(c, &touch, heading);
	if (touch.count > 0)
		fputc('\n', c->out);
	for (size_t i = 0; i < touch.count; i++)
		say_per_gib(c, "First touch takes", &touch.row[i], page);
	if (touch.count > 0)
		choosing_absent(c, &touch);
	ranking_close(&touch);
}

/* Prints what was asked; if the run measured another one than requested, says so and why. */
static void say_size(const struct choosing *c, const struct sm_case_row *point, const char *at)
{
	double bytes = sm_param_value(point->params, "bytes");
	const char *how = c->question->access == SM_ACCESS_STREAM ? "in order" : "at random";
	char asked[SM_TEXT_MAX], got[SM_TEXT_MAX], there[SM_TEXT_MAX], why[128] = "the run has none nearer to it";

	sm_format_bytes(asked, (double)c->question->memory);
	sm_format_bytes(got, bytes);
	if (bytes == (double)c->question->memory) {
		choosing_say(c, "%s%s%s of memory, %s:", at, *at ? ": " : "", asked, how);
		return;
	}
	if (c->question->available)
		snprintf(why, sizeof(why), "the largest power of two within half of the available %s",
			 sm_format_bytes(there, (double)c->question->available));
	choosing_say(
		c,
		"%s%s%s of memory, %s: NOT measured. The figures are of %s (%s); a larger size may cost more an access.",
		at, *at ? ": " : "", asked, how, got, why);
}

static int answer_at(const struct choosing *c, const char *scenario, const char *at, struct sm_error *err)
{
	const struct sm_case_row *point =
		choosing_point(c, scenario, SM_PLACE_UNSET, at, "bytes", (double)c->question->memory);

	if (!point)
		return choosing_lacks(c, scenario, *at ? at : "any size", err);
	struct ranking ranking = ranking_open(choosing_run(c, scenario), point->group);

	if (ranking.count == 0) {
		ranking_close(&ranking);
		return sm_fail(err, ENODEV, "no page size could be measured: `shmeter run %s` says why", scenario);
	}
	say_size(c, point, at);
	choosing_take(c, &ranking, (c->question->access == SM_ACCESS_STREAM) ? "4 KiB take" : "An access takes");
	if (c->question->access == SM_ACCESS_STREAM)
		say_per_gib(c, "That is", &ranking.row[0], BLOCK_BYTES);
	choosing_table(c, &ranking, (c->question->access == SM_ACCESS_STREAM) ? "Passing over it" : "Dependent loads");
	ranking_close(&ranking);
	return 0;
}

/* Reading, writing and copying, as far as the run has them. */
static int answer_stream(const struct choosing *c, struct sm_error *err)
{
	static const char *const ops[] = { "op=read", "op=write", "op=copy" };
	unsigned known = 0;
	int rc = 0;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]) && rc == 0; i++) {
		if (!choosing_point(c, "page_size_stream", SM_PLACE_UNSET, ops[i], NULL, 0))
			continue;
		if (known++)
			fputc('\n', c->out);
		rc = answer_at(c, "page_size_stream", ops[i], err);
	}
	return known ? rc : choosing_lacks(c, "page_size_stream", "any size", err);
}

int choosing_pages(const struct choosing *c, struct sm_error *err)
{
	int rc = (c->question->access == SM_ACCESS_STREAM) ? answer_stream(c, err)
							   : answer_at(c, "page_size_random", "", err);

	if (rc == 0) {
		say_first_touch(c);
		say_prefault(c);
	}
	return rc;
}
