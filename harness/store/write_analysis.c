/* Writes the files with the results of the analysis. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/matrix.h"
#include "shmeter/store.h"
#include "table.h"

static int write_values(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_values, out);
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];
		struct value_view view = { sample->trial, results->cases[sample->case_index].id,
					   sm_sample_cpu_ns_per_op(sample), sample->found };

		if (!sample->derived)
			table_write_row(&table_values, &view, out);
	}
	return 0;
}

static int write_purity(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_purity, out);
	for (size_t i = 0; i < results->slice_count; i++) {
		const struct sm_slice_row *slice = &results->slices[i];
		struct purity_view view = {
			.trial = slice->trial,
			.slice = slice->slice,
			.ns_per_op = slice->ops ? (double)slice->ns / (double)slice->ops : (double)NAN,
			.klass = slice->klass,
			.purity = (enum sm_purity)slice->purity,
		};

		table_write_row(&table_purity, &view, out);
	}
	return 0;
}

static int write_rates(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_rates, out);
	for (size_t i = 0; i < results->counter_count; i++)
		table_write_row(&table_rates, &results->counters[i], out);
	return 0;
}

/* Without an interval there is no confidence in one. */
static void clear_confidence(struct sm_interval *value)
{
	if (!isfinite(value->low) && !isfinite(value->high))
		value->confidence = (double)NAN;
}

static int write_summary(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_summary, out);
	for (size_t i = 0; i < results->summary_count; i++) {
		struct summary_view view = { results->cases[results->summaries[i].case_index], results->summaries[i] };

		clear_confidence(&view.s.value);
		if (view.s.value.count < 2) /* one value does not deviate from itself */
			view.s.mad = (double)NAN;
		table_write_row(&table_summary, &view, out);
	}
	return 0;
}

static int write_pairs(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_pairs, out);
	for (size_t i = 0; i < results->pair_count; i++) {
		struct sm_pair_row row = results->pairs[i];

		clear_confidence(&row.ratio);
		table_write_row(&table_pairs, &row, out);
	}
	return 0;
}

static int write_crossings(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_crossings, out);
	for (size_t i = 0; i < results->crossing_count; i++)
		table_write_row(&table_crossings, &results->crossings[i], out);
	return 0;
}

static int write_claims(FILE *out, void *context)
{
	const struct sm_results *results = context;

	table_write_header(&table_claims, out);
	for (size_t i = 0; i < results->claim_count; i++)
		table_write_row(&table_claims, &results->claims[i], out);
	return 0;
}

static int write_pu_pairs(FILE *out, void *context)
{
	const struct sm_results *results = context;
	struct sm_pu_pair *pair;
	size_t count = sm_pu_pairs_of(results, NULL, &pair);

	table_write_header(&table_pu_pairs, out);
	for (size_t i = 0; i < count; i++) {
		struct pu_pair_view view = { results->cases[pair[i].case_index], pair[i] };

		table_write_row(&table_pu_pairs, &view, out);
	}
	free(pair);
	return 0;
}

/* Rows are `from`, columns are `to`; the last column is never empty. */
static int write_matrix(FILE *out, void *context)
{
	const struct sm_matrix *m = context;

	fputs("from", out);
	for (unsigned to = 0; to < m->count; to++)
		fprintf(out, ",%s", m->end[to].label);
	fputs(",unit\n", out);
	for (unsigned from = 0; from < m->count; from++) {
		fputs(m->end[from].label, out);
		for (unsigned to = 0; to < m->count; to++) {
			double ns = m->ns[(size_t)from * m->count + to];

			if (isfinite(ns))
				fprintf(out, ",%.6g", ns);
			else
				fputc(',', out);
		}
		fprintf(out, ",%s\n", m->unit);
	}
	return 0;
}

/* Writes a file for each matrix of nodes. */
static int write_node_matrices(const struct sm_results *results, struct sm_error *err)
{
	char path[4400], name[256];
	size_t count;
	unsigned *first = sm_node_matrices_of(results, NULL, &count);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct sm_case_row *of = &results->cases[first[i]];
		struct sm_matrix matrix;

		rc = sm_node_matrix_of(&matrix, results, of, err);
		if (rc < 0)
			break;
		sm_node_matrix_name(of, name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s.csv", results->out, name);
		rc = sm_store_write_file(path, write_matrix, &matrix, err);
		sm_matrix_free(&matrix);
	}
	free(first);
	return rc;
}

/* Writes <scenario>.csv for each scenario that visited pairs of PUs, and pu_pairs.csv for all of them. */
static int write_matrices(const struct sm_results *results, struct sm_error *err)
{
	sm_name last = NULL;
	char path[4200];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < results->case_count; i++) {
		const struct sm_case_row *c = &results->cases[i];
		struct sm_matrix matrix;

		if (c->scenario == last || !sm_matrix_has(results, c->scenario))
			continue;
		last = c->scenario;
		rc = sm_matrix_of(&matrix, results, c->scenario, err);
		if (rc < 0)
			return rc;
		snprintf(path, sizeof(path), "%s/%s.csv", results->out, c->scenario);
		rc = sm_store_write_file(path, write_matrix, &matrix, err);
		sm_matrix_free(&matrix);
	}
	if (rc == 0)
		rc = write_node_matrices(results, err);
	if (rc < 0 || results->visit_count == 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", results->out, table_pu_pairs.file);
	return sm_store_write_file(path, write_pu_pairs, (void *)(uintptr_t)results, err);
}

/* Whether a name is that of a temporary file whose writer is dead: "report.html.1234.part". */
static bool is_abandoned(const char *name)
{
	const char *end = name + strlen(name), *digits;
	pid_t pid;

	if (end - name < 7 || strcmp(end -= 5, ".part") != 0)
		return false;
	for (digits = end; digits > name && isdigit((unsigned char)digits[-1]); digits--)
		;
	pid = (pid_t)strtol(digits, NULL, 10);
	return digits < end && digits > name && digits[-1] == '.' && pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

/* Removes the temporary files that killed writers left in a run folder and its subfolders.  A file that cannot be
 * removed stays. */
static void sweep(const char *folder)
{
	static const char *const places[] = { "", "/plots", "/histograms", "/series" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[4300];
		int fd;
		DIR *dir;
		const struct dirent *entry;

		snprintf(path, sizeof(path), "%s%s", folder, places[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (i ? O_NOFOLLOW : 0));
		dir = fd < 0 ? NULL : fdopendir(fd);
		if (!dir) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		while ((entry = readdir(dir)))
			if (is_abandoned(entry->d_name))
				(void)!unlinkat(fd, entry->d_name, 0);
		closedir(dir);
	}
}

int sm_store_write_analysis(const struct sm_results *results, struct sm_error *err)
{
	static const struct {
		const struct table *table;
		int (*write)(FILE *out, void *context);
	} files[] = {
		{ &table_values, write_values }, { &table_purity, write_purity },
		{ &table_rates, write_rates },   { &table_summary, write_summary },
		{ &table_pairs, write_pairs },   { &table_crossings, write_crossings },
		{ &table_claims, write_claims },
	};
	char path[4200];
	int rc;

	if (!results->out)
		return 0;
	if (strcmp(results->out, results->folder) == 0)
		sweep(results->out);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", results->out, files[i].table->file);
		rc = sm_store_write_file(path, files[i].write, (void *)(uintptr_t)results, err);
		if (rc < 0)
			return rc;
	}
	snprintf(path, sizeof(path), "%s/analysis.json", results->out);
	rc = store_write_json(path, results->analysis, err);
	if (rc == 0)
		rc = store_write_histograms(results, err);
	return rc == 0 ? write_matrices(results, err) : rc;
}
