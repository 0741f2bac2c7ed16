/* A file of gates: any bytes give gates or one sentence. */
#include <string.h>

#include "fuzz_file.h"
#include "registry.h"
#include "shmeter/gate.h"

static void plan_for(const struct sm_gates *gates)
{
	struct sm_plan_options plan = { 0 };
	struct sm_error err = { 0 };

	must(sm_gates_plan(gates, NULL, &plan, &err) == 0, "a plan");
	free((void *)plan.patterns);
	free((void *)plan.longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	struct sm_gates gates;
	struct sm_error err = { 0 };

	if (!path[0]) /* a file of this process alone, without a name */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd_create("gates", 0));
	write_all(path, data, size);
	if (sm_gates_load(&gates, path, 20513, sm_scenarios, sm_scenario_count, &err) < 0)
		must(err.text[0] && !strchr(err.text, '\n'), "one sentence");
	else
		plan_for(&gates);
	sm_gates_free(&gates);
	return 0;
}
