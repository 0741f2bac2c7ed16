/* A CSV file as a table of columns over a struct: one description for writing and for reading.
 *
 * RFC 4180 with LF; numbers in the C locale (the program never calls setlocale); an unknown number is an empty field.
 * The last column of every table is never empty. */
#ifndef SHMETER_STORE_TABLE_H
#define SHMETER_STORE_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "shmeter/matrix.h"
#include "shmeter/results.h"

enum column_type {
	COLUMN_TEXT,  /* const char *: free text; "-" for none */
	COLUMN_NAME,  /* const char *: a name, see sm_is_name() */
	COLUMN_NAMES, /* const char *: names with separators, see sm_is_wording() */
	COLUMN_UINT,  /* unsigned */
	COLUMN_U64,
	COLUMN_REAL,   /* double, at least 0; a derived one may be negative, and is empty for NaN */
	COLUMN_MAYBE,  /* double, at least 0; empty for NaN */
	COLUMN_VALUE,  /* any double; empty for NaN */
	COLUMN_FLAG,   /* bool: yes or no */
	COLUMN_SIZE,   /* size_t */
	COLUMN_FLOAT,  /* float, not below 0 */
	COLUMN_WORD,   /* an enum, by its words; other words are rejected */
	COLUMN_PROBES, /* struct sm_probes: numbers separated by spaces; empty for none */
};

/* The words of an enum; those from `first` to `end` - 1 may occur in the file. */
struct words {
	const char *(*name)(int value);
	int first, end;
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	bool derived; /* only written, never read back */
	const struct words *words;
};

struct table {
	const char *file;
	const struct column *column;
	size_t columns;
};

/* Views: the structs that the columns of a file refer to. */
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
struct pu_pair_view {
	struct sm_case_row c;
	struct sm_pu_pair p;
};
struct summary_view {
	struct sm_case_row c;
	struct sm_summary_row s;
};

/* Significant digits of a number in a file: 9 preserve a float; probes are far less precise than 6. */
#define REAL_DIGITS  9
#define PROBE_DIGITS 6

/* Takes the lock of a run folder, which is held until `*out` is closed or this process ends.  -EBUSY names the process
 * that holds it.  On a file system without locks it returns 0, and nothing prevents a second writer. */
SM_MUST_USE int store_lock(const char *folder, int *out, struct sm_error *err);

/* Makes a folder inside a run folder where it is missing.  -ENOTDIR where it is a link: in a folder from somebody else
 * it may lead elsewhere. */
SM_MUST_USE int store_make_below(const char *folder, const char *name, struct sm_error *err);

/* distributions.c: writes histograms/<case>.hgrm below results->out for every case with a distribution. */
SM_MUST_USE int store_write_histograms(const struct sm_results *results, struct sm_error *err);

/* write.c: writes a JSON file through a temporary file that is renamed. */
SM_MUST_USE int store_write_json(const char *path, const json_t *json, struct sm_error *err);

/* The last component of a folder's path: the name of the run. */
const char *folder_name(const char *folder);

/* Measured: written during the run, and read. */
enum { FILE_SLICES, FILE_COUNTERS, FILE_METRICS, FILE_BUCKETS, FILE_VISITS, FILE_SAMPLES, FILES };
extern const struct table *const tables_measured[FILES]; /* in the order in which a trial's rows are written */
extern const struct table table_samples, table_slices, table_counters, table_metrics, table_buckets, table_visits;
/* Derived: only written. */
extern const struct table table_values, table_purity, table_rates, table_summary, table_pairs, table_crossings,
	table_claims, table_pu_pairs;

void table_write_header(const struct table *table, FILE *out);
void table_write_row(const struct table *table, const void *view, FILE *out);

/* How the last line of a file may end. */
enum table_end {
	TABLE_ENDED, /* it must be complete */
	/* it may be incomplete, because a run still writes it or was killed: then it is ignored and counted */
	TABLE_OPEN,
};

/* The receiver of the rows of a file. */
struct table_taker {
	/* Returns 1: the row is kept; 0: it is ignored, and all later rows must be too; or a negative errno with the
	 * mistake, without file and line.  `line` is the row's last line. */
	int (*take)(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err);
	struct sm_results *results; /* gets the strings and the count of ignored rows */
	void *row;                  /* the current row: zeroed before the first, and filled for each */
	size_t row_size;
	off_t kept; /* out: offset of the end of the last row that was kept, or of the header */
};

/* Reads a whole file row by row.  -ENOENT where there is no such file, -ENODATA where it is empty, -EBADMSG with
 * file, line and reason. */
SM_MUST_USE int table_read(const struct table *table, const char *folder, enum table_end end, struct table_taker *taker,
			   struct sm_error *err);

/* load.c: the status of a run, from its manifest: 1 complete, 0 interrupted, or a negative errno. */
SM_MUST_USE int store_status(const char *folder, struct sm_error *err);
/* Loads the measured files of a folder.  Where the run is in progress or was interrupted, rows of incomplete trials are
 * ignored and counted; `kept` is the size of each file without them.  Returns as store_status(). */
SM_MUST_USE int store_load(struct sm_results *results, const char *folder, enum table_end end, off_t kept[FILES],
			   struct sm_error *err);

#endif
