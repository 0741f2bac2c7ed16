/* Distributions of single operations by case, from the buckets of its trials. */
#include <errno.h>
#include <stdlib.h>

#include "shmeter/store.h"
#include "table.h"

/* Upper bound of the percentile text of a full histogram. */
#define TEXT_MAX (SM_HISTOGRAM_BUCKETS * 128u)

/* The distributions by case (NULL: none), merged over the successful trials that reached their offered rate. */
static int merge_buckets(const struct sm_results *results, struct sm_histogram **of_case, struct sm_error *err)
{
	size_t count;
	struct sm_trial_place *trials = sm_results_trials(results, &count);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < results->bucket_count; i++) {
		const struct sm_bucket_row *bucket = &results->buckets[i];
		long at = sm_results_sample_of(trials, count, bucket->trial);
		struct sm_histogram **histogram;

		if (at < 0 || results->samples[at].behind)
			continue;
		histogram = &of_case[results->samples[at].case_index];
		if (!*histogram && !(*histogram = calloc(1, sizeof(**histogram))))
			rc = sm_fail(err, ENOMEM, "no memory for a distribution");
		else
			sm_histogram_add_many(*histogram, bucket->ns, bucket->count);
	}
	free(trials);
	return rc;
}

int store_write_histograms(const struct sm_results *results, struct sm_error *err)
{
	struct sm_histogram **of_case = calloc(results->case_count + 1, sizeof(*of_case));
	int rc = of_case ? merge_buckets(results, of_case, err)
			 : sm_fail(err, ENOMEM, "no memory for the distributions");

	if (rc == 0 && results->bucket_count > 0)
		rc = store_make_below(results->out, "histograms", err);
	for (size_t i = 0; of_case && i < results->case_count; i++) {
		char name[384];

		sm_store_histogram_name(results->cases[i].id, name, sizeof(name));
		if (rc == 0 && of_case[i])
			rc = sm_store_write_histogram(results->out, name, of_case[i], err);
		free(of_case[i]);
	}
	free(of_case);
	return rc;
}

/* Opens the percentile text of a case, made in memory. */
static FILE *open_merged(const struct sm_results *results, long index, struct sm_error *err)
{
	struct sm_histogram **of_case = calloc(results->case_count + 1, sizeof(*of_case));
	FILE *file = NULL;
	int rc = of_case ? merge_buckets(results, of_case, err) : -ENOMEM;

	if (rc == 0 && (index < 0 || !of_case[index]))
		rc = sm_fail(err, ENOENT, "the case has no distribution");
	if (rc == 0)
		file = fmemopen(NULL, TEXT_MAX, "w+");
	if (rc == 0 && (!file || sm_histogram_write(of_case[index], file) < 0))
		sm_fail(err, ENOMEM, "no memory for a distribution");
	if (file)
		rewind(file);
	for (size_t i = 0; of_case && i < results->case_count; i++)
		free(of_case[i]);
	free(of_case);
	return file;
}

FILE *sm_store_open_distribution(const struct sm_results *results, const char *case_id, struct sm_error *err)
{
	char name[1024], path[5400];

	if (results->bucket_count > 0)
		return open_merged(results, sm_results_find_case(results, case_id), err);
	sm_store_histogram_name(case_id, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/histograms/%s.hgrm", results->folder, name);
	return sm_store_open_file(path, err);
}
