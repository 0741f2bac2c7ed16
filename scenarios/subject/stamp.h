/* Generates a timed loop for every transport.
 *
 *   static ALWAYS_INLINE uint64_t LOOP(struct sm_worker *worker, enum transport transport) { ... }
 *   #define STAMP_LOOP LOOP
 *   #include "../subject/stamp.h"
 *
 * makes one function per transport, in which the transport is a compile-time constant, and `uint64_t LOOP_run(struct
 * sm_worker *)`, which selects the function by the case's variant: one switch per slice. */
#define STAMP_JOIN2(a, b) a##_##b
#define STAMP_JOIN(a, b)  STAMP_JOIN2(a, b)

#define TRANSPORT(name, ...)                                                                                           \
	static __attribute__((noinline)) uint64_t STAMP_JOIN(name, STAMP_LOOP)(struct sm_worker * worker)              \
	{                                                                                                              \
		return STAMP_LOOP(worker, TRANSPORT_##name);                                                           \
	}
#include "transports.def"

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: return STAMP_JOIN(name, STAMP_LOOP)(worker);
static uint64_t STAMP_JOIN(STAMP_LOOP, run)(struct sm_worker *worker)
{
	switch (transport_of(worker->c)) {
#include "transports.def"
	}
	return 0;
}

#undef STAMP_JOIN
#undef STAMP_JOIN2
#undef STAMP_LOOP
