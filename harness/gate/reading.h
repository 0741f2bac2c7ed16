/* Declarations shared by reading a file of gates and checking it against the scenarios. */
#ifndef SM_GATE_READING_H
#define SM_GATE_READING_H

#include "shmeter/gate.h"

/* Most gates of a file, which is written by hand. */
#define GATES_MAX 1000

/* In the order of the keys' names in load.c. */
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
	KEY_ACCEPT,
	KEY_ACCEPT_UNTIL,
	KEYS
};
#define ONLY(key) (1u << (key))

struct reading {
	struct sm_gates *gates;
	struct sm_error *err; /* holds the first mistake; later ones are ignored */
	bool failed;
	unsigned given[GATES_MAX]; /* keys of each gate, as bits of enum key */
};

/* reading.c */
/* A copy of `length` characters that lives as long as the gates. */
const char *gate_keep(struct sm_gates *gates, const char *word, size_t length);
/* Records a mistake if it is the first; returns 1, with which a handler tells inih to continue. */
int gate_wrong(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether a line is UTF-8 without control characters other than tabs and line ends. */
bool gate_is_text(const char *line);

/* exception.c */
/* Writes a day, in days since 1970-01-01 UTC, as YYYY-MM-DD. */
void gate_say_day(int64_t day, char out[16]);
/* Why a text is no last day of an exception, or no reason of one; NULL: it is. */
const char *gate_why_no_day(const char *text, int64_t today, int64_t *day);
const char *gate_why_no_reason(const char *text);
/* Checks the exception of a gate, and sets whether it holds; reports mistakes with gate_wrong().  Its keys are then no
 * longer among those given: a gate of any kind may have one. */
void gate_check_exception(struct reading *reading, struct sm_gate *gate);

/* resolve.c */
/* Checks that the names in a gate exist, and sets its kind from its keys; reports mistakes with gate_wrong(). */
int gate_resolve(struct reading *reading, struct sm_gate *gate, const struct sm_scenario *const *scenarios,
		 size_t count);

#endif
