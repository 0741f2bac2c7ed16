/* Shared memory of running processes, as /proc shows it: which objects they map, who else maps them, which pages, nodes
 * and futexes.  Reads files of /proc: no ptrace, no signal, no write.  sm_look_lines() also opens perf events on the
 * threads, where the CPU has the event.  Reading smaps, and numa_maps where there are several nodes, walks the page tables of
 * the process, during which its own calls of mmap() and munmap() may wait: 30 ms for each resident GiB of base pages (a
 * virtual machine of 2026). */
#ifndef SHMETER_LOOK_H
#define SHMETER_LOOK_H

#include <sys/types.h>

#include "shmeter/error.h"
#include "shmeter/maps.h"
#include "shmeter/os.h"

#define SM_LOOK_NODES 64 /* nodes with smaller numbers are counted */
#define SM_LOOK_NAME  64
/* Stands for "no object". */
#define SM_LOOK_NONE SIZE_MAX

/* Shared memory that at least one of the processes maps; the same object has one device and inode. */
struct sm_look_object {
	enum sm_shared_kind kind;
	unsigned major, minor;
	uint64_t inode;
	pid_t owner;          /* rings of the kernel and devices are told apart by process; 0: any other kind */
	char *name;           /* as in maps, encoded for a terminal */
	bool deleted;         /* no name leads to it, by what the kernel wrote */
	uint64_t bytes;       /* from the first to the last byte that is mapped */
	uint64_t first, last; /* offsets of these */
	size_t use, uses;     /* its rows in sm_look.use: processes that were looked at */
	size_t other, others; /* its rows in sm_look.other: the rest of the machine */
	size_t wait, waits;   /* its rows in sm_look.wait, by offset */
	size_t line, lines;   /* its rows in sm_look.line */
};

/* An object as one process has it. */
struct sm_look_use {
	size_t object, process;
	unsigned mappings;
	bool writes;   /* at least one of them is writable */
	bool detailed; /* `mapped` has more than bytes: smaps could be read */
	bool placed;   /* numa_maps could be read, and has it */
	struct sm_mapped mapped;
	uint64_t node[SM_LOOK_NODES]; /* bytes on each node: of the whole object's pages that this process mapped */
};

/* A process that was not asked for and maps the object, too. */
struct sm_look_other {
	size_t object;
	pid_t pid;
	char name[SM_LOOK_NAME];
};

/* A thread that waits for a futex. */
struct sm_look_wait {
	size_t process;
	pid_t thread;
	uint64_t address;
	size_t object;   /* in which it lies; SM_LOOK_NONE: in no shared mapping, or `several` */
	uint64_t offset; /* in the object */
	bool own;        /* only this process can wake it */
	bool several;    /* it waits for one of several, whose addresses are not known */
};

struct sm_look_process {
	pid_t pid, parent;
	char name[SM_LOOK_NAME]; /* encoded for a terminal */
	unsigned uid;
	uint64_t threads, start_ticks;
	uint64_t minor_faults, major_faults; /* since it began */
	double minor_per_s, major_per_s;     /* NaN: not known */
	bool gone;                           /* ended before it was read */
	size_t range, ranges;                /* its rows in sm_look.range */
};

/* A shared mapping; of a process by address. */
struct sm_look_range {
	uint64_t low, high, offset;
	size_t use;
};

/* A cache line of an object that another core had modified when it was loaded (HITM), by samples of their addresses. */
struct sm_look_line {
	size_t object;
	uint64_t offset; /* of the line, in the object */
	uint64_t samples;
};

/* Something that could not be read, and why. */
struct sm_look_gap {
	const char *what; /* "mappings", "nodes", "waits", "others", "faults", "lines", "some lines", "processes" */
	int error;        /* errno; 0: not of a file */
	char reason[320]; /* why, and what to do */
	size_t count;     /* processes that it is about; 0: not of processes */
	pid_t pid[6];     /* the first of them */
};

struct sm_look {
	struct sm_look_process *process;
	struct sm_look_object *object;
	struct sm_look_use *use;
	struct sm_look_other *other;
	struct sm_look_wait *wait; /* by object and offset; those in no object last */
	struct sm_look_range *range;
	struct sm_look_gap *gap;
	struct sm_look_line *line; /* by object, those with most samples first */
	struct look_sampler *sampler;
	uint64_t period;   /* events for one sample */
	uint64_t samples;  /* of lines, in all memory */
	const char *event; /* that was sampled; NULL: none, and a gap says why */
	size_t process_count, object_count, use_count, other_count, wait_count, range_count, gap_count, line_count,
		sampler_count;
	size_t readable;     /* processes whose mappings could be read */
	size_t *slot, slots; /* hash table of the objects */
	struct sm_shm_device shm;
	const struct sm_os *os;
	uint64_t begun_ns, took_ns; /* of the count of faults */
};

/* Finds the processes and counts their faults; with `tree`, their children's and so on, too.  -ENOENT where none of them is
 * there; -EACCES where /proc itself cannot be read.  `begun` (NULL: not asked) keeps from look to look when each
 * process began, 0 before the first: a process with the same number that began at another time is not looked at.  Call sm_look_free() also after an error. */
SM_MUST_USE int sm_look_begin(struct sm_look *look, const struct sm_os *os, const pid_t *pids, uint64_t *begun,
			      size_t count, bool tree, struct sm_error *err);
/* Begins to sample, in the processes that were found, the addresses of loads that another core's modified line answered.
 * Without such an event or its addresses, that is a gap.  Call it between the other two. */
void sm_look_lines(struct sm_look *look);
/* The same with an event of the caller's, whose samples have an address.  0, or -errno where no thread could be sampled. */
SM_MUST_USE int sm_look_sample(struct sm_look *look, const struct perf_event_attr *attr);
/* Reads the mappings, threads and other processes, and sets the rates of faults since sm_look_begin().  Whatever cannot be
 * read is a gap, not an error. */
void sm_look_end(struct sm_look *look);
/* Whether all of the processes had ended when the look did, also those that nobody has reaped. */
bool sm_look_all_ended(const struct sm_look *look);
/* The mappings alone, of a look that was begun; for callers that need no more. */
void sm_look_mappings(struct sm_look *look);
void sm_look_free(struct sm_look *look);

/* The gap in one sentence: what, of which processes, why, what to do.  Returns `out`. */
const char *sm_look_gap_words(const struct sm_look_gap *gap, char *out, size_t size);

#endif
