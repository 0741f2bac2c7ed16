/* Plays the rounds of a tour: in each, disjoint pairs of processes play ping-pong, and all others sleep.
 *
 * The last process to end a round wakes the first process of each pair of the next one, and each of these wakes its
 * partner.  Those of a round wait for each other before they begin, so that its pairs play at the same time. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"

/* Operations on the lines of each sample before the first timestamp: they bring the lines and the code into the
 * caches. */
#define WARM_TRIPS 16u
/* Each sample uses lines of its own (the home of a line matters, docs/adr/0008), in another page. */
#define PAGE 4096u

/* From one sample's lines to the next one's: whole pages and three lines, as replicas.h has it. */
static size_t stride_of(size_t bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE + 3 * SM_LINE_PAIR;
}

/* Rounds up to whole pages of this machine, so that each process has its own. */
static size_t rounded(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static uint32_t first_pair(const struct tour *tour, size_t round)
{
	const struct sm_tour *t = tour->part.tour;

	return t->round[(tour->part.first + round) % t->round_count];
}

uint32_t tour_pairs(const struct tour *tour, size_t round)
{
	const struct sm_tour *t = tour->part.tour;

	return t->round[(tour->part.first + round) % t->round_count + 1] - first_pair(tour, round);
}

/* Seats workers 0 and 1 where the slices are measured, and the others on the remaining PUs. */
static int seat(struct tour *tour, const unsigned first[2], struct sm_error *err)
{
	const struct sm_tour *t = tour->part.tour;
	unsigned next = 2, found = 0;

	for (unsigned i = 0; i < t->pu_count; i++) {
		unsigned index = t->pu[i] == first[0] ? 0 : t->pu[i] == first[1] ? 1 : next;

		if (index == next && next++ >= t->pu_count)
			break;
		found += index < 2;
		tour->seat[index] = i;
		tour->member[i] = index;
	}
	return found == 2 ? 0 : sm_fail(err, EINVAL, "PUs %u and %u are not of the tour", first[0], first[1]);
}

struct tour *tour_make(const struct sm_case *c, const struct sm_tour_part *part, const unsigned first[2],
		       struct sm_error *err)
{
	size_t team = part->tour->pu_count, visits = 0, calls_at, visits_at, rounds_at, lines_at, bytes;
	size_t line_bytes = rounded(SM_VISIT_SAMPLES * stride_of(c->scenario->visit_bytes));
	struct tour probe = { .part = *part }, *tour;
	char *base;

	for (size_t round = 0; round < part->rounds; round++)
		visits += tour_pairs(&probe, round);
	calls_at = sizeof(struct tour) + 2 * team * sizeof(unsigned);
	calls_at = (calls_at + SM_LINE_PAIR - 1) & ~(size_t)(SM_LINE_PAIR - 1);
	visits_at = calls_at + team * sizeof(struct call);
	rounds_at = visits_at + visits * sizeof(struct visit_note);
	lines_at = rounded(rounds_at + part->rounds * sizeof(uint32_t));
	bytes = lines_at + team * line_bytes;
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED) {
		sm_fail(err, errno, "no memory for a tour of %zu PUs (%zu bytes)", team, bytes);
		return NULL;
	}
	tour = (struct tour *)(void *)base;
	tour->part = *part;
	tour->team = (unsigned)team;
	tour->bytes = bytes;
	tour->line_bytes = line_bytes;
	tour->seat = (unsigned *)(void *)(base + sizeof(struct tour));
	tour->member = tour->seat + team;
	tour->call = (struct call *)(void *)(base + calls_at);
	tour->visit = (struct visit_note *)(void *)(base + visits_at);
	tour->took_ns = (uint32_t *)(void *)(base + rounds_at);
	tour->lines = base + lines_at;
	if (seat(tour, first, err) < 0) {
		tour_free(tour);
		return NULL;
	}
	return tour;
}

void tour_free(struct tour *tour)
{
	if (tour)
		munmap(tour, tour->bytes);
}

unsigned tour_pu(const struct tour *tour, unsigned index)
{
	return tour->part.tour->pu[tour->seat[index]];
}

void tour_ready(struct tour *tour, unsigned index)
{
	/* First touch by the process that begins on them: the lines lie on its own node. */
	memset(tour->lines + tour->seat[index] * tour->line_bytes, 0, tour->line_bytes);
	/* release: pairs with tour_gather(). */
	if (atomic_fetch_add_explicit(&tour->ready, 1, memory_order_release) + 1 == tour->team)
		gate_wake(&tour->ready);
}

bool tour_gather(struct tour *tour, const _Atomic uint32_t *abort)
{
	uint32_t seen;

	while ((seen = atomic_load_explicit(&tour->ready, memory_order_acquire)) < tour->team) {
		if (atomic_load_explicit(abort, memory_order_relaxed))
			return false;
		gate_sleep(&tour->ready, seen);
	}
	return true;
}

static void call(struct tour *tour, unsigned at, uint32_t number, uint32_t pair, uint32_t visit)
{
	struct call *call = &tour->call[at];

	call->pair = pair;
	call->visit = visit;
	/* release: the pair before the number; pairs with the acquire in tour_play(). */
	atomic_store_explicit(&call->number, number, memory_order_release);
	gate_wake(&call->number);
}

static void end_tour(struct tour *tour, uint64_t now_ns)
{
	tour->end_ns = now_ns;
	for (unsigned i = 0; i < tour->team; i++)
		call(tour, i, CALL_END, 0, 0);
}

/* Notes how long the round took that just ended. */
static void note_round(struct tour *tour, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - tour->round_ns;

	tour->took_ns[tour->round - 1] = took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
}

/* Begins the next round, or ends the tour.  Only the last process of a round calls it, so nobody else writes here. */
static void next_round(struct tour *tour)
{
	const struct sm_tour *t = tour->part.tour;
	uint64_t now_ns = sm_clock_ns();
	size_t round = tour->round;
	uint32_t pairs, first, visit = (uint32_t)tour->visits;

	if (round == 0)
		tour->begin_ns = now_ns;
	else
		note_round(tour, now_ns);
	if (round == tour->part.rounds ||
	    (round > 0 && tour->part.longest_ns && now_ns - tour->begin_ns > tour->part.longest_ns)) {
		end_tour(tour, now_ns);
		return;
	}
	pairs = tour_pairs(tour, round);
	first = first_pair(tour, round);
	tour->round_ns = now_ns;
	tour->round = round + 1;
	/* relaxed: the release in call() publishes them. */
	atomic_store_explicit(&tour->arrived, 0, memory_order_relaxed);
	atomic_store_explicit(&tour->left, 2 * pairs, memory_order_relaxed);
	tour->visits += pairs;
	for (uint32_t i = 0; i < pairs; i++) {
		tour->visit[visit + i].pair = first + i;
		tour->visit[visit + i].company = pairs;
	}
	for (uint32_t i = 0; i < pairs; i++)
		call(tour, t->pair[first + i].from, (uint32_t)round + 1, first + i, visit + i);
}

/* Waits until all processes of the round are here. */
static bool meet(struct tour *tour, uint32_t company, const _Atomic uint32_t *abort)
{
	/* acq_rel, acquire: what either wrote to the lines in an earlier round. */
	atomic_fetch_add_explicit(&tour->arrived, 1, memory_order_acq_rel);
	for (unsigned turns = 0; atomic_load_explicit(&tour->arrived, memory_order_acquire) != 2 * company;)
		if (!sm_spin(&turns, abort))
			return false;
	return true;
}

/* A visit ended early: its peer is gone, or the scenario is wrong. */
static bool cut_short(struct sm_worker *worker, uint64_t done, uint64_t trips)
{
	if (!atomic_load_explicit(worker->abort, memory_order_relaxed))
		sm_worker_fail(worker, EILSEQ, "a visit had %lu of %lu operations", done, trips);
	return false;
}

/* All samples of a visit.  Between the timestamps there is only visit(). */
static bool sample(struct sm_worker *worker, char *lines, unsigned role, uint64_t trips, uint32_t ns[SM_VISIT_SAMPLES])
{
	const struct sm_scenario *scenario = worker->c->scenario;
	size_t stride = stride_of(scenario->visit_bytes);

	for (unsigned s = 0; s < SM_VISIT_SAMPLES; s++) {
		uint64_t done = scenario->visit(worker, lines + s * stride, role, WARM_TRIPS);

		if (done != WARM_TRIPS)
			return cut_short(worker, done, WARM_TRIPS);
	}
	for (unsigned s = 0; s < SM_VISIT_SAMPLES; s++) {
		uint64_t start_ns = sm_clock_ns(), done, took_ns;

		done = scenario->visit(worker, lines + s * stride, role, trips);
		took_ns = sm_clock_ns() - start_ns;
		if (done != trips)
			return cut_short(worker, done, trips);
		if (role == 0)
			ns[s] = took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
	}
	return true;
}

static bool play(struct tour *tour, struct sm_worker *worker, unsigned at, uint32_t number)
{
	uint32_t pair_index = tour->call[at].pair, visit = tour->call[at].visit;
	struct sm_tour_pair pair = tour->part.tour->pair[pair_index];
	struct visit_note *note = &tour->visit[visit];
	unsigned role = pair.from == at ? 0 : 1;
	char *lines = tour->lines + pair.from * tour->line_bytes;

	if (role == 0)
		call(tour, pair.to, number, pair_index, visit);
	if (!meet(tour, note->company, worker->abort) || !sample(worker, lines, role, tour->part.trips, note->ns))
		return false;
	if (sched_getcpu() != (int)tour->part.tour->pu[at])
		atomic_fetch_add_explicit(&note->lost, 1, memory_order_relaxed);
	/* acq_rel: the last one sees all notes of the round. */
	if (atomic_fetch_sub_explicit(&tour->left, 1, memory_order_acq_rel) == 1)
		next_round(tour);
	return true;
}

bool tour_play(struct tour *tour, struct sm_worker *worker, unsigned index)
{
	unsigned at = tour->seat[index];
	uint32_t seen = 0, number;

	if (index == 0)
		next_round(tour);
	for (;;) {
		/* acquire: pairs with the release in call(). */
		number = atomic_load_explicit(&tour->call[at].number, memory_order_acquire);
		if (number == CALL_END)
			return true;
		if (number != seen) {
			seen = number;
			if (!play(tour, worker, at, number))
				return false;
		} else if (atomic_load_explicit(worker->abort, memory_order_relaxed)) {
			return false;
		} else {
			gate_sleep(&tour->call[at].number, number);
		}
	}
}
