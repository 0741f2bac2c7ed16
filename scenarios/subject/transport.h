/* What the transport scenarios share: two channels, the buffers, the proof. */
#ifndef SHMETER_SUBJECT_TRANSPORT_H
#define SHMETER_SUBJECT_TRANSPORT_H

#include <errno.h>
#include <stdlib.h>

#include "channel.h"
#include "message.h"
#include "shmeter/scenario.h"
/* a header a transport */
#include "pipe.h"
#include "shm_mutex_cond.h"
#include "shm_ring.h"
#include "shm_ring_futex.h"
#include "unix_stream.h"

/* Turns that a sleeping transport spins first: about 5 to 50 us of pauses, as long as a wake-up. */
#define TRANSPORT_SPIN_TURNS 2000

enum { TALLY_SENT, TALLY_RECEIVED, TALLY_WRONG };
enum { PARAM_MESSAGE, PARAM_CAPACITY };

enum transport {
#define TRANSPORT(name, summary, spins) TRANSPORT_##name,
#include "transports.def"
#undef TRANSPORT
};

struct transport_state {
	struct channel channel[2]; /* 0: worker 0 to worker 1; 1: back */
	uint64_t *out, *in;        /* a worker's own buffers */
	uint64_t sent, received;
};

/* Bytes in flight: as asked, and never less than two messages; a power of two. */
static inline size_t transport_capacity(const struct sm_case *c)
{
	uint64_t least = 2 * c->param[PARAM_MESSAGE], capacity = 4096;

	least = c->param[PARAM_CAPACITY] > least ? c->param[PARAM_CAPACITY] : least;
	while (capacity < least)
		capacity *= 2;
	return (size_t)capacity;
}

static inline size_t transport_channel_bytes(const struct sm_case *c)
{
	size_t capacity = transport_capacity(c), bytes = 0;

	switch ((enum transport)sm_case_variant(c)->arg) {
#define TRANSPORT(name, summary, spins)                                                            \
	case TRANSPORT_##name:                                                                     \
		bytes = name##_bytes(capacity);                                                    \
		break;
#include "transports.def"
#undef TRANSPORT
	}
	return (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

static inline size_t transport_region_bytes(const struct sm_case *c)
{
	return 2 * transport_channel_bytes(c);
}

static inline int transport_supported(const struct sm_case *c, struct sm_error *why)
{
	static const bool spinning[] = {
#define TRANSPORT(name, summary, spins) spins,
#include "transports.def"
#undef TRANSPORT
	};

	if (c->param[PARAM_MESSAGE] % sizeof(uint64_t))
		return sm_fail(why, ENOTSUP,
			       "messages are made of 8-byte words: %lu is no multiple of 8",
			       c->param[PARAM_MESSAGE]);
	if (spinning[sm_case_variant(c)->arg] && c->shared_pu)
		return sm_fail(
			why, ENOTSUP,
			"both ends share a PU, and a spinning end would only wait for the scheduler: "
			"shm_ring_futex is the ring for that");
	return 0;
}

static inline int transport_setup(struct sm_trial *trial, struct sm_error *err)
{
	struct transport_state *state = trial->state;
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		struct channel *channel = &state->channel[i];

		channel->memory = (char *)trial->region + i * transport_channel_bytes(trial->c);
		channel->capacity = transport_capacity(trial->c);
		channel->spin_turns = trial->c->shared_pu ? 0 : TRANSPORT_SPIN_TURNS;
		switch ((enum transport)sm_case_variant(trial->c)->arg) {
#define TRANSPORT(name, summary, spins)                                                            \
	case TRANSPORT_##name:                                                                     \
		rc = name##_open(channel, err);                                                    \
		break;
#include "transports.def"
#undef TRANSPORT
		}
	}
	return rc;
}

static inline void transport_teardown(struct sm_trial *trial)
{
	struct transport_state *state = trial->state;

	for (int i = 0; i < 2; i++)
		switch ((enum transport)sm_case_variant(trial->c)->arg) {
#define TRANSPORT(name, summary, spins)                                                            \
	case TRANSPORT_##name:                                                                     \
		name##_close(&state->channel[i]);                                                  \
		break;
#include "transports.def"
#undef TRANSPORT
		}
}

static inline int transport_warm_up(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];

	state->out = malloc(bytes);
	state->in = malloc(bytes);
	if (!state->out || !state->in)
		return sm_worker_fail(worker, ENOMEM, "no memory for a message of %zu bytes",
				      bytes);
	message_write(state->out, bytes, 0);
	message_write(state->in, bytes, 0);
	state->channel[0].abort = state->channel[1].abort = worker->abort;
	return 0;
}

#define TRANSPORT_NAME pipe
#include "transport_loops.h"
#define TRANSPORT_NAME unix_stream
#include "transport_loops.h"
#define TRANSPORT_NAME shm_ring
#include "transport_loops.h"
#define TRANSPORT_NAME shm_ring_futex
#include "transport_loops.h"
#define TRANSPORT_NAME shm_mutex_cond
#include "transport_loops.h"

/* Calls the loop of the case's transport: one switch a slice. */
#define TRANSPORT_DISPATCH(worker, loop)                                                           \
	switch ((enum transport)sm_case_variant((worker)->c)->arg) {                               \
	case TRANSPORT_pipe: return pipe##loop(worker);                                            \
	case TRANSPORT_unix_stream: return unix_stream##loop(worker);                              \
	case TRANSPORT_shm_ring: return shm_ring##loop(worker);                                    \
	case TRANSPORT_shm_ring_futex: return shm_ring_futex##loop(worker);                        \
	case TRANSPORT_shm_mutex_cond: return shm_mutex_cond##loop(worker);                        \
	}                                                                                          \
	return 0

#define TRANSPORT(transport, words, spins)                                                         \
	{ .name = #transport, .summary = words, .arg = TRANSPORT_##transport },
static const struct sm_variant transport_variants[] = {
#include "transports.def"
	{ 0 },
};
#undef TRANSPORT

#endif
