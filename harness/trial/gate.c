/* The gate between slices, and the probe of the pair class that runs inside it. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

/* A sleeping worker checks the abort flag this often. */
#define NAP_NS 50000000

void gate_sleep(_Atomic uint32_t *word, uint32_t seen)
{
	/* Not a constant: a worker that sleeps for the first time in a counted slice would take a page fault on it. */
	struct timespec nap = { .tv_nsec = NAP_NS };

	/* Not FUTEX_PRIVATE: the waker is another process.  The result does not matter: every caller checks the word
	 * again. */
	(void)syscall(SYS_futex, word, FUTEX_WAIT, seen, &nap, NULL, 0);
}

void gate_wake(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

struct control *control_make(const struct control_needs *needs, struct sm_error *err)
{
	unsigned workers = needs->workers, notes = needs->warm + needs->slices;
	size_t slots_at = (sizeof(struct control) + SM_LINE_PAIR - 1) & ~(size_t)(SM_LINE_PAIR - 1);
	size_t notes_at = slots_at + needs->team * sizeof(struct slot);
	size_t probes_at = notes_at + (size_t)workers * notes * sizeof(struct slice_note);
	size_t histograms_at = probes_at + (notes + 1) * sizeof(struct probe_note);
	size_t series_at = histograms_at + (needs->histograms ? workers * sizeof(struct sm_histogram) : 0);
	size_t bytes = series_at + (needs->series ? sizeof(struct sm_series) : 0);
	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct control *control = (struct control *)(void *)base;

	if (base == MAP_FAILED) {
		sm_fail(err, errno, "no memory for the control area of %u workers (%zu bytes)", workers, bytes);
		return NULL;
	}
	control->workers = workers;
	control->slices = needs->slices;
	control->notes = notes;
	control->warm = needs->warm;
	control->warm_least_ns = needs->warm_least_ns;
	control->warming = needs->warm > 0;
	control->self_timed = needs->self_timed;
	control->shared_pu = needs->shared_pu;
	control->pairs = needs->shared_pu ? 0 : workers - 1;
	if (control->pairs > SM_PROBE_PAIRS_MAX)
		control->pairs = SM_PROBE_PAIRS_MAX;
	/* A cold trial has one slice of arbitrary length: the pace before and after it says little about it. */
	control->probes = workers == 1 && !needs->cold ? 1 : control->pairs;
	control->bytes = bytes;
	control->slot = (struct slot *)(void *)(base + slots_at);
	control->note = (struct slice_note *)(void *)(base + notes_at);
	control->probe = (struct probe_note *)(void *)(base + probes_at);
	if (needs->histograms)
		control->histogram = (struct sm_histogram *)(void *)(base + histograms_at);
	if (needs->series)
		control->series = (struct sm_series *)(void *)(base + series_at);
	return control;
}

void control_free(struct control *control)
{
	if (control)
		munmap(control, control->bytes);
}

bool gate_gather(struct control *control, uint32_t number)
{
	if (control->shared_pu) {
		uint32_t need = control->workers - 1, seen;

		/* acquire: what the others wrote before they arrived (release in gate_arrive). */
		while ((seen = atomic_load_explicit(&control->waiting, memory_order_acquire)) < need) {
			if (atomic_load_explicit(&control->abort, memory_order_relaxed))
				return false;
			gate_sleep(&control->waiting, seen);
		}
		/* relaxed: the release in gate_open() publishes it before anyone can arrive again. */
		atomic_store_explicit(&control->waiting, 0, memory_order_relaxed);
		return true;
	}
	for (unsigned i = 1; i < control->workers; i++)
		/* acquire: pairs with the release in gate_arrive(). */
		for (unsigned turns = 0;
		     atomic_load_explicit(&control->slot[i].arrived, memory_order_acquire) != number;)
			if (!sm_spin(&turns, &control->abort))
				return false;
	return true;
}

void gate_open(struct control *control, uint32_t number)
{
	/* release: command and op_count before the gate; pairs with the acquire in gate_pass(). */
	atomic_store_explicit(&control->go, number, memory_order_release);
	if (control->shared_pu)
		gate_wake(&control->go);
}

void gate_arrive(struct control *control, unsigned worker, uint32_t number)
{
	if (!control->shared_pu) {
		/* release: this worker's notes before its arrival; pairs with gate_gather(). */
		atomic_store_explicit(&control->slot[worker].arrived, number, memory_order_release);
		return;
	}
	/* release: as above.  The last one wakes the leader. */
	if (atomic_fetch_add_explicit(&control->waiting, 1, memory_order_release) + 1 == control->workers - 1)
		gate_wake(&control->waiting);
}

bool gate_pass(struct control *control, uint32_t number)
{
	uint32_t seen;

	/* acquire: command and op_count; pairs with gate_open(). */
	for (unsigned turns = 0; (seen = atomic_load_explicit(&control->go, memory_order_acquire)) != number;) {
		if (!control->shared_pu) {
			if (!sm_spin(&turns, &control->abort))
				return false;
			continue;
		}
		if (atomic_load_explicit(&control->abort, memory_order_relaxed))
			return false;
		gate_sleep(&control->go, seen);
	}
	return true;
}

/* One word goes back and forth: odd values are the leader's, even ones the follower's.  No other data is communicated,
 * so relaxed is enough.  The wait has no pause, which would be part of the measurement. */
static bool await(_Atomic uint32_t *word, uint32_t value, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 1; atomic_load_explicit(word, memory_order_relaxed) != value; turns++)
		if ((turns & 1023u) == 0 && atomic_load_explicit(abort, memory_order_relaxed))
			return false;
	return true;
}

bool probe_lead(struct control *control, struct probe_note *note)
{
	for (unsigned pair = 0; pair < control->pairs; pair++) {
		_Atomic uint32_t *ping = &control->slot[pair + 1].ping;
		uint32_t value = atomic_load_explicit(ping, memory_order_relaxed);
		uint64_t start_ns = 0;

		for (unsigned trip = 0; trip < PROBE_WARM + SM_PROBE_TRIPS; trip++) {
			if (trip == PROBE_WARM)
				start_ns = sm_clock_ns();
			atomic_store_explicit(ping, value + 1, memory_order_relaxed);
			value += 2;
			if (!await(ping, value, &control->abort))
				return false;
		}
		note->pair_ns[pair] = (double)(sm_clock_ns() - start_ns) / SM_PROBE_TRIPS;
	}
	return true;
}

bool probe_follow(struct control *control, unsigned worker)
{
	_Atomic uint32_t *ping = &control->slot[worker].ping;
	/* No other process writes the word until this side answers, and both sides do PROBE_WARM + SM_PROBE_TRIPS round
	 * trips.  So the even number that it starts from is the one that this side wrote last. */
	uint32_t value = atomic_load_explicit(ping, memory_order_relaxed) & ~1u;

	for (unsigned trip = 0; trip < PROBE_WARM + SM_PROBE_TRIPS; trip++) {
		if (!await(ping, value + 1, &control->abort))
			return false;
		value += 2;
		atomic_store_explicit(ping, value, memory_order_relaxed);
	}
	return true;
}

/* Turns of eight independent additions, and additions in a chain in which each waits for the one before.  Both take 1
 * to 2 us at 3 to 4 GHz, a hundred times as long as reading the clock. */
#define PACE_TURNS 2000u
#define PACE_LINKS 4000u

/* The empty asm statements need each sum at their place, so the compiler can neither fold nor vectorise the
 * additions. */
static uint64_t adders_ns(void)
{
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, start_ns = sm_clock_ns();

	for (uint64_t turn = 0; turn < PACE_TURNS; turn++) {
		a += turn;
		b += turn;
		c += turn;
		d += turn;
		e += turn;
		f += turn;
		g += turn;
		h += turn;
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
	}
	return sm_clock_ns() - start_ns;
}

static uint64_t chain_ns(void)
{
	uint64_t sum = 1, start_ns = sm_clock_ns();

	for (uint64_t link = 0; link < PACE_LINKS; link += 4) {
		sum += link;
		__asm__ volatile("" : "+r"(sum));
		sum += link;
		__asm__ volatile("" : "+r"(sum));
		sum += link;
		__asm__ volatile("" : "+r"(sum));
		sum += link;
		__asm__ volatile("" : "+r"(sum));
	}
	return sm_clock_ns() - start_ns;
}

static uint64_t shorter(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

void probe_alone(struct control *control, struct probe_note *note)
{
	if (control->probes > control->pairs) {
		/* the shorter of two each, so that an interrupt does not count */
		double adders = (double)shorter(adders_ns(), adders_ns()) / PACE_TURNS;
		double cycle = (double)shorter(chain_ns(), chain_ns()) / PACE_LINKS;

		note->pair_ns[0] = 100 * adders / cycle;
	}
}
