/* Question: how much shared memory does this machine allow?
 * Method:   the limits of each kind of memory are read from the kernel or the file system that sets them.  An
 *           operation reads all limits of one kind.
 * Not shown: limits of a memory cgroup.
 * Cost of the loop: opening and reading small files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "shmeter/scenario.h"
#include "shmeter/text.h"

enum { SYSV, POSIX, LOCKED };
enum { TALLY_READ };

struct state {
	double limit[4]; /* in the order of `more` */
};

static double number(const char *path)
{
	char text[64];

	return sm_read_file(path, text, sizeof(text)) < 0 ? (double)NAN : strtod(text, NULL);
}

static bool read_limits(uint64_t kind, double limit[4])
{
	struct statvfs fs;
	struct rlimit locked;

	switch (kind) {
	case SYSV:
		limit[0] = number("/proc/sys/kernel/shmmax");
		limit[1] = number("/proc/sys/kernel/shmmni");
		return isfinite(limit[0]);
	case POSIX:
		if (statvfs("/dev/shm", &fs) < 0)
			return false;
		limit[2] = (double)fs.f_blocks * (double)fs.f_frsize;
		return true;
	default:
		if (getrlimit(RLIMIT_MEMLOCK, &locked) < 0)
			return false;
		limit[3] = locked.rlim_cur == RLIM_INFINITY ? (double)INFINITY : (double)locked.rlim_cur;
		return true;
	}
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < 4; i++)
		state->limit[i] = (double)NAN;
	if (!read_limits(sm_case_variant(trial->c)->arg, state->limit))
		return sm_fail(err, ENOTSUP,
			       "this system does not say: it has no such shared memory, or /proc is not "
			       "mounted");
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, kind = sm_case_variant(worker->c)->arg;
	double limit[4];

	for (uint64_t i = 0; i < n; i++)
		worker->outcome->tally[TALLY_READ] += read_limits(kind, limit);
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_READ) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu readings in %lu operations", sm_trial_tally(trial, TALLY_READ),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct state *state = trial->state;

	for (unsigned i = 0; i < 4; i++)
		value[i] = isinf(state->limit[i]) ? 1.8446744073709552e19 : state->limit[i];
}

static const struct sm_variant variants[] = {
	{ .name = "sysv", .summary = "System V segments: SHMMAX, SHMMNI", .arg = SYSV },
	{ .name = "posix", .summary = "POSIX shared memory: the size of /dev/shm", .arg = POSIX },
	{ .name = "locked", .summary = "locked memory: RLIMIT_MEMLOCK", .arg = LOCKED },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K10",
	  .text = "A System V segment can have about 8 GB at most (SHMMAX)",
	  .source = "popular belief from older systems' defaults",
	  SM_METRIC("sysv", "SHMMAX", .min = 7e9, .max = 9e9),
	  .caveat = "since Linux 3.16 the default is practically no limit" },
	{ 0 },
};

const struct sm_scenario sm_scenario_limits = {
	.name = "limits",
	.family = "correctness",
	.question = "How much shared memory does this machine allow?",
	.summary = "The limits of each kind of shared memory.",
	.why = "Each kind of shared memory is limited by another part of the system: System "
	       "V by kernel.shmmax and shmall, POSIX by the size of the /dev/shm mount, "
	       "locked memory by RLIMIT_MEMLOCK. What handbooks print are the defaults of "
	       "their year.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per reading", "ns/op" },
	.more = { { "SHMMAX", "B" }, { "SHMMNI", "segments" }, { "/dev/shm", "B" }, { "memlock", "B" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
