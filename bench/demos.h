/* The demonstrations: what each asks, runs and shows. */
#ifndef SHMETER_DEMOS_H
#define SHMETER_DEMOS_H

#include <stddef.h>

#define DEMO_PATTERNS 6
#define DEMO_SETS     3
#define DEMO_CHOICES  3

struct demo {
	const char *name, *chapter, *title;
	const char *question;
	const char *choice[DEMO_CHOICES];   /* answers that a viewer may choose */
	const char *pattern[DEMO_PATTERNS]; /* what to measure */
	const char *set[DEMO_SETS][2];      /* parameters: name, values */
	const char *metric;                 /* metric of the picture; NULL: the time */
	const char *mechanism;              /* a drawing with an explanation */
	const char *source, *function;      /* the code that ran: file below scenarios/, and function */
	const char *next;                   /* what to try next */
};
extern const struct demo demos[]; /* ends with a NULL name */

/* Generated into demo_sources.c: the text of the scenarios' files as it was compiled. */
struct demo_source {
	const char *file, *text;
};
extern const struct demo_source demo_sources[]; /* ends with a NULL file */

#endif
