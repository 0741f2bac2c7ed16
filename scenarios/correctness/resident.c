/* Question: how much memory do several processes use that share some?
 * Method:   several processes map the same object, or private memory each, and touch all of it.  When all have, each reads in
 *           its own /proc/self/smaps what the kernel counts for that mapping: Rss, and Pss.  One such group is an operation;
 *           the sums are compared with the memory that there is.
 * Not shown: huge pages from the pool, which neither counts.
 * Cost of the loop: starting the processes, the faults, reading smaps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../subject/helper.h"
#include "../subject/tries.h"

enum { SHARED, PRIVATE };
enum { TALLY_RSS = TALLY_YES(0), TALLY_PSS }; /* in bytes */
#define BYTES         (4u << 20)
#define PROCESSES_MAX 16u

struct state {
	bool private;
	unsigned processes;
	int fd;
	char *memory;
	char *text; /* room for smaps */
};

#define TEXT_MAX (1u << 20)

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	state->private = sm_case_variant(trial->c)->arg == PRIVATE;
	state->processes = (unsigned)sm_case_param(trial->c, "processes");
	state->fd = memfd_create("shmeter", MFD_CLOEXEC);
	if (state->fd < 0 || ftruncate(state->fd, BYTES) < 0)
		return sm_fail(err, errno, "no memfd: %s; see ulimit -n", strerror(errno));
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->fd >= 0)
		close(state->fd);
}

static size_t own_bytes(const struct sm_case *c)
{
	return (size_t)(BYTES + TEXT_MAX) * sm_case_param(c, "processes");
}

/* The value of a line such as "Rss:   4096 kB" in bytes, of the mapping that begins at `address`; 0: there is none. */
static uint64_t smaps_value(const char *smaps, const void *address, const char *name)
{
	char head[32];
	const char *at;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)address);
	at = strncmp(smaps, head, strlen(head)) == 0 ? smaps : NULL;
	for (const char *line = smaps; !at && (line = strchr(line, '\n')); line++)
		at = strncmp(line + 1, head, strlen(head)) == 0 ? line + 1 : NULL;
	at = at ? strstr(at, name) : NULL;
	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

static bool read_smaps(char *text)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	size_t got = file ? fread(text, 1, TEXT_MAX - 1, file) : 0;

	text[got] = '\0';
	if (file)
		fclose(file);
	return got > 0;
}

enum { TOUCH, COUNT };

/* In each of the processes. */
static void take_part(void *argument, unsigned request, struct answer *answer)
{
	struct state *state = argument;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int flags = state->private ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (request == COUNT) {
		if (!read_smaps(state->text))
			answer->code = errno;
		answer->number[0] = smaps_value(state->text, state->memory, "\nRss:");
		answer->number[1] = smaps_value(state->text, state->memory, "\nPss:");
		return;
	}
	/* read-only neighbours, so that the kernel merges it with none */
	state->memory = mmap(NULL, BYTES + 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	state->text = malloc(TEXT_MAX);
	if (state->memory == MAP_FAILED || !state->text ||
	    mmap(state->memory + page, BYTES, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		 state->private ? -1 : state->fd, 0) == MAP_FAILED) {
		answer->code = errno;
		return;
	}
	state->memory += page;
	for (size_t i = 0; i < BYTES; i += page)
		((volatile char *)state->memory)[i] = 1;
}

/* 0, or the errno of what failed. */
static int count_all(struct state *state, struct helper *helper, uint64_t *tally)
{
	struct answer answer = { 0 };

	for (unsigned i = 0; i < state->processes && answer.code == 0; i++)
		answer = helper_start_ask(&helper[i], take_part, state, TOUCH);
	for (unsigned i = 0; i < state->processes && answer.code == 0; i++) {
		answer = helper_ask(&helper[i], COUNT);
		tally[TALLY_RSS] += answer.number[0];
		tally[TALLY_PSS] += answer.number[1];
	}
	return answer.code;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		struct helper helper[PROCESSES_MAX] = { { 0 } };
		int code = count_all(state, helper, tally);

		for (unsigned which = 0; which < state->processes; which++)
			helper_end(&helper[which]);
		if (code) {
			sm_worker_fail(worker, code, "a process could not map or count its memory: %s", strerror(code));
			return i;
		}
		tally[TALLY_TRIES]++;
	}
	return n;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct state *state = trial->state;
	double memory = (double)BYTES * (state->private ? state->processes : 1) * (double)sm_trial_ops(trial);

	value[0] = (double)sm_trial_tally(trial, TALLY_RSS) / memory;
	value[1] = (double)sm_trial_tally(trial, TALLY_PSS) / memory;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "4 MiB that all have mapped", .arg = SHARED },
	{ .name = "private", .summary = "4 MiB of its own for each", .arg = PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K26",
	  .text = "The RSS of processes that share memory adds up to the memory that they use",
	  .source = "popular belief: RSS tells how much memory a process uses",
	  SM_METRIC("shared", "sum of RSS", .min = 0.95, .max = 1.05),
	  .control = "K26.private",
	  .at = "processes=4",
	  .caveat = "each of them counts all pages that it has mapped" },
	{ .id = "K26.pss",
	  .text = "Their PSS does",
	  .source = "proc(5): a page counts for each by the number of those that have it mapped",
	  SM_METRIC("shared", "sum of PSS", .min = 0.95, .max = 1.05) },
	{ .id = "K26.private",
	  .text = "The RSS of private memory adds up",
	  .source = "proc(5)",
	  SM_METRIC("private", "sum of RSS", .min = 0.95, .max = 1.05) },
	{ 0 },
};

const struct sm_scenario sm_scenario_resident = {
	.name = "resident",
	.family = "correctness",
	.question = "How much memory do several processes use that share some?",
	.summary = "RSS and PSS of processes with one object, added up.",
	.why = "RSS (as in top and ps) counts the pages that a process has in its page table, "
	       "whoever else has them. So eight processes on 4 MiB have 32 MiB of it. PSS divides "
	       "each page by how many have it mapped: added up over all processes it is the "
	       "memory that there is. It costs a walk through the page table (smaps_rollup).",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "that have it mapped",
		      .quick = SM_VALUES(4),
		      .standard = SM_VALUES(1, 4),
		      .full = SM_VALUES(1, 2, 4, 8, 16),
		      .min = 1,
		      .max = PROCESSES_MAX } },
	.workers = 1,
	.metric = { "time per group", "ns/op" },
	.more = { { "sum of RSS", "1" }, { "sum of PSS", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.own_bytes = own_bytes,
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = measure,
	.teardown = teardown,
};
