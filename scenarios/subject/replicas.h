/* A subject in several copies at unrelated addresses, used one after the other by the slices of a trial.
 *
 * The transfer time of a contended line depends on its address: in a sliced last-level cache each line has a home
 * slice, which is nearer to one core than to another.  On an EPYC an atomic addition took 13.6 to 15.4 ns depending
 * on the line, with stable times for each line.  With one copy per trial, trials would differ by that; the median
 * over copies does not. */
#ifndef SHMETER_SUBJECT_REPLICAS_H
#define SHMETER_SUBJECT_REPLICAS_H

#include <stddef.h>
#include <stdint.h>

#define REPLICAS 16u

/* Bytes from one copy to the next: a multiple of 4096, of which the caches know the low bits, plus three lines. */
static inline size_t replica_stride(size_t bytes)
{
	return (bytes + 4095) / 4096 * 4096 + 3 * 128;
}

static inline void *replica_of(void *region, size_t bytes, uint64_t number)
{
	return (char *)region + number % REPLICAS * replica_stride(bytes);
}

/* A worker's position in the sequence of copies.  All workers stay in step, because run() is called equally often in
 * each. */
struct replica_turn {
	uint64_t calls;
};

#endif
