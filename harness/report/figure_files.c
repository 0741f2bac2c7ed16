/* The data of the figures about single operations: distributions and first passes, read from their own files. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "shmeter/store.h"
#include "shmeter/text.h"
#include "words.h"

/* Reads at most `most` numbers from a line, separated by `between`; spaces around it are skipped.  Returns how many. */
static unsigned read_numbers(const char *line, char between, double *out, unsigned most)
{
	unsigned count = 0;

	for (line += strspn(line, " "); count < most && sm_parse_number(line, &out[count], &line);
	     line += strspn(line, " ")) {
		count++;
		if (between != ' ' && *line == between)
			line++;
	}
	return count;
}

/* One case's quantiles: 1/(1 - quantile) and the latency, from its percentile text.  Returns how many. */
static size_t put_quantiles(const struct sm_results *r, const struct sm_case_row *c, FILE *out)
{
	char line[160];
	double row[4]; /* value, quantile, values up to there, 1/(1 - quantile) */
	size_t count = 0;
	FILE *file;

	file = sm_store_open_distribution(r, c->id, NULL);
	if (!file)
		return 0;
	figures_put_field(out, c->variant);
	fputc('\n', out);
	while (fgets(line, sizeof(line), file))
		if (read_numbers(line, ' ', row, 4) == 4 && row[3] >= 1) {
			fprintf(out, "%.6g %.6g\n", row[3], row[0]);
			count++;
		}
	fputs("\n\n", out);
	fclose(file);
	return count;
}

/* The number of stretches in which a pass is drawn: more points than pixels are of no use. */
#define STRETCHES 160

static int by_value(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Draws a pass in stretches: the start, the median and the maximum of each, after the set-up.  Returns the number of
 * accesses. */
static uint64_t put_pass(FILE *file, const char *variant, FILE *out)
{
	static double value[SM_SERIES_MAX];
	unsigned long long at[SM_SERIES_MAX], first = 0;
	double row[2], before = 0; /* access, ns */
	size_t count = 0, stretch;
	char line[80];

	while (fgets(line, sizeof(line), file) && count < SM_SERIES_MAX)
		if (read_numbers(line, ',', row, 2) == 2 && row[0] >= 0 && row[0] < 1e15) {
			at[count] = (unsigned long long)row[0];
			value[count] = row[1];
			if (at[count] == 0)
				before = value[count];
			else
				count++;
		}
	if (count == 0)
		return 0;
	first = at[count - 1];
	figures_put_field(out, variant);
	fprintf(out, "\n0 %.6g %.6g\n", before, before);
	stretch = (count + STRETCHES - 1) / STRETCHES;
	for (size_t i = 0; i < count; i += stretch) {
		size_t n = count - i < stretch ? count - i : stretch;

		qsort(value + i, n, sizeof(*value), by_value);
		fprintf(out, "%llu %.6g %.6g\n", at[i], value[i + n / 2], value[i + n - 1]);
	}
	fputs("\n\n", out);
	return first;
}

/* Every variant of one group that has a series. */
size_t figures_first_pass(const struct sm_results *r, struct figure *f, FILE *out)
{
	sm_name group = r->cases[f->placement_of].group;
	unsigned variants = 0;
	uint64_t accesses = 0;

	for (size_t i = 0; i < r->case_count; i++) {
		char stem[384], path[4800];
		uint64_t count = 0;
		FILE *file;

		if (r->cases[i].group != group)
			continue;
		sm_store_histogram_name(r->cases[i].id, stem, sizeof(stem));
		snprintf(path, sizeof(path), "%s/series/%s.csv", r->folder, stem);
		file = sm_store_open_file(path, NULL);
		if (!file)
			continue;
		count = put_pass(file, r->cases[i].variant, out);
		fclose(file);
		variants += count > 0;
		accesses = count > accesses ? count : accesses;
	}
	snprintf(f->variables, sizeof(f->variables), "variants = %u\naccesses = %" PRIu64 "\n", variants, accesses);
	return (size_t)accesses;
}

/* Every variant of one group that has a histogram. */
size_t figures_percentiles(const struct sm_results *r, struct figure *f, FILE *out)
{
	sm_name group = r->cases[f->placement_of].group;
	char metric[128];
	unsigned variants = 0;
	size_t total = 0;

	for (size_t i = 0; i < r->case_count; i++) {
		size_t count = r->cases[i].group == group ? put_quantiles(r, &r->cases[i], out) : 0;

		variants += count > 0;
		total += count;
	}
	snprintf(f->variables, sizeof(f->variables), "variants = %u\ny_label = '%s'\n", variants,
		 sm_encode(SM_TO_GNUPLOT, r->cases[f->placement_of].metric, metric, sizeof(metric)));
	return total;
}
