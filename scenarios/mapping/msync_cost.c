/* Question: how long does it take to write out changes of a mapped file, and when do other processes see them?
 * Method:   one worker writes a word of each of some pages and then asks for write-out: not at all, by MS_ASYNC, by
 *           MS_SYNC, by fdatasync().  One such round is an operation.  Between the rounds another process reads the
 *           last page before write-out is requested.  A file on an in-memory file system is not written out
 *           anywhere, so it is not measured.
 * Not shown: a power cut: this scenario cannot see what the disk does with the data.
 * Cost of the loop: a store per page, one system call, four readings of the clock; the read of the other process is
 *           not timed. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum way { NONE, ASYNC, SYNC, FDATASYNC };
enum { PARAM_DIRTY };
enum { TALLY_ROUNDS, TALLY_CALL_NS, TALLY_UNSEEN };

static size_t region_bytes(const struct sm_case *c)
{
	return (size_t)c->param[PARAM_DIRTY] * (size_t)sysconf(_SC_PAGESIZE);
}

static bool write_out(enum way way, const struct sm_worker *worker)
{
	switch (way) {
	case NONE: return true;
	case ASYNC: return msync(worker->region, worker->region_bytes, MS_ASYNC) == 0;
	case SYNC: return msync(worker->region, worker->region_bytes, MS_SYNC) == 0;
	case FDATASYNC: return fdatasync(worker->mapping->fd) == 0;
	}
	return false;
}

struct state {
	int fd[2][2]; /* pipes: to the reader, back */
	uint64_t round;
};

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	state->fd[0][0] = state->fd[0][1] = state->fd[1][0] = state->fd[1][1] = -1;
	for (unsigned i = 0; i < 2; i++)
		if (pipe(state->fd[i]) < 0)
			return sm_fail(err, errno, "no pipe: %s", strerror(errno));
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < 4; i++)
		if (state->fd[i / 2][i % 2] >= 0)
			close(state->fd[i / 2][i % 2]);
}

/* Lets the reader check; uses a system call, so that it also works when both share one PU. */
static bool hand_over(int out, int in)
{
	char token = 0;

	return write(out, &token, 1) == 1 && read(in, &token, 1) == 1;
}

static uint64_t write_rounds(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	enum way way = (enum way)sm_case_variant(worker->c)->arg;
	uint64_t n = worker->op_count, pages = worker->c->param[PARAM_DIRTY], start;
	struct state *state = worker->state;
	volatile uint64_t *words = worker->region;

	for (uint64_t i = 0; i < n; i++) {
		state->round++;
		start = sm_clock_ns();
		for (uint64_t page = 0; page < pages; page++)
			words[page * step] = state->round;
		worker->time_ns += sm_clock_ns() - start;
		if (!hand_over(state->fd[0][1], state->fd[1][0]))
			return i;
		start = sm_clock_ns();
		if (!write_out(way, worker)) {
			sm_worker_fail(worker, errno, "cannot write out: %s", strerror(errno));
			return i;
		}
		start = sm_clock_ns() - start;
		worker->time_ns += start;
		worker->outcome->tally[TALLY_CALL_NS] += start;
		worker->outcome->tally[TALLY_ROUNDS]++;
	}
	return n;
}

static uint64_t look_rounds(struct sm_worker *worker)
{
	size_t last = (worker->c->param[PARAM_DIRTY] - 1) * (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const volatile uint64_t *words = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count;
	char token;

	for (uint64_t i = 0; i < n; i++) {
		if (read(state->fd[0][0], &token, 1) != 1)
			return i;
		worker->outcome->tally[TALLY_UNSEEN] += words[last] != ++state->round;
		worker->outcome->tally[TALLY_ROUNDS]++;
		if (write(state->fd[1][1], &token, 1) != 1)
			return i;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	return worker->index == 0 ? write_rounds(worker) : look_rounds(worker);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < 2; i++)
		if (trial->outcome[i]->tally[TALLY_ROUNDS] != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "worker %u did %lu rounds in %lu operations", i,
				       trial->outcome[i]->tally[TALLY_ROUNDS], trial->outcome[i]->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	value[0] = tally[TALLY_ROUNDS] ? (double)tally[TALLY_CALL_NS] / (double)tally[TALLY_ROUNDS] : (double)NAN;
	value[1] = (double)trial->outcome[1]->tally[TALLY_UNSEEN];
}

static const struct sm_variant variants[] = {
	{ .name = "none", .summary = "nothing is asked for", .arg = NONE },
	{ .name = "async", .summary = "msync(MS_ASYNC)", .arg = ASYNC },
	{ .name = "sync", .summary = "msync(MS_SYNC)", .arg = SYNC },
	{ .name = "fdatasync", .summary = "fdatasync()", .arg = FDATASYNC },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "M5",
	  .text = "MS_ASYNC returns at once: MS_SYNC takes at least 10 times as long",
	  .source = "msync(2): since Linux 2.6.19 MS_ASYNC starts nothing",
	  SM_RATIO("sync", "async", .metric = "call", .min = 10),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M6",
	  .text = "Another process sees every write to a shared file mapping without any msync()",
	  .source = "popular belief turned round: msync() is for the disk, not for readers",
	  SM_METRIC("none", "writes not seen", .max = 0),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ 0 },
};

const struct sm_scenario sm_scenario_msync_cost = {
	.name = "msync_cost",
	.family = "mapping",
	.question = "What does it take to have a mapped file written out?",
	.summary = "Some pages are changed, then written out in four ways.",
	.why = "All mappings of a file use the same frames of the page cache, so others see "
	       "a store at once, whatever is written out when. MS_ASYNC starts nothing on "
	       "Linux; MS_SYNC and fdatasync() wait for the file system.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "dirty",
		      .unit = "pages",
		      .summary = "pages changed in a round",
		      .quick = SM_VALUES(1),
		      .standard = SM_VALUES(1, 256),
		      .full = SM_VALUES(1, 16, 256, 4096),
		      .min = 1,
		      .max = 1 << 20 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE },
	.metric = { "time per round", "ns/op" },
	.more = { { "call", "ns" }, { "writes not seen", "1" } },
	.memory = { .backing = SM_FILE, .pages = { SM_PAGES_BASE, 0 } },
	.self_timed = true,
	.writes_out = true,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
