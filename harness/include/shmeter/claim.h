/* The claims of a scenario: sentences that a measurement can refute, each of one of five kinds. */
#ifndef SHMETER_CLAIM_H
#define SHMETER_CLAIM_H

#include <stdbool.h>

#include "shmeter/names.h"

/* The kind of a claim: what is compared with its bounds. */
enum sm_claim_kind {
	SM_CLAIM_UNSET,
	SM_CLAIM_RATIO,      /* time of `left` / time of `right` */
	SM_CLAIM_DIFFERENCE, /* time of `left` - time of `right`, in ns an operation */
	SM_CLAIM_COUNT,      /* an event has an exact count per operation */
	SM_CLAIM_METRIC,     /* one of the `more` metrics lies within bounds; no time is compared */
	SM_CLAIM_ORDER,      /* the pair of PUs that is closer in the topology is faster */
};

/* One claim.  Its kind is written with one of the macros below, such as SM_RATIO(...). */
struct sm_claim {
	const char *id;       /* "C1"; NULL ends the list */
	const char *text;     /* one sentence, without its full stop */
	const char *source;   /* where the belief comes from */
	const char *question; /* one of the suite's headline questions that it answers, or NULL */
	/* "message=64 placement=same-core": conditions that a group must meet, separated by spaces; NULL: every group
	 * of the scenario.  Values are written as in samples.csv.  Numbers also take ">=" and "<=" ("processes>=2") and
	 * multiples of the PUs that the run may use ("processes=4xPU").  Both sides must meet "workers<=1xPU" and
	 * "cores=different" (each process on a core of its own); for the others one side is enough.
	 * "nodes=with-pus": both nodes of node_params have PUs, so neither is of memory only. */
	const char *at;
	/* Id of a control: another claim of this scenario, which has no control itself.  NULL: none.  Unless the
	 * control is supported, this claim is inconclusive; a metric may still refute it.  Where the claim is that
	 * something never happens, the control shows that the run can detect it.  Where the claim is a difference, the
	 * control shows that nothing else causes one. */
	const char *control;
	enum sm_machine machine; /* not testable on other kinds of machine */
	const char *needs;       /* what the machine must have, in words; NULL: nothing special */
	/* COUNT and METRIC: the count or the bounds are those of base pages of 4 KiB, and grow with the base page. */
	bool by_page;
	const char *caveat; /* printed after the evidence, as the rest of its sentence; or NULL */
	enum sm_claim_kind kind;
	const char *left; /* the variant that the claim is about */
	union {
		/* RATIO and DIFFERENCE: supported where the whole confidence interval lies within the bounds; a bound
		 * of 0 is open, and none is negative. */
		struct {
			const char *right;
			double min, max;
			const char *metric; /* RATIO: compare this one of `more`, not the time */
			/* Name of a metric whose median over the trials must be at least holds_min on both sides.  A
			 * group that fails this is left out, and the report gives both figures.  NULL: no such
			 * condition. */
			const char *holds;
			double holds_min;
		} versus;
		struct {
			const char *event; /* of counters.csv */
			double per_op;     /* in every ok trial */
			unsigned slack;    /* allowed deviation, in events a trial */
		} count;
		struct {
			const char *name; /* one of `more` */
			double min, max;  /* in every ok trial that has a value */
			bool once;        /* one trial is enough; inconclusive where none shows it */
		} metric;
		/* ORDER: among all couples of cases whose pairs of PUs differ in distance, the closer must be faster in
		 * at least this share. */
		double closer_is_faster;
	};
};

/* How a claim writes its kind: SM_RATIO("pipe", "ring", .min = 2), SM_METRIC("mutex", "updates lost", .max = 0),
 * SM_EXACT_COUNT("lazy", "minor-faults", 1).  Use a ratio for variants of the same work.  Use a difference for a cost
 * on top of different work, such as what a pause adds to a round trip through a pipe and through a ring. */
#define SM_RATIO(left_, right_, ...)                                                                                   \
	.kind = SM_CLAIM_RATIO, .left = (left_), .versus = { .right = (right_), __VA_ARGS__ }
#define SM_DIFFERENCE(left_, right_, ...)                                                                              \
	.kind = SM_CLAIM_DIFFERENCE, .left = (left_), .versus = { .right = (right_), __VA_ARGS__ }
#define SM_EXACT_COUNT(variant_, event_, ...)                                                                          \
	.kind = SM_CLAIM_COUNT, .left = (variant_), .count = { .event = (event_), .per_op = __VA_ARGS__ }
#define SM_METRIC(variant_, name_, ...)                                                                                \
	.kind = SM_CLAIM_METRIC, .left = (variant_), .metric = { .name = (name_), __VA_ARGS__ }
#define SM_CLOSER_IS_FASTER(variant_, share) .kind = SM_CLAIM_ORDER, .left = (variant_), .closer_is_faster = (share)

#endif
