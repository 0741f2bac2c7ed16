/* Two workers and a channel each way: shared by transport_latency, transport_throughput and rate_sweep. */
#ifndef SHMETER_SUBJECT_TRANSPORT_PAIR_H
#define SHMETER_SUBJECT_TRANSPORT_PAIR_H

#include "transport.h"

enum { TALLY_SENT, TALLY_RECEIVED, TALLY_WRONG };

struct transport_state {
	struct channel channel[2]; /* 0: worker 0 to worker 1; 1: back */
	struct transport_buffers own;
	uint64_t sent, received;
};

static inline int pair_setup(struct sm_trial *trial, struct sm_error *err)
{
	struct transport_state *state = trial->state;

	return transport_open_pair(trial->c, state->channel, trial->region, err);
}

static inline void pair_teardown(struct sm_trial *trial)
{
	struct transport_state *state = trial->state;

	transport_close(transport_of(trial->c), state->channel);
}

static inline int pair_warm_up(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	int own = (int)worker->index, rc = transport_join(worker, state->channel, own, !own);

	if (rc < 0)
		return rc;
	return transport_buffers(worker, &state->own, bytes);
}

/* Sends one message, written in full, in the direction given. */
static ALWAYS_INLINE bool pair_put(struct sm_worker *worker, enum transport transport, struct transport_state *state,
				   int direction, size_t bytes)
{
	struct channel *channel = &state->channel[direction];
	uint64_t *out = transport_place(transport, channel, state->own.out);

	if (!out)
		return false;
	message_write(out, bytes, state->sent);
	if (!transport_send(transport, channel, out, bytes))
		return false;
	state->sent++;
	worker->outcome->tally[TALLY_SENT]++;
	return true;
}

/* Receives one message and checks every word of it. */
static ALWAYS_INLINE bool pair_take(struct sm_worker *worker, enum transport transport, struct transport_state *state,
				    int direction, size_t bytes)
{
	if (!transport_receive(transport, &state->channel[direction], state->own.in, bytes))
		return false;
	worker->outcome->tally[TALLY_WRONG] += message_check(state->own.in, bytes, state->received) != 0;
	state->received++;
	worker->outcome->tally[TALLY_RECEIVED]++;
	return true;
}

/* Round trips: each worker sent and received one correct message per operation. */
static inline int pair_verify_trips(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct sm_outcome *o = trial->outcome[i];

		if (o->tally[TALLY_WRONG])
			return sm_fail(err, EILSEQ, "worker %u received %lu wrong messages", i, o->tally[TALLY_WRONG]);
		if (o->tally[TALLY_RECEIVED] != o->ops || o->tally[TALLY_SENT] != o->ops)
			return sm_fail(err, EILSEQ, "worker %u sent %lu and received %lu messages in %lu round trips",
				       i, o->tally[TALLY_SENT], o->tally[TALLY_RECEIVED], o->ops);
	}
	return 0;
}

static inline void pair_measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	struct transport_state *state = trial->state;

	transport_measure(trial->c, state->channel, value);
}

/* `twins`: whether the scenario compares the two ways of waiting. */
#define PAIR_VARIANT(transport, words, traits, twins)                                                                  \
	{ .name = #transport,                                                                                          \
	  .summary = words,                                                                                            \
	  .arg = TRANSPORT_##transport,                                                                                \
	  .extra = ((traits)&TRAIT_TWIN) && !(twins),                                                                  \
	  .spins = ((traits)&TRAIT_SPINS) != 0,                                                                        \
	  .memory = TRANSPORT_FILE_BACKED(traits) },

#endif
