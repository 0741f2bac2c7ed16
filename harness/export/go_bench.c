/* The Go benchmark format (golang.org/design/14313-benchmark-format): one line per trial. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

/* The character after "Benchmark" must not be a lower-case letter; the id is a sub-benchmark of it. */
static void write_name(const char *id, FILE *out)
{
	char *field = export_field(id);
	size_t end = strlen(field);

	while (end > 0 && isdigit((unsigned char)field[end - 1]))
		end--;
	/* A "-8" at the end would be read as a number of processors. */
	if (field[end] && end > 0 && field[end - 1] == '-')
		fprintf(out, "BenchmarkShmeter/%.*s%%2D%s", (int)end - 1, field, field + end);
	else
		fprintf(out, "BenchmarkShmeter/%s", field);
	free(field);
}

static void write_value(double value, const char *name, const char *unit, FILE *out)
{
	char *first = export_unit(name), *last = export_unit(unit);

	if (isfinite(value))
		fprintf(out, "\t%.9g %s%s", value, first, last);
	free(first);
	free(last);
}

static void write_trial(const struct export_case *one, const struct export_trial *trial, FILE *out)
{
	write_name(one->c->id, out);
	fprintf(out, "\t%" PRIu64 "\t%.9g ns/op", trial->sample->ops, trial->value);
	write_value(trial->cpu_ns, "cpu-", "ns/op", out);
	for (size_t i = 0; i < trial->metric_count; i++) {
		const struct sm_metric_row *metric = trial->metrics[i];
		bool plain = strcmp(metric->unit, "1") == 0;
		char unit[64];

		snprintf(unit, sizeof(unit), "-%s", metric->unit);
		write_value(metric->value, metric->metric, plain ? "" : unit, out);
	}
	for (size_t i = 0; i < trial->counter_count; i++)
		write_value(trial->counters[i]->per_op, trial->counters[i]->event,
			    strcmp(export_counter_unit(trial->counters[i]), "1/op") == 0 ? "/op" : "-ns/op", out);
	fputc('\n', out);
}

static void write_comment(const char *what, const char *text, FILE *out)
{
	char *quoted = export_quoted(text);

	fprintf(out, "# %s %s\n", what, quoted);
	free(quoted);
}

int export_go_bench(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	char *cpu = export_quoted(view->cpu_model);

	(void)err;
	/* benchstat does not compare runs whose keys differ, so everything else is a comment. */
	fprintf(out, "pkg: shmeter\ncpu: %s\n", cpu);
	free(cpu);
	write_comment("run", view->run, out);
	write_comment("host", view->host, out);
	write_comment("kernel", view->kernel, out);
	write_comment("seed", view->seed, out);
	write_comment("left out:", view->left_out[0] ? view->left_out : "none", out);
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];

		if (one->count > 0)
			write_comment("class", one->summary->klass, out);
		for (size_t t = 0; t < one->count; t++)
			write_trial(one, &one->trials[t], out);
	}
	return 0;
}
