/* The control area of a trial, through which parent and workers communicate.
 *
 * One anonymous shared mapping, separate from the region.  Each part has one writer:
 *   control  the parent before the fork; the leader (worker 0) where a comment says so
 *   slot[i]  worker i, except `ping` (leader and worker i alternate)
 * Parts that are polled lie on line pairs of their own. */
#ifndef SHMETER_TRIAL_CONTROL_H
#define SHMETER_TRIAL_CONTROL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "shmeter/counters.h"
#include "shmeter/scenario.h"
#include "shmeter/trial.h"

/* Round trips of a probe before its first timestamp: the first one waits for the peer to arrive. */
#define PROBE_WARM 4

/* The kernel does not record how long a process waits for its PU. */
#define WAIT_UNKNOWN UINT64_MAX

/* What a worker records about one slice. */
struct slice_note {
	uint64_t start_ns, end_ns;
	uint64_t ops;
	uint64_t time_ns; /* time measured by a self-timed scenario */
	uint64_t cpu_ns;
	uint64_t waited_ns; /* time that it was runnable but waited for its PU; or WAIT_UNKNOWN */
	uint64_t minflt, majflt, nvcsw, nivcsw;
	bool pin_lost;
};

/* A word of each process in a tour: it sleeps until its number changes, then plays the pair. */
struct call {
	alignas(SM_LINE_PAIR) _Atomic uint32_t number; /* of the round, from 1; CALL_END: the tour is over */
	uint32_t pair;                                 /* index into sm_tour.pair */
	uint32_t visit;                                /* index into `visit` */
};
#define CALL_END UINT32_MAX

/* What the two processes of a pair note about a visit. */
struct visit_note {
	uint32_t pair, company;
	_Atomic uint32_t lost; /* processes that were not on their PUs */
	uint32_t ns[SM_VISIT_SAMPLES];
};

/* The shared memory of a tour.  One process plays on each PU of the tour; the rounds follow each other without the
 * parent.  All others sleep. */
struct tour {
	alignas(SM_LINE_PAIR) _Atomic uint32_t left;    /* processes that still play in this round */
	alignas(SM_LINE_PAIR) _Atomic uint32_t arrived; /* processes that are ready to play in this round */
	alignas(SM_LINE_PAIR) _Atomic uint32_t ready;   /* processes that are ready for the tour */
	/* Written by the process that ends a round. */
	alignas(SM_LINE_PAIR) size_t round; /* the current one, from 1; at the end: rounds played */
	size_t visits;
	uint64_t begin_ns, round_ns, end_ns;
	/* Written by the parent before the fork. */
	struct sm_tour_part part;
	unsigned team;
	size_t bytes, line_bytes;
	unsigned *seat;           /* [team]: index into sm_tour.pu of each process */
	unsigned *member;         /* [team]: the other way round */
	struct call *call;        /* [team], by index into sm_tour.pu */
	struct visit_note *visit; /* [most visits] */
	uint32_t *took_ns;        /* [part.rounds]: duration of each round */
	char *lines;              /* [team] areas of line_bytes, by index into sm_tour.pu */
};

struct slot {
	alignas(SM_LINE_PAIR) _Atomic uint32_t arrived; /* gates passed; this worker writes */
	alignas(SM_LINE_PAIR) _Atomic uint32_t ping;    /* the line that the probe passes back and forth */
	alignas(SM_LINE_PAIR) struct sm_outcome outcome;
	struct sm_count count[SM_EVENTS_MAX];
	struct sm_region_got got;
	struct sm_error error;
};

/* One probe of up to SM_PROBE_PAIRS_MAX pairs: nanoseconds of a round trip.  For a worker alone, the first entry is its
 * pace, in cycles.  Written by the leader. */
struct probe_note {
	double pair_ns[SM_PROBE_PAIRS_MAX];
};

/* Slices in a window of the warm-up (warm.c), and the most slices that a warm-up has. */
#define WARM_WINDOW     8
#define WARM_SLICES_MAX 64

enum command { COMMAND_SLICE, COMMAND_END };

struct control {
	alignas(SM_LINE_PAIR) _Atomic uint32_t abort;   /* parent: stop now */
	alignas(SM_LINE_PAIR) _Atomic uint32_t go;      /* leader: number of the gate that is open */
	alignas(SM_LINE_PAIR) _Atomic uint32_t waiting; /* shared PU: workers at the gate; all write */
	/* SM_FIRST_DONE: written by the first worker to finish a slice */
	alignas(SM_LINE_PAIR) _Atomic uint32_t over;
	/* Written by the leader before it opens the gate; the others read them after it. */
	alignas(SM_LINE_PAIR) enum command command;
	uint64_t op_count;
	bool warming;   /* slices belong to the warm-up until the leader clears this */
	unsigned first; /* leader: the first slice that counts, once `warming` is false */
	bool flat;      /* leader: the warm-up reached a steady state */
	unsigned done_slices;
	uint64_t warm_begin_ns, warm_ns; /* leader */
	uint64_t begin_ns;               /* leader: when the first counted slice began */
	/* parent: run no further slice after this time, once there are enough; 0: no limit */
	uint64_t longest_ns;
	unsigned held; /* calibration: successive slices whose length was right */
	bool calibrated;
	/* Written by the parent before the fork. */
	unsigned workers, pairs; /* the workers of the slices: a tour has more processes */
	unsigned warm, slices;   /* most slices of the warm-up; slices after it */
	uint64_t warm_least_ns;
	unsigned notes;
	unsigned probes; /* probes in a note: one per pair, or the pace of a worker alone */
	bool shared_pu, self_timed;
	size_t bytes;
	struct slot *slot;              /* [team] */
	struct slice_note *note;        /* [workers][notes] */
	struct probe_note *probe;       /* [notes + 1] */
	struct sm_histogram *histogram; /* [workers], or NULL */
	struct sm_series *series;       /* or NULL */
	struct tour *tour;              /* or NULL */
};

static inline struct slice_note *control_note(struct control *control, unsigned worker, unsigned slice)
{
	return &control->note[(size_t)worker * control->notes + slice];
}

/* What a trial's control area must have room for. */
struct control_needs {
	unsigned workers, slices;
	unsigned team; /* processes: workers, or more in a tour */
	unsigned warm; /* most slices of the warm-up */
	uint64_t warm_least_ns;
	bool shared_pu, cold, self_timed, histograms, series;
};
/* Makes the area, zeroed, with room for the notes of the slices and of the warm-up.  Free with control_free(). */
struct control *control_make(const struct control_needs *needs, struct sm_error *err);
void control_free(struct control *control);

/* The gate: a barrier for all workers.  The leader (worker 0) calls gate_gather(), does its own work, then calls
 * gate_open().  Each other worker calls gate_arrive(), then gate_pass().  Gates are numbered from 1.  Workers on PUs of
 * their own spin; workers that share a PU sleep on a futex.  Returns false where the trial was aborted. */
bool gate_gather(struct control *control, uint32_t number);
void gate_open(struct control *control, uint32_t number);
void gate_arrive(struct control *control, unsigned worker, uint32_t number);
bool gate_pass(struct control *control, uint32_t number);
/* Sleeps while the word has the value `seen`, but not for long: the caller then checks the word and the abort flag. */
void gate_sleep(_Atomic uint32_t *word, uint32_t seen);
void gate_wake(_Atomic uint32_t *word);

/* The pair-class probe of the pairs (0, 1) ... (0, pairs).  The leader calls probe_lead() between gate_gather() and
 * gate_open(); workers 1 .. pairs call the other side between gate_arrive() and gate_pass(). */
bool probe_lead(struct control *control, struct probe_note *note);
bool probe_follow(struct control *control, unsigned worker);
/* The probe of a worker alone measures its pace: the clock cycles of 100 turns of eight independent additions, which
 * keep a core's adders busy.  Where another hardware thread of the core is busy, the pace is up to twice as many
 * cycles.  A cycle is measured as one addition in a chain of dependent additions, which no neighbour slows down, so the
 * clock frequency does not matter (docs/adr/0016). */
void probe_alone(struct control *control, struct probe_note *note);

/* Last end - first start of a slice, at least 1. */
uint64_t control_makespan_ns(struct control *control, unsigned slice);

/* The leader's part of a calibration: sets the operations of the next slice from the one that just ended.  `aim_ns` is
 * the target length of a slice.  Returns true when the count has fitted twice. */
bool calibrate_next(struct control *control, unsigned slice, uint64_t aim_ns);

/* The most slices of a warm-up that takes `least_ns` at least and whose slices take `slice_ns` each. */
unsigned warm_most(uint64_t slice_ns, uint64_t least_ns);
/* The leader's part of a warm-up: whether it is over after `slices` slices.  Sets `flat` and `warm_ns`. */
bool warm_over(struct control *control, unsigned slices);

/* Makes the area of a tour of the scenario `c`, whose workers 0 and 1 sit on `first`.  Free with tour_free(). */
struct tour *tour_make(const struct sm_case *c, const struct sm_tour_part *part, const unsigned first[2],
		       struct sm_error *err);
void tour_free(struct tour *tour);
/* How many pairs a round has, by its number in the part, from 0. */
uint32_t tour_pairs(const struct tour *tour, size_t round);
/* The PU (OS index) of a process of the team. */
unsigned tour_pu(const struct tour *tour, unsigned index);
/* A process' part, in this order: says that it is ready; worker 0 waits for all; plays until the tour is over, and
 * worker 0 begins the first round.  False: the trial was aborted, or a visit went wrong. */
void tour_ready(struct tour *tour, unsigned index);
bool tour_gather(struct tour *tour, const _Atomic uint32_t *abort);
bool tour_play(struct tour *tour, struct sm_worker *worker, unsigned index);

/* Exit status of a worker process. */
enum { WORKER_DONE = 0, WORKER_FAILED = 1, WORKER_ABORTED = 2, WORKER_UNFIT = 3 };

/* What the worker processes run; `argument` is a struct worker_job *. */
struct worker_job {
	const struct sm_trial_context *context;
	const struct sm_trial_request *request;
	const struct sm_seats *seats;
	struct sm_region *region; /* NULL: none */
	struct sm_trial *trial;
	struct control *control;
};
int worker_main(void *argument, unsigned index);

#endif
