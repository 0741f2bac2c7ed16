/* Generates a timed loop for every lock, as stamp.h does for transports. */
#define STAMP_JOIN2(a, b) a##_##b
#define STAMP_JOIN(a, b)  STAMP_JOIN2(a, b)

#define LOCK(name, ...)                                                                                                \
	static __attribute__((noinline)) uint64_t STAMP_JOIN(name, STAMP_LOOP)(struct sm_worker * worker)              \
	{                                                                                                              \
		return STAMP_LOOP(worker, LOCK_##name);                                                                \
	}
#include "locks.def"

#define LOCK(name, ...)                                                                                                \
	case LOCK_##name: return STAMP_JOIN(name, STAMP_LOOP)(worker);
static uint64_t STAMP_JOIN(STAMP_LOOP, run)(struct sm_worker *worker)
{
	switch (lock_of(worker->c)) {
#include "locks.def"
	}
	return 0;
}

#undef STAMP_JOIN
#undef STAMP_JOIN2
#undef STAMP_LOOP
