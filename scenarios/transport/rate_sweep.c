/* Question: does latency depend on how often one sends?
 * Method:   round trips of 64 bytes with a pause before each: none, 10 us, 100 us, 1 ms.  Only the round trips are
 *           timed. A process that waits long goes to sleep, its core may go idle, and caches grow cold.  The result
 *           includes all of that, because a rare message meets it.
 * Not shown: how deep the core's idle states are here; a pause over 1 ms.
 * Cost of the loop: as transport_latency, and two readings of the clock per round trip (about 50 ns). */
#include <math.h>
#include <sys/prctl.h>
#include <time.h>

#include "../subject/transport_pair.h"

#define PAUSE_SHIFT 8 /* position of the pause in microseconds in a variant's `arg` */

enum { TALLY_PAUSED_NS = TALLY_WRONG + 1, TALLY_PAUSES };

/* Waits until the pause is over.  On a PU of its own it spins, so that only the peer sleeps.  On a shared PU it
 * sleeps, and the kernel ends a sleep late; so the real length of the pauses is reported next to the time. */
static bool pause_until(const struct sm_worker *worker, uint64_t until_ns)
{
	struct timespec nap = { 0 };
	uint64_t now = sm_clock_ns();

	if (worker->c->shared_pu && now < until_ns) {
		nap.tv_nsec = (long)(until_ns - now);
		nanosleep(&nap, NULL);
	}
	for (unsigned turns = 0; sm_clock_ns() < until_ns;)
		if (!sm_spin(&turns, worker->abort))
			return false;
	return true;
}

static ALWAYS_INLINE uint64_t spaced(struct sm_worker *worker, enum transport transport)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, start, end = sm_clock_ns(), paused;
	uint64_t pause_ns = (sm_case_variant(worker->c)->arg >> PAUSE_SHIFT) * 1000;

	for (uint64_t i = 0; i < n; i++) {
		if (worker->index > 0) {
			if (!pair_take(worker, transport, state, 0, bytes) ||
			    !pair_put(worker, transport, state, 1, bytes))
				return i;
			continue;
		}
		if (pause_ns > 0 && !pause_until(worker, end + pause_ns))
			return i;
		start = sm_clock_ns();
		paused = start - end;
		if (!pair_put(worker, transport, state, 0, bytes) || !pair_take(worker, transport, state, 1, bytes))
			return i;
		end = sm_clock_ns();
		worker->time_ns += end - start;
		worker->outcome->tally[TALLY_PAUSED_NS] += paused;
		worker->outcome->tally[TALLY_PAUSES]++;
	}
	return n;
}
#define STAMP_LOOP spaced
#include "../subject/stamp.h"

static int warm_up(struct sm_worker *worker)
{
	/* The kernel may end a sleep 50 us late to save power (prctl(2)): five times the shortest pause. */
	if (worker->c->shared_pu)
		(void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	return pair_warm_up(worker);
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	value[0] =
		tally[TALLY_PAUSES] ? (double)tally[TALLY_PAUSED_NS] / (double)tally[TALLY_PAUSES] / 1000 : (double)NAN;
}

#define AT(transport, words, pause, us)                                                                                \
	{                                                                                                              \
		.name = #transport "." pause, .summary = words ", " pause " before each message",                      \
		.arg = TRANSPORT_##transport | (uint64_t)(us) << PAUSE_SHIFT                                           \
	}
#define EVERY_PAUSE(transport, words)                                                                                  \
	AT(transport, words, "0us", 0), AT(transport, words, "10us", 10), AT(transport, words, "100us", 100),          \
		AT(transport, words, "1ms", 1000)
#define PLUG(pause, us)                                                                                                \
	{                                                                                                              \
		.suffix = "." pause, .words = ", " pause " before each message",                                       \
		.arg = TRANSPORT_plugin | (uint64_t)(us) << PAUSE_SHIFT                                                \
	}
static const struct sm_plug plugs[] = {
	PLUG("0us", 0), PLUG("10us", 10), PLUG("100us", 100), PLUG("1ms", 1000), { 0 }
};
static const struct sm_variant variants[] = {
	EVERY_PAUSE(pipe, "a pipe"),
	EVERY_PAUSE(unix_stream, "a Unix stream socket"),
	EVERY_PAUSE(tcp_loopback, "TCP on loopback"),
	EVERY_PAUSE(shm_ring, "a spinning ring"),
	EVERY_PAUSE(shm_ring_futex, "a ring that sleeps"),
	EVERY_PAUSE(shm_mutex_cond, "a ring under mutex and condition"),
	{ 0 },
};

/* What a pause adds is compared in nanoseconds, not as a ratio: 1 us is twice the round trip of a ring and a
 * fortieth of a pipe's.  A round trip of a spinning ring takes less than 1 us, so this addition would more than
 * double it. */
#define ADDED_NS 1000
#define RARE(id_, transport, words)                                                                                    \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Between two cores a pause of 1 ms before each message adds at least 1 us to a "               \
			"round trip over " words,                                                                      \
		.source = "popular belief: a sleeping peer has to be woken, an idle core too",                         \
		SM_DIFFERENCE(#transport ".1ms", #transport ".0us", .min = ADDED_NS), .at = AT_NEAR,                   \
		.needs = "two cores", .control = "T8.shm_ring"                                                         \
	}
#define AT_NEAR "placement=near cores=different"
static const struct sm_claim claims[] = {
	RARE("T8", pipe, "a pipe"),
	RARE("T8.unix_stream", unix_stream, "a Unix stream socket"),
	RARE("T8.tcp_loopback", tcp_loopback, "TCP on loopback"),
	RARE("T8.shm_mutex_cond", shm_mutex_cond, "a ring under mutex and condition"),
	RARE("T8.shm_ring_futex", shm_ring_futex, "a ring that spins a little, then sleeps"),
	{ .id = "T8.shm_ring",
	  .text = "Between two cores it adds less than 1 us over a ring that never sleeps",
	  .source = "the control of T8: whatever else grows cold in the pause is in this, too",
	  SM_DIFFERENCE("shm_ring.1ms", "shm_ring.0us", .max = ADDED_NS),
	  .at = AT_NEAR,
	  .needs = "two cores" },
	{ 0 },
};

const struct sm_scenario sm_scenario_rate_sweep = {
	.name = "rate_sweep",
	.family = "transport",
	.question = "Does latency depend on the rate of sending?",
	.summary = "Round trips with a pause before each.",
	.why = "After a pause nothing is warm: the receiver sleeps, its core may be in a "
	       "deeper idle state, its caches hold other things. A spinning receiver has "
	       "none of that, and burns its core through every pause. Compare CPU time and "
	       "switches.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64)), TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	.metric = { "time per round trip", "ns/op" },
	.more = { { "pause before each", "us" } },
	.transfers_per_op = 2,
	.state_bytes = sizeof(struct transport_state),
	.self_timed = true,
	.region_bytes = transport_region_bytes,
	.supported = transport_supported,
	.setup = pair_setup,
	.warm_up = warm_up,
	.run = spaced_run,
	.verify = pair_verify_trips,
	.measure = measure,
	.teardown = pair_teardown,
};
