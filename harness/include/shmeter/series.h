/* The time of each single access, in order, of one pass by one worker. */
#ifndef SHMETER_SERIES_H
#define SHMETER_SERIES_H

#include <stdint.h>

#define SM_SERIES_MAX 16384

/* Keeps at most SM_SERIES_MAX entries: the slowest of each `stride` successive accesses. */
struct sm_series {
	uint64_t before_ns; /* time before the first access: the set-up */
	uint64_t count;     /* accesses */
	uint32_t stride;
	uint32_t ns[SM_SERIES_MAX];
};

/* Starts a pass of `accesses`. */
static inline void sm_series_start(struct sm_series *s, uint64_t before_ns, uint64_t accesses)
{
	s->before_ns = before_ns;
	s->count = 0;
	s->stride = (uint32_t)((accesses + SM_SERIES_MAX - 1) / SM_SERIES_MAX);
}

static inline void sm_series_add(struct sm_series *s, uint64_t ns)
{
	uint32_t *entry = &s->ns[s->count / s->stride];
	uint32_t value = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;

	if (s->count++ % s->stride == 0 || value > *entry)
		*entry = value;
}

#endif
