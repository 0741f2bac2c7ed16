/* The control area of a trial: what parent and workers tell each other.
 *
 * One anonymous shared mapping, apart from the subject.  Each part has one writer:
 *   control  the parent before the fork; the leader (worker 0) where said so
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

/* Round trips before the stamp of a probe: the first waits for the peer to arrive. */
#define PROBE_WARM 4

/* Where the kernel keeps no account of how long a process waits. */
#define WAIT_UNKNOWN UINT64_MAX

/* What a worker notes of one slice. */
struct slice_note {
	uint64_t start_ns, end_ns;
	uint64_t ops;
	uint64_t time_ns; /* what a self-timed scenario measured */
	uint64_t cpu_ns;
	uint64_t waited_ns; /* for its PU while it could have run; or WAIT_UNKNOWN */
	uint64_t minflt, majflt, nvcsw, nivcsw;
	bool pin_lost;
};

struct slot {
	alignas(SM_LINE_PAIR) _Atomic uint32_t arrived; /* gates passed; this worker writes */
	alignas(SM_LINE_PAIR) _Atomic uint32_t ping;    /* the probe's line */
	alignas(SM_LINE_PAIR) struct sm_outcome outcome;
	struct sm_count count[SM_EVENTS_MAX];
	struct sm_region_got got;
	struct sm_error error;
};

/* A probe of up to SM_PROBE_PAIRS_MAX pairs: nanoseconds of one round trip; of a worker alone its pace, in cycles, in the
 * first one's place.  Leader writes. */
struct probe_note {
	double pair_ns[SM_PROBE_PAIRS_MAX];
};

/* Slices of a window of the warm-up (warm.c), and slices after which it is over in any case. */
#define WARM_WINDOW     8
#define WARM_SLICES_MAX 64

enum command { COMMAND_SLICE, COMMAND_END };

struct control {
	alignas(SM_LINE_PAIR) _Atomic uint32_t abort;   /* parent: stop now */
	alignas(SM_LINE_PAIR) _Atomic uint32_t go;      /* leader: number of the gate that is open */
	alignas(SM_LINE_PAIR) _Atomic uint32_t waiting; /* shared PU: workers at the gate; all write */
	alignas(SM_LINE_PAIR) _Atomic uint32_t over;    /* SM_FIRST_DONE: who is first in a slice writes */
	/* Leader, before it opens the gate that the others read them behind. */
	alignas(SM_LINE_PAIR) enum command command;
	uint64_t op_count;
	bool warming;   /* slices are the warm-up, until the leader says otherwise */
	unsigned first; /* leader: the first slice that counts, once `warming` is false */
	bool flat;      /* leader: the rule of the warm-up was satisfied */
	unsigned done_slices;
	uint64_t warm_begin_ns, warm_ns; /* leader */
	uint64_t begin_ns;               /* leader: when the first counted slice began */
	uint64_t longest_ns;             /* parent: after this long no further slice, once there are enough; 0: none */
	unsigned held;                   /* calibration: slices in a row whose length was right */
	bool calibrated;
	/* Parent, before the fork. */
	unsigned workers, pairs;
	unsigned warm, slices; /* of the warm-up at most; after it */
	unsigned notes;
	unsigned probes; /* that a note holds: one a pair, or the pace of a worker alone */
	bool shared_pu, self_timed;
	size_t bytes;
	struct slot *slot;              /* [workers] */
	struct slice_note *note;        /* [workers][notes] */
	struct probe_note *probe;       /* [notes + 1] */
	struct sm_histogram *histogram; /* [workers], or NULL */
	struct sm_series *series;       /* or NULL */
};

static inline struct slice_note *control_note(struct control *control, unsigned worker, unsigned slice)
{
	return &control->note[(size_t)worker * control->notes + slice];
}

/* What a trial's control area has to hold. */
struct control_needs {
	unsigned workers, slices;
	unsigned warm; /* slices of the warm-up at most */
	bool shared_pu, cold, self_timed, histograms, series;
};
/* Makes the area, zeroed; notes of `slices` slices, and of a warm-up, can be kept.  munmap() through control_free(). */
struct control *control_make(const struct control_needs *needs, struct sm_error *err);
void control_free(struct control *control);

/* Meets all workers.  The leader (worker 0) does gate_gather(), then what it has to do alone, then
 * gate_open(); each other worker does gate_arrive(), then gate_pass().  Gates are numbered from 1.
 * Workers on PUs of their own spin; workers that share one sleep on a futex.  False: aborted. */
bool gate_gather(struct control *control, uint32_t number);
void gate_open(struct control *control, uint32_t number);
void gate_arrive(struct control *control, unsigned worker, uint32_t number);
bool gate_pass(struct control *control, uint32_t number);

/* The pair-class probe of the pairs (0, 1) ... (0, pairs).  The leader's side goes between
 * gate_gather() and gate_open(), that of workers 1 .. pairs between gate_arrive() and gate_pass(). */
bool probe_lead(struct control *control, struct probe_note *note);
bool probe_follow(struct control *control, unsigned worker);
/* The probe of a worker that is alone, its pace: clock cycles of 100 turns of eight independent additions, which keep a
 * core's adders busy.  Where another hardware thread of the core works, they are up to twice as many.  A cycle is a
 * link in a chain of dependent additions, which no neighbour slows down, so the clock's speed does not
 * matter (docs/adr/0016). */
void probe_alone(struct control *control, struct probe_note *note);

/* Last end - first start of a slice, at least 1. */
uint64_t control_makespan_ns(struct control *control, unsigned slice);

/* Looks at the slice that just ended and sets the operations of the next one: the leader's part of a
 * calibration.  `aim_ns` is how long a slice should take.  True when it has held twice. */
bool calibrate_next(struct control *control, unsigned slice, uint64_t aim_ns);

/* The most slices of a warm-up, where each is to take so long. */
unsigned warm_most(uint64_t slice_ns);
/* The leader's part of a warm-up, after so many slices of it: whether it is over.  Sets `flat` and `warm_ns`. */
bool warm_over(struct control *control, unsigned slices);
/* Whether these times, in their order, show no drift; see warm.c. */
bool warm_is_flat(const double time[2 * WARM_WINDOW]);

/* How a worker process ends. */
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
