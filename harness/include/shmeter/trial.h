/* One trial: a case run once by freshly forked, pinned processes on a fresh region. */
#ifndef SHMETER_TRIAL_H
#define SHMETER_TRIAL_H

#include <stdint.h>

#include "shmeter/counters.h"
#include "shmeter/os.h"
#include "shmeter/results.h"
#include "shmeter/scenario.h"
#include "shmeter/topology.h"
#include "shmeter/tour.h"

/* Round trips of one probe: 6 to 30 us. */
#define SM_PROBE_TRIPS 64

/* The warm-up runs slices that do not count.  It ends when the last eight slices do not differ by rank from the eight
 * before them, or after 64 slices, or after this time.  Where 16 slices would take longer than this, it is one slice.  It
 * takes at least the scenario's warm_ns; the bounds then begin after that.  They do not depend on the number of slices
 * that follow, so neither do the results. */
#define SM_WARM_NS_MAX 100000000u
/* Slices of the warm-up of a case that needs none. */
#define SM_WARM_SLICES 16

#define SM_KEPT_MAX 8
/* Regions that are kept for the next trial of the same case, where its scenario allows it (SM_KEPT): mapped by the
 * parent, populated, with the contents that the previous trial left.  All zero: none yet.  Together they take at most a
 * quarter of the free memory; the least recently used are dropped first. */
struct sm_kept {
	struct sm_kept_region {
		struct sm_case c;
		struct sm_region region;
		uint64_t turn;
	} at[SM_KEPT_MAX];
	unsigned count;
	uint64_t bytes, bytes_max; /* bytes_max: 0 before the first */
	uint64_t turn;
};

/* Where teams were seated on one topology, by placement and size.  All zero: none yet.  Free with
 * sm_seatings_free(). */
struct sm_seatings {
	struct sm_seating {
		unsigned workers;
		struct sm_seats seats;
		int rc; /* of sm_topology_seat() */
		struct sm_error why;
	} * at;
	size_t count;
};
void sm_seatings_free(struct sm_seatings *known);

struct sm_trial_context {
	const struct sm_os *os;
	const struct sm_topology *topology;
	const struct sm_event_set *events; /* NULL: no counters */
	const char *file_folder;
	const volatile int *stop;
	uint64_t slice_ns;            /* target length of a slice */
	struct sm_kept *kept;         /* NULL: every trial makes its region anew */
	struct sm_seatings *seatings; /* NULL: every trial chooses its seats anew */
};

/* Samples of a visit: the fewest whose extremes are a 95 % confidence interval of the median. */
#define SM_VISIT_SAMPLES 6
/* Least duration of a sample: over 500 times the cost of reading the clock. */
#define SM_VISIT_NS 50000u

/* The part of a tour that a trial plays after its slices. */
struct sm_tour_part {
	const struct sm_tour *tour; /* NULL: none */
	size_t first, rounds;       /* rounds first, first + 1..., from the beginning again after the last one */
	uint64_t trips;             /* operations of a sample */
	uint64_t longest_ns;        /* no further round begins after this time; 0: no limit */
};

/* One visit of a pair. */
struct sm_visit {
	unsigned pair;    /* index into sm_tour.pair */
	unsigned company; /* pairs that played in this round */
	/* one operation, ns: the median of the samples, the shortest and the longest; NaN: a worker lost its PU */
	double ns, low, high;
};

struct sm_trial_request {
	const struct sm_case *c;
	uint64_t op_count; /* of a slice; ignored when calibrating */
	/* length of a slice that the scenario ends by the clock (SM_FIRST_DONE_OR_CLOCK); 0: ends by op_count */
	uint64_t slice_ns;
	unsigned slices; /* after the warm-up */
	uint64_t seed;
	uint64_t timeout_ns;
	uint64_t longest_ns; /* limit on all slices together, after which the trial ends early; 0: none */
	double inject;       /* lengthen every slice by this share of its time; 0: do not */
	bool calibrate;      /* find op_count instead of measuring */
	bool trace;          /* record histograms after the slices, where the scenario can */
	struct sm_tour_part part;
};

struct sm_trial_result {
	enum sm_status status;
	char reason[SM_ERROR_TEXT_MAX];
	bool memory_lacked; /* a worker was killed for the memory that it touched */
	enum sm_placement relation;
	bool shared_pu;
	char pus[128], nodes[128]; /* of the workers, by OS index and number */
	char pages_got[16];
	uint64_t page_bytes_got; /* 0: none, or mixed */
	unsigned slice_count;
	struct sm_slice_facts *slice; /* malloc'ed; `trial` is not set */
	uint64_t op_count;            /* of a slice, as used or as calibrated */
	unsigned warm_slices;         /* slices of the warm-up, not in `slice`; 0 for a cold case */
	uint64_t warm_ns;             /* duration of the warm-up, with the time between its slices */
	bool kept;                    /* it used the previous trial's region */
	bool flat;                    /* the warm-up reached a steady state before its bound */
	uint64_t ops, elapsed_ns;
	uint64_t cpu_ns;
	uint64_t minflt, majflt, nvcsw, nivcsw, migrations;
	uint64_t steal_ns, started_ns, wall_ns, timed_ns; /* started: by sm_clock_ns() */
	double throttled_ns;                              /* NaN: not known */
	uint64_t last_slice_ns;                           /* calibration: time of the slice that fits */
	uint64_t overhead_ns;                             /* calibration: wall time outside all slices */
	struct sm_count count[SM_EVENTS_MAX];             /* summed over the workers */
	struct sm_series *series;                         /* malloc'ed; NULL: none */
	struct sm_histogram *histogram;                   /* malloc'ed, merged over the workers; NULL: none */
	double more[SM_MORE_MAX];                         /* the scenario's further metrics */
	struct sm_visit *visit;                           /* malloc'ed, in the order in which they were made */
	size_t visit_count;
	size_t rounds;               /* of the tour that were played */
	uint64_t tour_ns;            /* duration of these rounds */
	double alone_ns, company_ns; /* median duration of a round with one pair, and with more; NaN: none */
};

/* Whether the case can run here, without running it: 0 or a negative errno with reason and remedy. */
SM_MUST_USE int sm_trial_supported(const struct sm_trial_context *context, const struct sm_case *c,
				   struct sm_error *err);
/* The PUs (OS indices) that the workers of the case would use, by worker: "0 1"; "-" where they cannot be seated.
 * Returns `out`, of at least 32 bytes. */
const char *sm_trial_name_pus(const struct sm_trial_context *context, const struct sm_case *c, char *out, size_t size);
/* How many PUs the workers of the case use; 0 where they cannot be seated. */
unsigned sm_trial_pus(const struct sm_trial_context *context, const struct sm_case *c);
/* Runs the trial.  A failure of the case, also one caused by a limit, is a status in `result`; a negative errno is
 * returned only where the harness itself failed or was stopped (-EINTR).  Free with sm_trial_result_free(). */
SM_MUST_USE int sm_trial_run(const struct sm_trial_context *context, const struct sm_trial_request *request,
			     struct sm_trial_result *result, struct sm_error *err);
/* Removes all kept regions; returns whether there were any. */
bool sm_kept_drop(struct sm_kept *kept);
void sm_trial_result_free(struct sm_trial_result *result);

#endif
