/* A subject in several copies at unrelated addresses, one after the other for the slices of a trial.
 *
 * How long a contended line takes depends on its address: a sliced last-level cache has a home for each
 * line, nearer to one core than to the other (seen on an EPYC: 13.6 to 15.4 ns an atomic addition by line,
 * the same from one second to the next).  One copy a trial would make trials differ by that; the median
 * over copies does not. */
#ifndef SHMETER_SUBJECT_REPLICAS_H
#define SHMETER_SUBJECT_REPLICAS_H

#include <stddef.h>
#include <stdint.h>

#define REPLICAS 16u

/* Bytes from one copy to the next: whole pages, and three lines more, so that no two lie alike. */
static inline size_t replica_stride(size_t bytes)
{
	return (bytes + 4095) / 4096 * 4096 + 3 * 128;
}

static inline void *replica_of(void *region, size_t bytes, uint64_t number)
{
	return (char *)region + number % REPLICAS * replica_stride(bytes);
}

/* What each worker keeps to go through the copies in step with the others: run() is called equally often
 * in all of them. */
struct replica_turn {
	uint64_t calls;
};

#endif
