/* The values that a scenario's parameter takes. */
#ifndef SHMETER_SWEEP_H
#define SHMETER_SWEEP_H

#include <stddef.h>
#include <stdint.h>

/* An entry of a list: a number, or a value that depends on the machine. */
struct sm_swept {
	enum sm_swept_kind {
		SM_VALUE_PLAIN,
		SM_VALUE_TIMES_PUS, /* a multiple of the PUs that the run may use, or of a list of PUs that is given */
		SM_VALUE_DOUBLING,  /* doublings of the previous value, up to the next entry, a multiple of the PUs */
		SM_VALUE_TIMES_LLC, /* a multiple of the last-level cache, rounded up to a power of two */
	} kind;
	unsigned from_pus; /* skip the entry where there are fewer PUs */
	uint64_t number;
};

/* A list of values.  Plain numbers: SM_VALUES(64, 4096).  Plain numbers, then values that depend on the machine:
 * SM_SWEEP((1, 2), SM_DOUBLING, SM_TIMES_PUS(4)).  Only the latter: SM_SCALED(SM_TIMES_LLC(4)).  Multiples of the PUs
 * come last.  They apply only at `near` and on a list of PUs: with other placements the workers use only some of the
 * PUs.  Multiples are 1 to 1024, doubling begins after a value of 1 or more, and each list has a value that needs no
 * number of PUs.  Only for objects of static storage duration. */
struct sm_values {
	unsigned count, plain_count; /* of all values; of `plain` */
	const uint64_t *plain;
	const struct sm_swept *entry; /* the rest */
};

/* clang-format off */
#define SM_PLAIN(...)       __VA_ARGS__
#define SM_PLAIN_COUNT(...) (sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
#define SM_ENTRY_COUNT(...) (sizeof((struct sm_swept[]){ __VA_ARGS__ }) / sizeof(struct sm_swept))
#define SM_VALUES(...) \
	{ SM_PLAIN_COUNT(__VA_ARGS__), SM_PLAIN_COUNT(__VA_ARGS__), (const uint64_t[]){ __VA_ARGS__ }, NULL }
#define SM_SCALED(...) \
	{ SM_ENTRY_COUNT(__VA_ARGS__), 0, NULL, (const struct sm_swept[]){ __VA_ARGS__ } }
#define SM_SWEEP(plain_, ...) \
	{ SM_PLAIN_COUNT plain_ + SM_ENTRY_COUNT(__VA_ARGS__), SM_PLAIN_COUNT plain_, \
	  (const uint64_t[]){ SM_PLAIN plain_ }, (const struct sm_swept[]){ __VA_ARGS__ } }

#define SM_VALUE(number_)          { .number = (number_) }
#define SM_FROM_PUS(pus, number_)  { .from_pus = (pus), .number = (number_) }
#define SM_DOUBLING                { .kind = SM_VALUE_DOUBLING }
#define SM_TIMES_PUS(times)        { .kind = SM_VALUE_TIMES_PUS, .number = (times) }
/* For working sets larger than the caches; takes 32 MiB where no cache is known. */
#define SM_TIMES_LLC(times)        { .kind = SM_VALUE_TIMES_LLC, .number = (times) }
/* clang-format on */

#endif
