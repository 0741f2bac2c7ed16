/* What the registered scenarios claim: never more than their condition lets them, and what results can refute. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "made_up_run.h"
#include "registry.h"
#include "shmeter/plan.h"

/* A claim of the scenario that the same thing is seen somewhere; NULL: none, or none on a machine where this one is judged,
 * for it needs that something is off. */
static const struct sm_claim *seen_beside(const struct sm_scenario *s, const struct sm_claim *claim)
{
	if (claim->needs && strstr(claim->needs, ", no "))
		return NULL;
	for (const struct sm_claim *c = s->claims; c->id; c++)
		if (c->kind == SM_CLAIM_METRIC && strcmp(c->metric.name, claim->metric.name) == 0 &&
		    c->metric.min > 0 && !c->machine)
			return c;
	return NULL;
}

/* That something was not seen says little where it could not be. */
Test(claims, what_never_happens_is_seen_to_happen_elsewhere)
{
	unsigned controlled = 0;

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (c->kind != SM_CLAIM_METRIC || c->metric.min != 0 || c->metric.max != 0 ||
			    !seen_beside(sm_scenarios[i], c))
				continue;
			controlled++;
			cr_expect(c->control, "%s has no control, such as %s", c->id,
				  seen_beside(sm_scenarios[i], c)->id);
		}
	cr_expect_gt(controlled, 10);
}

static bool has_word_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		const char *at = strstr(text, *words);

		if (at && (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

/* A sentence about a kind of machine is not refuted on another. */
Test(claims, claims_about_a_kind_of_machine_are_judged_there)
{
	static const char *const x86[] = { "x86", "Intel", "AMD", NULL };
	static const char *const arm[] = { "Arm", "arm64", "aarch64", NULL };

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			bool of_x86 = has_word_of(c->text, x86), of_arm = has_word_of(c->text, arm);

			cr_expect(!of_x86 || c->machine == SM_X86, "%s: %s", c->id, c->text);
			cr_expect(!of_arm || c->machine == SM_ARM64, "%s: %s", c->id, c->text);
		}
}

static const struct sm_claim *find_claim(const char *id)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++)
			if (strcmp(c->id, id) == 0)
				return c;
	cr_assert_fail("no claim %s", id);
	return NULL;
}

/* Whether a claim is made at these parameters, wherever the workers sit. */
static bool is_made_at(const struct sm_claim *claim, const char *params, unsigned pus)
{
	const char *at = claim->at;

	for (size_t length; *at; at += length, at += strspn(at, " ")) {
		length = strcspn(at, " ");
		if (strncmp(at, "placement=", 10) != 0 && strncmp(at, "cores=", 6) != 0 &&
		    !sm_at_holds(params, at, length, pus))
			return false;
	}
	return true;
}

/* A point at which a sentence's condition is not met would refute it. */
Test(claims, claims_are_made_where_their_condition_is_met)
{
	static const struct {
		const char *id, *params;
		unsigned pus;
		bool made;
	} points[] = {
		{ "S2", "processes=8 inside=0 outside=0", 2, true },
		{ "S2", "processes=8 inside=0 outside=0", 8, false },
		{ "S2", "processes=32 inside=0 outside=0", 8, true },
		{ "S2.tas", "processes=8 inside=1000 outside=0", 2, false },
		{ "C6a", "processes=1", 2, false },
		{ "C6d", "processes=1", 2, false },
		{ "C6d", "processes=2", 2, true },
		{ "C1", "op=atomic_add processes=8 work=0", 16, true },
		{ "C1", "op=atomic_add processes=16 work=0", 16, false },
		{ "C1", "op=atomic_add processes=4 work=0", 2, false },
		/* back to back is another question than with work between */
		{ "C1b", "op=load_store processes=2 work=0", 2, false },
		{ "C1b", "op=load_store processes=2 work=20", 2, true },
		{ "C1b.0", "op=load_store processes=2 work=0", 2, true },
		{ "C1b.1000", "op=load_store processes=2 work=1000", 2, true },
		{ "S4", "producers=2 consumers=1", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 2, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 4, true },
		{ "S4.contended", "producers=1 consumers=1 workers=2", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 3, true },
		{ "S5", "producers=1 consumers=2", 4, false },
		{ "S6", "writes=0 readers=2", 2, true },
		/* threads of one core slow each other down */
		{ "S6", "writes=0 readers=4", 8, false },
		{ "S6.rwlock", "writes=0 readers=4", 2, false },
		{ "S6.rwlock", "writes=10 readers=4", 4, false },
	};

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		cr_expect_eq(is_made_at(find_claim(points[i].id), points[i].params, points[i].pus), points[i].made,
			     "%s at %s with %u PUs", points[i].id, points[i].params, points[i].pus);
}

/* Results that fulfil a sentence just so, and results that break it: written from the sentence, not from the claim, so that
 * sides that were exchanged or a wrong bound are seen.  Times and metrics of `right` are 100. */
struct turn {
	const char *id, *params, *left, *right; /* right NULL: the values are those of a metric of `left` */
	const char *metric;                     /* NULL: the time */
	double holds, breaks[2];                /* breaks[1]: the other side of a range; 0: there is none */
};

#define LOAN            "message=4194304 capacity=65536"
#define SENT            "message=64 capacity=65536"
#define LOADED          "load=100 bytes=134217728"
#define BLOCKS          "block=4096 bytes=33554432"
#define POOL            "processes=2 bytes=1073741824 lookups=independent"
#define CPU_TIME        "CPU time"
#define NEVER_WENT_ON   "never went on"
#define NEVER_CAME_BACK "never came back"
static const struct turn turns[] = {
	{ "T13", LOAN, "shm_ring", "loan", NULL, 155, { 145 } },
	{ "T13.middle", "message=65536 capacity=65536", "shm_ring", "loan", NULL, 105, { 95 } },
	{ "T13.small", SENT, "loan", "shm_ring", NULL, 105, { 95 } },
	{ "T13.no_copy", LOAN, "loan_held", "in_place", NULL, 105, { 115 } },
	{ "T13.pipe", LOAN, "pipe", "loan", NULL, 310, { 290 } },
	{ "T13.vmsplice", LOAN, "pipe_vmsplice", "loan", NULL, 105, { 95 } },
	{ "P11", "processes=2 " LOADED, "read", "alone", NULL, 115, { 105 } },
	{ "P11.write", "processes=2 " LOADED, "write", "alone", NULL, 115, { 105 } },
	{ "P11.saturated", "processes=8 " LOADED, "read", "alone", NULL, 210, { 190 } },
	{ "P11.little", "processes=2 load=10 bytes=134217728", "read", "alone", NULL, 105, { 115 } },
	{ "T12", SENT, "pipes.4", "cursors.4", NULL, 210, { 190 } },
	{ "T12.sockets", SENT, "sockets.4", "cursors.4", NULL, 210, { 190 } },
	{ "T12.each_pays", SENT, "pipes.4", "pipes.1", NULL, 210, { 190 } },
	{ "T12.readers", SENT, "cursors.4", "cursors.1", NULL, 190, { 210 } },
	{ "T12.blocks", SENT, "cursors.slow", "lapping.slow", NULL, 510, { 490 } },
	{ "T12.drops", SENT, "cursors.slow", "dropping.slow", NULL, 510, { 490 } },
	{ "T12.lapped", SENT, "lapping.slow", NULL, "messages told lost", 1, { 0 } },
	{ "T12.known", SENT, "lapping.slow", NULL, "messages unaccounted for", 0, { 1 } },
	{ "T12.dropped", SENT, "dropping.slow", NULL, "times a reader was dropped", 1, { 0 } },
	{ "T12.told", SENT, "dropping.slow", NULL, "drops not told", 0, { 1 } },
	{ "T12.misses", SENT, "latest.1", NULL, "messages told lost", 1, { 0 } },
	{ "T12.counted", SENT, "latest.1", NULL, "messages unaccounted for", 0, { 1 } },
	{ "T31", SENT, "shm_ring", NULL, "calls to send", 0, { 0.001 } },
	{ "T31.receive", SENT, "shm_ring", NULL, "calls to receive", 0, { 0.001 } },
	{ "T31.slots", SENT, "shm_slots", NULL, "calls to send", 0, { 0.001 } },
	{ "T31.pipe", SENT, "pipe", NULL, "calls to send", 1, { 0.5, 2 } },
	{ "C31", "-", "other", "own", NULL, 510, { 490 } },
	{ "C31.behind", "-", "behind_stores", "other", NULL, 155, { 145 } },
	{ "C9", "op=atomic_add processes=2", "one_line", "alone", NULL, 210, { 190 } },
	{ "C9.load_store", "op=load_store processes=2", "one_line", "alone", NULL, 210, { 190 } },
	{ "C9.store", "op=store processes=2", "one_line", "alone", NULL, 210, { 190 } },
	{ "C9.apart", "op=atomic_add processes=2", "apart", "alone", NULL, 115, { 125 } },
	{ "K33", "-", "naive", NULL, "nodes popped twice", 1, { 0 } },
	{ "K33.tagged", "-", "tagged", NULL, "nodes popped twice", 0, { 1 } },
	{ "K33.whole", "-", "tagged", NULL, "nodes lost", 0, { 1 } },
	{ "K31", "-", "explicit_off", NULL, "refused", 1, { 0 } },
	{ "K31.explicit", "-", "explicit", NULL, "refused", 0, { 1 } },
	{ "K31.cut", "-", "explicit_cut", NULL, "refused", 1, { 0 } },
	{ "K31.thp_off", "-", "thp_off", NULL, "huge pages", 0, { 0.1 } },
	{ "K31.thp", "-", "thp", NULL, "huge pages", 1, { 0 } },
	{ "K32", "-", "anon", NULL, "mapped", 0, { 1 } },
	{ "K32.noreserve", "-", "anon_noreserve", NULL, "mapped", 1, { 0 } },
	{ "K32.memfd", "-", "memfd", NULL, "mapped", 1, { 0 } },
	{ "K32.file", "-", "file", NULL, "mapped", 1, { 0 } },
	{ "K11", "-", "touch", NULL, "SIGBUS", 1, { 0 } },
	{ "K11.reserve", "-", "reserve", NULL, "ENOSPC", 1, { 0 } },
	{ "K11.pipe", "-", "pipe", NULL, "EAGAIN", 1, { 0 } },
	{ "S10", "-", "cond", NULL, "signaller hung", 1, { 0 } },
	{ "S10.lost", "-", "cond", NULL, "wake-ups lost", 1, { 0 } },
	{ "S10.futex", "-", "futex_cond", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S10.mutex", "-", "mutex", NULL, NEVER_WENT_ON, 0.125, { 0 } },
	{ "S10.semaphore", "-", "semaphore", NULL, NEVER_WENT_ON, 0.125, { 0 } },
	{ "S10.robust", "-", "robust_mutex", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S11", "-", "rwlock", NULL, NEVER_WENT_ON, 1, { 0 } },
	{ "S11.robust", "-", "reader_mutexes", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S12", "-", "seqlock", NULL, NEVER_WENT_ON, 1, { 0 } },
	{ "S12.mended", "-", "seqlock_mended", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S12.double_buffer", "-", "double_buffer", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S13", "-", "mpmc", NULL, NEVER_WENT_ON, 1, { 0 } },
	{ "S13.owned", "-", "mpmc_owned", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S13.spsc", "-", "spsc", NULL, NEVER_WENT_ON, 0, { 0.25 } },
	{ "S14", "-", "private", NULL, NEVER_CAME_BACK, 1, { 0 } },
	{ "S14.shared", "-", "shared", NULL, NEVER_CAME_BACK, 0, { 0.5 } },
	{ "S15", "-", "unmended", NULL, "told of it", 1, { 0 } },
	{ "S16", "-", "robust_across", NULL, NEVER_CAME_BACK, 1, { 0 } },
	{ "S16.twice", "-", "robust_twice", NULL, NEVER_CAME_BACK, 1, { 0 } },
	{ "S16.checked", "-", "checked_twice", NULL, "told of it", 1, { 0 } },
	{ "S16.checked_across", "-", "checked_across", NULL, NEVER_CAME_BACK, 1, { 0 } },
	{ "M8", "pattern=randread cache=cached " BLOCKS, "pread", "mmap", NULL, 105, { 95 } },
	{ "M8.fresh", "pattern=randread cache=cached " BLOCKS, "pread", "mmap_fresh", NULL, 105, { 95 } },
	{ "M8.in_order", "pattern=read cache=cached " BLOCKS, "pread", "mmap_fresh", NULL, 105, { 95 } },
	{ "M8.large",
	  "pattern=read cache=cached block=1048576 bytes=33554432",
	  "pread",
	  "mmap_fresh",
	  NULL,
	  105,
	  { 95 } },
	{ "M8.uncached", "pattern=randread cache=uncached " BLOCKS, "pread", "mmap", NULL, 105, { 95 } },
	{ "M8.uncached_in_order", "pattern=read cache=uncached " BLOCKS, "pread", "mmap", NULL, 105, { 95 } },
	{ "M8.write", "pattern=randwrite cache=cached " BLOCKS, "pread", "mmap", NULL, 105, { 95 } },
	{ "M9", "pattern=randread cache=cached " BLOCKS, "mmap", NULL, "system calls", 0, { 0.01 } },
	{ "M9.pread", "pattern=randread cache=cached " BLOCKS, "pread", NULL, "system calls", 1, { 0.5, 2 } },
	{ "M9.faults", "pattern=read cache=cached " BLOCKS, "mmap_fresh", NULL, "minor faults", 1, { 0.9, 2.1 } },
	{ "M9.around", "pattern=read cache=cached " BLOCKS, "mmap_fresh", NULL, "minor faults", 0.0625, { 0.07 } },
	{ "M9.write", "pattern=randwrite cache=uncached " BLOCKS, "mmap", NULL, "from the disk", 1, { 0 } },
	{ "M9.pwrite", "pattern=randwrite cache=uncached " BLOCKS, "pread", NULL, "from the disk", 0, { 1 } },
	{ "M10", "pattern=randread cache=cached " BLOCKS, "pread", "mmap", CPU_TIME, 105, { 95 } },
	{ "M10.uncached", "pattern=read cache=uncached " BLOCKS, "pread", "mmap", CPU_TIME, 105, { 95 } },
	{ "M10.direct", "pattern=randread cache=uncached " BLOCKS, "pread", "direct", CPU_TIME, 105, { 95 } },
	{ "M11", "pattern=randread cache=cached " BLOCKS, "pread", "uring", NULL, 105, { 95 } },
	{ "M11.deep", "pattern=randread cache=uncached " BLOCKS, "pread", "uring_16", NULL, 210, { 190 } },
	{ "P10", "skew=uniform " POOL, "4k", "2m", NULL, 115, { 105, 125 } },
	{ "P10.skewed", "skew=zipf " POOL, "4k", "2m", NULL, 115, { 105, 125 } },
	{ "P10.thp", "skew=uniform " POOL, "4k", "thp", NULL, 115, { 105, 125 } },
	{ "P10.thp_skewed", "skew=zipf " POOL, "4k", "thp", NULL, 115, { 105, 125 } },
};

static const struct sm_scenario *scenario_of(const struct sm_claim *claim)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++)
			if (c == claim)
				return sm_scenarios[i];
	return NULL;
}

/* What a variant's process number is at these parameters. */
static unsigned workers_of(const struct sm_scenario *s, const char *variant, const char *params)
{
	const char *processes = strstr(params, "processes=");

	for (const struct sm_variant *v = s->variants; v->name; v++)
		if (strcmp(v->name, variant) == 0 && v->workers)
			return v->workers;
	return processes ? (unsigned)atoi(strchr(processes, '=') + 1) : s->workers;
}

/* Eight trials of a variant; what it has already stays, and gets the metric. */
static void add_side(const struct sm_scenario *s, const struct turn *t, const char *variant, double value)
{
	bool is_time = !t->metric;
	size_t c = 0;

	while (c < run.case_count && strcmp(run.cases[c].variant, variant) != 0)
		c++;
	if (c == run.case_count) {
		static const char *const pus[] = { "", "0", "0 1", "0 1 2", "0 1 2 3", "0 1 2 3 4" };
		unsigned workers = workers_of(s, variant, t->params);

		add_case(s->name, variant, t->params, workers);
		run.cases[c].metric = s->metric.name;
		for (unsigned b = 0; b < 8; b++)
			add_trial((unsigned)c, b, 0, 0, is_time ? value : 100)->pus =
				workers > 5 ? "0 1 2 3 4 5 6 7" : pus[workers];
	}
	for (size_t i = 0; i < run.sample_count; i++) {
		if (run.samples[i].case_index != c)
			continue;
		if (t->metric)
			*sm_results_add_metric(&run) =
				(struct sm_metric_row){ run.samples[i].trial, t->metric, "1", value };
		else if (find_claim(t->id)->versus.holds)
			*sm_results_add_metric(&run) =
				(struct sm_metric_row){ run.samples[i].trial, find_claim(t->id)->versus.holds, "1", 1 };
	}
}

static void add_turn(const struct turn *t, double value)
{
	const struct sm_scenario *s = scenario_of(find_claim(t->id));

	cr_assert(t->right || t->metric);
	add_side(s, t, t->left, value);
	if (t->right)
		add_side(s, t, t->right, 100);
}

/* The verdict about a claim where its sides have these values, on a machine of eight cores. */
static enum sm_verdict verdict_at(const struct turn *t, double value)
{
	const struct sm_claim *claim = find_claim(t->id);
	const struct sm_scenario *s = scenario_of(claim);
	json_t *places = json_array();
	struct sm_error err = { 0 };
	enum sm_verdict verdict;

	set_up();
	for (int pu = 0; pu < 8; pu++)
		json_array_append_new(places, json_pack("{s:i, s:i}", "pu", pu, "core", pu));
	json_object_set_new(run.manifest, "environment", json_pack("{s:i, s:o}", "pus", 8, "pu_places", places));
	for (size_t i = 0; claim->control && i < sizeof(turns) / sizeof(turns[0]); i++)
		if (strcmp(turns[i].id, claim->control) == 0)
			add_turn(&turns[i], turns[i].holds);
	add_turn(t, value);
	cr_assert_eq(sm_analyse(&run, &s, 1, &err), 0, "%s: %s", t->id, err.text);
	verdict = claim_of(t->id)->verdict;
	if (verdict != SM_SUPPORTED && verdict != SM_REFUTED)
		cr_log_info("%s at %g: %s (%s)", t->id, value, claim_of(t->id)->reason, claim_of(t->id)->evidence);
	tear_down();
	return verdict;
}

Test(claims, results_turn_each_claim_over)
{
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		const struct turn *t = &turns[i];
		const struct sm_claim *claim = find_claim(t->id);
		bool once =
			claim->kind == SM_CLAIM_METRIC && claim->metric.once; /* what was not seen refutes nothing */

		cr_expect_eq(verdict_at(t, t->holds), SM_SUPPORTED, "%s where the sentence is true", t->id);
		cr_expect_eq(verdict_at(t, t->breaks[0]), once ? SM_INCONCLUSIVE : SM_REFUTED,
			     "%s where the sentence is false", t->id);
		if (t->breaks[1] > 0)
			cr_expect_eq(verdict_at(t, t->breaks[1]), SM_REFUTED, "%s where it is too much", t->id);
	}
}
