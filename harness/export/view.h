/* What the writers of the export formats share: the ok trials of each case, and escaping. */
#ifndef SM_EXPORT_VIEW_H
#define SM_EXPORT_VIEW_H

#include "shmeter/export.h"

/* A trial that is exported. */
struct export_trial {
	const struct sm_sample *sample;
	double value;  /* ns/op in the case's class; NaN: unknown, only csv shows the trial */
	double cpu_ns; /* CPU time of all workers per operation; NaN: unknown */
	/* Its counters and metrics, in the order of their files. */
	const struct sm_counter_row *const *counters;
	const struct sm_metric_row *const *metrics;
	size_t counter_count, metric_count;
};

/* A counter (per operation) of a case, over its trials; or a further metric, with its figure of summary.csv. */
struct export_measure {
	const char *name, *unit; /* counters: export_counter_unit() */
	const char *scope;       /* of a counter; NULL for a metric */
	struct sm_interval value;
};

struct export_case {
	const struct sm_case_row *c;
	const struct sm_summary_row *summary; /* NULL: none */
	struct export_trial *trials;          /* those with a value first; each part sorted by number */
	size_t count;                         /* trials with a value */
	size_t ok;                            /* all ok trials */
	struct sm_interval value, cpu;        /* over `count`; median, ns/op */
	double mean, mean_cpu;                /* ns/op */
	double stddev, stddev_cpu;            /* of the sample; NaN for fewer than two trials */
	double min, max;
	struct export_measure *measures;
	size_t measure_count;
	unsigned by_status[SM_STATUS_COUNT];
	unsigned other_class; /* ok trials without a value in the case's class */
};

struct sm_export_view {
	const struct sm_results *results;
	const struct sm_results *like; /* names of classes are taken from this run; NULL: from `results` */
	struct export_case *cases;     /* a derived case is a measure of its parent case here */
	size_t case_count;
	size_t trials, with_value; /* ok trials; those with a value in their case's class */
	unsigned by_status[SM_STATUS_COUNT];
	unsigned other_class;
	char left_out[256];   /* text: how many are not ok, or of another class */
	char not_ok[256];     /* text: how many are not ok */
	const void **rows[2]; /* the trials' counters and metrics point into these */
	const char *run, *profile, *version, *started, *status, *host, *kernel, *cpu_model, *machine_type;
	char seed[24];
	int pus;
};

/* view.c */
SM_MUST_USE int export_view_open(struct sm_export_view *view, const struct sm_results *results, struct sm_error *err);
void export_view_close(struct sm_export_view *view);

/* measures.c */
/* The unit of per_op: "1/op" or "ns/op", per operation and worker. */
const char *export_counter_unit(const struct sm_counter_row *counter);
void export_measures(struct export_case *one, const struct sm_results *results);

/* text.c */
/* A copy that is valid UTF-8: invalid bytes are written as \xNN.  The caller frees it. */
char *export_utf8(const char *text);
/* For fields separated by spaces: a copy in which spaces, control characters, "%" and invalid bytes are written as
 * %NN.  The caller frees it. */
char *export_field(const char *text);
/* The same for a word that only people read: a space becomes "_", and "%" stays. */
char *export_unit(const char *text);
/* For quoted text or a line of its own: a copy in valid UTF-8, with \\, \" and \n for backslash, quote and line
 * feed. The caller frees it. */
char *export_quoted(const char *text);
json_t *export_json_string(const char *text);
/* Sets the key (any bytes) to a value and takes ownership of it; a NULL value is not set. */
void export_json_set(json_t *object, const char *key, json_t *value);
/* A number, or NULL for NaN and infinities, which JSON does not have. */
json_t *export_json_real(double value);
/* Takes ownership of the document. */
SM_MUST_USE int export_json_write(json_t *document, FILE *out, struct sm_error *err);

/* A case's histogram as read from its file. */
struct export_distribution {
	struct export_bucket {
		double ns;      /* upper edge */
		uint64_t below; /* values up to it */
	} * rows;               /* the caller frees them */
	size_t count;
	double mean_ns; /* of all values, by their buckets; NaN: not known */
};

/* hdr_text.c */
/* Reads histograms/<case>.hgrm, and copies it to `out` unless that is NULL.  Returns 1, or 0 if the case has none. */
int export_distribution(const struct sm_export_view *view, const struct export_case *one, FILE *out,
			struct export_distribution *distribution, struct sm_error *err);
/* A quantile in ns; NaN if fewer than ten values lie above it. */
double export_quantile(const struct export_distribution *distribution, double q);

int export_gbench(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_go_bench(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_hyperfine(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_bencher(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_github_action(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_openmetrics(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_backfill(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_prometheus(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_hdr_text(const struct sm_export_view *view, FILE *out, struct sm_error *err);
int export_csv(const struct sm_export_view *view, FILE *out, struct sm_error *err);

#endif
