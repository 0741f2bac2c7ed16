/* A question of an engineer: checks it, plans the measurements that it needs, and answers it. */
#include "shmeter/choose.h"
#include "shmeter/memory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "choosing.h"
#include "shmeter/text.h"
#include "words.h"

static int check_transport(const struct sm_question *q, struct sm_error *err)
{
	if (q->message == 0)
		return sm_fail(err, EINVAL, "--message needs a size of a byte at least, such as 4k");
	if (q->cpu_budget > 0 && !(q->rate > 0))
		return sm_fail(err, EINVAL,
			       "--cpu-budget needs --rate: the CPU time used depends on the rate of the messages");
	return 0;
}

static int check_pages(const struct sm_question *q, struct sm_error *err)
{
	if (q->memory == 0)
		return sm_fail(err, EINVAL, "--memory needs a size of a byte at least, such as 8g");
	if (q->placement != SM_PLACE_UNSET)
		return sm_fail(err, EINVAL, "--%s goes with --message or --lock: one process accesses the memory",
			       sm_placement_name(q->placement));
	return 0;
}

static int check_lock(const struct sm_question *q, struct sm_error *err)
{
	if (q->processes != 1)
		return 0;
	if (q->section_ns > 0)
		return sm_fail(err, EINVAL,
			       "--critical-section needs two processes at least: with one, nobody waits for the lock");
	if (q->placement != SM_PLACE_UNSET)
		return sm_fail(err, EINVAL, "--%s needs two processes at least", sm_placement_name(q->placement));
	return 0;
}

int sm_choose_check(const struct sm_question *q, struct sm_error *err)
{
	bool transport = q->rate > 0 || q->cpu_budget > 0 || q->may_spin || q->tail;

	if (q->choice == SM_CHOOSE_NOTHING)
		return sm_fail(err, EINVAL,
			       "say what to choose: --message SIZE (a transport), --memory SIZE (pages) or --lock");
	if (transport && q->choice != SM_CHOOSE_TRANSPORT)
		return sm_fail(err, EINVAL, "--rate, --cpu-budget, --may-spin and --p99 go with --message");
	if ((q->processes || q->section_ns > 0) && q->choice != SM_CHOOSE_LOCK)
		return sm_fail(err, EINVAL, "--processes and --critical-section go with --lock");
	if (q->access && q->choice != SM_CHOOSE_PAGES)
		return sm_fail(err, EINVAL, "--access goes with --memory");
	return q->choice == SM_CHOOSE_TRANSPORT ? check_transport(q, err)
	       : q->choice == SM_CHOOSE_PAGES   ? check_pages(q, err)
						: check_lock(q, err);
}

static void ask(struct sm_choose_plan *needs, struct sm_plan_options *plan, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		needs->pattern[i] = patterns[i];
	plan->patterns = needs->pattern;
	plan->pattern_count = count;
	plan->set_count = 0;
}

static void set(struct sm_choose_plan *needs, struct sm_plan_options *plan, const char *name, uint64_t value)
{
	char *text = needs->value[plan->set_count];

	snprintf(text, SM_TEXT_MAX, "%lu", value);
	plan->set[plan->set_count].name = name;
	plan->set[plan->set_count++].text = text;
}

/* A trial's 99 % quantile needs at least a thousand round trips, from four slices; if the receiver sleeps they take
 * 80 ms. */
#define TAIL_SLICE_NS 20000000u
#define TAIL_SLICES   5

/* What an open loop's message holds at least, in bytes: its number and the time at which it was due. */
#define OPEN_LOOP_LEAST 24

/* The largest power of two that is at most `bytes`, and at most half of what is available. */
static uint64_t fitting(uint64_t bytes, uint64_t available)
{
	uint64_t fits = 1;

	while (fits <= bytes / 2 && fits <= available / 4)
		fits *= 2;
	return fits;
}

static bool plan_pages(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		       struct sm_plan_options *plan)
{
	static const char *const random[] = { "page_size_random" }, *const stream[] = { "page_size_stream" },
				 *const populate[] = { "first_touch", "prefault" };

	ask(needs, plan, run == 1 ? populate : q->access == SM_ACCESS_STREAM ? stream : random, run == 1 ? 2 : 1);
	if (run == 0)
		set(needs, plan, "bytes", fitting(q->memory, q->available));
	if (run == 0 && q->access == SM_ACCESS_STREAM) {
		plan->set[plan->set_count].name = "op";
		plan->set[plan->set_count++].text = "read,write,copy";
	}
	return run < 2;
}

static bool plan_lock(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		      struct sm_plan_options *plan)
{
	static const char *const all[] = { "lock_throughput" }, *const mutex[] = { "lock_throughput/mutex" },
				 *const alone[] = { "lock_uncontended" };

	if (q->processes == 1) {
		ask(needs, plan, alone, 1);
		return run == 0;
	}
	if (q->section_ns > 0 && run == 0) {
		ask(needs, plan, mutex, 1);
		set(needs, plan, "processes", 1);
		plan->set[plan->set_count].name = "inside";
		plan->set[plan->set_count++].text = "0,1000";
		return true;
	}
	ask(needs, plan, all, 1);
	set(needs, plan, "processes", q->processes ? q->processes : 2);
	if (q->section_ns > 0)
		set(needs, plan, "inside", q->step_ns > 0 ? (uint64_t)llround(q->section_ns / q->step_ns) : 0);
	return run == (q->section_ns > 0);
}

bool sm_choose_plan(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		    struct sm_plan_options *plan)
{
	/* without --may-spin no way to poll is measured: they are extra variants of the throughput */
	const char *transports[SM_CHOOSE_PATTERNS] = { "transport_latency", "transport_throughput" };
	size_t count = 2;

	if (q->placement != SM_PLACE_UNSET)
		plan->placement = q->placement;
	if (q->choice == SM_CHOOSE_PAGES)
		return plan_pages(q, run, needs, plan);
	if (q->choice == SM_CHOOSE_LOCK)
		return plan_lock(q, run, needs, plan);
	if (q->may_spin)
		transports[count++] = "transport_throughput/*_spin";
	if (q->rate > 0 && q->message >= OPEN_LOOP_LEAST)
		transports[count++] = "transport_open_loop";
	ask(needs, plan, transports, count);
	set(needs, plan, "message", q->message);
	if (q->tail) {
		plan->slice_ns = TAIL_SLICE_NS;
		plan->slices = TAIL_SLICES;
	}
	return run == 0;
}

static int answer(const struct choosing *c, struct sm_error *err)
{
	for (size_t i = 0; i < c->count; i++) {
		sm_report_head(c->runs[i], c->options, c->out);
		if (words_true(c->runs[i], "analysis/aa/moved"))
			choosing_say(
				c, "Do not rely on this: the A/A control moved, so the run cannot tell a cause from a "
				   "drift; run it again.");
	}
	fputc('\n', c->out);
	return c->question->choice == SM_CHOOSE_TRANSPORT ? choosing_transport(c, err)
	       : c->question->choice == SM_CHOOSE_PAGES   ? choosing_pages(c, err)
							  : choosing_lock(c, err);
}

int sm_choose_answer(const struct sm_question *question, const struct sm_results *const *runs, size_t count,
		     const struct sm_report_options *options, FILE *out, struct sm_error *err)
{
	struct choosing c = { question, runs, count, options, NULL, words_width(options) };
	struct sm_written written;
	char lost[SM_LOST_TEXT_MAX];
	int rc;

	for (size_t i = 0; i < count; i++)
		if (sm_report_lost(runs[i], lost))
			return sm_fail(err, ENODEV, "%s", lost);
	c.out = sm_written_open(&written); /* collected first, so that an error prints no partial answer */
	rc = answer(&c, err);
	sm_written_close(&written);
	if (rc == 0)
		fwrite(written.text, 1, written.size, out);
	free(written.text);
	return rc;
}
