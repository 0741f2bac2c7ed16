/* The names of placements, counters and verdicts in the files of a run. */
#include "shmeter/names.h"

#include <string.h>

static const char *const placement_names[SM_PLACE_COUNT] = {
	[SM_PLACE_UNSET] = "-",
	[SM_PLACE_NEAR] = "near",
	[SM_PLACE_SAME_CORE] = "same-core",
	[SM_PLACE_SMT] = "smt",
	[SM_PLACE_SHARED_L2] = "shared-l2",
	[SM_PLACE_SHARED_L3] = "shared-l3",
	[SM_PLACE_SAME_NODE] = "same-node",
	[SM_PLACE_CROSS_NODE] = "cross-node",
	[SM_PLACE_CROSS_PACKAGE] = "cross-package",
	[SM_PLACE_FARTHEST_NODE] = "farthest-node",
	[SM_PLACE_LIST] = "list",
	[SM_PLACE_SOLO] = "solo",
};

const char *sm_placement_name(enum sm_placement placement)
{
	return placement < SM_PLACE_COUNT ? placement_names[placement] : "-";
}

enum sm_placement sm_placement_parse(const char *name)
{
	for (int i = SM_PLACE_NEAR; i < SM_PLACE_LIST; i++)
		if (strcmp(placement_names[i], name) == 0)
			return (enum sm_placement)i;
	return SM_PLACE_UNSET;
}

const char *sm_count_state_name(enum sm_count_state state)
{
	static const char *const name[SM_COUNT_STATE_COUNT] = {
		"none", "counted", "scaled", "not_counted", "not_supported", "not_permitted",
	};

	return state < SM_COUNT_STATE_COUNT ? name[state] : "none";
}

const char *sm_count_scope_name(enum sm_count_scope scope)
{
	return scope == SM_SCOPE_USER ? "user" : "user+kernel";
}

const char *sm_machine_name(enum sm_machine machine)
{
	static const char *const name[] = { [SM_ANY_MACHINE] = "any", [SM_X86] = "x86", [SM_ARM64] = "arm64" };

	return name[machine];
}

const char *sm_verdict_name(enum sm_verdict verdict)
{
	static const char *const name[] = {
		[SM_VERDICT_NONE] = "none",         [SM_SUPPORTED] = "supported",       [SM_REFUTED] = "refuted",
		[SM_INCONCLUSIVE] = "inconclusive", [SM_NOT_TESTABLE] = "not_testable",
	};

	return (size_t)verdict < sizeof(name) / sizeof(name[0]) ? name[verdict] : name[SM_VERDICT_NONE];
}
