/* The interface of a scenario: the only header of the harness that a scenario includes.
 *
 * A scenario is one `const struct sm_scenario`.  The harness makes the region, forks and pins the workers, synchronises
 * them at a gate before each slice, takes timestamps, counts events, and checks and stores the results.  The scenario
 * does the work (run) and proves that it was done (verify). sm_scenario_check() rejects mistakes at start-up. */
#ifndef SHMETER_SCENARIO_H
#define SHMETER_SCENARIO_H

#include "shmeter/cache.h"    /* flushing lines from the caches */
#include "shmeter/claim.h"    /* SM_RATIO(...) and the other kinds of claims */
#include "shmeter/clock.h"    /* sm_clock_ns(), for scenarios that time themselves */
#include "shmeter/plugins.h"  /* sm_plugin_open() and the like, for scenarios that take plug-ins */
#include "shmeter/refusal.h"  /* why a system call was refused, in words */
#include "shmeter/spin.h"     /* SM_LINE_PAIR, and spin waits that end when a peer dies */
#include "shmeter/sweep.h"    /* SM_VALUES(64, 4096): the values of a parameter */
#include "shmeter/topology.h" /* PUs and placements */
#include "shmeter/worker.h"   /* arguments of the functions: sm_case, sm_trial, sm_worker */

#define SM_PLACEMENTS_MAX 8
#define SM_EXPECTED_MAX   4
/* A trial that achieves less than this share of the offered rate is saturated (see `achieved`). */
#define SM_ACHIEVED_MIN 0.98

/* Of which NUMA nodes a parameter takes the numbers. */
enum sm_every_node {
	SM_NO_NODES,
	SM_NODES_WITH_PUS,    /* those with PUs that this process may use */
	SM_NODES_WITH_MEMORY, /* those with memory; on one that cpuset.mems forbids a case is skipped, with the reason */
};

/* A parameter that is swept. */
struct sm_param {
	const char *name; /* "message", "processes": NULL ends the list */
	const char *unit; /* "B", "1"... */
	const char *summary;
	const char *const *labels;              /* NULL, or the NULL-terminated names of the values 0, 1, 2... */
	struct sm_values quick, standard, full; /* empty: as the shorter profile */
	uint64_t min, max;                      /* what `--set` accepts; 0, 0: any (or the labels) */
	/* A choice of PUs instead (OS indices): all that are allowed, those of --placement with a list, or those of
	 * `--set`.  It is not swept: see `pair_params`. */
	bool every_pu;
	/* The values are the numbers of NUMA nodes instead: quick takes at most 4 of them, spread evenly, standard 8,
	 * full all. */
	enum sm_every_node every_node;
	/* With every_node: it takes at most so many in every profile; 0: as many as the profile does. */
	unsigned nodes_most;
};

/* One of the alternatives that are compared. */
struct sm_variant {
	const char *name; /* NULL ends the list; the first variant is the group's baseline */
	const char *summary;
	struct sm_memory memory; /* fields set here override the command line */
	uint64_t arg;            /* for the scenario's own use */
	unsigned workers;        /* 0: as the scenario says */
	/* On which kind of core its workers run: 1 the fastest, 2 the next...; 0: the home kind.  Where all cores are of
	 * one kind, that is the fastest. */
	unsigned core_kind;
	bool extra;                       /* only in the full profile, or where a pattern names the variant */
	bool spins;                       /* its workers wait only by spinning: each keeps a PU busy while it waits */
	const struct sm_plugged *plugged; /* what it measures of a plug-in; NULL: shmeter's own */
};

/* A variant that each transport, or each lock, of a plug-in becomes: its name with a suffix, its summary with further
 * words. */
struct sm_plug {
	enum sm_plugged_kind takes; /* transports, unless set */
	const char *suffix;         /* NULL ends the list */
	const char *words;
	uint64_t arg;     /* as in sm_variant */
	unsigned workers; /* likewise */
	uint64_t needs;   /* traits that it must have, such as SHMETER_MANY */
};

/* Four variants that differ in two properties, one in the rows and one in the columns.  Findings and page show them as
 * a small table, with the cost of each change. */
struct sm_corners {
	const char *row[2], *column[2]; /* "spin", "sleep"; "shared memory", "kernel" */
	const char *variant[2][2];      /* [row][column] */
};

/* An exact count per operation, checked in every trial; noise does not change it. */
struct sm_expected {
	const char *variant; /* NULL: all */
	const char *event;   /* "minor-faults" */
	double per_op;
	bool by_page; /* per_op is that of base pages of 4 KiB, and grows with the base page */
};

struct sm_metric {
	const char *name; /* "time per round trip" */
	const char *unit; /* "ns/op" for the scenario's own metric; any for the others */
};
/* Reports show the `more` metric of this name next to the time: how many messages a channel holds before a sender
 * waits. */
#define SM_IN_FLIGHT "messages in flight"
/* A figure shows the time over the `more` metric of this name, in B/s: the latency curve of loaded memory. */
#define SM_BANDWIDTH "bandwidth of the others"

/* The state in which a slice finds the subject. */
enum sm_subject {
	SM_STEADY, /* warmed up, in a new region for each trial */
	/* Steady, and the next trial of the case may use the same region, with new processes. run() must leave the
	 * region as it found it, so warm_up() has nothing to fill where worker->kept is set.  For large regions that
	 * take longer to populate than to measure. docs/adr/0017 describes the cost. */
	SM_KEPT,
	SM_COLD, /* first touch, attach: fixed operations, one slice, no warm-up */
};

/* Least warm-up of a scenario that waits for memory (`warm_ns`).  A machine's memory adapts to load more slowly than 16 slices
 * show: on an Intel Xeon (6/207) a walk over 1 GiB is 10 to 15 % slower in its first 50 ms and 2 to 7 % in the next 50,
 * whatever the page size and wherever the walk starts, and a read of 64 MiB takes 1.5 times as long in the first 50. */
#define SM_WARM_MEMORY_NS 100000000u

/* What ends a slice. */
enum sm_slice_end {
	SM_EACH_ALL, /* each worker does op_count operations */
	/* For symmetric workers, on PUs of their own, that contend for the same line or lock: a slice ends for all when
	 * the first has done op_count.  If each did op_count, the slower ones would do the rest without contention.
	 * run() asks sm_next_part() how many operations to do next; the operations of a slice are the mean over its
	 * workers. */
	SM_FIRST_DONE,
	/* The same, but where workers share PUs run() ends a slice by the clock (worker->slice_ns).  With a count, one
	 * worker would do all its operations before the next one runs, and where a lock collapses a slice would never
	 * end. */
	SM_FIRST_DONE_OR_CLOCK,
};

struct sm_scenario {
	const char *name; /* = file stem */
	const char *family;
	const char *question;
	const char *summary;
	const char *why;                   /* for the report: what makes the difference, and how the run shows it */
	const struct sm_claim *claims;     /* ends with an empty entry; NULL: none */
	const struct sm_corners *corners;  /* NULL: none */
	const struct sm_variant *variants; /* ends with an empty entry */
	const struct sm_plug *plugs;       /* ends with an empty entry; NULL: takes no plug-ins */
	struct sm_param params[SM_PARAMS_MAX];
	/* The parameter that sets the number of workers, or several whose sum does: "producers+consumers"; one has a
	 * `min` of 1 or more.  NULL: `workers`. */
	const char *workers_param;
	unsigned workers; /* fixed number of workers, where workers_param is NULL */
	/* The two parameters that set NUMA nodes (the kernel's numbers) instead of a placement: worker 0 runs on the
	 * first node and worker 1, where there is one, on the second.  Variants put their memory on the first
	 * (SM_BIND_FIRST) or the second (SM_BIND_SECOND).  Points where the two are equal are left out.  NULL: none. */
	const char *node_params[2];
	/* The two parameters that choose the PUs of a tour: a pair goes from one of the first to one of the second.
	 * Such a scenario has visit(); its placements are the relations that the pairs have.  NULL: none. */
	const char *pair_params[2];
	/* Placements, ended by SM_PLACE_UNSET.  `quick` takes the first; `standard` the first and every one that a
	 * claim names in `at`; `full` all. */
	enum sm_placement placements[SM_PLACEMENTS_MAX];
	struct sm_metric metric;
	struct sm_metric more[SM_MORE_MAX]; /* further metrics, set by measure(); ends with name NULL */
	/* For an open loop: the name of the one of `more` that holds the achieved over the offered rate.  A trial below
	 * SM_ACHIEVED_MIN is `saturated` and its times are not used.  NULL: not an open loop. */
	const char *achieved;
	double transfers_per_op; /* one-way transfers in one operation: a round trip has 2; 0: none */
	struct sm_memory memory; /* defaults of this scenario */
	struct sm_expected expected[SM_EXPECTED_MAX]; /* ends with event NULL */
	const char *events; /* counted in addition to the default ones, separated by commas; NULL: none */
	size_t state_bytes;
	unsigned slices; /* of a trial; 0: the profile's default */
	enum sm_subject subject;
	uint64_t warm_ns; /* the warm-up takes at least this long; 0: until the slices are flat */
	enum sm_slice_end ends;
	bool warm_physical; /* call sm_region_warm_physical() right before the trial */
	bool writes_out;    /* its file must be on a file system that is not in memory */
	bool own_prefault;  /* run() or warm_up() populates the region, not the harness */
	/* The time of a slice is the longest worker->time_ns instead of last end - first start: for latencies that
	 * overlap, and where waits must not count.  Counters still count all of run(). */
	bool self_timed;
	bool histogram; /* run() fills worker->histogram, which is empty after the warm-up */
	bool series;    /* run() or trace() of one worker fills worker->series */

	/* Size of the subject; NULL or 0: no region. */
	size_t (*region_bytes)(const struct sm_case *c);
	/* Memory that all workers together allocate in addition to the region, in bytes; NULL: next to none. */
	size_t (*own_bytes)(const struct sm_case *c);
	/* Payload bytes that one operation moves, to compute rates; NULL: none. */
	uint64_t (*bytes_per_op)(const struct sm_case *c);
	/* Operations of a slice, instead of a calibrated count; every cold case must have it. */
	uint64_t (*fixed_ops)(const struct sm_case *c);
	/* 0, or a negative errno with the reason and the remedy.  NULL: always supported.  The harness has already
	 * checked placement, memory and worker count. */
	int (*supported)(const struct sm_case *c, struct sm_error *why);
	/* In the parent, before the fork: puts the subject into the region, opens pipes into state. */
	int (*setup)(struct sm_trial *trial, struct sm_error *err);
	/* In each worker, untimed, after its mapping is populated.  0 or sm_worker_fail(). */
	int (*warm_up)(struct sm_worker *worker);
	/* In each worker, timed: exactly worker->op_count operations (which may be 0); returns how many it did.  Called
	 * once a slice; keep state between slices in `state`. */
	uint64_t (*run)(struct sm_worker *worker);
	/* Optional: like run(), but records the time of each operation in worker->histogram.  Called after the timed
	 * slices; it does not affect the trial's value. */
	uint64_t (*trace)(struct sm_worker *worker);
	/* For a scenario with tours (docs/adr/0023).  run() measures one pair, workers 0 and 1.  After the timed
	 * slices the tour visits further pairs: both processes of a pair call this for the same `lines`, the first one
	 * with role 0.  Does `trips` operations and returns how many it did; fewer where the trial was aborted.
	 * `lines` are `visit_bytes` long, zeroed before the first call and otherwise as the last call left them. */
	uint64_t (*visit)(const struct sm_worker *worker, void *lines, unsigned role, uint64_t trips);
	size_t visit_bytes;
	/* In the parent, after the workers ended: proves that the work was done.  Returns 0 or sm_fail(). */
	int (*verify)(const struct sm_trial *trial, struct sm_error *err);
	/* Optional, in the parent after verify() succeeded: sets the value of each of `more`; NaN: not known. */
	void (*measure)(const struct sm_trial *trial, double value[SM_MORE_MAX]);
	/* In the parent: closes what setup opened.  Called once if setup was called, even if it failed. */
	void (*teardown)(struct sm_trial *trial);
	const struct sm_plugged *plugged; /* set by the harness: the plug-in that it is of; NULL: shmeter's own */
};

/* What a plug-in exports of its scenarios (docs/plugins.md).  One of its files has, after them:
 *
 *   SM_PLUGIN(&my_scenario, &my_other_scenario);
 *
 * For these, "the parent" is a process of the trial's own, which loads the plug-in, and the functions without a worker
 * have 5 s each. */
#define SM_CONTRACT 1u /* changes where the sizes below do not tell */
#define SM_CONTRACT_SIZES                                                                                              \
	{                                                                                                              \
		sizeof(struct sm_scenario), sizeof(struct sm_variant), sizeof(struct sm_claim),                        \
			sizeof(struct sm_case), sizeof(struct sm_trial), sizeof(struct sm_worker),                     \
			sizeof(struct sm_region)                                                                       \
	}
struct shmeter_scenarios {
	uint32_t contract, count; /* SM_CONTRACT; at most SHMETER_PLUGIN_MAX */
	size_t sizes[7];          /* SM_CONTRACT_SIZES */
	const struct sm_scenario *const *scenario;
};
#define SM_PLUGIN(...)                                                                                                 \
	const struct shmeter_export *shmeter_plugin(void)                                                              \
	{                                                                                                              \
		static const struct sm_scenario *const list[] = { __VA_ARGS__ };                                       \
		static const struct shmeter_scenarios scenarios = { SM_CONTRACT, sizeof(list) / sizeof(list[0]),       \
								    SM_CONTRACT_SIZES, list };                         \
		static const struct shmeter_export all = { .magic = SHMETER_PLUGIN_MAGIC,                              \
							   .abi_version = SHMETER_PLUGIN_ABI,                          \
							   .struct_size = sizeof(struct shmeter_export),               \
							   .scenarios = &scenarios };                                  \
                                                                                                                       \
		return &all;                                                                                           \
	}                                                                                                              \
	extern const struct shmeter_export *shmeter_plugin(void)

/* Scenarios are written for base pages of this size: `4k` as a name or at the end of one (`shared_4k`), "4 KiB" in texts
 * and counts with `by_page` are its.  What has 4096 bytes and is no page is written "4096 bytes". */
#define SM_PAGES_WRITTEN 4096u

/* The scenario with the variants that these transports and locks become; itself where it takes none of them.  A copy lives
 * as long as the process. */
const struct sm_scenario *sm_scenario_with_plugins(const struct sm_scenario *scenario, const struct sm_plugged *plugged,
						   size_t count);

/* The scenario for base pages of another size: itself where nothing in it depends on them, otherwise a copy that lives
 * as long as the process. */
const struct sm_scenario *sm_scenario_with_pages(const struct sm_scenario *scenario, uint64_t page_bytes);

static inline const struct sm_variant *sm_case_variant(const struct sm_case *c)
{
	return &c->scenario->variants[c->variant];
}

#endif
