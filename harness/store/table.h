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
	COLUMN_TEXT,  /* const char *; "-" where there is none; words for people */
	COLUMN_NAME,  /* the same, but letters, digits and some signs, as a build names what it has */
	COLUMN_NAMES, /* several names with what separates them */
	COLUMN_UINT,  /* unsigned */
	COLUMN_U64,
	COLUMN_REAL,   /* double, not below 0; derived ones may be, and are empty for NaN */
	COLUMN_MAYBE,  /* the same, but empty for NaN in what is read, too */
	COLUMN_VALUE,  /* any double; empty for NaN */
	COLUMN_FLAG,   /* bool: yes or no */
	COLUMN_SIZE,   /* size_t */
	COLUMN_FLOAT,  /* float, not below 0 */
	COLUMN_WORD,   /* an enum, by its words; what is none of them is refused */
	COLUMN_PROBES, /* struct sm_probes: numbers separated by spaces; empty for none */
};

/* The words of an enum: those from `first` up to and without `end` stand in the file. */
struct words {
	const char *(*name)(int value);
	int first, end;
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	bool derived; /* written for readers, not read back */
	const struct words *words;
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
struct value_view {
	unsigned trial;
	const char *id; /* of the case */
	double cpu_ns_per_op;
	struct sm_value v;
};
struct purity_view {
	unsigned trial, slice;
	double ns_per_op;
	const char *klass;
	enum sm_purity purity;
};
struct summary_view {
	struct sm_case_row c;
	struct sm_summary_row s;
};

/* Significant digits of a number in a file: a float survives 9; probes are far coarser than 6. */
#define REAL_DIGITS  9
#define PROBE_DIGITS 6

/* Takes the lock of a run folder, which is held until `*out` is closed or this process ends.  -EBUSY names who has
 * it.  A file system that has no locks at all leaves none to hold: 0, and nothing keeps a second writer off. */
SM_MUST_USE int store_lock(const char *folder, int *out, struct sm_error *err);

/* A folder in a run's, made where it is missing.  -ENOTDIR: in a stranger's folder it may be a link out of it. */
SM_MUST_USE int store_make_below(const char *folder, const char *name, struct sm_error *err);

/* distributions.c: histograms/<case>.hgrm below results->out for every case that traced. */
SM_MUST_USE int store_write_histograms(const struct sm_results *results, struct sm_error *err);

/* write.c: a JSON file, beside and renamed. */
SM_MUST_USE int store_write_json(const char *path, const json_t *json, struct sm_error *err);

/* The last component of a folder's path: the name of the run. */
const char *folder_name(const char *folder);

/* Measured: written while the run goes on, and read. */
enum { FILE_SLICES, FILE_COUNTERS, FILE_METRICS, FILE_BUCKETS, FILE_SAMPLES, FILES };
extern const struct table *const tables_measured[FILES]; /* in the order in which a trial's rows are written */
extern const struct table table_samples, table_slices, table_counters, table_metrics, table_buckets;
/* Derived: written alone. */
extern const struct table table_values, table_purity, table_rates, table_summary, table_pairs, table_crossings,
	table_claims;

void table_write_header(const struct table *table, FILE *out);
void table_write_row(const struct table *table, const void *view, FILE *out);

/* What the last line of a file may be. */
enum table_end {
	TABLE_ENDED, /* a whole line, as every line */
	TABLE_OPEN,  /* one that somebody still writes, or was killed over: it is left out and counted */
};

/* Who takes the rows of a file. */
struct table_taker {
	/* 1: the row is kept; 0: it is left out, as every one after it has to be; or a negative errno with what is
	 * wrong with it, without its place.  `line` is where it ends. */
	int (*take)(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err);
	struct sm_results *results; /* strings go there, and what is left out is counted */
	void *row;                  /* of the file: zeroed before the first, and filled for each */
	size_t row_size;
	off_t kept; /* out: where the last row that was kept ends, or the header */
};

/* Reads a whole file row by row.  -ENOENT where there is no such file, -ENODATA where it is empty, -EBADMSG with
 * file, line and reason. */
SM_MUST_USE int table_read(const struct table *table, const char *folder, enum table_end end, struct table_taker *taker,
			   struct sm_error *err);

/* load.c: what the manifest of a folder says of it: 1 complete, 0 interrupted, or -errno in words. */
SM_MUST_USE int store_status(const char *folder, struct sm_error *err);
/* The measured files of a folder.  Where they are open, or the run was interrupted, what belongs to no trial that
 * ended is left out and counted; what is to stay of each file ends at `kept`.  Returns what store_status() does. */
SM_MUST_USE int store_load(struct sm_results *results, const char *folder, enum table_end end, off_t kept[FILES],
			   struct sm_error *err);

#endif
