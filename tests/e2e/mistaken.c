/* The program with one scenario that lacks verify(): every command must refuse it. */
#include "registry.h"

static uint64_t run(struct sm_worker *worker)
{
	return worker->op_count;
}

static const struct sm_variant variants[] = { { .name = "only", .summary = "one way" }, { 0 } };
static const struct sm_scenario mistaken = {
	.name = "mistaken",
	.family = "tests",
	.question = "Is it refused?",
	.summary = "It is never run.",
	.why = "Nothing proves what it does.",
	.variants = variants,
	.workers = 1,
	.metric = { "time per operation", "ns/op" },
	.run = run,
};

const struct sm_scenario *sm_scenarios[] = { &mistaken, NULL };
size_t sm_scenario_count = 1;
const char *const sm_scenario_files[] = { "tests/mistaken", NULL };

const struct sm_scenario *const *sm_scenarios_for(uint64_t page_bytes)
{
	(void)page_bytes;
	return sm_scenarios;
}

void sm_scenarios_ask_kernel(const struct sm_os *os)
{
	(void)os;
}

void sm_scenarios_add_plugins(const struct sm_plugged *plugged, size_t count)
{
	(void)plugged;
	(void)count;
}

bool sm_scenarios_add(const struct sm_scenario *scenario)
{
	(void)scenario;
	return false;
}
