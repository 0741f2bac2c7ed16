/* A CSV file as a table of columns over a struct: one description for writing and for reading.
 *
 * RFC 4180 with LF, numbers in the C locale (the program never calls setlocale), an unknown number is an
 * empty field.  The last column of every table is never empty. */
#ifndef SHMETER_STORE_TABLE_H
#define SHMETER_STORE_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "shmeter/results.h"

enum column_type {
	COLUMN_TEXT, /* const char *; "-" where there is none */
	COLUMN_UINT, /* unsigned */
	COLUMN_U64,
	COLUMN_REAL,    /* double; empty for NaN */
	COLUMN_FLAG,    /* bool: yes or no */
	COLUMN_STATUS,  /* enum sm_status */
	COLUMN_VERDICT, /* enum sm_verdict */
	COLUMN_SIZE,    /* size_t */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	bool derived; /* written for readers, not read back */
};

struct table {
	const char *file;
	const struct column *column;
	size_t columns;
};

/* Views: what the columns of a file point into. */
struct sample_view {
	const char *run;
	struct sm_case_row c;
	struct sm_sample s;
};
struct slice_view {
	struct sm_slice_row s;
	double ns_per_op;
	const char *status; /* pure, disturbed, unclassified */
};
struct summary_view {
	struct sm_case_row c;
	struct sm_summary_row s;
};

/* Opens a regular file to read; NULL with the reason in words for anything that might never end. */
FILE *store_open(const char *path, struct sm_error *err);

/* The last component of a folder's path: the name of the run. */
const char *folder_name(const char *folder);
void slice_view_fill(struct slice_view *view, const struct sm_slice_row *slice);

extern const struct table table_samples, table_slices, table_counters, table_metrics, table_summary,
	table_pairs, table_crossings, table_claims;

void table_write_header(const struct table *table, FILE *out);
void table_write_row(const struct table *table, const void *view, FILE *out);

/* Reads a whole file row by row into `view` (zeroed before the first) and hands it to `take`, which may
 * fail.  -ENOENT where there is no such file, -EBADMSG with file, line and reason. */
int table_read(const struct table *table, const char *folder, struct sm_results *results,
	       void *view, size_t view_size,
	       int (*take)(struct sm_results *, const void *, struct sm_error *),
	       struct sm_error *err);

#endif
