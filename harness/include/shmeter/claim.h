/* What a scenario claims: sentences that can be wrong, each of one of five kinds. */
#ifndef SHMETER_CLAIM_H
#define SHMETER_CLAIM_H

#include <stdbool.h>

#include "shmeter/names.h"

/* What kind of sentence a claim is, and so what it is held against. */
enum sm_claim_kind {
	SM_CLAIM_UNSET,
	SM_CLAIM_RATIO,      /* time of `left` / time of `right` */
	SM_CLAIM_DIFFERENCE, /* time of `left` - time of `right`, in ns an operation */
	SM_CLAIM_COUNT,      /* an event is counted so many times an operation */
	SM_CLAIM_METRIC,     /* one of the `more` metrics lies within bounds; no clock decides */
	SM_CLAIM_ORDER,      /* of two pairs of PUs the one that is closer by the topology is faster */
};

/* A sentence that can be wrong.  Its kind is written SM_RATIO(...) and so on, below. */
struct sm_claim {
	const char *id;       /* "C1"; NULL ends the list */
	const char *text;     /* one sentence, without its full stop */
	const char *source;   /* where the belief comes from */
	const char *question; /* one of the suite's headline questions that it answers, or NULL */
	/* "message=64 placement=same-core": space-separated conditions that a group must meet; NULL: every
	 * group of the scenario.  Values as printed in samples.csv; of numbers also "processes>=2", "<=", and
	 * "processes=4xPU" for four times the PUs that the run may use.  "workers<=1xPU" and "cores=different" (each
	 * process on a core of its own) have to be met by both sides, the rest by one of them. */
	const char *at;
	/* Id of another claim of this scenario, which has none itself: unless that one is supported, this one is
	 * inconclusive (a metric that refutes it stands).  For a sentence that something never happens it is the one
	 * that it can be seen to happen; for a difference the one that something else makes none.  NULL: none. */
	const char *control;
	enum sm_machine machine; /* the kind of machine that it speaks of: not testable elsewhere */
	const char *needs;       /* what a machine must have, in words; NULL: nothing special */
	const char *caveat;      /* printed after the evidence, as the rest of its sentence; or NULL */
	enum sm_claim_kind kind;
	const char *left; /* the variant that it is about */
	union {
		/* RATIO and DIFFERENCE: supported where the whole interval lies within the bounds; 0 means unbounded. */
		struct {
			const char *right;
			double min, max;
			const char *metric; /* RATIO: one of `more` instead of the time */
			/* The metric of this name, as the median of a case's trials, is at least holds_min on both
			 * sides.  A group in which it is not is left out, with both figures.  NULL: nothing is asked. */
			const char *holds;
			double holds_min;
		} versus;
		struct {
			const char *event; /* of counters.csv */
			double per_op;     /* in every ok trial */
			unsigned slack;    /* events a trial that it may be off */
		} count;
		struct {
			const char *name; /* of one of `more` */
			double min, max;  /* in every ok trial that knows it */
			bool once;        /* in one trial at least; undecided where none shows it: others may */
		} metric;
		/* Of all couples of cases whose PUs relate differently, at least this share. */
		double closer_is_faster;
	};
};

/* The kinds, as they stand in a claim: SM_RATIO("pipe", "ring", .min = 2), SM_METRIC("mutex", "updates lost", .max = 0),
 * SM_EXACT_COUNT("lazy", "minor-faults", 1).  A ratio suits variants on one base; a difference what is compared over
 * different bases, such as what a pause adds to a pipe's round trip and to a ring's. */
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
