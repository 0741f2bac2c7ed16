/* The loops that a plug-in has stamped into itself (shmeter/plugin_stamp.h), for round trips and for one direction.
 *
 * They check messages in the plug-in, so they are not believed alone.  Before the slices each loop of the trial works
 * against shmeter's own code: what it sends is checked here, and of what it receives it has to find a message that is torn
 * and one that is old.  In each slice the last operation is passed and checked here: a message that a loop lost or
 * doubled shifts it. */
#ifndef SHMETER_SUBJECT_STAMPED_H
#define SHMETER_SUBJECT_STAMPED_H

#include "shmeter/plugin_stamp.h"
#include "transport_pair.h"

enum stamped_way { STAMPED_ONE_WAY, STAMPED_TRIPS };

/* In a worker that has joined.  NULL: there are none. */
static inline const struct shmeter_stamped *stamped_loops(const struct sm_worker *worker)
{
	const struct transport_state *state = worker->state;

	return state->channel[0].plugged ? state->channel[0].called->stamped : NULL;
}

/* Runs this end's loop of the batch. */
static inline uint64_t stamped_run(struct sm_worker *worker, enum stamped_way way, struct shmeter_batch *batch)
{
	const struct shmeter_stamped *loops = stamped_loops(worker);
	struct transport_state *state = worker->state;
	struct shmeter_channel *there = &state->channel[0].theirs, *back = &state->channel[1].theirs;
	bool first = worker->index == 0;

	if (way == STAMPED_ONE_WAY)
		return first ? loops->send(there, batch) : loops->receive(there, batch);
	return first ? loops->ask(there, back, batch) : loops->answer(there, back, batch);
}

static inline struct shmeter_batch stamped_batch(const struct sm_worker *worker, uint64_t count)
{
	const struct transport_state *state = worker->state;

	return (struct shmeter_batch){ .count = count,
				       .size = worker->c->param[PARAM_MESSAGE],
				       .sent = state->sent,
				       .received = state->received,
				       .out = state->own.out,
				       .in = state->own.in };
}

/* A slice: all operations but the last in the plug-in, and the last by `own`, the loop of shmeter. */
static __attribute__((noinline)) uint64_t stamped_slice(struct sm_worker *worker, enum stamped_way way,
							uint64_t (*own)(struct sm_worker *))
{
	struct transport_state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally, done;
	struct shmeter_batch batch;

	if (n == 0)
		return 0;
	batch = stamped_batch(worker, n - 1);
	done = stamped_run(worker, way, &batch);
	tally[TALLY_SENT] += batch.sent - state->sent;
	tally[TALLY_RECEIVED] += batch.received - state->received;
	tally[TALLY_WRONG] += batch.wrong;
	state->sent = batch.sent;
	state->received = batch.received;
	if (done != n - 1) {
		plugin_gave_up(&state->channel[0], "a stamped loop: send() or receive");
		return done;
	}
	worker->op_count = 1;
	done += own(worker);
	worker->op_count = n;
	return done;
}

/* Messages of the proof: one right, one torn in its last word, one old, one right. */
enum { PROOF_TORN = 1, PROOF_OLD, PROOF_MESSAGES = 4, PROOF_WRONG = 2 };

static __attribute__((noinline, cold)) bool proof_put(struct transport_state *state, int direction, size_t bytes,
						      uint64_t number)
{
	uint64_t *out = state->own.out;

	message_write(out, bytes, number == PROOF_OLD ? 0 : number);
	if (number == PROOF_TORN)
		out[bytes / sizeof(*out) - 1] ^= 1;
	return plugin_send(&state->channel[direction], out, bytes);
}

/* Receives a message of a loop and checks it here. */
static __attribute__((noinline, cold)) bool proof_take(struct transport_state *state, int direction, size_t bytes,
						       uint64_t number, uint64_t *wrong)
{
	if (!plugin_receive(&state->channel[direction], state->own.in, bytes))
		return false;
	*wrong += message_check(state->own.in, bytes, number) != 0;
	return true;
}

/* This end's part in the proof of one loop: that of worker `prover` runs, the other end is shmeter's own.  Returns -1
 * where the peer is gone, or how many messages the end found wrong. */
static __attribute__((noinline, cold)) int64_t proof_of(struct sm_worker *worker, enum stamped_way way, unsigned prover)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	struct shmeter_batch batch = stamped_batch(worker, PROOF_MESSAGES);
	uint64_t wrong = 0;

	if (worker->index == prover) {
		if (stamped_run(worker, way, &batch) != PROOF_MESSAGES)
			return -1;
		return (int64_t)batch.wrong;
	}
	for (uint64_t i = 0; i < PROOF_MESSAGES; i++) {
		bool takes_first = worker->index == 1;

		if (takes_first && !proof_take(state, 0, bytes, i, &wrong))
			return -1;
		if ((way == STAMPED_TRIPS || !takes_first) && !proof_put(state, takes_first ? 1 : 0, bytes, i))
			return -1;
		if (way == STAMPED_TRIPS && !takes_first && !proof_take(state, 1, bytes, i, &wrong))
			return -1;
	}
	return (int64_t)wrong;
}

/* warm_up(): joins, and proves the loops that the slices will use. */
static __attribute__((noinline, cold)) int stamped_warm_up(struct sm_worker *worker, enum stamped_way way)
{
	const struct sm_plugged *plugged = sm_case_variant(worker->c)->plugged;
	int rc = pair_warm_up(worker);

	if (rc < 0 || !stamped_loops(worker))
		return rc;
	for (unsigned prover = 0; prover < 2; prover++) {
		bool proves = worker->index == prover;
		/* the sending loop receives nothing */
		int64_t due = proves && (way == STAMPED_TRIPS || prover == 1) ? PROOF_WRONG : 0;
		int64_t found = proof_of(worker, way, prover);

		if (found < 0)
			return sm_worker_fail(worker, EPIPE, "plug-in %s: a stamped loop of %s ended early",
					      plugged->file, plugged->name);
		if (found != due && proves)
			return sm_worker_fail(worker, EILSEQ,
					      "plug-in %s: a stamped loop of %s found %ld of %ld wrong messages",
					      plugged->file, plugged->name, (long)found, (long)due);
		if (found != due)
			return sm_worker_fail(worker, EILSEQ,
					      "plug-in %s: a stamped loop of %s sent %ld wrong messages", plugged->file,
					      plugged->name, (long)found);
	}
	return 0;
}

#endif
