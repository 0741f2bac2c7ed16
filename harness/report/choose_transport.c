/* Chooses a transport by latency, CPU time and rate, at one message size and one placement. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "choosing.h"
#include "shmeter/histogram.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

static const char latency[] = "transport_latency", throughput[] = "transport_throughput";

static double cpu_of(const struct sm_results *results, const struct sm_sample *sample)
{
	(void)results;
	return sm_sample_cpu_ns_per_op(sample);
}

/* The 99 % quantile of the round trips of a trial. */
static double tail_of(const struct sm_results *results, const struct sm_sample *sample)
{
	struct sm_histogram *histogram = sm_zeroed_memory(1, sizeof(*histogram));
	uint64_t ns;

	for (size_t i = 0; i < results->bucket_count; i++)
		if (results->buckets[i].trial == sample->trial)
			sm_histogram_add_many(histogram, results->buckets[i].ns, results->buckets[i].count);
	ns = histogram->count ? sm_histogram_quantile(histogram, 0.99) : UINT64_MAX;
	free(histogram);
	return ns == UINT64_MAX ? (double)NAN : (double)ns;
}

/* The latencies at a point, of the transports whose way of waiting is allowed. */
static struct ranking open_latency(const struct choosing *c, sm_name group, bool spinning)
{
	struct ranking ranking = ranking_open(choosing_run(c, latency), group);
	size_t kept = 0;

	for (size_t i = 0; i < ranking.count; i++)
		if (spinning || !choosing_spins(c, latency, ranking.row[i].c->variant))
			ranking.row[kept++] = ranking.row[i];
	ranking.count = kept;
	if (c->question->tail)
		choosing_rank_by(&ranking, "99 % quantile", tail_of);
	else
		ranking_order(&ranking);
	return ranking;
}

/* The rates of the transports that may be chosen; variants that only measure the upper bound are left out. */
static struct ranking open_rates(const struct choosing *c, const struct ranking *chosen, const char *at)
{
	const struct sm_case_row *point = choosing_point(c, throughput, chosen->row[0].c->placement, at, NULL, 0);
	struct ranking ranking = ranking_open(choosing_run(c, throughput), point ? point->group : NULL);
	size_t kept = 0;

	for (size_t i = 0; i < ranking.count; i++)
		if (choosing_row(chosen, ranking.row[i].c->variant))
			ranking.row[kept++] = ranking.row[i];
	ranking.count = kept;
	ranking_order(&ranking);
	return ranking;
}

/* Messages per second at the slow end of the interval; NaN: unknown. */
static double least_rate(const struct ranking *rates, sm_name variant)
{
	const struct ranked *row = choosing_row(rates, variant);

	return row && isfinite(row->figure.high) ? 1e9 / row->figure.high : NAN;
}

/* The share of one PU, over all processes: a spinning process uses its PU at any rate, a sleeping one in proportion
 * to the messages. */
static double share_of(const struct choosing *c, const struct ranked *row)
{
	if (choosing_spins(c, latency, row->c->variant))
		return row->c->workers;
	return row->summary->cpu_ns_per_op / row->c->transfers_per_op * c->question->rate / 1e9;
}

/* Removes transports that do not sustain the rate or exceed the CPU budget. */
static void filter(const struct choosing *c, struct ranking *chosen, const struct ranking *rates)
{
	const struct sm_question *q = c->question;
	size_t kept = 0, slow = 0, dear = 0, unknown = 0;
	char rate[SM_TEXT_MAX];

	if (!(q->rate > 0))
		return;
	sm_format_rate(rate, q->rate);
	for (size_t i = 0; i < chosen->count; i++) {
		const struct ranked *row = &chosen->row[i];
		double least = least_rate(rates, row->c->variant);

		if (isnan(least))
			unknown++;
		else if (least < q->rate)
			slow++;
		else if (q->cpu_budget > 0 && !(share_of(c, row) <= q->cpu_budget))
			dear++;
		else
			chosen->row[kept++] = *row;
	}
	chosen->count = kept;
	ranking_order(chosen);
	choosing_say(c, "%zu of %zu sustain %s: the slow end of the 95 %% interval of %s is faster than that.",
		     kept + dear, kept + dear + slow + unknown, rate, throughput);
	if (unknown > 0)
		choosing_say(c, "%zu of them have no interval there in this run: whether they do is not known.",
			     unknown);
	if (q->cpu_budget > 0)
		choosing_say(
			c,
			"%zu of them take %.3g %% of a PU at most: the CPU time of a message, as in %s, by the rate; what "
			"spins takes a PU for each of its processes.",
			kept, 100 * q->cpu_budget, latency);
}

/* How much of a PU the chosen transport uses at the rate. */
static void say_share(const struct choosing *c, const struct ranked *row)
{
	char cpu[SM_TEXT_MAX], rate[SM_TEXT_MAX];

	if (!(c->question->rate > 0))
		return;
	if (choosing_spins(c, latency, row->c->variant))
		choosing_say(c, "It spins: its %u processes use %u PUs whatever the rate.", row->c->workers,
			     row->c->workers);
	else
		choosing_say(c, "At %s it takes %.3g %% of a PU: %s of CPU time a message (%s/%s).",
			     sm_format_rate(rate, c->question->rate), 100 * share_of(c, row),
			     sm_format_ns(cpu, row->summary->cpu_ns_per_op / row->c->transfers_per_op), latency,
			     row->c->variant);
}

/* Names another point of the run at which the chosen transport is not among the best. */
static void say_other_points(const struct choosing *c, const struct ranking *chosen, const char *at)
{
	const struct sm_results *r = choosing_run(c, latency);
	const struct ranked *pick = &chosen->row[0];

	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *row = &r->cases[i];
		bool here = row->group == pick->c->group;
		bool one_off = row->placement == pick->c->placement || choosing_is_at(row, at);
		char best[256], mine[256], point[256];

		for (size_t j = 0; j < i && !here; j++)
			here = r->cases[j].group == row->group;
		if (here || !one_off || row->derived || row->scenario != sm_name_of(latency))
			continue;
		struct ranking other = open_latency(c, row->group, c->question->may_spin);
		const struct ranked *same = choosing_row(&other, pick->c->variant);

		words_point(row->params, sm_placement_name(row->placement), point, sizeof(point));
		if (other.count > 0 && same && ranking_is_better(&other, &other.row[0], same))
			choosing_say(c, "- At %s it would be another: %s, against %s.", point,
				     choosing_figure(&other.row[0], best), choosing_figure(same, mine));
		ranking_close(&other);
	}
}

static void say_changes(const struct choosing *c, const struct ranking *chosen, const char *at)
{
	struct ranking all = open_latency(c, chosen->row[0].c->group, true);
	const struct ranked *pick = choosing_row(&all, chosen->row[0].c->variant);
	char figure[256];

	words_heading(c->options, c->out, "What would change the answer, by this run's figures", NULL);
	if (!c->question->may_spin && pick && ranking_is_better(&all, &all.row[0], pick))
		choosing_say(c, "- --may-spin: %s; each of its %u processes burns a PU while it waits.",
			     choosing_figure(&all.row[0], figure), all.row[0].c->workers);
	say_other_points(c, chosen, at);
	choosing_say(c, "Other points than those of the run are not known to it.");
	ranking_close(&all);
}

static void print_tables(const struct choosing *c, const struct ranking *chosen, const struct ranking *rates,
			 const char *at)
{
	struct ranking cpu = open_latency(c, chosen->row[0].c->group, c->question->may_spin);
	const struct sm_case_row *loop =
		choosing_point(c, "transport_open_loop", chosen->row[0].c->placement, at, NULL, 0);
	char figure[256];

	choosing_rank_by(&cpu, "CPU time", cpu_of);
	choosing_table(c, chosen, c->question->tail ? "By the 99 % quantile of the round trips" : "By latency");
	choosing_table(c, &cpu, "By CPU time of a round trip, both processes");
	choosing_table(c, rates, "By rate");
	if (loop && c->question->rate > 0) {
		struct ranking late = ranking_open(choosing_run(c, "transport_open_loop"), loop->group);
		size_t kept = 0;

		for (size_t i = 0; i < late.count; i++)
			if (choosing_row(chosen, late.row[i].c->variant))
				late.row[kept++] = late.row[i];
		late.count = kept;
		ranking_order(&late);
		choosing_table(c, &late, "By latency on a schedule");
		ranking_close(&late);
	}
	if (cpu.count > 0)
		fputc('\n', c->out), choosing_say(c, "Least CPU time%s: %s.", choosing_among(&cpu),
						  choosing_figure(&cpu.row[0], figure));
	if (rates->count > 0)
		choosing_say(c, "Highest rate%s: %s a message.", choosing_among(rates),
			     choosing_figure(&rates->row[0], figure));
	ranking_close(&cpu);
}

/* Names the variants at the point that are in no ranking, because of their way of waiting or for lack of values. */
static void say_left_out(const struct choosing *c, const struct sm_case_row *here)
{
	struct ranking by_median = ranking_open(choosing_run(c, latency), here->group);
	struct ranking by_tail = open_latency(c, here->group, true);
	char spin[800], few[800];
	size_t spins = 0, fews = 0;

	for (size_t i = 0; i < by_median.count; i++) {
		sm_name variant = by_median.row[i].c->variant;

		if (!c->question->may_spin && choosing_spins(c, latency, variant) && spins < sizeof(spin) / 2)
			spins += (size_t)snprintf(spin + spins, sizeof(spin) - spins, "%s%.60s", spins ? ", " : "",
						  variant);
		else if (!choosing_row(&by_tail, variant) && fews < sizeof(few) / 2)
			fews += (size_t)snprintf(few + fews, sizeof(few) - fews, "%s%.60s", fews ? ", " : "", variant);
	}
	if (spins)
		choosing_say(c, "Left out, for they spin while they wait (--may-spin takes them): %s.", spin);
	if (fews)
		choosing_say(c, "Left out, for no trial has the thousand round trips that a 99 %% quantile takes: %s.",
			     few);
	ranking_close(&by_median);
	ranking_close(&by_tail);
}

int choosing_transport(const struct choosing *c, struct sm_error *err)
{
	const struct sm_question *q = c->question;
	enum sm_placement placement = q->placement == SM_PLACE_UNSET ? SM_PLACE_NEAR : q->placement;
	char at[64], point[96], size[SM_TEXT_MAX];

	snprintf(at, sizeof(at), "message=%lu", q->message);
	snprintf(point, sizeof(point), "%s, %s", at, sm_placement_name(placement));
	const struct sm_case_row *here = choosing_point(c, latency, placement, at, NULL, 0);

	if (!here)
		return choosing_lacks(c, latency, point, err);
	if (q->rate > 0 && !choosing_point(c, throughput, placement, at, NULL, 0))
		return choosing_lacks(c, throughput, point, err);
	struct ranking chosen = open_latency(c, here->group, q->may_spin);

	if (chosen.count == 0 && q->tail) {
		ranking_close(&chosen);
		return sm_fail(
			err, EINVAL,
			"no trial at %s has the thousand round trips that a 99 %% quantile takes; measure without --from, "
			"or run with --slice 20ms",
			point);
	}
	if (chosen.count == 0) {
		ranking_close(&chosen);
		return sm_fail(err, ENODEV, "no transport could be measured at %s; `shmeter run %s --set %s` says why",
			       point, latency, at);
	}
	struct ranking rates = open_rates(c, &chosen, at);

	choosing_say(c, "Messages of %s, %s, %s:", sm_format_bytes(size, (double)q->message),
		     sm_placement_name(placement), q->tail ? "by the 99 % quantile of the round trips" : "by latency");
	filter(c, &chosen, &rates);
	if (chosen.count > 0) {
		choosing_take(c, &chosen, "A round trip takes");
		say_share(c, &chosen.row[0]);
	} else {
		choosing_say(c, "None of the transports measured is known to do that%s.",
			     q->may_spin ? "" : "; those that spin (--may-spin) were not looked at");
	}
	say_left_out(c, here);
	if (chosen.count > 0) {
		print_tables(c, &chosen, &rates, at);
		say_changes(c, &chosen, at);
	}
	ranking_close(&rates);
	ranking_close(&chosen);
	return 0;
}
