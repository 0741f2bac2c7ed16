/* Interned text: of equal texts there is one copy, so that they are compared by their pointers. */
#ifndef SHMETER_INTERN_H
#define SHMETER_INTERN_H

#include <stdarg.h>
#include <stddef.h>

/* What a column says that has nothing to say: "-".  Every table of strings has this one. */
extern const char sm_none[];

/* A table of strings; zeroed, it is empty.  Its functions abort without memory: a text is a few bytes. */
struct sm_strings {
	char **slot; /* open addressing; NULL: free */
	size_t count, room;
};
/* The table's copy of a text. */
const char *sm_strings_copy(struct sm_strings *strings, const char *text);
/* The same of a malloc'ed text, which from here on belongs to the table. */
const char *sm_strings_take(struct sm_strings *strings, char *text);
/* The table's copy of what vprintf() would print. */
const char *sm_strings_format(struct sm_strings *strings, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
void sm_strings_free(struct sm_strings *strings);

/* What a scenario, a variant, a case, a group, a class, a metric, a unit, an event or a claim is known by.  Equal texts
 * have one handle in the whole process: names are compared by ==, those of two runs, too (docs/adr/0022).  A handle reads
 * as a string and lives as long as the process; sm_none stands for no name. */
typedef const char *sm_name;
/* The handle of a text; NULL of NULL. */
sm_name sm_name_of(const char *text);
/* The handle of what printf() would print. */
sm_name sm_name_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The handle of an event, which people and libpfm4 write differently: "minor-faults" is "perf::MINOR_FAULTS". */
sm_name sm_event_key(const char *event);
/* Parameters ("op=store message=64") less the one of this name; sm_none where none is left. */
sm_name sm_params_but(const char *params, const char *name);

#endif
