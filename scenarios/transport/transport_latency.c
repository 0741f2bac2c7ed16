/* Question: how long does a message take to a process and the answer back?
 * Method:   closed loop of round trips; each message is written by its sender word by word, copied in, copied out,
 *           and checked word by word by its receiver: the same copies for every transport.  Half a round trip is
 *           printed as "one way" by definition; it is not measured.
 * Not shown: latency under load (a closed loop waits for its answer before it sends again); wake-ups apart from the
 *           transport: across cores a blocking transport mostly measures the wake-up of the sleeper.
 * Cost of the loop: writing and checking 8 bytes takes about a third of a cycle per word when vectorised; four
 *           tallies in the worker's own slot; one switch per slice chooses the transport. */
#include "../subject/stamped.h"

/* Worker 0 sends and waits for the answer, worker 1 answers. */
static ALWAYS_INLINE uint64_t round_trips(struct sm_worker *worker, enum transport transport)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count;

	if (worker->index == 0) {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_put(worker, transport, state, 0, bytes) ||
			    !pair_take(worker, transport, state, 1, bytes))
				return i;
	} else {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_take(worker, transport, state, 0, bytes) ||
			    !pair_put(worker, transport, state, 1, bytes))
				return i;
	}
	return n;
}
#define STAMP_LOOP round_trips
#include "../subject/stamp.h"

static int warm_up(struct sm_worker *worker)
{
	return stamped_warm_up(worker, STAMPED_TRIPS);
}

static uint64_t run(struct sm_worker *worker)
{
	return stamped_loops(worker) ? stamped_slice(worker, STAMPED_TRIPS, round_trips_run) : round_trips_run(worker);
}

/* The same, with each round trip in the histogram; worker 1 takes no times. */
static ALWAYS_INLINE uint64_t traced(struct sm_worker *worker, enum transport transport)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, last, now;

	if (worker->index > 0)
		return round_trips(worker, transport);
	last = sm_clock_ns();
	for (uint64_t i = 0; i < n; i++) {
		if (!pair_put(worker, transport, state, 0, bytes) || !pair_take(worker, transport, state, 1, bytes))
			return i;
		now = sm_clock_ns();
		sm_histogram_add(worker->histogram, now - last);
		last = now;
	}
	return n;
}
#define STAMP_LOOP traced
#include "../subject/stamp.h"

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return 2 * c->param[PARAM_MESSAGE];
}

static const struct sm_plug plugs[] = TRANSPORT_PLUGS;
static const struct sm_variant variants[] = {
#define TRANSPORT(name, words, traits) PAIR_VARIANT(name, words, traits, true)
#define TRANSPORTS_OWN
#include "../subject/transports.def"
	{ 0 },
};

/* The way of waiting and the transport are two questions, so only transports that wait alike are compared.  For
 * sleeping, the textbook ring is used.  A ring with a bare futex or semaphore is so fast that its reader often finds
 * the answer before it sleeps: small messages then take half a microsecond in one trial and thirty in the next. */
#define BEATS(id_, kernel, words, ring, waits, question_, caveat_)                                                     \
	{                                                                                                              \
		.id = id_, .text = "A ring in shared memory beats " words " between two cores when both ends " waits,  \
		.source = "textbooks on interprocess communication", .question = question_,                            \
		SM_RATIO(#kernel, #ring, .min = 1), .at = "placement=near cores=different", .needs = "two cores",      \
		.caveat = caveat_                                                                                      \
	}
#define BEATS_SPINNING(id_, kernel, words, question_)                                                                  \
	BEATS(id_, kernel##_spin, words, shm_ring, "spin", question_,                                                  \
	      "both ends burn a core while they wait: compare the CPU time")
#define BEATS_SLEEPING(id_, kernel, words, question_)                                                                  \
	BEATS(id_, kernel, words, shm_mutex_cond, "sleep", question_,                                                  \
	      "both figures are mostly the wake-up of a sleeper on another core: compare the switches")
#define SLEEPS(id_, sleeping, spinning, words)                                                                         \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Over " words " between two cores ends that sleep take at least twice as long "                \
			"as ends that spin",                                                                           \
		.source = "popular belief: most of a small message is the wake-up of its reader",                      \
		SM_RATIO(#sleeping, #spinning, .min = 2), .at = "message<=4096 placement=near cores=different",        \
		.needs = "two cores", .caveat = "ends that spin burn a core while they wait: compare the CPU time"     \
	}
static const struct sm_claim claims[] = {
	BEATS_SPINNING("T1", pipe, "a pipe", "Pipe or shared memory?"),
	BEATS_SLEEPING("T1.sleep", pipe, "a pipe", "Pipe or shared memory?"),
	BEATS_SPINNING("T1.unix_stream", unix_stream, "a Unix stream socket", NULL),
	BEATS_SLEEPING("T1.unix_stream_sleep", unix_stream, "a Unix stream socket", NULL),
	BEATS_SPINNING("T1.tcp_loopback", tcp_loopback, "TCP on loopback", NULL),
	BEATS_SLEEPING("T1.tcp_loopback_sleep", tcp_loopback, "TCP on loopback", NULL),
	BEATS_SPINNING("T1.posix_mq", posix_mq, "a POSIX message queue", NULL),
	BEATS_SLEEPING("T1.posix_mq_sleep", posix_mq, "a POSIX message queue", NULL),
	BEATS_SLEEPING("T1.sysv_msg_sleep", sysv_msg, "a System V message queue", NULL),
	SLEEPS("T1.pipe_sleeps", pipe, pipe_spin, "a pipe"),
	SLEEPS("T1.ring_sleeps", shm_mutex_cond, shm_ring, "a ring in shared memory"),
	{ .id = "T2",
	  .text = "With sleeping waits and small messages on one core, shared memory's advantage over a pipe "
		  "shrinks under 1.5 times",
	  .source = "popular belief turned round: notification costs what the pipe costs",
	  .question = "Pipe or shared memory?",
	  SM_RATIO("pipe", "shm_ring_futex", .max = 1.5),
	  .at = "message=64 placement=same-core" },
	{ 0 },
};

static const struct sm_corners corners = {
	.row = { "spin", "sleep" },
	.column = { "shared memory", "kernel" },
	.variant = { { "shm_ring", "pipe_spin" }, { "shm_mutex_cond", "pipe" } },
};

const struct sm_scenario sm_scenario_transport_latency = {
	.name = "transport_latency",
	.family = "transport",
	.question = "How long does a message take there and back?",
	.summary = "Round trips of checked messages between two processes.",
	.why = "How an end waits and what it waits on are two things. An end that sleeps has to be woken "
	       "for each message: a system call, a switch, and across cores the wake-up of an idle one, "
	       "which is most of the time. An end that spins does none of that, over a pipe as over a "
	       "ring in shared memory, and burns a core instead: compare CPU time and switches, and "
	       "what waits alike.",
	.corners = &corners,
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64, 16384),
				      .standard = SM_VALUES(8, 64, 4096, 65536, 1048576),
				      .full = SM_VALUES(8, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)),
		    TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
			SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per round trip", "ns/op" },
	.transfers_per_op = 2,
	.state_bytes = sizeof(struct transport_state),
	.region_bytes = transport_region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = transport_supported,
	.setup = pair_setup,
	.warm_up = warm_up,
	.run = run,
	.trace = traced_run,
	.verify = pair_verify_trips,
	.teardown = pair_teardown,
};
