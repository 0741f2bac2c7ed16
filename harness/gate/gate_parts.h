/* Declarations that the parts of the gate share. */
#ifndef SM_GATE_PARTS_H
#define SM_GATE_PARTS_H

#include "../analysis/digest.h"
#include "shmeter/gate.h"

/* An absolute time is not compared with a baseline where other processes used more than this share of the PUs, in per
 * cent. */
#define SM_OTHERS_MAX 5.0

/* The result of one gate for one group, before the correction over all gates. */
struct finding {
	struct sm_interval ratio;
	double p;     /* one-sided p-value that the threshold is kept */
	double level; /* one-sided level of the decision, set beforehand: `mde` is what it detects */
	double mde;
	unsigned used, baseline_used;     /* units: blocks, or pairs of layouts */
	unsigned tried;                   /* blocks measured, of a ratio within the run */
	const char *unit;                 /* name of these units */
	double scatter, baseline_scatter; /* standard deviation of the blocks' logarithms; 0: not known */
	const char *klass;
	const char *evidence;
	const char *distrust; /* why it is inconclusive whatever the interval; NULL: it is not */
	/* Of a baseline. */
	const char *refused;  /* why the case cannot be tested here; NULL: it can */
	const char *withheld; /* `refused` of any of the gate's points, without which it does not PASS; NULL: none */
	double floor;         /* noise floor of the case: a factor; NaN: not known */
	bool within_floor;    /* its p-value is that of two runs of one build, as the floor shows them */
	bool by_runs;         /* runs are the units, not blocks */
	struct sm_run_levels old; /* levels of the earlier runs that count; by_runs only */
	double to_median;         /* times the median level of the earlier runs; NaN: fewer than GATE_RUNS_MIN count */
	double error;             /* standard error of this run's level, as ln; by_runs only */
	unsigned groups;          /* points of the gate, over which its p-value is corrected */
};

/* A case of a run, or its ratio to another case; `one` NULL: the run lacks one of them. */
struct side {
	const struct digest_case *one, *beside; /* beside NULL: times */
	sm_name folder;                         /* of an earlier run */
	const char *disturbed;                  /* why an earlier run does not count; NULL: it may */
};

/* gate/earlier.c */
/* The case, or its ratio to `reference` (-1: none), and the bounds that are required (0: open), in words. */
void gate_say_case(struct sm_words *words, const struct sm_digest *run, size_t c, long reference);
void gate_say_bounds(struct sm_words *words, double min, double max);
/* Why a run, which a sentence calls `name`, was too disturbed to be compared with another; NULL: it was not. */
const char *gate_disturbed(const struct sm_digest *one, size_t c, bool as_ratio, const char *name,
			   struct sm_results *results);
/* The case of this id in a run; `beside` sm_none: its times. */
struct side gate_side(const struct sm_digest *run, sm_name id, sm_name beside);
/* The same for an earlier run, with its folder and why it does not count. */
struct side gate_earlier_side(const struct sm_digest *run, sm_name id, sm_name beside, struct sm_results *results);
/* Room for the values of a side, in any class. */
size_t gate_most_blocks(const struct side *side);
/* Writes the ln of a side's values in its class like `klass`, one for each block; returns how many. */
size_t gate_values(const struct side *side, sm_name klass, double *out);
/* The class of `now` in which most of `count` earlier runs that count have enough blocks, and of those the one with the most
 * blocks.  On a tie the first, which has the most pure slices of this run.  The choice depends only on the number of
 * blocks, never on their values.  `room` is for the values of any side; sm_none: the runs have no class in common. */
sm_name gate_meet(const struct side *now, const struct side *before, size_t count, double *room);
/* Why a run has no class in common with any of `count` earlier runs. */
const char *gate_why_apart(const struct side *now, const struct side *before, size_t count, struct sm_results *results);

/* gate/levels.c */
/* The level of a run's values, as ln, and its standard error; reorders them. */
double gate_level(double *value, size_t count, double *error);
struct gate_levels {
	double median;             /* of the levels; NaN: there is none */
	struct sm_run_levels runs; /* those that count; the scatter is at least the mean error of their levels */
	size_t blocks;             /* of all of them */
	size_t left;               /* runs that do not count, and why the first does not */
	const char *left_out;
};
/* The levels of earlier runs in the class of each that is like `klass`.  `side` has the case in each run; `room` is for
 * the values of any. */
struct gate_levels gate_levels(const struct side *side, size_t runs, sm_name klass, double *room,
			       struct sm_results *results);

/* gate/baseline.c */
/* Compares a case of a run with the same case of one earlier run, as times or as ratios to `reference` (-1: none): two
 * samples of blocks.  Ratios from `min` to `max` are allowed (0: open).  Strings go to `results`. */
SM_MUST_USE int gate_baseline(const struct sm_digest *run, size_t c, long reference, const struct sm_digest *baseline,
			      double min, double max, struct sm_results *results, struct finding *out,
			      struct sm_error *err);

/* gate/stored.c */
/* What was found in the store and what became of the run, in sentences. */
void gate_say_stored(struct sm_words *words, const struct sm_stored *stored);
/* The same for programs; null where `stored` is NULL. */
json_t *gate_stored_json(const struct sm_stored *stored);

/* gate/runs.c */
/* Fewest earlier runs that say by how much runs of one build differ. */
#define GATE_RUNS_MIN 3u
/* The same comparison with several earlier runs, or of times: the units are runs (docs/adr/0025). */
SM_MUST_USE int gate_runs(const struct sm_digest *run, size_t c, long reference, const struct sm_baselines *baselines,
			  double min, double max, struct sm_results *results, struct finding *out,
			  struct sm_error *err);
/* Sets the noise floor of the case, and why a threshold below it is refused.  A finding by blocks has to be beyond what
 * runs differ by, too. */
void gate_floor(const struct sm_digest *run, size_t c, long reference, double min, double max,
		struct sm_results *results, struct finding *out);
/* Why a finding by runs, at this level of its p-value, is neither FAIL nor PASS; NULL: its interval says it. */
const char *gate_runs_open(const struct finding *finding, double min, double max, double level,
			   struct sm_results *results);

/* A run and earlier ones, for what is compared between them; run NULL without a baseline. */
struct sides {
	const struct sm_gates *gates;
	const struct sm_digest *run;
	const struct sm_baselines *baselines;
	size_t tests; /* gates with a p-value */
};

/* gate/baselines.c */
/* The earlier runs that count for a gate on a baseline. */
struct earlier {
	struct sm_baselines runs; /* borrowed from those of the sides */
	size_t elsewhere;         /* how many of them are of other hosts */
	size_t left;              /* runs of machines that do not count */
	const char *why;          /* why the first of those does not, or why there is none; NULL: all count */
};
/* The one rule for runs of several machines: a run of this host counts for every gate, and one of another host of the type
 * for ratios (`against`), or for all gates with --same-type.  A run of another type never counts. */
struct earlier gate_earlier(const struct sm_gate *gate, const struct sides *sides, struct sm_results *results);

/* gate/judge.c */
/* Whether a gate is about a group. */
bool gate_is_about(const struct sm_gate *gate, const struct sm_analysis *a, size_t g);
/* Why a case of the gate was never tried in a group; NULL: both were. */
const char *gate_why_untried(struct sm_analysis *a, size_t g, const struct sm_gate *gate);
/* The result of a ratio or a baseline in one group. */
SM_MUST_USE int gate_judge_group(const struct sm_gate *gate, struct sm_analysis *run, size_t g,
				 const struct sides *sides, struct finding *out, struct sm_error *err);

/* gate/layouts.c */
/* Takes the pairs of layouts as the units of a ratio.  `d` and `block` hold the log-ratios of out->used blocks and their
 * numbers; `d` then has one value for each pair, the median of its blocks.  Sets ratio, used and unit.  Returns how
 * far layouts and blocks scatter, in words, "" where no pair has two blocks. */
const char *gate_by_layout(const struct sm_gates *gates, double *d, const unsigned *block, struct sm_results *results,
			   struct finding *out);

/* gate/ends.c */
/* Judges the trials that failed, which no other part of a gate counts.  Wrong data is a FAIL for every kind of gate.  A
 * reference with wrong data cannot be compared with.  An exact count of only the remaining trials proves nothing. */
void gate_judge_ends(struct sm_analysis *a, struct sm_gate_row *row);

/* gate/again.c */
/* The command that measures a gate's cases again with the options of the run, with enough blocks to decide. */
const char *gate_again(const struct sm_gate *gate, struct sm_results *results);

/* gate/decide.c */
/* Applies Holm's correction to the p-values of the rows that have one; `p` has room for all, and `tests` is how many
 * have. */
void gate_adjust(struct sm_gate_row *rows, size_t count, double *p, size_t *tests);
/* Sets the verdict of a row with a p-value, among so many tests, and why it is none. */
void gate_decide(struct sm_analysis *run, struct sm_gate_row *row, const struct finding *finding, size_t tests);

#endif
