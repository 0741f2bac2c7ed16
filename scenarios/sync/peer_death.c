/* Question: who suffers when a process is killed while it waits, reads, writes or produces, without owning a lock?
 * Method:   a child goes to the place in question and stays there: asleep in a wait, inside as a reader, in the middle of
 *           a record, between claim and publication.  Another child, the survivor, wants to go on.  Their parent kills the
 *           first.  One such death is an operation; its time runs from the kill until the survivor is through, or until
 *           it is given up: after LIMIT_MS if it may never be through.  The subject is made anew for each death.
 *           Of a condition a third process waits, too: the survivor wakes it HANDOVERS times, and calls again if it has
 *           not come within AGAIN_MS and is asleep.
 * Not shown: deaths at any other place; owners of a lock (owner_death).
 * Cost of the loop: fork and wait are not timed. */
#include "../subject/places.h"
#include "../subject/stage.h"

enum { TALLY_DEATHS, TALLY_NEVER, TALLY_HUNG, TALLY_LOST, TALLY_WRONG };
#define HOPELESS 0x100u /* in `arg`: expected to be never through */
#define SLEEPS   0x200u /* in `arg`: the victim is at its place when it sleeps; the survivor sleeps behind it, too */
#define AFTER    0x400u /* in `arg`: the survivor begins when the victim is dead for sure */
#define RARE     0x800u /* in `arg`: it takes many deaths to see one that harms */
/* As owner_death has them. */
#define LIMIT_MS 20
#define PATIENCE 100
/* Deaths of a trial, where each takes LIMIT_MS and where it does not. */
#define HOPELESS_DEATHS 1u
#define OTHER_DEATHS    4u
#define RARE_DEATHS     8u

struct region {
	struct stage stage;
	struct shared shared;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct region);
}

static uint64_t deaths(const struct sm_case *c)
{
	uint64_t arg = sm_case_variant(c)->arg;

	return arg & RARE ? RARE_DEATHS : arg & HOPELESS ? HOPELESS_DEATHS : OTHER_DEATHS;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;

	state->shared = &((struct region *)trial->region)->shared;
	state->way = (enum way)(arg & 0xff);
	state->hopeless = arg & HOPELESS;
	state->sleeps = arg & SLEEPS;
	state->after = arg & AFTER;
	return make(state->shared, err);
}

static int die(void *argument)
{
	struct state *state = argument;

	if (!go_to_place(state))
		return 1;
	atomic_store(&state->shared->inside, 1);
	for (;;)
		pause();
}

static int survive(void *argument)
{
	struct state *state = argument;
	bool right;

	atomic_store(&state->shared->wants, 1);
	while (state->after && !atomic_load(&state->shared->dead))
		child_nap();
	right = go_on(state);
	atomic_store(&state->shared->through_ns, sm_clock_ns());
	return right ? 0 : 1;
}

static bool is_there(struct state *state, pid_t victim)
{
	bool waits = state->way == COND || state->way == FUTEX_COND;

	return atomic_load(&state->shared->inside) && (!waits || wait_there(state->shared, 1)) &&
	       (!state->sleeps || child_is_asleep(victim));
}

/* Whether one of those that were started has ended, which is too early: the trial fails.  A survivor that nothing held up
 * may be through before the kill. */
static bool one_has_ended(struct sm_worker *worker, const struct shared *shared, const pid_t child[3])
{
	static const char *const who[] = { [VICTIM] = "that was to be killed",
					   [WAITER] = "that also waits",
					   [SURVIVOR] = "that was to go on after the kill" };

	for (unsigned i = VICTIM; i <= SURVIVOR; i++)
		if (child[i] > 0 && child_has_ended(child[i]) && (i != SURVIVOR || !atomic_load(&shared->through_ns))) {
			sm_worker_fail(worker, EIO, "the process %s ended before the kill", who[i]);
			return true;
		}
	return false;
}

/* Starts the processes, one after the other, and waits until they are where they belong.  The children may share this PU,
 * so it sleeps and does not spin.  False: the trial ends, or a child did. */
static bool gather(struct sm_worker *worker, struct state *state, pid_t child[3])
{
	static int (*const task[])(void *) = { [VICTIM] = die, [WAITER] = wait_on, [SURVIVOR] = survive };
	struct shared *shared = state->shared;
	bool waits = state->way == COND || state->way == FUTEX_COND;

	for (unsigned i = VICTIM; i <= SURVIVOR; i++) {
		bool ready = i == WAITER && !waits;

		if (ready)
			continue;
		child[i] = child_start(task[i], state);
		if (child[i] < 0) {
			sm_worker_fail(worker, errno, "no child: %s", strerror(errno));
			return false;
		}
		while (!ready && !atomic_load_explicit(worker->abort, memory_order_relaxed)) {
			child_nap();
			if (one_has_ended(worker, shared, child))
				return false;
			ready = i == VICTIM   ? is_there(state, child[i])
				: i == WAITER ? wait_there(shared, 2)
					      : atomic_load(&shared->wants) &&
							(!state->sleeps || state->after ||
							 atomic_load(&shared->through_ns) || child_is_asleep(child[i]));
		}
		if (!ready)
			return false;
	}
	return true;
}

/* Whether the process that also waits is gone, without having taken all flags: the trial fails. */
static bool waiter_is_gone(struct sm_worker *worker, const struct state *state, pid_t waiter)
{
	if (waiter <= 0 || !child_has_ended(waiter) || atomic_load(&state->shared->handovers) >= HANDOVERS)
		return false;
	sm_worker_fail(worker, EIO, "the process that also waits ended before it was woken %u times", HANDOVERS);
	return true;
}

/* Waits until the survivor is through, with a limit.  A call of pthread_cond_signal() is given up after LIMIT_MS. */
static bool gets_through(struct sm_worker *worker, const struct state *state, const pid_t child[3])
{
	uint64_t began = sm_clock_ns(), since = began, limit_ns = 1000000ull * LIMIT_MS;
	uint32_t calls = 0;

	while (!child_has_ended(child[SURVIVOR])) {
		uint64_t now = sm_clock_ns();
		uint32_t seen = atomic_load(&state->shared->calls);

		if (seen != calls)
			since = now;
		calls = seen;
		if (now - began > limit_ns * (state->hopeless ? 1 : PATIENCE) ||
		    (state->way == COND && calls % 2 && now - since > limit_ns) ||
		    atomic_load_explicit(worker->abort, memory_order_relaxed) ||
		    waiter_is_gone(worker, state, child[WAITER]))
			return false;
		child_nap();
	}
	return true;
}

/* Kills the victim and, where the others wait for this process, lets them go on at once: while it dies. */
static void kill_victim(struct state *state, pid_t victim)
{
	struct shared *shared = state->shared;
	siginfo_t info;

	kill(victim, SIGKILL);
	if (state->way == NORMAL_WAIT)
		pthread_mutex_unlock(&shared->normal);
	else if (state->way == ROBUST_WAIT)
		pthread_mutex_unlock(&shared->mutex);
	else if (state->way == SEM_WAIT)
		sem_post(&shared->semaphore);
	else if (state->after)
		waitid(P_PID, (id_t)victim, &info, WEXITED | WNOWAIT);
	atomic_store(&shared->dead, 1);
}

/* One death.  Returns the nanoseconds from the kill on; 0: the trial ends. */
static uint64_t one_death(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t *tally = worker->outcome->tally, killed, took = 0;
	struct shared *shared = state->shared;
	pid_t child[3] = { -1, -1, -1 };

	if (make(shared, &worker->error) < 0) {
		worker->failed = true;
		return 0;
	}
	if (state->way == NORMAL_WAIT)
		pthread_mutex_lock(&shared->normal);
	if (state->way == ROBUST_WAIT)
		pthread_mutex_lock(&shared->mutex);
	if (gather(worker, state, child)) {
		bool through;

		killed = sm_clock_ns();
		kill_victim(state, child[VICTIM]);
		through = gets_through(worker, state, child);
		took = through ? atomic_load(&shared->through_ns) : sm_clock_ns();
		took = took > killed ? took - killed : 1; /* it may have been through before; 0 is a failure */
		if (!through)
			kill(child[SURVIVOR], SIGKILL);
		tally[TALLY_NEVER] += !through;
		tally[TALLY_HUNG] += !through && atomic_load(&shared->calls) % 2;
		tally[TALLY_LOST] += atomic_load(&shared->lost);
		tally[TALLY_WRONG] += through && child_end(child[SURVIVOR]) != 0;
		if (through)
			child[SURVIVOR] = -1;
		tally[TALLY_DEATHS] += child_end(child[VICTIM]) == -1;
		child[VICTIM] = -1;
	}
	for (unsigned i = 0; i < 3; i++)
		if (child[i] > 0) {
			kill(child[i], SIGKILL);
			child_end(child[i]);
		}
	return worker->failed ? 0 : took;
}

static uint64_t run(struct sm_worker *worker)
{
	return stage_run(worker, &((struct region *)worker->region)->stage, one_death);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_DEATHS] != o->ops)
		return sm_fail(err, EILSEQ, "%lu processes were killed in %lu operations", o->tally[TALLY_DEATHS],
			       o->ops);
	if (o->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu survivors went on with wrong data", o->tally[TALLY_WRONG]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_NEVER] / (double)o->ops;
	value[1] = (double)o->tally[TALLY_HUNG] / (double)o->ops;
	value[2] = (double)o->tally[TALLY_LOST] / (double)o->ops;
	value[3] = (double)o->tally[TALLY_DEATHS];
}

static const struct sm_variant variants[] = {
	{ .name = "cond", .summary = "killed in pthread_cond_wait()", .arg = COND | SLEEPS | AFTER },
	{ .name = "futex_cond",
	  .summary = "killed in the wait of a condition that is a sequence number and a futex",
	  .arg = FUTEX_COND | SLEEPS | AFTER },
	{ .name = "mutex",
	  .summary = "killed while it waits for a normal mutex that becomes free",
	  .arg = NORMAL_WAIT | SLEEPS | HOPELESS | RARE },
	{ .name = "robust_mutex",
	  .summary = "killed while it waits for a robust mutex that becomes free",
	  .arg = ROBUST_WAIT | SLEEPS },
	{ .name = "semaphore",
	  .summary = "killed in sem_wait() as the semaphore is posted",
	  .arg = SEM_WAIT | SLEEPS | HOPELESS | RARE },
	{ .name = "rwlock", .summary = "killed as a reader of a read-write lock", .arg = RWLOCK | HOPELESS },
	{ .name = "reader_mutexes",
	  .summary = "killed as a reader with a robust mutex of its own; a writer takes those of all",
	  .arg = READER_MUTEXES },
	{ .name = "seqlock", .summary = "killed in the middle of a seqlock's write", .arg = SEQLOCK | HOPELESS },
	{ .name = "seqlock_mended",
	  .summary = "the same under a robust mutex, which a reader tries that waits long",
	  .arg = SEQLOCK_MENDED },
	{ .name = "double_buffer",
	  .summary = "killed in the middle of a write of a double buffer",
	  .arg = DOUBLE_BUFFER | AFTER },
	{ .name = "mpmc",
	  .summary = "killed as a producer between claim and publication of a cell",
	  .arg = MPMC | HOPELESS },
	{ .name = "mpmc_owned", .summary = "the same where each claim names its owner", .arg = MPMC_OWNED },
	{ .name = "spsc",
	  .summary = "killed as the producer of a ring for one producer and one consumer, before it publishes",
	  .arg = SPSC | AFTER },
	{ 0 },
};

#define NEVER(id_, variant, words, from)                                                                               \
	{                                                                                                              \
		.id = id_, .text = words, .source = from, SM_METRIC(variant, "never went on", .min = 1, .max = 1)      \
	}
#define GOES_ON(id_, variant, words, from)                                                                             \
	{                                                                                                              \
		.id = id_, .text = words, .source = from, SM_METRIC(variant, "never went on", .max = 0),               \
		.control = "S11"                                                                                       \
	}
/* Once is enough: the kernel often lets the dying process go before the wake-up comes. */
#define TAKES_ALONG(id_, variant, words)                                                                               \
	{                                                                                                              \
		.id = id_, .text = words, .source = "futex(2): one waiter is woken, and it may be dying",              \
		SM_METRIC(variant, "never went on", .min = 1e-9, .max = 1, .once = true)                               \
	}
_Static_assert(LIMIT_MS == 20 && LIMIT_MS * PATIENCE == 2000 && AGAIN_MS == 20, "the sentences say 20 ms and 2 s");
static const struct sm_claim claims[] = {
	{ .id = "S10",
	  .text = "After a process was killed in pthread_cond_wait(), a later pthread_cond_signal() does not return "
		  "within 20 ms",
	  .source = "nobody says so: a process that only waits owns nothing",
	  SM_METRIC("cond", "signaller hung", .min = 1, .max = 1),
	  .caveat = "glibc 2.25 to 2.40 counts the waiters of a group, and waits until all have left; 2.41 does not" },
	{ .id = "S10.lost",
	  .text = "The dead waiter takes at least one wake-up with it: a signal wakes nobody within 20 ms, and a process "
		  "sleeps",
	  .source = "nobody says so",
	  SM_METRIC("cond", "wake-ups lost", .min = 1, .max = 1e9),
	  .caveat = "not the wake-up that glibc before 2.41 may lose among several waiters that live (sourceware bug "
		    "25847)" },
	GOES_ON("S10.futex", "futex_cond",
		"With a condition that is a sequence number, and whose signal wakes all, the others go on within 2 s",
		"futex(2): a killed waiter leaves the queue"),
	TAKES_ALONG(
		"S10.mutex", "mutex",
		"A process that is killed as a normal mutex becomes free can take the wake-up with it: the next does "
		"not wake within 20 ms"),
	TAKES_ALONG("S10.semaphore", "semaphore", "So can one in sem_wait()"),
	GOES_ON("S10.robust", "robust_mutex", "A robust mutex passes the wake-up on within 2 s",
		"the kernel's robust list: an operation that was under way"),
	NEVER("S11", "rwlock",
	      "After a reader was killed inside a read-write lock, a writer does not get it within 20 ms",
	      "pthread_rwlock_rdlock(3): nobody owns a read lock; there are no robust ones"),
	GOES_ON("S11.robust", "reader_mutexes", "With a robust mutex for each reader the writer goes on within 2 s",
		"pthread_mutexattr_setrobust(3)"),
	NEVER("S12", "seqlock", "After a seqlock's writer was killed in the middle, a reader gets nothing within 20 ms",
	      "its count stays odd"),
	GOES_ON("S12.mended", "seqlock_mended",
		"A reader that looks after the writer's robust mutex mends the record within 2 s",
		"pthread_mutexattr_setrobust(3)"),
	GOES_ON("S12.double_buffer", "double_buffer",
		"Readers of a double buffer, and its next writer, go on within 2 s", "the half that is read is whole"),
	NEVER("S13", "mpmc",
	      "After a producer was killed between claim and publication, a queue without a mutex stands still for 20 ms",
	      "popular belief turned round: lock-free structures survive a killed process"),
	GOES_ON("S13.owned", "mpmc_owned",
		"Where each claim names its owner the others take it back, and go on within 2 s",
		"each owner holds a robust mutex for life"),
	GOES_ON("S13.spsc", "spsc",
		"A ring for one producer and one consumer, which is lock-free, goes on within 2 s with the next producer",
		"popular belief: lock-free structures survive a killed process"),
	{ 0 },
};

const struct sm_scenario sm_scenario_peer_death = {
	.name = "peer_death",
	.family = "sync",
	.question = "Who suffers when a process that owns no lock is killed?",
	.summary = "A process is killed while it waits, reads, writes or produces; another wants to go on.",
	.why = "What a process counted up it can no longer count down. A read-write lock counts its readers, a "
	       "seqlock's count says that a write is under way, a queue's position is claimed, and glibc's condition "
	       "counts its waiters: nobody else may touch these, and nothing says whose they were. A wake-up is for "
	       "one, and the one that the kernel picks may be dying. What survives either publishes in one store, so "
	       "that half a step is no step, or says who is at work, with a robust mutex by which the kernel tells "
	       "that it is dead. That something never comes cannot be measured: this waits 20 ms, and 2 s for what "
	       "should come.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time from the kill until the others go on, or to giving up", "ns/op" },
	.more = { { "never went on", "1" }, { "signaller hung", "1" }, { "wake-ups lost", "1" }, { "deaths", "1" } },
	.self_timed = true,
	.state_bytes = sizeof(struct state),
	.subject = SM_COLD,
	.region_bytes = region_bytes,
	.fixed_ops = deaths,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
