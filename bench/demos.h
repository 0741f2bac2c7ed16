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
	const char *choice[DEMO_CHOICES];   /* what a viewer may expect */
	const char *pattern[DEMO_PATTERNS]; /* what is measured */
	const char *set[DEMO_SETS][2];      /* parameters: name, values */
	const char *metric;                 /* that the picture shows; NULL: the time */
	const char *mechanism;              /* a drawing and its words */
	const char *source, *function;      /* the code that ran, below scenarios/ */
	const char *next;                   /* what to try */
};
extern const struct demo demos[]; /* ends with a NULL name */

/* demo_sources.c, made from the scenarios' files: their text as it was compiled. */
struct demo_source {
	const char *file, *text;
};
extern const struct demo_source demo_sources[]; /* ends with a NULL file */

#endif
