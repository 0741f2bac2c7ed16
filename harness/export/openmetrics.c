/* Text for Prometheus: one family of gauges per quantity, one series per case.  In two dialects: OpenMetrics 1.0, with
 * or without timestamps, and Prometheus' own text format 0.0.4, which has neither units, nor infos, nor an end mark. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shmeter/error.h"
#include "view.h"

#define S_PER_NS 1e-9

struct page {
	FILE *out;
	bool openmetrics;
	char time[32]; /* what follows every value: " 1795000000", in s; "" for no timestamps */
};

/* Labels besides `case`; a NULL name ends the list. */
struct label {
	const char *name, *value;
};

static void write_sample(const struct page *page, const char *family, const char *id, const struct label *labels,
			 double value)
{
	char *text = export_quoted(id);

	fprintf(page->out, "%s{case=\"%s\"", family, text);
	free(text);
	for (; labels && labels->name; labels++) {
		text = export_quoted(labels->value);
		fprintf(page->out, ",%s=\"%s\"", labels->name, text);
		free(text);
	}
	fprintf(page->out, "} %.9g%s\n", value, page->time);
}

static void write_family(const struct page *page, const char *family, const char *type, const char *unit,
			 const char *help)
{
	if (!page->openmetrics) {
		fprintf(page->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
		return;
	}
	fprintf(page->out, "# TYPE %s %s\n", family, type);
	if (unit)
		fprintf(page->out, "# UNIT %s %s\n", family, unit);
	fprintf(page->out, "# HELP %s %s\n", family, help);
}

/* An info of OpenMetrics is called without the "_info" of its samples; elsewhere it is a gauge of that name. */
static void write_info(const struct page *page, const char *family, const char *help)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", family, page->openmetrics ? "" : "_info");
	write_family(page, name, page->openmetrics ? "info" : "gauge", NULL, help);
}

static void write_run(const struct sm_export_view *view, const struct page *page)
{
	const struct label labels[] = {
		{ "host", view->host },       { "kernel", view->kernel },   { "cpu", view->cpu_model },
		{ "version", view->version }, { "profile", view->profile }, { "seed", view->seed },
		{ "started", view->started }, { "status", view->status },
	};

	write_info(page, "shmeter_run", "The run that all of this is from.");
	fprintf(page->out, "shmeter_run_info{");
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		char *text = export_quoted(labels[i].value);

		fprintf(page->out, "%s%s=\"%s\"", i ? "," : "", labels[i].name, text);
		free(text);
	}
	fprintf(page->out, "} 1%s\n", page->time);
}

static void write_cases(const struct sm_export_view *view, const struct page *page)
{
	write_info(page, "shmeter_case", "What a case is; join on the label case.");
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];
		const struct label labels[] = {
			{ "scenario", one->c->scenario },
			{ "variant", one->c->variant },
			{ "params", one->c->params },
			{ "placement", sm_placement_name(one->c->placement) },
			{ "relation", sm_placement_name(one->c->relation) },
			{ "pair_class", one->summary ? one->summary->klass : "-" },
			{ "backing", one->c->backing },
			{ "pages", one->c->pages },
			{ "metric", one->c->metric },
			{ NULL, NULL },
		};

		write_sample(page, "shmeter_case_info", one->c->id, labels, 1);
	}
}

enum part { MEDIAN, LOW, HIGH };

static double part_of(const struct sm_interval *value, enum part part)
{
	return part == MEDIAN ? value->estimate : part == LOW ? value->low : value->high;
}

static void write_times(const struct sm_export_view *view, const struct page *page)
{
	static const struct {
		const char *family, *help;
		enum part part;
		bool cpu;
	} all[] = {
		{ "shmeter_time_seconds", "Time of an operation: the median of the trials.", MEDIAN, false },
		{ "shmeter_time_low_seconds", "Lower end of its interval.", LOW, false },
		{ "shmeter_time_high_seconds", "Upper end of its interval.", HIGH, false },
		{ "shmeter_cpu_time_seconds", "CPU time of all workers for an operation: the median of the trials.",
		  MEDIAN, true },
	};

	for (size_t f = 0; f < sizeof(all) / sizeof(all[0]); f++) {
		write_family(page, all[f].family, "gauge", "seconds", all[f].help);
		for (size_t i = 0; i < view->case_count; i++) {
			const struct export_case *one = &view->cases[i];
			double ns = part_of(all[f].cpu ? &one->cpu : &one->value, all[f].part);

			if (isfinite(ns))
				write_sample(page, all[f].family, one->c->id, NULL, ns * S_PER_NS);
		}
	}
}

/* What a summary has besides quantiles: programs that find neither a sum nor a count take both for 0. */
static void write_total(const struct page *page, const char *id, const struct export_distribution *d)
{
	double count = (double)d->rows[d->count - 1].below;

	if (!isfinite(d->mean_ns))
		return;
	write_sample(page, "shmeter_latency_seconds_sum", id, NULL, d->mean_ns * count * S_PER_NS);
	write_sample(page, "shmeter_latency_seconds_count", id, NULL, count);
}

static int write_quantiles(const struct sm_export_view *view, const struct page *page, struct sm_error *err)
{
	static const struct {
		const char *name;
		double q;
	} all[] = { { "0.5", 0.5 }, { "0.9", 0.9 }, { "0.99", 0.99 }, { "0.999", 0.999 } };

	write_family(page, "shmeter_latency_seconds", "summary", "seconds",
		     "Single operations of all trials of a case: quantiles of its distribution.");
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];
		struct export_distribution d;
		int rc = one->count ? export_distribution(view, one, NULL, &d, err) : 0;

		if (rc < 0)
			return rc;
		for (size_t q = 0; rc > 0 && q < sizeof(all) / sizeof(all[0]); q++) {
			const struct label labels[] = { { "quantile", all[q].name }, { NULL, NULL } };
			double ns = export_quantile(&d, all[q].q);

			if (isfinite(ns))
				write_sample(page, "shmeter_latency_seconds", one->c->id, labels, ns * S_PER_NS);
		}
		if (rc > 0) {
			write_total(page, one->c->id, &d);
			free(d.rows);
		}
	}
	return 0;
}

static void write_measures(const struct sm_export_view *view, const struct page *page, const char *family,
			   const char *help, bool counters, enum part part)
{
	write_family(page, family, "gauge", NULL, help);
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];

		for (size_t m = 0; m < one->measure_count; m++) {
			const struct export_measure *measure = &one->measures[m];
			const struct label labels[] = {
				{ counters ? "event" : "metric", measure->name },
				{ "unit", measure->unit },
				{ counters ? "scope" : NULL, measure->scope },
				{ NULL, NULL },
			};
			double value = part_of(&measure->value, part);

			if ((measure->scope != NULL) == counters && isfinite(value))
				write_sample(page, family, one->c->id, labels, value);
		}
	}
}

static void write_trials(const struct sm_export_view *view, const struct page *page)
{
	write_family(page, "shmeter_trials", "gauge", NULL,
		     "Trials by status; only those that are ok and of the case's pair class enter.");
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];

		for (int s = SM_OK; s < SM_STATUS_COUNT; s++) {
			const struct label labels[] = { { "status", sm_status_name((enum sm_status)s) },
							{ NULL, NULL } };

			write_sample(page, "shmeter_trials", one->c->id, labels, one->by_status[s]);
		}
	}
	write_family(page, "shmeter_trials_of_other_class", "gauge", NULL,
		     "Trials that are ok and left out, having no value in the case's pair class.");
	for (size_t i = 0; i < view->case_count; i++)
		write_sample(page, "shmeter_trials_of_other_class", view->cases[i].c->id, NULL,
			     view->cases[i].other_class);
}

static int write_page(const struct sm_export_view *view, const struct page *page, struct sm_error *err)
{
	int rc;

	write_run(view, page);
	write_cases(view, page);
	write_times(view, page);
	rc = write_quantiles(view, page, err);
	if (rc < 0)
		return rc;
	write_measures(view, page, "shmeter_events_per_operation",
		       "Counted events by operation and worker: the median of the trials.", true, MEDIAN);
	write_measures(view, page, "shmeter_metric",
		       "Further metrics of a case, in their own unit: the median of the trials.", false, MEDIAN);
	write_measures(view, page, "shmeter_metric_low", "Lower end of its interval.", false, LOW);
	write_measures(view, page, "shmeter_metric_high", "Upper end of its interval.", false, HIGH);
	write_trials(view, page);
	if (page->openmetrics)
		fputs("# EOF\n", page->out);
	return 0;
}

int export_openmetrics(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	return write_page(view, &(struct page){ .out = out, .openmetrics = true }, err);
}

int export_prometheus(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	return write_page(view, &(struct page){ .out = out }, err);
}

/* The time of the run is that of its start: its folder has it too, and an interrupted run has no end. */
int export_backfill(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	struct page page = { .out = out, .openmetrics = true };
	struct tm started = { 0 };
	const char *end = strptime(view->started, "%Y-%m-%dT%H:%M:%SZ", &started);

	if (!end || *end)
		return sm_fail(err, ENODATA,
			       "%s/manifest.json does not say when the run started: \"started_utc\" is \"%.40s\"",
			       view->results->folder, view->started);
	snprintf(page.time, sizeof(page.time), " %lld", (long long)timegm(&started));
	return write_page(view, &page, err);
}
