/* Question: what does it cost to send every message to several processes, and what does a slow one do to the others?
 * Method:   one writer and 1, 2 or 4 readers (.1, .2, .4).  Every message has its number; each reader checks the
 *           content and the order of all that it gets.  In .slow one reader works for about a microsecond on each
 *           message, and the ring has 64 places; the time there is that of the writer alone.
 * Not shown: readers that come and go; several writers; readers that sleep while they wait for a ring (they spin, and
 *           yield where processes share PUs).
 * Cost of the loop: the writer writes each message into its own memory and copies it into the ring, or once into each
 *           pipe or socket; a reader copies it out and checks every word.  Rings that may be overwritten while they
 *           are read (dropping, lapping, latest) copy word by word. */
#include <errno.h>
#include <math.h>

#include "../subject/broadcast.h"
#include "../subject/transport.h"
#include "../subject/work.h"

enum way { CURSORS, DROPPING, LAPPING, LATEST, PIPES, SOCKETS };
enum { TALLY_SENT, TALLY_SEEN, TALLY_LOST, TALLY_WRONG, TALLY_DROPS, TALLY_TOLD };

#define SLOW        0x100u /* in `arg`: the last reader is slow */
#define SLOW_PLACES 64u
#define SLOW_TURNS  1000u /* multiplications on each message: about a microsecond */

struct state {
	struct channel pair[BROADCAST_READERS][2]; /* of pipes and sockets; the way back is not used */
	struct transport_buffers own;
	struct broadcast_end end;
};

static enum way way_of(const struct sm_case *c)
{
	return (enum way)(sm_case_variant(c)->arg & 0xff);
}

static bool is_slow(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & SLOW;
}

static bool in_kernel(const struct sm_case *c)
{
	return way_of(c) == PIPES || way_of(c) == SOCKETS;
}

/* Places of the ring: as many messages as the capacity has, rounded down to a power of two. */
static uint64_t places(const struct sm_case *c)
{
	uint64_t most = transport_capacity(c) / c->param[PARAM_MESSAGE], n = 1;

	if (way_of(c) == LATEST)
		return 1;
	if (is_slow(c))
		return SLOW_PLACES;
	while (2 * n <= most)
		n *= 2;
	return n;
}

static size_t region_bytes(const struct sm_case *c)
{
	return in_kernel(c) ? 0 : broadcast_bytes(places(c), c->param[PARAM_MESSAGE]);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->param[PARAM_MESSAGE] % sizeof(uint64_t))
		return sm_fail(why, ENOTSUP, "messages are made of 8-byte words: %lu is no multiple of 8",
			       c->param[PARAM_MESSAGE]);
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_case *c = trial->c;
	struct state *state = trial->state;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && in_kernel(c) && i < c->workers - 1; i++) {
		struct channel *pair = state->pair[i];

		for (unsigned j = 0; j < 2; j++) {
			pair[j].capacity = transport_capacity(c);
			pair[j].message = c->param[PARAM_MESSAGE];
		}
		rc = way_of(c) == PIPES ? pipe_open(pair, err) : unix_stream_open(pair, err);
	}
	return rc;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < BROADCAST_READERS; i++)
		pair_close(state->pair[i]);
}

static int warm_up(struct sm_worker *worker)
{
	const struct sm_case *c = worker->c;
	struct state *state = worker->state;

	state->end = (struct broadcast_end){ .ring = worker->region,
					     .places = places(c),
					     .bytes = c->param[PARAM_MESSAGE],
					     .readers = c->workers - 1,
					     .index = worker->index - 1,
					     .yields = c->shared_pu,
					     .abort = worker->abort };
	return transport_buffers(worker, &state->own, c->param[PARAM_MESSAGE]);
}

/* To each reader in turn. */
static ALWAYS_INLINE bool send_each(struct state *state, enum way way)
{
	struct broadcast_end *end = &state->end;

	for (unsigned i = 0; i < end->readers; i++) {
		struct channel *channel = &state->pair[i][0];

		if (way == PIPES ? !pipe_send(channel, state->own.out, end->bytes)
				 : !unix_stream_send(channel, state->own.out, end->bytes))
			return false;
	}
	end->next++;
	return true;
}

static ALWAYS_INLINE bool send_one(struct state *state, enum way way)
{
	switch (way) {
	case CURSORS: return cursors_send(&state->end, state->own.out);
	case DROPPING: dropping_send(&state->end, state->own.out); return true;
	case LAPPING:
	case LATEST: lapping_send(&state->end, state->own.out); return true;
	case PIPES:
	case SOCKETS: return send_each(state, way);
	}
	return false;
}

static ALWAYS_INLINE uint64_t send_all(struct sm_worker *worker, enum way way)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, i = 0;

	for (; i < n; i++) {
		message_write(state->own.out, state->end.bytes, state->end.next);
		if (!send_one(state, way))
			break;
	}
	worker->outcome->tally[TALLY_SENT] += i;
	if (way == DROPPING)
		worker->outcome->tally[TALLY_DROPS] += dropping_dropped(&state->end);
	return i;
}

static ALWAYS_INLINE bool receive_one(struct state *state, enum way way)
{
	struct broadcast_end *end = &state->end;
	struct channel *channel = &state->pair[end->index][0];

	switch (way) {
	case CURSORS: return cursors_receive(end, state->own.in);
	case DROPPING: return dropping_receive(end, state->own.in);
	case LAPPING:
	case LATEST: return lapping_receive(end, state->own.in);
	case PIPES: return pipe_receive(channel, state->own.in, end->bytes) && ++end->next;
	case SOCKETS: return unix_stream_receive(channel, state->own.in, end->bytes) && ++end->next;
	}
	return false;
}

/* Reads until it has seen, or was told that it lost, all messages of the slice, or was told that it is dropped. */
static ALWAYS_INLINE uint64_t receive_all(struct sm_worker *worker, enum way way, uint64_t turns)
{
	uint64_t n = worker->op_count, *tally = worker->outcome->tally, seen = 0, wrong = 0, x = 1;
	struct state *state = worker->state;
	struct broadcast_end *end = &state->end;
	uint64_t target = end->next + n, lost = end->lost;

	while (end->next < target) {
		if (!receive_one(state, way)) {
			if (way != DROPPING || atomic_load_explicit(worker->abort, memory_order_relaxed))
				return 0;
			tally[TALLY_TOLD]++;
			end->next = target; /* where it is taken back */
			break;
		}
		wrong += message_check(state->own.in, end->bytes, end->next - 1) != 0;
		seen++;
		x = work(x, turns);
	}
	tally[TALLY_SEEN] += seen;
	tally[TALLY_WRONG] += wrong;
	tally[TALLY_LOST] += end->lost - lost;
	return n;
}

/* The loop of each way and role, in a function of its own. */
#define LOOPS(way, NAME)                                                                                               \
	static __attribute__((noinline)) uint64_t way##_writer(struct sm_worker *worker)                               \
	{                                                                                                              \
		return send_all(worker, NAME);                                                                         \
	}                                                                                                              \
	static __attribute__((noinline)) uint64_t way##_reader(struct sm_worker *worker)                               \
	{                                                                                                              \
		return receive_all(worker, NAME, is_slow(worker->c) ? SLOW_TURNS : 0);                                 \
	}
LOOPS(cursors, CURSORS)
LOOPS(dropping, DROPPING)
LOOPS(lapping, LAPPING)
LOOPS(latest, LATEST)
LOOPS(pipes, PIPES)
LOOPS(sockets, SOCKETS)

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	bool writes = worker->index == 0;
	uint64_t start, done = 0;

	broadcast_begin(&state->end);
	start = sm_clock_ns();
	switch (way_of(worker->c)) {
	case CURSORS: done = writes ? cursors_writer(worker) : cursors_reader(worker); break;
	case DROPPING: done = writes ? dropping_writer(worker) : dropping_reader(worker); break;
	case LAPPING: done = writes ? lapping_writer(worker) : lapping_reader(worker); break;
	case LATEST: done = writes ? latest_writer(worker) : latest_reader(worker); break;
	case PIPES: done = writes ? pipes_writer(worker) : pipes_reader(worker); break;
	case SOCKETS: done = writes ? sockets_writer(worker) : sockets_reader(worker); break;
	}
	if (writes || !is_slow(worker->c))
		worker->time_ns += sm_clock_ns() - start;
	return done;
}

static bool may_lose(const struct sm_case *c)
{
	return way_of(c) == DROPPING || way_of(c) == LAPPING || way_of(c) == LATEST;
}

/* What a ring that may lose says of its losses is a metric, with claims. */
static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *writer = trial->outcome[0];

	if (writer->tally[TALLY_SENT] != writer->ops)
		return sm_fail(err, EILSEQ, "%lu messages were sent in %lu operations", writer->tally[TALLY_SENT],
			       writer->ops);
	for (unsigned i = 1; i < trial->c->workers; i++) {
		const struct sm_outcome *reader = trial->outcome[i];

		if (reader->tally[TALLY_WRONG])
			return sm_fail(err, EILSEQ, "%lu messages arrived at reader %u wrong or out of order",
				       reader->tally[TALLY_WRONG], i);
		if (reader->ops != writer->ops || (!may_lose(trial->c) && reader->tally[TALLY_SEEN] != writer->ops))
			return sm_fail(err, EILSEQ, "reader %u saw %lu of %lu messages, in %lu operations", i,
				       reader->tally[TALLY_SEEN], writer->ops, reader->ops);
	}
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	double due = (double)sm_trial_tally(trial, TALLY_SENT) * (trial->c->workers - 1);
	double seen = (double)sm_trial_tally(trial, TALLY_SEEN), lost = (double)sm_trial_tally(trial, TALLY_LOST);

	value[0] = due > 0 ? seen / due : (double)NAN;
	/* A reader that is dropped is not told how many it loses. */
	value[1] = way_of(trial->c) == DROPPING ? (double)NAN : lost;
	value[2] = way_of(trial->c) == DROPPING ? (double)NAN : fabs(due - seen - lost);
	value[3] = (double)sm_trial_tally(trial, TALLY_DROPS);
	value[4] = fabs(value[3] - (double)sm_trial_tally(trial, TALLY_TOLD));
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_MESSAGE];
}

#define WITH(name_, words, way, count, ...)                                                                            \
	{                                                                                                              \
		.name = name_ "." #count, .summary = words ", readers: " #count, .arg = (way), .workers = 1 + (count), \
		__VA_ARGS__                                                                                            \
	}
#define READERS(name, words, way, always)                                                                              \
	WITH(name, words, way, 1), WITH(name, words, way, 2, .extra = true),                                           \
		WITH(name, words, way, 4, .extra = !(always))
#define WITH_SLOW(name_, words, way)                                                                                   \
	{                                                                                                              \
		.name = name_ ".slow", .summary = words ", one reader, and slow", .arg = (way) | SLOW, .workers = 2    \
	}
#define CURSORS_WORDS "a ring with a cursor for each reader"
#define LAPPING_WORDS "a ring whose writer laps slow readers"
static const struct sm_variant variants[] = {
	READERS("pipes", "a pipe for each reader", PIPES, true),
	READERS("sockets", "a Unix stream socket for each reader", SOCKETS, true),
	READERS("cursors", CURSORS_WORDS, CURSORS, true),
	READERS("lapping", LAPPING_WORDS, LAPPING, false),
	READERS("latest", "the latest message alone, under a seqlock", LATEST, false),
	WITH_SLOW("cursors", CURSORS_WORDS, CURSORS),
	WITH_SLOW("lapping", LAPPING_WORDS, LAPPING),
	WITH_SLOW("dropping", "a ring that drops a reader for which it is full", DROPPING),
	{ 0 },
};

#define BEATS(id_, kernel, words)                                                                                      \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "To four readers one ring in shared memory, with a cursor for each, passes 64 bytes at least " \
			"twice as fast as " words,                                                                     \
		.source = "popular belief: one copy in instead of one for each reader",                                \
		.question = "How to tell many processes the same?", SM_RATIO(kernel ".4", "cursors.4", .min = 2),      \
		.at = "message=64"                                                                                     \
	}
#define ALONE_AT "message=64 workers<=1xPU cores=different"
#define TWO      "two cores"
#define FIVE     "a core for each of five processes"
static const struct sm_claim claims[] = {
	BEATS("T12", "pipes", "four pipes written one after another"),
	BEATS("T12.sockets", "sockets", "four Unix sockets written one after another"),
	{ .id = "T12.each_pays",
	  .text = "Four pipes take at least twice as long a message as one, where each process has a core",
	  .source = "a system call and a copy for each further reader",
	  SM_RATIO("pipes.4", "pipes.1", .min = 2),
	  .at = ALONE_AT,
	  .needs = FIVE },
	{ .id = "T12.readers",
	  .text = "A ring with a cursor for each reader takes at most twice as long a message with four readers as with "
		  "one, where each process has a core",
	  .source = "the writer writes each message once; readers share its lines",
	  SM_RATIO("cursors.4", "cursors.1", .max = 2),
	  .at = ALONE_AT,
	  .needs = FIVE },
	{ .id = "T12.blocks",
	  .text = "A reader that takes a microsecond a message slows the writer of a ring with cursors to at least 5 "
		  "times the time of one that laps it",
	  .source = "a bounded queue that loses nothing waits for its slowest reader",
	  .question = "What does a slow reader do to the others?",
	  SM_RATIO("cursors.slow", "lapping.slow", .min = 5),
	  .at = ALONE_AT,
	  .needs = TWO },
	{ .id = "T12.drops",
	  .text = "The writer of a ring that drops this reader is at least 5 times as fast, too",
	  .source = "as message brokers do with a client whose buffer is full",
	  .question = "What does a slow reader do to the others?",
	  SM_RATIO("cursors.slow", "dropping.slow", .min = 5),
	  .at = ALONE_AT,
	  .needs = TWO },
	{ .id = "T12.lapped",
	  .text = "A reader that is too slow for a ring whose writer does not wait loses messages, in every trial",
	  .source = "nobody waits for it",
	  SM_METRIC("lapping.slow", "messages told lost", .min = 1, .max = 1e18),
	  .at = "message=64" },
	{ .id = "T12.known",
	  .text = "It knows exactly how many: those it saw and those it says it lost are all that were sent",
	  .source = "each place has the number of its message",
	  SM_METRIC("lapping.slow", "messages unaccounted for", .max = 0),
	  .control = "T12.lapped",
	  .at = "message=64" },
	{ .id = "T12.dropped",
	  .text = "A reader for which a ring is full is dropped, in every trial",
	  .source = "nobody waits for it",
	  SM_METRIC("dropping.slow", "times a reader was dropped", .min = 1, .max = 1e18),
	  .at = "message=64" },
	{ .id = "T12.told",
	  .text = "It is told so, each time that it is dropped",
	  .source = "the writer sets a flag of the reader before it overwrites what the reader has not read",
	  SM_METRIC("dropping.slow", "drops not told", .max = 0),
	  .control = "T12.dropped",
	  .at = "message=64" },
	{ .id = "T12.misses",
	  .text = "A reader of the latest message under a seqlock does not see every message",
	  .source = "there is one place, and the writer does not wait",
	  SM_METRIC("latest.1", "messages told lost", .min = 1, .max = 1e18),
	  .at = "message=64" },
	{ .id = "T12.counted",
	  .text = "It can tell how many it missed: they and those it saw are all that were sent",
	  .source = "the count of a seqlock goes up by two with each write",
	  SM_METRIC("latest.1", "messages unaccounted for", .max = 0),
	  .control = "T12.misses",
	  .at = "message=64" },
	{ 0 },
};

const struct sm_scenario sm_scenario_broadcast = {
	.name = "broadcast",
	.family = "transport",
	.question = "What does it cost to tell many processes the same, and what does a slow one do?",
	.summary = "One writer, several readers, each message for all.",
	.why = "Through the kernel each further reader is one more system call and copy of the writer. In "
	       "shared memory it writes once, and readers fetch the same lines. A slow reader either holds "
	       "the writer up, or loses messages; numbers in the ring let it count how many.",
	.claims = claims,
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64), .standard = SM_VALUES(64, 4096)), TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.metric = { "time per message to all readers", "ns/op" },
	.more = { { "share of the messages seen", "1" },
		  { "messages told lost", "messages" },
		  { "messages unaccounted for", "messages" },
		  { "times a reader was dropped", "1" },
		  { "drops not told", "1" } },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
