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

/* The rates at a point of the transports in a ranking; variants that only measure the upper bound are left out. */
static struct ranking open_rates(const struct choosing *c, const struct ranking *of, enum sm_placement placement,
				 const char *at)
{
	const struct sm_case_row *point = choosing_point(c, throughput, placement, at, NULL, 0);
	struct ranking ranking = ranking_open(choosing_run(c, throughput), point ? point->group : NULL);
	size_t kept = 0;

	for (size_t i = 0; i < ranking.count; i++)
		if (choosing_row(of, ranking.row[i].c->variant))
			ranking.row[kept++] = ranking.row[i];
	ranking.count = kept;
	ranking_order(&ranking);
	return ranking;
}

/* The CPU times of a round trip at a point, with their intervals. */
static struct ranking open_cpu(const struct choosing *c, sm_name group, bool spinning)
{
	struct ranking ranking = open_latency(c, group, spinning);

	choosing_rank_by(&ranking, "CPU time", cpu_of);
	return ranking;
}

/* The share of one PU at the rate, over all processes, for a CPU time of a round trip in ns: a spinning process uses its
 * PU at any rate, a sleeping one in proportion to the messages. */
static double share_of(const struct choosing *c, const struct ranked *row, double cpu_ns)
{
	if (choosing_spins(c, latency, row->c->variant))
		return row->c->workers;
	return cpu_ns / row->c->transfers_per_op * c->question->rate / 1e9;
}

/* Transports that are not accepted, by reason. */
struct refused {
	struct names slow, dear, unknown;
};

/* Keeps the transports that certainly sustain the rate within the CPU budget: by the slow end of the interval of their
 * rate, and by the upper end of that of their CPU time. */
static struct refused keep_accepted(const struct choosing *c, struct ranking *ranking, const struct ranking *rates)
{
	const struct sm_question *q = c->question;
	struct refused refused = { 0 };
	struct ranking cpu;
	size_t kept = 0;

	if (!(q->rate > 0) || ranking->count == 0)
		return refused;
	cpu = open_cpu(c, ranking->row[0].c->group, true);
	for (size_t i = 0; i < ranking->count; i++) {
		const struct ranked *row = &ranking->row[i];
		const struct ranked *rate = choosing_row(rates, row->c->variant);
		const struct ranked *used = choosing_row(&cpu, row->c->variant);
		double share = share_of(c, row, used ? used->figure.high : (double)NAN);

		if (!rate || !isfinite(rate->figure.high) || (q->cpu_budget > 0 && isnan(share)))
			names_add(&refused.unknown, row->c->variant);
		else if (1e9 / rate->figure.high < q->rate)
			names_add(&refused.slow, row->c->variant);
		else if (q->cpu_budget > 0 && share > q->cpu_budget)
			names_add(&refused.dear, row->c->variant);
		else
			ranking->row[kept++] = *row;
	}
	ranking_close(&cpu);
	ranking->count = kept;
	ranking_order(ranking);
	return refused;
}

static void say_refused(const struct choosing *c, const struct refused *refused, size_t kept)
{
	const struct sm_question *q = c->question;
	size_t fast = kept + refused->dear.count;
	char rate[SM_TEXT_MAX];

	if (!(q->rate > 0))
		return;
	choosing_say(c, "%zu of %zu sustain %s: the slow end of the 95 %% interval of %s is faster than that.", fast,
		     fast + refused->slow.count + refused->unknown.count, sm_format_rate(rate, q->rate), throughput);
	if (refused->slow.count)
		choosing_say(c, "Not shown to reach this rate: %s.", refused->slow.text);
	if (refused->unknown.count)
		choosing_say(c, "Without an interval in this run, so not known: %s.", refused->unknown.text);
	if (q->cpu_budget > 0)
		choosing_say(
			c,
			"%zu of these %zu need at most %.3g %% of a PU: the upper end of the interval of CPU time a "
			"message (%s), times the rate; a process that spins counts as one PU.",
			kept, fast, 100 * q->cpu_budget, latency);
	if (refused->dear.count)
		choosing_say(c, "Over the CPU budget, or not shown to be within it: %s.", refused->dear.text);
}

/* How much of a PU the chosen transport uses at the rate. */
static void say_share(const struct choosing *c, const struct ranked *pick)
{
	struct ranking cpu = open_cpu(c, pick->c->group, true);
	const struct ranked *row = choosing_row(&cpu, pick->c->variant);
	char used[64], rate[SM_TEXT_MAX];

	if (c->question->rate > 0 && choosing_spins(c, latency, pick->c->variant))
		choosing_say(c, "It spins: its %u processes use %u PUs whatever the rate.", pick->c->workers,
			     pick->c->workers);
	else if (c->question->rate > 0 && row)
		choosing_say(c,
			     "At %s it takes %.3g %% of a PU (95 %% interval %.3g to %.3g): %s of CPU time a message "
			     "(%s/%s).",
			     sm_format_rate(rate, c->question->rate), 100 * share_of(c, pick, row->figure.estimate),
			     100 * share_of(c, pick, row->figure.low), 100 * share_of(c, pick, row->figure.high),
			     sm_format_ns(used, row->figure.estimate / pick->c->transfers_per_op), latency,
			     pick->c->variant);
	ranking_close(&cpu);
}

/* Names other points of the run at which the chosen transport is not among the best of those accepted there.  Returns
 * whether there are any. */
static bool say_other_points(const struct choosing *c, const struct ranking *chosen, const char *at)
{
	const struct sm_results *r = choosing_run(c, latency);
	const struct ranked *pick = &chosen->row[0];
	bool any = false;

	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *row = &r->cases[i];
		bool here = row->group == pick->c->group;
		bool one_off = row->placement == pick->c->placement || choosing_is_at(row, at);
		char best[256], mine[256], point[256], there[64];

		for (size_t j = 0; j < i && !here; j++)
			here = r->cases[j].group == row->group;
		if (here || !one_off || row->derived || row->scenario != sm_name_of(latency))
			continue;
		snprintf(there, sizeof(there), "message=%.0f", sm_param_value(row->params, "message"));
		struct ranking other = open_latency(c, row->group, c->question->may_spin);
		struct ranking rates = open_rates(c, &other, row->placement, there);
		const struct ranked *same;

		keep_accepted(c, &other, &rates);
		same = choosing_row(&other, pick->c->variant);
		words_point(row->params, sm_placement_name(row->placement), point, sizeof(point));
		if (other.count > 0 && same && ranking_is_better(&other, &other.row[0], same)) {
			any = true;
			choosing_say(c, "- At %s it would be another: %s, against %s.", point,
				     choosing_figure(&other.row[0], best), choosing_figure(same, mine));
		}
		ranking_close(&rates);
		ranking_close(&other);
	}
	return any;
}

/* Names the best transport if those that spin are allowed, where it spins and is certainly better than the pick (NULL:
 * none was accepted).  Returns whether it does. */
static bool say_spinning(const struct choosing *c, const struct sm_case_row *here, const struct ranked *pick,
			 const char *at)
{
	struct ranking all = open_latency(c, here->group, true);
	struct ranking rates = open_rates(c, &all, here->placement, at);
	const struct ranked *same;
	char figure[256];
	bool better;

	keep_accepted(c, &all, &rates);
	same = pick ? choosing_row(&all, pick->c->variant) : NULL;
	better = all.count > 0 && choosing_spins(c, latency, all.row[0].c->variant) &&
		 (!pick || (same && ranking_is_better(&all, &all.row[0], same)));
	if (better)
		choosing_say(c, "- --may-spin: %s; each of its %u processes burns a PU while it waits.",
			     choosing_figure(&all.row[0], figure), all.row[0].c->workers);
	ranking_close(&rates);
	ranking_close(&all);
	return better;
}

/* What would change the answer; no transport may have been accepted. */
static void say_changes(const struct choosing *c, const struct sm_case_row *here, const struct ranking *chosen,
			const char *at)
{
	bool any = false;

	words_heading(c->options, c->out, "What would change the answer, by this run's figures", NULL);
	if (!c->question->may_spin)
		any |= say_spinning(c, here, chosen->count > 0 ? &chosen->row[0] : NULL, at);
	if (chosen->count > 0)
		any |= say_other_points(c, chosen, at);
	choosing_end_changes(c, any);
}

static void print_tables(const struct choosing *c, const struct ranking *chosen, const struct ranking *rates,
			 const char *at)
{
	struct ranking cpu = open_cpu(c, chosen->row[0].c->group, c->question->may_spin);
	const struct sm_case_row *loop =
		choosing_point(c, "transport_open_loop", chosen->row[0].c->placement, at, NULL, 0);
	char figure[256];

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
		choosing_table(c, &late, "On a schedule, each at that load: a share of its own highest rate");
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
	struct names spin = { .count = 0 }, few = { .count = 0 };

	for (size_t i = 0; i < by_median.count; i++) {
		sm_name variant = by_median.row[i].c->variant;

		if (!c->question->may_spin && choosing_spins(c, latency, variant))
			names_add(&spin, variant);
		else if (!choosing_row(&by_tail, variant))
			names_add(&few, variant);
	}
	if (spin.count)
		choosing_say(c, "Left out, for they spin while they wait (--may-spin takes them): %s.", spin.text);
	if (few.count)
		choosing_say(c, "Left out, for no trial has the thousand round trips that a 99 %% quantile takes: %s.",
			     few.text);
	ranking_close(&by_median);
	ranking_close(&by_tail);
}

/* Fails: nothing at the point can be ranked. */
static int nothing_to_rank(const struct choosing *c, const struct sm_case_row *here, const char *point,
			   struct sm_error *err)
{
	struct ranking all = ranking_open(choosing_run(c, latency), here->group);
	bool measured = all.count > 0, spinning = measured && !c->question->may_spin;

	for (size_t i = 0; i < all.count; i++)
		spinning &= choosing_spins(c, latency, all.row[i].c->variant);
	ranking_close(&all);
	if (spinning)
		return sm_fail(err, EINVAL,
			       "only transports that spin while they wait have a figure at %s: --may-spin takes them",
			       point);
	if (measured && c->question->tail)
		return sm_fail(
			err, EINVAL,
			"a 99 %% quantile needs 1000 round trips a trial, and no trial at %s has them: measure without "
			"--from, or `shmeter run transport_latency --slice 20ms` and choose from that",
			point);
	return sm_fail(err, ENODEV, "no transport could be measured at %s; `shmeter run %s --set message=%lu` says why",
		       point, latency, c->question->message);
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

	if (chosen.count == 0) {
		ranking_close(&chosen);
		return nothing_to_rank(c, here, point, err);
	}
	struct ranking rates = open_rates(c, &chosen, placement, at);
	struct refused refused = keep_accepted(c, &chosen, &rates);

	choosing_say(c, "Messages of %s, %s, %s:", sm_format_bytes(size, (double)q->message),
		     sm_placement_name(placement), q->tail ? "by the 99 % quantile of the round trips" : "by latency");
	say_refused(c, &refused, chosen.count);
	if (chosen.count > 0) {
		choosing_take(c, &chosen, "A round trip takes");
		say_share(c, &chosen.row[0]);
	} else {
		choosing_say(c, "None of the transports measured is known to do that%s.",
			     q->may_spin ? "" : " without spinning");
	}
	say_left_out(c, here);
	if (chosen.count > 0)
		print_tables(c, &chosen, &rates, at);
	say_changes(c, here, &chosen, at);
	ranking_close(&rates);
	ranking_close(&chosen);
	return 0;
}
