/* Counting in memory in three ways, with work in between: for scenarios about the line that the counter is in.  All operations
 * are relaxed, because the transfer of the line is compared, not the ordering. */
#ifndef SHMETER_SUBJECT_COUNT_UP_H
#define SHMETER_SUBJECT_COUNT_UP_H

#include <stdatomic.h>
#include <stdint.h>

#include "work.h"

enum op { OP_STORE, OP_LOAD_STORE, OP_ATOMIC_ADD };
#define OP_LABELS "store", "load_store", "atomic_add"

/* n operations with `between` multiplications after each. */
static inline __attribute__((always_inline)) void count_up(enum op op, _Atomic uint64_t *counter, uint64_t n,
							   uint64_t between)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed), x = 1;

	switch (op) {
	case OP_STORE:
		for (uint64_t i = 0; i < n; i++, x = work(x, between))
			atomic_store_explicit(counter, ++value, memory_order_relaxed);
		break;
	case OP_LOAD_STORE:
		for (uint64_t i = 0; i < n; i++, x = work(x, between))
			atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
					      memory_order_relaxed);
		break;
	case OP_ATOMIC_ADD:
		for (uint64_t i = 0; i < n; i++, x = work(x, between))
			atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
		break;
	}
}

#endif
