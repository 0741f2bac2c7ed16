/* What the stress programs of locks, records and queues share: several processes at once over one piece of shared memory,
 * round after round, and a look at whether they go on.
 * usage of each: PROGRAM STRUCTURE [PLANT [SECONDS]]
 * Without a plant ("none") a whole time without a finding ends with 0.  A finding is one sentence that names it, and the
 * program ends with 1; with 2 if it could not try. */
#ifndef SHMETER_STRESS_CREW_H
#define SHMETER_STRESS_CREW_H

#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/spin.h"
#include "stand_ins.h"

#define CREW     4u    /* processes, at most */
#define STILL_MS 2000u /* without a step: some hundred time slices of the scheduler */
#define NAP_US   997   /* from one nap to the next; no divisor of the scheduler's tick */

/* In shared memory.  Each counts its steps on lines of its own: that must not order what is tried. */
struct crew {
	alignas(SM_LINE_PAIR) _Atomic unsigned started;
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t steps;
	} of[CREW];
};

static const char *structure = "", *plant = "none";
static unsigned crew_round;

static inline bool planted(const char *what)
{
	return strcmp(plant, what) == 0;
}

/* Other delays in every process and round. */
static inline uint64_t dawdle_seed(unsigned number)
{
	return crew_round * CREW + number;
}

/* Now and then lets another get ahead. */
static inline void dawdle(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
	if (*state >> 54 == 0)
		sched_yield();
}

static inline void crew_step(struct crew *crew, unsigned number)
{
	/* relaxed: its own; the parent only looks whether it moves. */
	uint64_t steps = atomic_load_explicit(&crew->of[number].steps, memory_order_relaxed);

	atomic_store_explicit(&crew->of[number].steps, steps + 1, memory_order_relaxed);
}

static inline uint64_t crew_steps(struct crew *crew)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CREW; i++)
		sum += atomic_load_explicit(&crew->of[i].steps, memory_order_relaxed);
	return sum;
}

static inline void crew_nap(int signal)
{
	(void)signal;
	nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL);
}

/* From now on this process is taken off its CPU again and again, in the middle of whatever it does: where processes share a
 * CPU, or others hold it, the scheduler alone seldom does it between the two instructions that a defect lies between. */
static inline void crew_nap_anywhere(void)
{
	const struct sigaction action = { .sa_handler = crew_nap, .sa_flags = SA_RESTART };
	const struct itimerval every = { { 0, NAP_US }, { 0, NAP_US } };

	if (planted("unwoken")) /* a signal would wake who waits */
		return;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* Starts what(number) in `count` processes, all at once: the first would be done before the last is there. */
static inline void crew_start(struct crew *crew, unsigned count, void (*what)(unsigned), pid_t child[CREW])
{
	for (unsigned i = 0; i < count; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			atomic_fetch_add(&crew->started, 1);
			while (atomic_load(&crew->started) < count)
				sched_yield();
			crew_nap_anywhere();
			what(i);
			_exit(0);
		}
		if (child[i] < 0) {
			perror("fork");
			exit(2);
		}
	}
}

/* Waits for all, and kills those that stand still; false, and a sentence, where they did or one ended badly. */
static inline bool crew_wait(struct crew *crew, unsigned count, const pid_t child[CREW])
{
	bool gone[CREW] = { false }, good = true, still = false;
	uint64_t seen = 0;

	for (unsigned left = count, idle_ms = 0; left > 0; idle_ms++) {
		if (crew_steps(crew) != seen)
			idle_ms = 0;
		seen = crew_steps(crew);
		still = still || idle_ms > STILL_MS;
		usleep(1000);
		for (unsigned i = 0; i < count; i++) {
			int status;

			if (still && !gone[i])
				kill(child[i], SIGKILL);
			if (gone[i] || waitpid(child[i], &status, still ? 0 : WNOHANG) != child[i])
				continue;
			gone[i] = true;
			good = good && (still || status == 0);
			left--;
		}
	}
	if (still)
		printf("%s: stands still after %lu steps: who waits is neither woken nor let in\n", structure, seen);
	else if (!good)
		printf("%s: a process ended badly\n", structure);
	return good && !still;
}

static inline bool crew_run(struct crew *crew, unsigned count, void (*what)(unsigned))
{
	pid_t child[CREW];

	memset(crew, 0, sizeof(*crew));
	crew_start(crew, count, what, child);
	return crew_wait(crew, count, child);
}

static inline double crew_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Rounds until one finds something or the time is over. */
static inline int crew_rounds(double seconds, bool (*try_round)(void))
{
	double end = crew_clock() + seconds;

	do {
		if (!try_round())
			return 1;
		crew_round++;
	} while (crew_clock() < end);
	printf("%s: %u rounds, nothing is wrong\n", structure, crew_round);
	return 0;
}

static inline void *crew_memory(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* Reads the command line; SECONDS. */
static inline double crew_arguments(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		structure = argv[1];
	if (argc > 2)
		plant = argv[2];
	return argc > 3 ? strtod(argv[3], NULL) : 0.5;
}

/* Place of `structure` among the names; ends the program where it is none of them. */
static inline unsigned crew_find(const char *const names[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(structure, names[i]) == 0)
			return i;
	fprintf(stderr, "nothing is called %s here\n", structure);
	exit(2);
}

#endif
