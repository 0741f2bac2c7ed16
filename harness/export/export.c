/* The table of formats. */
#include <errno.h>
#include <string.h>

#include "view.h"

static const struct sm_export_format formats[] = {
	{ "gbench-json", "Google Benchmark: compare.py, and what reads its JSON", export_gbench },
	{ "go-bench", "Go benchmark text: benchstat", export_go_bench },
	{ "hyperfine-json", "hyperfine's JSON (version 1): its scripts", export_hyperfine },
	{ "bencher-bmf", "Bencher Metric Format: bencher run --adapter json", export_bencher },
	{ "github-action-json", "github-action-benchmark: customSmallerIsBetter", export_github_action },
	{ "prometheus", "Prometheus text 0.0.4: textfile collector, pushgateway", export_prometheus },
	{ "openmetrics", "OpenMetrics 1.0: needs a server that speaks OpenMetrics", export_openmetrics },
	{ "openmetrics-backfill", "OpenMetrics with the run's time: promtool tsdb", export_backfill },
	{ "hdr-text", "HdrHistogram percentile text of all distributions, in one stream", export_hdr_text },
	{ "csv", "one tidy table: times, counters and metrics of every trial", export_csv },
};

const struct sm_export_format *sm_export_formats(size_t *count)
{
	*count = sizeof(formats) / sizeof(formats[0]);
	return formats;
}

int sm_export(const struct sm_results *results, const char *format, const struct sm_results *like, FILE *out,
	      struct sm_export_tally *tally, struct sm_error *err)
{
	struct sm_export_view view;
	size_t count, i = 0;
	int rc;

	for (sm_export_formats(&count); i < count; i++)
		if (strcmp(formats[i].name, format) == 0)
			break;
	if (i == count)
		return sm_fail(err, EINVAL, "\"%s\" is no export format: choose one of %s", format, SM_EXPORT_NAMES);
	rc = export_view_open(&view, results, err);
	view.like = like;
	if (rc == 0)
		rc = formats[i].write(&view, out, err);
	if (rc == 0 && ferror(out))
		rc = sm_fail(err, EIO, "the export cannot be written");
	if (tally) {
		/* csv shows each trial with its class, so it leaves out no trial because of its class. */
		bool all = formats[i].write == export_csv;

		tally->trials = all ? view.trials : view.with_value;
		memcpy(tally->left_out, all ? view.not_ok : view.left_out, sizeof(tally->left_out));
	}
	export_view_close(&view);
	return rc;
}
