/* Two or more processes that take turns inside a slice: one word for each, on its own line pair. */
#ifndef SHMETER_SUBJECT_MEET_H
#define SHMETER_SUBJECT_MEET_H

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shmeter/scenario.h"

struct meet {
	alignas(SM_LINE_PAIR) _Atomic uint64_t word; /* one process writes, the others wait for it */
};

/* release: publishes what was done before; pairs with the acquire in meet_await(). */
static inline void meet_tell(struct meet *meet, uint64_t number)
{
	atomic_store_explicit(&meet->word, number, memory_order_release);
}

/* False: a peer is gone, so the trial ends. */
static inline bool meet_await(struct meet *meet, uint64_t number, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 0; atomic_load_explicit(&meet->word, memory_order_acquire) < number;)
		if (!sm_spin(&turns, abort))
			return false;
	return true;
}

/* Processes that spin for each other need PUs of their own; `why` says so. */
static inline int meet_supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "%u processes that spin for each other need %u PUs: allow more of them "
			       "(taskset, cpuset), or take another --placement",
			       c->workers, c->workers);
	return 0;
}

#endif
