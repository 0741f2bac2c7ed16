/* Question: from which size is it faster to hand a message over than to copy it?
 * Method:   worker 0 sends, worker 1 receives; every message is written in full and checked in full.  `loan` takes a
 *           chunk from a pool in shared memory, writes the message there and passes its offset through a ring; the
 *           receiver checks it in place and gives the chunk back.  `in_place` is the same without the pool: four fixed
 *           places in turn.  The pool gives out the chunk that came back last, whose lines the receiver's cache may
 *           still have; in `loan_held` the receiver gives a chunk back when it has two later ones, so that chunks are
 *           written again as late as places are.  The others copy: a ring in shared memory twice, a pipe twice, a pipe that takes pages by
 *           reference and process_vm_readv once.
 * Not shown: a message that is built elsewhere, for which a loan saves one of two copies; several receivers; waiting
 *           that sleeps (loan, in_place and shm_ring spin).
 * Cost of the loop: writing and checking a message, as in transport_throughput.  loan: two compare-and-swaps on the
 *           head of the free list, which both processes change, and 8 bytes through a ring. */
#include "../subject/loan.h"
#include "../subject/transport_pair.h"

/* In a variant's `arg`, beside shm_ring, whose rules they follow. */
#define LOAN     0x100u
#define IN_PLACE 0x200u
#define HELD     0x400u /* beside LOAN: the receiver gives chunks back late */

#define PLACES     TRANSPORT_MESSAGES_MIN
#define CHUNKS_MAX 1024u
#define HOLDS      2u /* chunks that the receiver of `loan_held` has beside the one that it reads */

/* The ring of tickets, which holds them all. */
#define TICKETS (CHUNKS_MAX * sizeof(uint64_t))

enum { TALLY_HELD = TALLY_WRONG + 1 };

struct state {
	struct transport_state pair; /* first: transport_pair.h finds it here */
	uint64_t held[HOLDS];        /* tickets; 0: none yet */
	unsigned next;
};

static unsigned holds(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & HELD ? HOLDS : 0;
}

/* Chunks of each class: as many messages as the capacity has, and those that are held. */
static uint32_t chunks(const struct sm_case *c)
{
	uint64_t count = transport_capacity(c) / loan_chunk_bytes(loan_class_of(c->param[PARAM_MESSAGE]));

	count += holds(c);
	return (uint32_t)(count < PLACES + holds(c) ? PLACES + holds(c) : count < CHUNKS_MAX ? count : CHUNKS_MAX);
}

static unsigned classes(const struct sm_case *c)
{
	return loan_class_of(c->param[PARAM_MESSAGE]) + 1;
}

static uint64_t flags_of(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & (LOAN | IN_PLACE);
}

static size_t region_bytes(const struct sm_case *c)
{
	switch (flags_of(c)) {
	case LOAN: return sizeof(struct spsc) + TICKETS + loan_bytes(classes(c), chunks(c));
	case IN_PLACE: return sizeof(struct spsc) + PLACES * c->param[PARAM_MESSAGE];
	default: return transport_region_bytes(c);
	}
}

static struct loan_pool *pool_of(void *region)
{
	return (void *)((char *)region + sizeof(struct spsc) + TICKETS);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	if (flags_of(trial->c) == LOAN)
		loan_init(pool_of(trial->region), classes(trial->c), chunks(trial->c));
	return flags_of(trial->c) ? 0 : pair_setup(trial, err);
}

static void teardown(struct sm_trial *trial)
{
	if (!flags_of(trial->c))
		pair_teardown(trial);
}

static int warm_up(struct sm_worker *worker)
{
	return flags_of(worker->c) ? 0 : pair_warm_up(worker);
}

/* One message into a chunk, and its ticket to the receiver. */
static ALWAYS_INLINE bool lend(struct sm_worker *worker, struct transport_state *state, unsigned class, size_t bytes)
{
	struct loan_pool *pool = pool_of(worker->region);
	struct spsc *ring = worker->region;
	uint64_t ticket;

	for (unsigned turns = 0; (ticket = loan_take(pool, class)) == LOAN_NONE;)
		if (!sm_spin(&turns, worker->abort))
			return false;
	message_write(loan_at(pool, ticket), bytes, state->sent++);
	spsc_offer(ring, TICKETS, &ticket, sizeof(ticket)); /* it has room for the tickets of all chunks */
	return true;
}

/* Holds a chunk, and returns the one that was held longest; LOAN_NONE: there is none yet. */
static inline uint64_t hold(struct sm_worker *worker, uint64_t ticket)
{
	struct state *state = worker->state;
	uint64_t *place = &state->held[state->next++ % HOLDS], oldest = *place;

	*place = ticket;
	worker->outcome->tally[TALLY_HELD] = state->next < HOLDS ? state->next : HOLDS;
	return oldest;
}

static ALWAYS_INLINE bool use(struct sm_worker *worker, struct transport_state *state, size_t bytes, bool late,
			      uint64_t *wrong)
{
	struct loan_pool *pool = pool_of(worker->region);
	struct spsc *ring = worker->region;
	uint64_t ticket;

	for (unsigned turns = 0; !spsc_has_data(ring, sizeof(ticket));)
		if (!sm_spin(&turns, worker->abort))
			return false;
	spsc_get(ring, TICKETS, &ticket, sizeof(ticket));
	spsc_consumed(ring, sizeof(ticket));
	*wrong += message_check(loan_at(pool, ticket), bytes, state->received++) != 0;
	if (late)
		ticket = hold(worker, ticket);
	if (ticket != LOAN_NONE)
		loan_give_back(pool, ticket);
	return true;
}

/* The indices of the ring count places here. */
static ALWAYS_INLINE bool put_in_place(struct sm_worker *worker, struct transport_state *state, size_t bytes)
{
	struct spsc *ring = worker->region;

	for (unsigned turns = 0; !spsc_has_room(ring, PLACES, 1);)
		if (!sm_spin(&turns, worker->abort))
			return false;
	message_write((void *)(ring->data + ring->written % PLACES * bytes), bytes, state->sent++);
	spsc_produced(ring, 1);
	return true;
}

static ALWAYS_INLINE bool take_in_place(struct sm_worker *worker, struct transport_state *state, size_t bytes,
					uint64_t *wrong)
{
	struct spsc *ring = worker->region;

	for (unsigned turns = 0; !spsc_has_data(ring, 1);)
		if (!sm_spin(&turns, worker->abort))
			return false;
	*wrong += message_check((void *)(ring->data + ring->taken % PLACES * bytes), bytes, state->received++) != 0;
	spsc_consumed(ring, 1);
	return true;
}

static ALWAYS_INLINE uint64_t loan(struct sm_worker *worker, bool late)
{
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	unsigned class = loan_class_of(bytes);
	struct transport_state *state = worker->state;
	uint64_t n = worker->op_count, i = 0, wrong = 0;

	if (worker->index == 0)
		while (i < n && lend(worker, state, class, bytes))
			i++;
	else
		while (i < n && use(worker, state, bytes, late, &wrong))
			i++;
	worker->outcome->tally[worker->index == 0 ? TALLY_SENT : TALLY_RECEIVED] += i;
	worker->outcome->tally[TALLY_WRONG] += wrong;
	return i;
}

static __attribute__((noinline)) uint64_t loan_run(struct sm_worker *worker)
{
	return loan(worker, false);
}

static __attribute__((noinline)) uint64_t loan_held_run(struct sm_worker *worker)
{
	return loan(worker, true);
}

static __attribute__((noinline)) uint64_t in_place_run(struct sm_worker *worker)
{
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	struct transport_state *state = worker->state;
	uint64_t n = worker->op_count, i = 0, wrong = 0;

	if (worker->index == 0)
		while (i < n && put_in_place(worker, state, bytes))
			i++;
	else
		while (i < n && take_in_place(worker, state, bytes, &wrong))
			i++;
	worker->outcome->tally[worker->index == 0 ? TALLY_SENT : TALLY_RECEIVED] += i;
	worker->outcome->tally[TALLY_WRONG] += wrong;
	return i;
}

static ALWAYS_INLINE uint64_t copied(struct sm_worker *worker, enum transport transport)
{
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	struct transport_state *state = worker->state;
	uint64_t n = worker->op_count, i = 0;

	if (worker->index == 0)
		while (i < n && pair_put(worker, transport, state, 0, bytes))
			i++;
	else
		while (i < n && pair_take(worker, transport, state, 0, bytes))
			i++;
	return i;
}
#define COPIED(name)                                                                                                   \
	static __attribute__((noinline)) uint64_t name##_run(struct sm_worker *worker)                                 \
	{                                                                                                              \
		return copied(worker, TRANSPORT_##name);                                                               \
	}
COPIED(shm_ring)
COPIED(pipe)
COPIED(pipe_vmsplice)
COPIED(process_vm)

static uint64_t run(struct sm_worker *worker)
{
	switch (flags_of(worker->c)) {
	case LOAN: return holds(worker->c) ? loan_held_run(worker) : loan_run(worker);
	case IN_PLACE: return in_place_run(worker);
	default: break;
	}
	switch (transport_of(worker->c)) {
	case TRANSPORT_shm_ring: return shm_ring_run(worker);
	case TRANSPORT_pipe: return pipe_run(worker);
	case TRANSPORT_pipe_vmsplice: return pipe_vmsplice_run(worker);
	default: return process_vm_run(worker);
	}
}

/* All messages were handed over and are right, and every chunk that is not held is back on its list. */
static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *sender = trial->outcome[0], *receiver = trial->outcome[1];
	unsigned class = loan_class_of(trial->c->param[PARAM_MESSAGE]);
	uint64_t free = 0, due = chunks(trial->c) - receiver->tally[TALLY_HELD];

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong", receiver->tally[TALLY_WRONG]);
	if (sender->tally[TALLY_SENT] != sender->ops || receiver->tally[TALLY_RECEIVED] != receiver->ops ||
	    sender->ops != receiver->ops)
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received in %lu operations",
			       sender->tally[TALLY_SENT], receiver->tally[TALLY_RECEIVED], sender->ops);
	if (flags_of(trial->c) != LOAN)
		return 0;
	while (free <= due && loan_take(pool_of(trial->region), class) != LOAN_NONE)
		free++;
	if (free != due)
		return sm_fail(err, EILSEQ, "%lu chunks are on the free list after the trial, not %lu of %u", free, due,
			       chunks(trial->c));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	if (!flags_of(trial->c)) {
		pair_measure(trial, value);
		return;
	}
	value[0] = flags_of(trial->c) == LOAN ? chunks(trial->c) - holds(trial->c) : PLACES;
	value[1] = value[0] * (double)trial->c->param[PARAM_MESSAGE];
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_MESSAGE];
}

#define COPIES(transport, words, ...)                                                                                  \
	{                                                                                                              \
		.name = #transport, .summary = words, .arg = TRANSPORT_##transport, __VA_ARGS__                        \
	}
static const struct sm_variant variants[] = {
	COPIES(shm_ring, "a ring in shared memory: copied in and out", .spins = true),
	{ .name = "loan",
	  .summary = "written and read in a chunk of shared memory, handed over by its offset",
	  .arg = TRANSPORT_shm_ring | LOAN,
	  .spins = true },
	{ .name = "loan_held",
	  .summary = "the same, given back when two later ones are there",
	  .arg = TRANSPORT_shm_ring | LOAN | HELD,
	  .spins = true },
	{ .name = "in_place",
	  .summary = "written and read in four fixed places: the floor",
	  .arg = TRANSPORT_shm_ring | IN_PLACE,
	  .spins = true },
	COPIES(pipe, "a pipe: copied in and out by the kernel"),
	COPIES(pipe_vmsplice, "a pipe that takes pages by reference: copied out"),
	COPIES(process_vm, "process_vm_readv: copied once"),
	{ 0 },
};

#define AT(message) "message=" #message " placement=near cores=different"
#define ASKED       "Copy or hand over?"
static const struct sm_claim claims[] = {
	{ .id = "T13",
	  .text = "A message of 4 MiB that is written in place and handed over by its offset takes at most two thirds of "
		  "the time of one that a ring copies, between two cores",
	  .source = "documentation of zero-copy middleware: two copies less",
	  .question = ASKED,
	  SM_RATIO("shm_ring", "loan", .min = 1.5),
	  .at = AT(4194304),
	  .needs = "two cores" },
	{ .id = "T13.middle",
	  .text = "At 64 KiB handing over is faster than copying, too",
	  .source = "documentation of zero-copy middleware: two copies less",
	  .question = ASKED,
	  SM_RATIO("shm_ring", "loan", .min = 1),
	  .at = AT(65536),
	  .needs = "two cores" },
	{ .id = "T13.small",
	  .text = "At 64 bytes handing over is no faster than copying",
	  .source = "taking and giving back a chunk moves a line each; so small a copy is a few instructions",
	  .question = ASKED,
	  SM_RATIO("loan", "shm_ring", .min = 1),
	  .at = AT(64),
	  .needs = "two cores" },
	{ .id = "T13.no_copy",
	  .text = "Handed over by offset, in chunks that are given back late, 4 MiB takes at most 10 % more than writing "
		  "it in one process and reading it in the other in fixed places",
	  .source = "textbooks: a pipe copies at least once, shared memory not at all",
	  SM_RATIO("loan_held", "in_place", .max = 1.1),
	  .at = AT(4194304),
	  .needs = "two cores" },
	{ .id = "T13.pipe",
	  .text = "Through a pipe 4 MiB takes at least three times as long as handed over",
	  .source = "textbooks on interprocess communication",
	  .question = ASKED,
	  SM_RATIO("pipe", "loan", .min = 3),
	  .at = AT(4194304),
	  .needs = "two cores" },
	{ .id = "T13.vmsplice",
	  .text = "Through a pipe that takes pages by reference 4 MiB takes longer than handed over",
	  .source = "one copy remains, and the kernel's work for each page",
	  SM_RATIO("pipe_vmsplice", "loan", .min = 1),
	  .at = AT(4194304),
	  .needs = "two cores" },
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_loan = {
	.name = "transport_loan",
	.family = "transport",
	.question = "From which size on is it faster to hand a message over than to copy it?",
	.summary = "Messages written in place in shared memory and handed over by offset, or copied.",
	.why = "Handing over costs the same for every size: a chunk is taken from a list and given back, "
	       "and an offset goes through a ring. A copy grows with the size, and it touches "
	       "memory for the message a second time. The list gives out the chunk that came back last, so that few "
	       "are in use: a gain where both cores share a cache, and a loss where the sender must take each line "
	       "from the reader's cache again. Given back late it takes what fixed places take. Where the lines cross, the one outweighs the other; which caches hold the message then is "
	       "not measured here.",
	.claims = claims,
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64, 65536, 4 << 20),
				      .standard = SM_VALUES(64, 1024, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20),
				      .full = SM_VALUES(64, 256, 1024, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20,
							16 << 20, 64 << 20)),
		    TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE },
	.metric = { "time per message", "ns/op" },
	.more = { TRANSPORT_HOLDS },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = transport_supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
