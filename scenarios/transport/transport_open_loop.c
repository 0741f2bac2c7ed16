/* Question: how late are messages that are sent on a fixed schedule, even when earlier ones are late?
 * Method:   before its slices each trial finds the rate that the loop sustains: it passes messages that are all due
 *           at once for 100 ms, and then some at the case's share of that rate.  The second step is needed if each
 *           message meets a receiver that sleeps again, and waking it takes longer than the interval between
 *           messages.  Then the loop falls behind at that share, although it sustains more when nobody sleeps; the
 *           rate achieved in the second step is used.  Worker 0 then sends at the share of that rate, each message
 *           at its intended time.  The latency is counted from the intended time, so a message that waits behind a
 *           late one counts as late as its user would see it.  One schedule runs through the whole trial; it stops
 *           between slices, while the harness works.  In the variants called `.paused` the receiver pauses for
 *           20 ms, once per trial; those called `.paused.closed` count from the send time, as a closed loop does: this
 *           omits the wait before sending (coordinated omission, G. Tene).
 * Not shown: several senders; rates that change; random arrivals: these are evenly spaced, so that messages queue
 *           only after a stall.
 * Cost of the loop: the sender reads the clock until the intended time, only once if it is late; the receiver reads
 *           it once per message, and adds to a histogram.  The search for the rate uses the same loop. */
#include <math.h>
#include <sys/mman.h>

#include "../subject/open_loop.h"

/* The receiver's pause, and when it begins after the warm-up.  At half load it begins after a third of the trial,
 * and all messages are on time again for the last third. */
#define PAUSE_NS       20000000u
#define PAUSE_AFTER_NS 30000000u
/* The highest load (%) at which the loop catches up after the pause, in PAUSE_NS / (1 - load), within the trial. */
#define PAUSE_LOAD_MAX 50u
/* The rate is taken between two points.  Each is the end of a slice at which the loop was least late: the first
 * within MARKS_NS before the first measured slice, the second within MARKS_NS before the end of the last one.  A
 * stall near these ends makes messages late, but does not mean that the loop is too slow. */
#define MARKS_NS 10000000u
/* Slices per trial: enough that the rate is not taken over only a few milliseconds. */
#define SLICES 100

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->param[PARAM_MESSAGE] < (HEADER + 1) * sizeof(uint64_t))
		return sm_fail(why, ENOTSUP, "a message holds its time: --set message=24 at least");
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "a sender that keeps to a schedule needs a PU of its own: choose "
			       "--placement near on a machine with two");
	if ((sm_case_variant(c)->arg & PAUSED) && c->param[PARAM_LOAD] > PAUSE_LOAD_MAX)
		return sm_fail(why, ENOTSUP, "above %u %% load a trial ends before a pause of %u ms is made up for",
			       PAUSE_LOAD_MAX, PAUSE_NS / 1000000);
	return transport_supported(c, why);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct open_loop_state *state = trial->state;
	void *ends = mmap(NULL, sizeof(*state->ends), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
			  -1, 0);

	if (ends == MAP_FAILED)
		return sm_fail(err, errno, "no memory for what the ends tell each other: %s", strerror(errno));
	state->ends = ends;
	return transport_open_pair(trial->c, state->channel, trial->region, err);
}

static void teardown(struct sm_trial *trial)
{
	struct open_loop_state *state = trial->state;

	transport_close(transport_of(trial->c), state->channel);
	if (state->ends)
		munmap(state->ends, sizeof(*state->ends));
}

static int warm_up(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;
	uint64_t *tally = worker->outcome->tally;
	int rc = transport_join(worker, state->channel, worker->index == 0 ? 0 : -1, worker->index == 0 ? -1 : 0);

	if (rc < 0)
		return rc;
	if (transport_buffers(worker, &state->own, worker->c->param[PARAM_MESSAGE]) < 0)
		return -ENOMEM;
	if (!(worker->index == 0 ? saturate(worker) : follow(worker)))
		return sm_worker_fail(worker, EPIPE, "the peer ended while the rate was looked for");
	tally[TALLY_PASSED] = tally[TALLY_SEARCHED] = state->passed;
	tally[TALLY_INTERVAL_PS] = state->interval_ps;
	return 0;
}

/* Stops the schedule from when both ends finished a slice until the next one begins, so that the work of the harness
 * delays no message.  Messages that were late by then stay late. */
static void go_on(struct open_loop_state *state)
{
	uint64_t received_ns = state->ends->received_ns;

	state->origin_ns += sm_clock_ns() - (received_ns > state->left_ns ? received_ns : state->left_ns);
}

/* Among the recent ends of slices, the one at which the loop was least late. */
static const struct mark *least_late(const struct open_loop_state *state)
{
	unsigned count = state->marks < MARKS ? state->marks : MARKS;
	const struct mark *last = &state->mark[(state->marks - 1) % MARKS], *best = last;

	for (unsigned i = 0; i < count; i++)
		if (state->mark[i].at_ns + MARKS_NS >= last->at_ns && state->mark[i].late < best->late)
			best = &state->mark[i];
	return best;
}

/* In the receiver, at the end of a slice.  The harness empties the histogram before each slice up to the first
 * measured one.  So a histogram with no more than this slice's `done` messages belongs to a warm-up slice or to the
 * first measured one. */
static void note_slice(struct sm_worker *worker, uint64_t done)
{
	struct open_loop_state *state = worker->state;
	uint64_t *tally = worker->outcome->tally, now_ns = state->ends->received_ns;
	bool first = worker->histogram->count <= done;

	if (first) {
		const struct mark *before = state->marks ? least_late(state) : NULL;

		tally[TALLY_PASSED_FIRST] = before ? before->passed : 0;
		tally[TALLY_LATE_FIRST] = before ? before->late : 0;
		state->begun_ns = now_ns;
	}
	state->mark[state->marks++ % MARKS] = (struct mark){ now_ns, state->passed, state->late };
	tally[TALLY_PASSED_LAST] = least_late(state)->passed;
	tally[TALLY_LATE_LAST] = least_late(state)->late;
}

/* In the receiver: pauses once per trial.  False: the peer is gone. */
static bool pause_once(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;
	uint64_t now_ns = sm_clock_ns(), until_ns = now_ns + PAUSE_NS;

	if (state->paused || state->begun_ns == 0 || now_ns < state->begun_ns + PAUSE_AFTER_NS)
		return true;
	state->paused = true;
	for (unsigned turns = 0; sm_clock_ns() < until_ns;)
		if (!sm_spin(&turns, worker->abort))
			return false;
	return true;
}

static uint64_t run(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;
	bool pauses = sm_case_variant(worker->c)->arg & PAUSED;
	uint64_t done;

	if (worker->op_count == 0)
		return 0;
	if (worker->index == 0)
		go_on(state);
	else if (pauses && !pause_once(worker))
		return 0;
	done = pass_run(worker);
	state->left_ns = sm_clock_ns();
	worker->outcome->tally[TALLY_PASSED] = state->passed;
	if (worker->index > 0 && done == worker->op_count)
		note_slice(worker, done);
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *sender = trial->outcome[0], *receiver = trial->outcome[1];

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong", receiver->tally[TALLY_WRONG]);
	if (sender->tally[TALLY_PASSED] != receiver->tally[TALLY_PASSED])
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received", sender->tally[TALLY_PASSED],
			       receiver->tally[TALLY_PASSED]);
	for (unsigned i = 0; i < 2; i++) {
		const struct sm_outcome *end = trial->outcome[i];
		uint64_t scheduled = end->tally[TALLY_PASSED] - end->tally[TALLY_SEARCHED];

		if (scheduled != end->ops)
			return sm_fail(err, EILSEQ, "worker %u passed %lu messages in %lu operations", i, scheduled,
				       end->ops);
	}
	return 0;
}

/* Achieved over offered rate: how long the messages of the measured slices should have taken, over how long they
 * took.  Catching up on earlier lateness does not count as achieved: the result is at most 1. */
static double achieved(const struct sm_trial *trial)
{
	const uint64_t *receiver = trial->outcome[1]->tally;
	double count = (double)receiver[TALLY_PASSED_LAST] - (double)receiver[TALLY_PASSED_FIRST];
	double due_ns = count * (double)trial->outcome[0]->tally[TALLY_INTERVAL_PS] / 1000;
	double fell_behind_ns = (double)receiver[TALLY_LATE_LAST] - (double)receiver[TALLY_LATE_FIRST];

	return receiver[TALLY_PASSED_FIRST] && count > 0 ? due_ns / (due_ns + fmax(fell_behind_ns, 0)) : (double)NAN;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	static const double quantile[] = { 0.5, 0.9, 0.99, 0.999 };
	double offered = 1e12 / (double)trial->outcome[0]->tally[TALLY_INTERVAL_PS];
	double share = achieved(trial);

	/* A loop that does not keep up falls further and further behind, so its latencies would only depend on the
	 * length of the trial. */
	for (unsigned i = 0; i < 4; i++) {
		uint64_t ns =
			share >= SM_ACHIEVED_MIN ? sm_histogram_quantile(trial->histogram, quantile[i]) : UINT64_MAX;

		value[i] = ns == UINT64_MAX ? (double)NAN : (double)ns;
	}
	value[4] = offered;
	value[5] = offered * share;
	value[6] = share;
	value[7] = transport_messages(trial->c, ((struct open_loop_state *)trial->state)->channel);
}

#define OPEN(transport, words, traits)                                                                                 \
	{ .name = #transport,                                                                                          \
	  .summary = words,                                                                                            \
	  .arg = TRANSPORT_##transport,                                                                                \
	  .extra = ((traits)&TRAIT_TWIN) != 0,                                                                         \
	  .memory = TRANSPORT_FILE_BACKED(traits) },
#define PAUSE_SEEN(transport, words)                                                                                   \
	{ .name = #transport ".paused",                                                                                \
	  .summary = words ", with a pause of the receiver",                                                           \
	  .arg = TRANSPORT_##transport | PAUSED },                                                                     \
	{                                                                                                              \
		.name = #transport ".paused.closed",                                                                   \
		.summary = words ", with a pause, counted from the moment of sending",                                 \
		.arg = TRANSPORT_##transport | PAUSED | CLOSED                                                         \
	}
static const struct sm_plug plugs[] = TRANSPORT_PLUGS;
static const struct sm_variant variants[] = {
#define TRANSPORT OPEN
#define TRANSPORTS_OWN
#include "../subject/transports.def"
	PAUSE_SEEN(pipe, "a pipe"),
	PAUSE_SEEN(unix_stream, "a Unix stream socket"),
	PAUSE_SEEN(shm_ring, "a spinning ring"),
	{ 0 },
};

/* With a pause of 20 ms and half load the messages of 40 of the trial's 100 ms are late, evenly from 20 ms down to
 * 0, so their 90 % quantile is near 15 ms.  In a closed loop only the messages that the channel held are late. */
#define UNDERSTATES(id_, transport, words)                                                                             \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "When the receiver pauses for 20 ms at half load, the 90 % quantile of " words                 \
			" counted from the moment of sending is less than a tenth of that counted from "               \
			"the intended time",                                                                           \
		.source = "G. Tene, How NOT to measure latency: coordinated omission",                                 \
		SM_RATIO(#transport ".paused", #transport ".paused.closed", .metric = "p90", .min = 10),               \
		.at = "load=50"                                                                                        \
	}
static const struct sm_claim claims[] = {
	UNDERSTATES("T6", pipe, "a pipe"),
	UNDERSTATES("T6.unix_stream", unix_stream, "a Unix stream socket"),
	UNDERSTATES("T6.shm_ring", shm_ring, "a spinning ring"),
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_open_loop = {
	.name = "transport_open_loop",
	.family = "transport",
	.question = "How late is a message that leaves on a schedule?",
	.summary = "Messages at a share of the rate that the loop holds, latency from the intended time.",
	.why = "Evenly spaced messages queue behind a stall alone: of the machine, of an end, or of a "
	       "wake-up. A stall of s at load p makes rate x s / (1 - p) messages late, from s down to "
	       "nothing, so the nearer to the limit, the longer it is felt. A closed loop waits with "
	       "them and never sees it: it counts from the moment of sending, which was late already. "
	       "A trial that does not achieve what it was offered has no latency to tell.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { TRANSPORT_MESSAGE(24, .quick = SM_VALUES(64)),
		    TRANSPORT_CAPACITY,
		    { .name = "load",
		      .unit = "%",
		      .summary = "offered rate as a share of what the loop holds for 100 ms",
		      .quick = SM_VALUES(50),
		      .standard = SM_VALUES(50, 80),
		      .full = SM_VALUES(10, 25, 50, 70, 80, 90, 95, 100),
		      .min = 1,
		      .max = 120 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE },
	.metric = { "time per message from its intended sending", "ns/op" },
	.more = { { "p50", "ns" },
		  { "p90", "ns" },
		  { "p99", "ns" },
		  { "p999", "ns" },
		  { "offered rate", "messages/s" },
		  { "achieved rate", "messages/s" },
		  { "achieved", "1" },
		  { SM_IN_FLIGHT, "messages" } },
	.achieved = "achieved",
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct open_loop_state),
	.self_timed = true,
	.histogram = true,
	.region_bytes = transport_region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.slices = SLICES,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
