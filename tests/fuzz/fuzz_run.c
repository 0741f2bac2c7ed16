/* A run folder in which one file is anything: its first byte says which.  Loading and analysing it give rows, or one
 * sentence. */
#include <string.h>
#include <sys/stat.h>

#include "fuzz_file.h"
#include "registry.h"
#include "shmeter/analysis.h"
#include "shmeter/digest.h"
#include "shmeter/gate.h"
#include "shmeter/run.h"
#include "shmeter/store.h"

static const char *const files[] = { "manifest.json", "samples.csv", "slices.csv", "counters.csv", "metrics.csv" };
#define FILES (sizeof(files) / sizeof(files[0]))

static char folder[256];
static struct sm_gates gates;

static void copy_template(size_t number)
{
	static char text[1 << 20];
	char path[4096];
	FILE *from;
	size_t size;

	snprintf(path, sizeof(path), TEMPLATE "/%s", files[number]);
	from = fopen(path, "re");
	must(from != NULL, path);
	size = fread(text, 1, sizeof(text), from);
	fclose(from);
	snprintf(path, sizeof(path), "%s/%s", folder, files[number]);
	write_all(path, text, size);
}

static void remove_folder(void)
{
	char path[4096];

	for (size_t i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
	sm_gates_free(&gates);
}

static void begin(void)
{
	struct sm_error err = { 0 };

	snprintf(folder, sizeof(folder), "%s/shmeter-fuzz-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	must(mkdtemp(folder) != NULL, folder);
	for (size_t i = 0; i < FILES; i++)
		copy_template(i);
	must(sm_gates_load(&gates, TEMPLATE "/gates.ini", 0, sm_scenarios, sm_scenario_count, &err) == 0, err.text);
	atexit(remove_folder);
}

static void sentence(const struct sm_error *err)
{
	must(err->text[0] && !strchr(err->text, '\n'), "one sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sm_gate_row rows[8];
	struct sm_plan_options options;
	struct sm_digest *digest = NULL;
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[4096];
	size_t number;

	if (size < 1)
		return 0;
	if (!folder[0])
		begin();
	number = data[0] % FILES;
	snprintf(path, sizeof(path), "%s/%s", folder, files[number]);
	write_all(path, data + 1, size - 1);
	sm_results_init(&results);
	if (sm_store_load(&results, folder, &err) < 0) {
		sentence(&err);
	} else {
		if (sm_gates_judge(&gates, &results, NULL, sm_scenarios, sm_scenario_count, rows, &err) < 0)
			sentence(&err);
		if (sm_digest_make(&digest, &results, sm_scenarios, sm_scenario_count, &err) < 0)
			sentence(&err);
		else if (sm_gates_judge(&gates, &results, &(struct sm_baselines){ { digest }, 1 }, sm_scenarios,
					sm_scenario_count, rows, &err) < 0)
			sentence(&err);
		sm_digest_free(digest);
		if (sm_run_restore_options(results.manifest, folder, &options, &err) == 0)
			sm_run_free_options(&options);
	}
	sm_results_free(&results);
	copy_template(number);
	return 0;
}
