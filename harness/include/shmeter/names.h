/* Names that occur in a run's files: placements, counter states, verdicts.  The platform produces these values, the
 * store writes and reads their names, and the analysis uses them. */
#ifndef SHMETER_NAMES_H
#define SHMETER_NAMES_H

/* How two PUs relate, the closest first: a pair that keeps several has the first of them.  `near`, `farthest-node` and
 * `list` are only requests; they are resolved to one of the relations. */
enum sm_placement {
	SM_PLACE_UNSET,
	SM_PLACE_NEAR,          /* the closest PUs that are different cores; else SMT; else one PU */
	SM_PLACE_SAME_CORE,     /* all workers on one PU, taking turns */
	SM_PLACE_SMT,           /* hardware threads of one core */
	SM_PLACE_SHARED_L2,     /* different cores under one L2 */
	SM_PLACE_SHARED_L3,     /* different cores, deepest common cache is the L3 */
	SM_PLACE_SAME_NODE,     /* one NUMA node, no common cache */
	SM_PLACE_CROSS_NODE,    /* different NUMA nodes; as a request, the two that are nearest to each other */
	SM_PLACE_CROSS_PACKAGE, /* different packages; as a relation, different nodes, too */
	SM_PLACE_FARTHEST_NODE, /* only a request: the two NUMA nodes that are farthest from each other */
	SM_PLACE_LIST,          /* explicit PUs */
	SM_PLACE_SOLO,          /* one worker alone */
	SM_PLACE_COUNT
};

/* "near", "same-core", ...; NULL is never returned. */
const char *sm_placement_name(enum sm_placement placement);
/* The placement of a name; SM_PLACE_UNSET where the name is unknown.  The names of SM_PLACE_LIST and SOLO are not
 * accepted. */
enum sm_placement sm_placement_parse(const char *name);

/* The five states of a counter.  Only `counted` and `scaled` have a value; unavailable is never 0. */
enum sm_count_state {
	SM_COUNT_NONE,
	SM_COUNTED,
	SM_SCALED,        /* multiplexed: the value is an extrapolation */
	SM_NOT_COUNTED,   /* opened, but never got onto the PMU */
	SM_NOT_SUPPORTED, /* libpfm4, the kernel or the CPU does not have it */
	SM_NOT_PERMITTED,
	SM_COUNT_STATE_COUNT
};
const char *sm_count_state_name(enum sm_count_state state); /* "counted"...; "none" */

/* Which events a counter counts: those of user code, or also those of the kernel. */
enum sm_count_scope { SM_SCOPE_USER, SM_SCOPE_USER_KERNEL };
const char *sm_count_scope_name(enum sm_count_scope scope); /* "user", "user+kernel" */

/* Kinds of machines that a claim may be about. */
enum sm_machine { SM_ANY_MACHINE, SM_X86, SM_ARM64 };
const char *sm_machine_name(enum sm_machine machine); /* "any", "x86", "arm64" */

enum sm_verdict { SM_VERDICT_NONE, SM_SUPPORTED, SM_REFUTED, SM_INCONCLUSIVE, SM_NOT_TESTABLE };
const char *sm_verdict_name(enum sm_verdict verdict); /* "supported"...; "none" */

#endif
