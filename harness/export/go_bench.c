/* The Go benchmark format (golang.org/design/14313-benchmark-format): one line per trial. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/digest.h"
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

static void write_key(const char *key, const char *value, FILE *out)
{
	char *quoted = export_quoted(value);

	fprintf(out, "%s: %s\n", key, quoted);
	free(quoted);
}

/* The class in the words of the run whose names are taken: those of its nearest class, if it has the same. */
static sm_name class_name(const struct sm_export_view *view, sm_name klass)
{
	const struct sm_results *like = view->like;
	double probe = sm_class_words(klass).probe, nearest = INFINITY;
	sm_name name = klass;

	for (size_t i = 0; like && i < like->summary_count; i++) {
		sm_name other = like->summaries[i].klass;
		double distance = other == klass ? 0 : fabs(log(sm_class_words(other).probe / probe));

		if (sm_same_class(other, klass) && distance < nearest) {
			nearest = distance;
			name = other;
		}
	}
	return name;
}

/* The keys of a case hold until the next one, so each case sets all of them; a key without a value is unset. */
static void write_case_keys(const struct sm_export_view *view, const struct export_case *one, FILE *out)
{
	const struct sm_case_row *c = one->c;
	bool region = strcmp(c->backing, "none") != 0;

	write_key("class", class_name(view, one->summary->klass), out);
	write_key("placement", sm_placement_name(c->placement), out);
	write_key("relation", sm_placement_name(c->relation), out);
	if (region) {
		char memory[256];

		snprintf(memory, sizeof(memory), "%s,%s,%s,%s", c->backing, c->pages, c->prefault, c->numa);
		write_key("memory", memory, out);
	} else
		fputs("memory:\n", out);
	if (region && strcmp(c->file_system, sm_none) != 0)
		write_key("file-system", c->file_system, out);
	else
		fputs("file-system:\n", out);
}

int export_go_bench(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	(void)err;
	/* benchstat does not compare what differs in a key, so only what makes times incomparable is one. */
	write_key("pkg", "shmeter", out);
	write_key("cpu", view->cpu_model, out);
	write_key("machine-type", view->machine_type, out);
	write_comment("run", view->run, out);
	write_comment("host", view->host, out);
	write_comment("kernel", view->kernel, out);
	write_comment("seed", view->seed, out);
	write_comment("left out:", view->left_out[0] ? view->left_out : "none", out);
	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];

		if (one->count > 0)
			write_case_keys(view, one, out);
		for (size_t t = 0; t < one->count; t++)
			write_trial(one, &one->trials[t], out);
	}
	return 0;
}
