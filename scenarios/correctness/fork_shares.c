/* Question: which memory does a child share with its parent?
 * Method:   a process forks a child that writes a word and ends.  Then the parent reads the word, in anonymous
 *           memory mapped shared and in private memory.  One such child is an operation.
 * Not shown: what fork() costs with much memory (fork_inherit).
 * Cost of the loop: fork, one store and perhaps one fault in the child, wait. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../subject/child.h"
#include "shmeter/scenario.h"

enum { SHARED, PRIVATE };
enum { TALLY_LIVES, TALLY_SEEN };

struct state {
	volatile uint64_t *word;
	uint64_t number;
};

static int warm_up(struct sm_worker *worker)
{
	int flags = sm_case_variant(worker->c)->arg == PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	struct state *state = worker->state;
	void *address = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (address == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->word = address;
	*state->word = 0;
	return 0;
}

static int write_word(void *argument)
{
	struct state *state = argument;

	*state->word = state->number;
	return *state->word == state->number ? 0 : 1;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		state->number++;
		if (in_child(write_word, state) != 0) {
			sm_worker_fail(worker, errno, "the child did not end well");
			return i;
		}
		worker->outcome->tally[TALLY_LIVES]++;
		worker->outcome->tally[TALLY_SEEN] += *state->word == state->number;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_LIVES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu children in %lu operations", sm_trial_tally(trial, TALLY_LIVES),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_SEEN] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "MAP_SHARED | MAP_ANONYMOUS", .arg = SHARED },
	{ .name = "private", .summary = "MAP_PRIVATE | MAP_ANONYMOUS, as malloc()", .arg = PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K7",
	  .text = "A parent sees what its child writes to memory that was mapped shared before the fork",
	  .source = "fork(2), mmap(2)",
	  SM_METRIC("shared", "child's writes seen", .min = 1, .max = 1) },
	{ .id = "K7.private",
	  .text = "And nothing of what it writes to private memory",
	  .source = "fork(2): copy-on-write",
	  SM_METRIC("private", "child's writes seen", .max = 0),
	  .control = "K7" },
	{ 0 },
};

const struct sm_scenario sm_scenario_fork_shares = {
	.name = "fork_shares",
	.family = "correctness",
	.question = "Which memory does a child share with its parent?",
	.summary = "A child writes, its parent looks.",
	.why = "Of private memory fork() copies the page table and makes both sides "
	       "read-only; whoever writes first gets a copy. Entries of a shared mapping are "
	       "not copied: the child's are filled again by faults, with the same object's "
	       "frames.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per child", "ns/op" },
	.more = { { "child's writes seen", "1" } },
	.state_bytes = sizeof(struct state),
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
