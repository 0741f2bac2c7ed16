/* Question: which memory does a child share with its parent?
 * Method:   a process forks a child that writes a word and ends.  Then the parent reads the word, in anonymous
 *           memory mapped shared, in private memory, in a System V segment and in a memfd.  The child looks in
 *           /proc/self/fd for descriptors of the memory.  One such child is an operation.
 * Not shown: what fork() costs with much memory (fork_inherit).
 * Cost of the loop: fork, one store and perhaps one fault in the child, wait. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "../subject/object_at.h"
#include "../subject/tries.h"

enum { SEEN, DESCRIPTOR };
enum kind { SHARED, PRIVATE, SEGMENT, MEMFD };
/* How the child ends. */
enum { WROTE, WROTE_WITH_DESCRIPTOR, FAILED };
#define BYTES 4096

struct state {
	volatile uint64_t *word;
	uint64_t number;
	key_t key; /* of the segment: the guard removes it by that */
	char key_text[16];
};

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	return sm_case_variant(trial->c)->arg == SEGMENT ? key_announce('h', &state->key, state->key_text, err) : 0;
}

static void teardown(struct sm_trial *trial)
{
	const struct state *state = trial->state;
	int id;

	if (!state->key_text[0])
		return;
	id = shmget(state->key, 0, 0);
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	sm_guard_forget('h', state->key_text);
}

static void *map_segment(const struct state *state)
{
	int id = shmget(state->key, BYTES, IPC_CREAT | IPC_EXCL | 0600);
	void *memory = id < 0 ? MAP_FAILED : shmat(id, NULL, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL); /* it goes with the last that is attached */
	return memory;
}

/* The descriptor stays open, for the children. */
static void *map_memfd(void)
{
	int fd = memfd_create("shmeter", MFD_CLOEXEC);

	return fd < 0 || ftruncate(fd, BYTES) < 0 ? MAP_FAILED
						  : mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int warm_up(struct sm_worker *worker)
{
	enum kind kind = (enum kind)sm_case_variant(worker->c)->arg;
	int flags = (kind == PRIVATE ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS;
	struct state *state = worker->state;
	void *address = kind == SEGMENT ? map_segment(state)
			: kind == MEMFD ? map_memfd()
					: mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (address == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->word = address;
	*state->word = 0;
	return 0;
}

/* Whether one of this process' descriptors is of that object. */
static bool has_descriptor(const struct stat *object)
{
	DIR *dir = opendir("/proc/self/fd");
	bool has = false;

	for (struct dirent *entry; dir && !has && (entry = readdir(dir));) {
		struct stat status;

		has = fstat(atoi(entry->d_name), &status) == 0 && status.st_dev == object->st_dev &&
		      status.st_ino == object->st_ino && entry->d_name[0] != '.';
	}
	if (dir)
		closedir(dir);
	return has;
}

static int write_word(void *argument)
{
	struct state *state = argument;
	struct stat object;

	*state->word = state->number;
	if (*state->word != state->number)
		return FAILED;
	return object_at(state->word, &object) && has_descriptor(&object) ? WROTE_WITH_DESCRIPTOR : WROTE;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		int end;

		state->number++;
		end = in_child(write_word, state);
		if (end != WROTE && end != WROTE_WITH_DESCRIPTOR) {
			sm_worker_fail(worker, errno, "the child did not end well");
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(SEEN)] += *state->word == state->number;
		tally[TALLY_YES(DESCRIPTOR)] += end == WROTE_WITH_DESCRIPTOR;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "MAP_SHARED | MAP_ANONYMOUS", .arg = SHARED },
	{ .name = "private", .summary = "MAP_PRIVATE | MAP_ANONYMOUS, as malloc()", .arg = PRIVATE },
	{ .name = "sysv", .summary = "a System V segment, attached", .arg = SEGMENT },
	{ .name = "memfd", .summary = "a memfd, mapped and open", .arg = MEMFD },
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
	{ .id = "K7.sysv",
	  .text = "A child inherits what its parent has attached: its writes to a System V segment are seen",
	  .source = "shmat(2)",
	  SM_METRIC("sysv", "child's writes seen", .min = 1, .max = 1) },
	{ .id = "K7.descriptor",
	  .text = "A child inherits a file descriptor of a System V segment",
	  .source = "textbooks: children inherit the descriptors of segments",
	  SM_METRIC("sysv", "descriptor inherited", .min = 1, .max = 1),
	  .control = "K7.memfd",
	  .caveat = "there is none: a segment has a number, and the attachment is inherited" },
	{ .id = "K7.memfd",
	  .text = "Of a memfd it inherits the descriptor",
	  .source = "fork(2)",
	  SM_METRIC("memfd", "descriptor inherited", .min = 1, .max = 1) },
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
	.more = { { "child's writes seen", "1" }, { "descriptor inherited", "1" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
