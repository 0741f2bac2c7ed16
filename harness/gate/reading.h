/* What reading a file of gates and checking it against the scenarios share. */
#ifndef SM_GATE_READING_H
#define SM_GATE_READING_H

#include "shmeter/gate.h"

/* A file of thresholds is written by hand. */
#define GATES_MAX 1000

/* In the order of their names in load.c. */
enum key {
	KEY_CASE,
	KEY_AGAINST,
	KEY_AT,
	KEY_METRIC,
	KEY_MIN,
	KEY_MAX,
	KEY_COUNT,
	KEY_PER_OP,
	KEY_SLACK,
	KEY_CLAIM,
	KEY_BASELINE,
	KEYS
};
#define ONLY(key) (1u << (key))

struct reading {
	struct sm_gates *gates;
	struct sm_error *err; /* the first mistake; then everything else is passed over */
	bool failed;
	unsigned given[GATES_MAX]; /* keys of each gate, as bits of enum key */
};

/* reading.c */
/* A copy of `length` characters that goes with the gates. */
const char *gate_keep(struct sm_gates *gates, const char *word, size_t length);
/* Takes the sentence about a mistake if it is the first; returns 1, as a handler of inih that goes on does. */
int gate_wrong(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* resolve.c */
/* Whether what a gate names is there, and what kind of gate it is by its keys; what is wrong goes to gate_wrong(). */
int gate_resolve(struct reading *reading, struct sm_gate *gate, const struct sm_scenario *const *scenarios,
		 size_t count);

#endif
