/* The percentile texts of a run in one stream: a comment with the case before each, two empty lines between them
 * (gnuplot's `index`).  The separate files are in the run's histograms/. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "shmeter/text.h"
#include "view.h"

/* A quantile is printed only if at least this many values lie above it (docs/method.md). */
#define DEFENSIBLE_ABOVE 10

/* "value percentile count [1/(1-percentile)]", nothing else. */
static bool read_row(const char *line, struct export_bucket *row)
{
	double number[4] = { 0 };
	unsigned count = 0;

	for (;;) {
		line += strspn(line, " ");
		if (*line == '\n')
			break;
		if (count == 4 || !sm_parse_number(line, &number[count], &line) || number[count++] < 0)
			return false;
	}
	*row = (struct export_bucket){ number[0], (uint64_t)number[2] };
	return count >= 3;
}

static void add_row(struct export_distribution *d, const struct export_bucket *row)
{
	if ((d->count & (d->count - 1)) == 0) { /* the array is full at each power of two */
		struct export_bucket *more = sm_zeroed_memory(2 * d->count + 1, sizeof(*more));

		if (d->count)
			memcpy(more, d->rows, d->count * sizeof(*more));
		free(d->rows);
		d->rows = more;
	}
	d->rows[d->count++] = *row;
}

/* "#[Mean    =     5050.000, StdDeviation   =     2886.607]"; other footers change nothing. */
static void read_footer(const char *line, struct export_distribution *d)
{
	const char *number = strchr(line, '=');

	if (number && strncmp(line, "#[Mean ", 7) == 0) {
		number++;
		sm_parse_number(number + strspn(number, " "), &d->mean_ns, &number);
	}
}

/* Whether a line is valid at its place; `*ended` is set from the first footer on. */
static bool take_line(const char *line, unsigned number, struct export_distribution *d, bool *ended)
{
	struct export_bucket row;

	if (!strchr(line, '\n'))
		return false;
	if (number == 1)
		return strstr(line, "Value") && strstr(line, "Percentile");
	if (number == 2)
		return strcmp(line, "\n") == 0;
	if (strncmp(line, "#[", 2) == 0) {
		*ended = true;
		read_footer(line, d);
		return true;
	}
	if (*ended || !read_row(line, &row) || (d->count > 0 && row.below <= d->rows[d->count - 1].below))
		return false;
	add_row(d, &row);
	return true;
}

static int read_lines(FILE *in, const char *path, FILE *out, struct export_distribution *d, struct sm_error *err)
{
	unsigned number = 0;
	bool ended = false;
	char line[256];

	while (fgets(line, sizeof(line), in)) {
		if (!take_line(line, ++number, d, &ended))
			return sm_fail(err, EBADMSG, "%s:%u: this is no percentile text", path, number);
		if (out)
			fputs(line, out);
	}
	if (!ended || d->count == 0)
		return sm_fail(err, EBADMSG, "%s:%u: the percentile text is cut short", path, number);
	return 0;
}

int export_distribution(const struct sm_export_view *view, const struct export_case *one, FILE *out,
			struct export_distribution *distribution, struct sm_error *err)
{
	struct sm_error why = { 0 };
	char name[1024], path[5400];
	FILE *in;
	int rc;

	*distribution = (struct export_distribution){ .mean_ns = (double)NAN };
	sm_store_histogram_name(one->c->id, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/histograms/%s.hgrm", view->results->folder, name);
	in = sm_store_open_distribution(view->results, one->c->id, &why);
	if (!in && (why.code == ENOENT || why.code == ENAMETOOLONG))
		return 0; /* most cases have no histogram */
	if (!in)
		return sm_fail(err, why.code, "%s", why.text);
	rc = read_lines(in, path, out, distribution, err);
	fclose(in);
	if (rc < 0)
		free(distribution->rows);
	return rc < 0 ? rc : 1;
}

double export_quantile(const struct export_distribution *distribution, double q)
{
	double total = (double)distribution->rows[distribution->count - 1].below;
	size_t i = 0;

	/* The small numbers compensate the rounding of q. */
	if (total * (1 - q) + 1e-6 < DEFENSIBLE_ABOVE)
		return (double)NAN;
	while ((double)distribution->rows[i].below < ceil(q * total - 1e-9))
		i++;
	return distribution->rows[i].ns;
}

static int add_case(const struct sm_export_view *view, const struct export_case *one, FILE *out, size_t *files,
		    struct sm_error *err)
{
	struct export_distribution distribution;
	struct sm_written written;
	char *id;
	int rc = export_distribution(view, one, sm_written_open(&written), &distribution, err);

	sm_written_close(&written);
	if (rc > 0) {
		id = export_quoted(one->c->id);
		fprintf(out, "%s# case: %s\n# unit: ns, one operation\n", *files ? "\n\n" : "", id);
		fwrite(written.text, 1, written.size, out);
		free(id);
		free(distribution.rows);
		*files += 1;
	}
	free(written.text);
	return rc < 0 ? rc : 0;
}

int export_hdr_text(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	size_t files = 0;
	int rc = 0;

	sm_print_line(out, "# shmeter %s, run %s", view->version, view->run);
	fprintf(out,
		"# A distribution holds every trial that ended well; cases without one that is ok are left "
		"out.\n# Trials that are not ok: %s\n",
		view->not_ok[0] ? view->not_ok : "none");
	for (size_t i = 0; rc == 0 && i < view->case_count; i++)
		if (view->cases[i].ok > 0)
			rc = add_case(view, &view->cases[i], out, &files, err);
	if (rc == 0 && files == 0)
		return sm_fail(err, ENODATA,
			       "no case of %s has a distribution of single operations: "
			       "transport_latency has, for example",
			       view->results->folder);
	return rc;
}
