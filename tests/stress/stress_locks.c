/* Every lock, every way to read a record whole, and the queue of many, between processes with random delays: not one
 * addition lost, not one record torn, not one item lost or doubled.  With a plant something is done wrongly, and the
 * program has to say so.
 * usage: stress_locks [TIMES [unlocked|uncounted|mask|none]]
 *   unlocked: one addition in four is done without the lock; uncounted: the seqlock's writer does not count; mask: the queue's
 *   cells are found by a wrong mask
 * Ends with 0, or 1 at the first wrong result. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "subject/locks.h"
#include "subject/mpmc.h"
#include "subject/snapshot.h"

#define PROCESSES 3u
#define CELLS     16u

int sm_fail(struct sm_error *err, int code, const char *format, ...)
{
	(void)err;
	fprintf(stderr, "%s\n", format);
	return -code;
}

int sm_guard_name(char kind, const char *name, struct sm_error *err)
{
	(void)kind;
	(void)name;
	(void)err;
	return 0;
}

void sm_guard_forget(char kind, const char *name)
{
	(void)kind;
	(void)name;
}

struct shared {
	struct lock_shared lock;
	volatile uint64_t count; /* under the lock */
	struct {
		alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
	} place[PROCESSES];
	struct seqlock seqlock;
	struct double_buffer double_buffer;
	struct copy_swap copy_swap;
	alignas(SM_LINE_PAIR) _Atomic unsigned started;
	alignas(SM_LINE_PAIR) _Atomic uint64_t torn, reads, sum, taken;
	alignas(SM_LINE_PAIR) _Atomic bool written;
	alignas(SM_LINE_PAIR) struct mpmc queue;
	struct mpmc_cell cells[CELLS * 2]; /* behind the queue; twice, for a wrong mask */
};

static struct shared *shared;
static struct lock_own own;
static uint64_t times = 20000;
static const char *plant = "none";

static bool planted(const char *what)
{
	return strcmp(plant, what) == 0;
}

static void dawdle(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
	if (*state >> 54 == 0)
		sched_yield();
}

/* Runs what(number) in each of `count` processes; false where one did not end well. */
static bool in_processes(unsigned count, void (*what)(unsigned))
{
	pid_t child[PROCESSES];
	bool good = true;

	for (unsigned i = 0; i < count; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			/* All at once: the first would be done before the last is there. */
			atomic_fetch_add(&shared->started, 1);
			while (atomic_load(&shared->started) < count)
				sched_yield();
			what(i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		int status;

		good &= waitpid(child[i], &status, 0) == child[i] && status == 0;
	}
	return good;
}

static enum lock_kind kind;

static void add(unsigned number)
{
	bool plants = planted("unlocked");
	uint64_t state = number + 1;

	if (lock_attach(kind, &own, &shared->place[number].node) < 0)
		_exit(2);
	for (uint64_t i = 0; i < times; i++) {
		bool careless = plants && i % 4 == 0;

		if (!careless && !lock_take(kind, &shared->lock, &own))
			_exit(3);
		shared->count = shared->count + 1;
		if (!careless)
			lock_give(kind, &shared->lock, &own);
		dawdle(&state);
	}
}

static bool try_lock(enum lock_kind which, const char *name)
{
	bool good;

	kind = which;
	memset(shared, 0, sizeof(*shared));
	memset(&own, 0, sizeof(own));
	if (lock_open(kind, &shared->lock, &own, NULL) < 0)
		return false;
	good = in_processes(PROCESSES, add) && shared->count == PROCESSES * times;
	printf("%s: %lu of %lu additions\n", name, shared->count, PROCESSES * times);
	lock_close(&own);
	return good;
}

static unsigned way;

static void snap(unsigned number)
{
	uint64_t words[SNAPSHOT_WORDS], state = number + 1;
	bool good;

	if (number == 0) {
		for (uint64_t i = 1; i <= times; i++, dawdle(&state)) {
			if (way == 0 && planted("uncounted"))
				record_store(&shared->seqlock.record, i);
			else if (way == 0)
				seqlock_write(&shared->seqlock, i);
			else if (way == 1)
				double_buffer_write(&shared->double_buffer, i);
			else
				copy_swap_write(&shared->copy_swap, i);
		}
		atomic_store(&shared->written, true);
		return;
	}
	while (!atomic_load_explicit(&shared->written, memory_order_relaxed)) {
		good = way == 0   ? seqlock_read(&shared->seqlock, words)
		       : way == 1 ? double_buffer_read(&shared->double_buffer, words)
				  : copy_swap_read(&shared->copy_swap, words);
		if (good) {
			atomic_fetch_add_explicit(&shared->torn, record_is_torn(words),
						  memory_order_relaxed);
			atomic_fetch_add_explicit(&shared->reads, 1, memory_order_relaxed);
		}
	}
}

static bool try_snapshot(unsigned which, const char *name)
{
	memset(shared, 0, sizeof(*shared));
	way = which;
	if (!in_processes(PROCESSES, snap))
		return false;
	printf("%s: %lu of %lu records torn\n", name, atomic_load(&shared->torn),
	       atomic_load(&shared->reads));
	return atomic_load(&shared->torn) == 0;
}

/* Process 0 puts the numbers 1 to `times`, the others take them. */
static void pass(unsigned number)
{
	uint64_t item, state = number + 1;

	if (number == 0) {
		for (uint64_t i = 1; i <= times; i++, dawdle(&state))
			for (unsigned turns = 0; !mpmc_put(&shared->queue, i); turns++)
				if (turns > 100000000)
					_exit(4);
		return;
	}
	while (atomic_load(&shared->taken) < times)
		if (mpmc_take(&shared->queue, &item)) {
			atomic_fetch_add(&shared->taken, 1);
			atomic_fetch_add(&shared->sum, item);
			dawdle(&state);
		}
}

static bool try_queue(void)
{
	uint64_t due = times * (times + 1) / 2;

	memset(shared, 0, sizeof(*shared));
	mpmc_init(&shared->queue, CELLS);
	if (planted("mask"))
		shared->queue.mask = CELLS - 2; /* every other cell is another's */
	alarm(planted("mask") ? 5 : 60);        /* a wrong queue may never end */
	if (!in_processes(PROCESSES, pass) || atomic_load(&shared->sum) != due) {
		printf("queue: items were lost or doubled\n");
		return false;
	}
	alarm(0);
	printf("queue: %lu items\n", times);
	return true;
}

static void give_up(int number)
{
	static const char text[] = "queue: items were lost or doubled: it does not go on\n";

	(void)number;
	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

int main(int argc, char **argv)
{
	bool good = true;

	if (argc > 1)
		times = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		plant = argv[2];
	signal(SIGALRM, give_up);
	setvbuf(stdout, NULL, _IONBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	/* Locks that spin hand themselves on to processes that do not run: fewer times. */
#define LOCK(name, summary, traits)                                                                \
	{                                                                                          \
		uint64_t all = times;                                                              \
		times = (traits)&LOCK_SPINS ? times / 50 + 1 : times;                              \
		good = good && try_lock(LOCK_##name, #name);                                       \
		times = all;                                                                       \
	}
#include "subject/locks.def"
	good = good && try_snapshot(0, "seqlock") && try_snapshot(1, "double_buffer") &&
	       try_snapshot(2, "copy_swap") && try_queue();
	return good ? 0 : 1;
}
