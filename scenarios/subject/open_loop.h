/* The loop of transport_open_loop, and the search for the rate that it can sustain. */
#ifndef SHMETER_SUBJECT_OPEN_LOOP_H
#define SHMETER_SUBJECT_OPEN_LOOP_H

#include "meet.h"
#include "transport.h"

/* In a variant's `arg`. */
#define CLOSED 0x100u
#define PAUSED 0x200u

#define HEADER 2 /* words before the checked ones: the intended time and the send time */

/* The search for the rate: consecutive rounds of ROUND_NS for SEARCH_NS in total. */
#define ROUND_FIRST 64u /* messages */
#define ROUND_NS    10000000u
#define SEARCH_NS   100000000u
/* Then rounds at the given share of that rate, until one keeps up.  A stall delays one round, not all of them. */
#define PACED_NS     20000000u
#define PACED_ROUNDS 3u

#define MARKS 16u /* how many ends of slices are kept */

enum {
	TALLY_PASSED,   /* all messages sent or received */
	TALLY_SEARCHED, /* of these, the ones of the search for the rate */
	TALLY_WRONG,
	TALLY_INTERVAL_PS, /* time between intended times; set by the sender */
	/* set by the receiver, for two ends of slices: messages passed, and how late (ns) the last one was */
	TALLY_PASSED_FIRST,
	TALLY_LATE_FIRST,
	TALLY_PASSED_LAST,
	TALLY_LATE_LAST,
};
enum { PARAM_LOAD = PARAM_CAPACITY + 1 };

/* What the two ends tell each other besides messages. */
struct ends {
	struct meet round; /* written by the sender: number of the round that begins */
	struct meet done;  /* written by the receiver: number of the round that is over */
	uint64_t count;    /* sender, before `round`: messages of the round; 0: the search is over */
	uint64_t
		received_ns; /* receiver, before `done` and before the gate after a slice: when the last message came */
};

/* The end of a slice, in the receiver. */
struct mark {
	uint64_t at_ns, passed, late;
};

struct open_loop_state {
	struct channel channel[2]; /* the second is not used */
	struct transport_buffers own;
	struct ends *ends;
	uint64_t passed; /* messages that this end has passed */
	uint64_t late;   /* in the receiver: how late the last message was after its intended time */
	/* The schedule, in the sender: message i is due at origin_ns + i * interval_ps. */
	uint64_t origin_ns, due_ps, interval_ps;
	uint64_t left_ns;  /* when the sender finished its last slice */
	uint64_t begun_ns; /* in the receiver: when the first measured slice ended */
	bool paused;       /* the pause has been made */
	struct mark mark[MARKS];
	unsigned marks; /* number so far: the next one goes to mark[marks % MARKS] */
};

/* Sends the messages of a slice, each when it is due or as soon after as possible. */
static ALWAYS_INLINE uint64_t send_due(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	struct channel *channel = &state->channel[0];
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, interval_ps = state->interval_ps, due_ps = state->due_ps;
	uint64_t origin_ns = state->origin_ns, intended, now;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t *out;

		due_ps += interval_ps;
		intended = origin_ns + due_ps / 1000;
		for (unsigned turns = 0; (now = sm_clock_ns()) < intended;)
			if (!sm_spin(&turns, worker->abort))
				return i;
		out = transport_place(transport, channel, state->own.out);
		if (!out)
			return i;
		out[0] = intended;
		out[1] = now;
		message_write(out + HEADER, bytes - HEADER * sizeof(*out), state->passed);
		if (!transport_send(transport, channel, out, bytes))
			return i;
		state->passed++;
	}
	state->due_ps = due_ps;
	return n;
}

/* Receives the messages; the lateness of each follows from the time that it carries. */
static ALWAYS_INLINE uint64_t receive_all(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	unsigned from = sm_case_variant(worker->c)->arg & CLOSED ? 1 : 0;
	uint64_t n = worker->op_count, *in = state->own.in, wrong = 0, now = 0, late;

	for (uint64_t i = 0; i < n; i++) {
		if (!transport_receive(transport, &state->channel[0], in, bytes))
			return i;
		wrong += message_check(in + HEADER, bytes - HEADER * sizeof(*in), state->passed++) != 0;
		now = sm_clock_ns();
		/* Clocks of two PUs may differ by a few ns, so the difference is limited to 0 or more. */
		late = now > in[from] ? now - in[from] : 0;
		sm_histogram_add(worker->histogram, late);
		worker->time_ns += late;
	}
	worker->outcome->tally[TALLY_WRONG] += wrong;
	state->late = now > in[0] ? now - in[0] : 0;
	state->ends->received_ns = now;
	return n;
}

static ALWAYS_INLINE uint64_t pass(struct sm_worker *worker, enum transport transport)
{
	return worker->index == 0 ? send_due(worker, transport) : receive_all(worker, transport);
}
#define STAMP_LOOP pass
#include "stamp.h"

/* One round of the search: the loop itself, at the schedule's current interval.  Returns its time; 0: the peer is
 * gone. */
static inline uint64_t round_ns(struct sm_worker *worker, uint64_t number, uint64_t count)
{
	struct open_loop_state *state = worker->state;
	struct ends *ends = state->ends;
	uint64_t start_ns;

	ends->count = worker->op_count = count;
	meet_tell(&ends->round, number);
	if (count == 0)
		return 1;
	state->due_ps = 0;
	state->origin_ns = start_ns = sm_clock_ns();
	if (pass_run(worker) != count || !meet_await(&ends->done, number, worker->abort))
		return 0;
	return ends->received_ns - start_ns;
}

/* The receiver's side of all rounds. */
static inline bool follow(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;
	struct ends *ends = state->ends;

	for (uint64_t number = 1;; number++) {
		if (!meet_await(&ends->round, number, worker->abort))
			return false;
		worker->op_count = ends->count;
		if (worker->op_count == 0)
			return true;
		if (pass_run(worker) != worker->op_count)
			return false;
		meet_tell(&ends->done, number);
	}
}

/* The time per message (ps) when all messages are due at once; 0: the peer is gone. */
static inline uint64_t flat_out_ps(struct sm_worker *worker, uint64_t *number)
{
	struct open_loop_state *state = worker->state;
	uint64_t count = ROUND_FIRST, took, sum_ns = 0, messages = 0;

	state->interval_ps = 0;
	for (;; count *= 2) {
		took = round_ns(worker, (*number)++, count);
		if (took == 0)
			return 0;
		if (took >= ROUND_NS / 2)
			break;
	}
	while (sum_ns < SEARCH_NS) {
		took = round_ns(worker, (*number)++, count);
		if (took == 0)
			return 0;
		sum_ns += took;
		messages += count;
	}
	return sum_ns * 1000 / messages;
}

/* The shortest interval achieved when messages are sent `interval_ps` apart; equals `interval_ps` if the loop keeps
 * up. 0: the peer is gone. */
static inline uint64_t paced_ps(struct sm_worker *worker, uint64_t interval_ps, uint64_t *number)
{
	struct open_loop_state *state = worker->state;
	uint64_t count = PACED_NS * 1000ull / interval_ps + 1, least_ps = UINT64_MAX;

	state->interval_ps = interval_ps;
	for (unsigned i = 0; i < PACED_ROUNDS; i++) {
		uint64_t took_ps = round_ns(worker, (*number)++, count) * 1000 / count;

		if (took_ps == 0)
			return 0;
		if ((double)interval_ps >= SM_ACHIEVED_MIN * (double)took_ps)
			return interval_ps;
		least_ps = took_ps < least_ps ? took_ps : least_ps;
	}
	return least_ps;
}

/* Finds the sustainable rate, and sets the schedule to the case's share of it. */
static inline bool saturate(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;
	uint64_t load = worker->c->param[PARAM_LOAD], number = 1, held_ps, share_ps, paced;

	held_ps = flat_out_ps(worker, &number);
	if (held_ps == 0)
		return false;
	share_ps = held_ps * 100 / load;
	/* above 100 % the loop cannot keep up, and is not meant to */
	if (load <= 100) {
		paced = paced_ps(worker, share_ps, &number);
		if (paced == 0)
			return false;
		if (paced > share_ps)
			share_ps = paced * 100 / load;
	}
	round_ns(worker, number, 0);
	state->due_ps = 0;
	state->interval_ps = share_ps;
	state->origin_ns = state->left_ns = sm_clock_ns();
	return true;
}

#endif
