/* Interned text: equal texts share one copy, so that pointers can be compared. */
#ifndef SHMETER_INTERN_H
#define SHMETER_INTERN_H

#include <stdarg.h>
#include <stddef.h>

/* "-", the text of an empty column.  Every table of strings returns this copy. */
extern const char sm_none[];

/* A table of strings; a zeroed one is empty.  Its functions end the program where memory is refused
 * (sm_no_memory()). */
struct sm_strings {
	char **slot; /* open addressing; NULL: free */
	size_t count, room;
};
/* Returns the table's copy of a text. */
const char *sm_strings_copy(struct sm_strings *strings, const char *text);
/* Returns the table's copy of what vprintf() would print. */
const char *sm_strings_format(struct sm_strings *strings, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
void sm_strings_free(struct sm_strings *strings);

/* The name of a scenario, variant, case, group, class, metric, unit, event or claim.  Equal texts have one handle in
 * the whole process, so names are compared by ==, also names of different runs (docs/adr/0022).  A handle is a string
 * that lives as long as the process; sm_none stands for no name. */
typedef const char *sm_name;
/* The handle of a text; NULL for NULL. */
sm_name sm_name_of(const char *text);
/* The handle of what printf() would print. */
sm_name sm_name_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The handle of an event.  Users and libpfm4 may write it differently: "minor-faults" is "perf::MINOR_FAULTS". */
sm_name sm_event_key(const char *event);
/* Parameters ("op=store message=64") without the one of this name; sm_none where none is left. */
sm_name sm_params_but(const char *params, const char *name);

#endif
