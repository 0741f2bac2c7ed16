/* Question: what happens to a lock whose owner is killed while it holds the lock?
 * Method:   a child takes the lock and changes two numbers that belong together, again and again.  Its parent kills
 *           it at a random moment while the lock is held, and then tries to take the lock: for at most LIMIT_MS if
 *           the lock may never become free.  One such death is an operation; its time runs from the kill until the
 *           lock is taken or given up.
 *           The lock of a plug-in cannot be given up, so another child takes it.  Its time runs from the kill until
 *           recover() has returned, and then from lock() on; starting that child does not count.
 * Not shown: spinlocks, which nobody releases either.
 * Cost of the loop: fork and wait are not timed. */
#include <math.h>
#include <time.h>

#include "../subject/child.h"
#include "../subject/locks.h"

enum way { ROBUST, ROBUST_PI, NORMAL, SEMAPHORE, SYSV_UNDO, PLUGGED };
/* The owners of a plug-in's lock: the worker, the child that is killed, the child that takes the lock then. */
enum { SURVIVOR, VICTIM, HEIR, OWNERS };
enum { TALLY_DEATHS, TALLY_OWNER_DEAD, TALLY_TIMED_OUT, TALLY_WRONG };
/* Long enough for a kill and a wake-up even on a loaded machine, short enough for many tries.  Locks that are
 * expected to become free get a hundred times as long. */
#define LIMIT_MS   20
#define PATIENCE   100
#define LONGEST_US 50 /* the longest time that the owner lives inside */

struct shared {
	struct lock_shared lock;
	alignas(SM_LINE_PAIR) _Atomic uint64_t inside; /* rounds that the owner began under the lock */
	_Atomic uint64_t first, second;                /* belong together: equal outside the critical section */
	struct {
		int got;         /* what lock() returned */
		bool mended;     /* the numbers belonged together */
		uint64_t waited; /* ns in lock() */
	} heir;
};

struct state {
	struct lock_own own;
	struct shared *shared;
	enum way way;
	uint64_t random;
	bool hopeless; /* the lock of a plug-in did not come in time */
};

static size_t region_bytes(const struct sm_case *c)
{
	return sizeof(struct shared) + lock_plugin_bytes(c, OWNERS);
}

static int make_lock(struct state *state, struct sm_error *err)
{
	pthread_mutex_t *mutex = &state->shared->lock.mutex;

	switch (state->way) {
	case ROBUST: return mutex_make(mutex, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, err);
	case ROBUST_PI: return mutex_make(mutex, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT, err);
	case NORMAL: return mutex_make(mutex, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, err);
	case SEMAPHORE: return lock_open(LOCK_posix_sem, &state->shared->lock, &state->own, err);
	case SYSV_UNDO: return lock_open(LOCK_sysv_sem, &state->shared->lock, &state->own, err);
	case PLUGGED: return lock_plugin_open(&state->own.plugin, err);
	}
	return -EINVAL;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	state->shared = trial->region;
	state->way = (enum way)sm_case_variant(trial->c)->arg;
	state->own.set = state->own.file = -1;
	state->random = trial->seed | 1;
	lock_plugin_place(&state->own.plugin, trial->c, state->shared + 1, OWNERS);
	return make_lock(state, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	lock_teardown(&state->own);
}

static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;

	return state->way == PLUGGED ? lock_plugin_join(worker, &state->own.plugin, SURVIVOR) : 0;
}

/* In a child of the worker. */
static int take_plugged(struct lock_plugin *lock, uint32_t index)
{
	int code = lock_plugin_attach(lock, index);

	return code ? code : lock->called->lock(&lock->theirs);
}

/* The child: stays in the critical section until it is killed. */
static int hold(void *argument)
{
	struct state *state = argument;
	struct shared *shared = state->shared;
	bool taken = state->way == SEMAPHORE   ? posix_sem_lock(&shared->lock, &state->own)
		     : state->way == SYSV_UNDO ? sysv_sem_lock(&shared->lock, &state->own)
		     : state->way == PLUGGED   ? take_plugged(&state->own.plugin, VICTIM) == 0
					       : pthread_mutex_lock(&shared->lock.mutex) == 0;

	while (taken) {
		atomic_fetch_add_explicit(&shared->first, 1, memory_order_relaxed);
		/* release: `inside` tells the parent that the lock is held. */
		atomic_fetch_add_explicit(&shared->inside, 1, memory_order_release);
		atomic_fetch_add_explicit(&shared->second, 1, memory_order_relaxed);
	}
	return 1;
}

static struct timespec after_ms(clockid_t clock, long ms)
{
	struct timespec at;

	clock_gettime(clock, &at);
	at.tv_nsec += ms * 1000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

/* Takes the lock: 0, EOWNERDEAD or ETIMEDOUT; anything else is an error. */
static int want(struct state *state)
{
	bool hopeless = state->way == NORMAL || state->way == SEMAPHORE;
	struct timespec until = after_ms(CLOCK_REALTIME, hopeless ? LIMIT_MS : LIMIT_MS * PATIENCE);
	struct timespec limit = { .tv_sec = LIMIT_MS * PATIENCE / 1000 };

	if (state->way == SEMAPHORE)
		return sem_timedwait(&state->shared->lock.semaphore, &until) == 0 ? 0 : errno;
	if (state->way == SYSV_UNDO)
		return sysv_change(state->own.set, 0, -1, SEM_UNDO, &limit) ? 0 : errno == EAGAIN ? ETIMEDOUT : errno;
	return pthread_mutex_timedlock(&state->shared->lock.mutex, &until);
}

static bool give_back(struct state *state)
{
	switch (state->way) {
	case SEMAPHORE: return sem_post(&state->shared->lock.semaphore) == 0;
	case SYSV_UNDO: sysv_sem_unlock(&state->shared->lock, &state->own); return true;
	default: return pthread_mutex_unlock(&state->shared->lock.mutex) == 0;
	}
}

/* Makes the lock anew if its owner is dead and nobody can release it. */
static bool make_anew(struct state *state)
{
	bool counts = state->way == SEMAPHORE || state->way == SYSV_UNDO;

	return counts ? give_back(state) : make_lock(state, NULL) == 0;
}

/* Makes the numbers equal again.  False: they did not belong together. */
static bool mend_numbers(struct shared *shared)
{
	uint64_t first = atomic_load(&shared->first), second = atomic_load(&shared->second);

	if (first != second && first != second + 1)
		return false;
	atomic_store(&shared->second, first);
	return true;
}

/* Puts the numbers and the lock into a state that the next owner can start from. */
static bool mend(struct state *state, int got)
{
	struct shared *shared = state->shared;

	if (state->way == PLUGGED) /* its heir has done it */
		return got == ETIMEDOUT ? mend_numbers(shared) : shared->heir.mended;
	if (!mend_numbers(shared))
		return false;
	switch (got) {
	case 0: return give_back(state);
	case EOWNERDEAD: return pthread_mutex_consistent(&shared->lock.mutex) == 0 && give_back(state);
	case ETIMEDOUT: return make_anew(state);
	default: return false; /* not held: there is nothing to release */
	}
}

static void nap_ns(uint64_t ns)
{
	struct timespec nap = { .tv_nsec = (long)ns };

	nanosleep(&nap, NULL);
}

/* The second child: takes the lock of a plug-in after the first one was killed with it. */
static int inherit(void *argument)
{
	struct state *state = argument;
	struct lock_plugin *lock = &state->own.plugin;
	uint64_t began;
	int code = lock_plugin_attach(lock, HEIR);

	began = sm_clock_ns();
	state->shared->heir.got = code ? code : lock->called->lock(&lock->theirs);
	state->shared->heir.waited = sm_clock_ns() - began;
	if (state->shared->heir.got != 0 && state->shared->heir.got != EOWNERDEAD)
		return 1;
	state->shared->heir.mended = mend_numbers(state->shared);
	lock->called->unlock(&lock->theirs);
	return 0;
}

/* Makes the lock of a plug-in anew, in a child. */
static int make_plugged(void *argument)
{
	struct state *state = argument;
	struct lock_plugin *lock = &state->own.plugin;
	struct sm_case const *c = lock->worker->c;

	memset(state->shared + 1, 0, lock_plugin_bytes(c, OWNERS));
	return lock->called->init(&lock->theirs);
}

/* The child has been killed: recovers the lock of a plug-in and has another child take it.  `took` is the time since the
 * kill.  Returns as want(); another errno where something failed, which the worker has reported. */
static int want_plugged(struct sm_worker *worker, struct state *state, uint64_t killed, uint64_t *took)
{
	struct lock_plugin *lock = &state->own.plugin;
	uint64_t limit_ns = 1000000ull * LIMIT_MS * (state->hopeless ? 1 : PATIENCE), began;
	int code = lock->called->recover(&lock->theirs, VICTIM);
	pid_t heir;

	*took = sm_clock_ns() - killed;
	if (code)
		return -sm_worker_fail(worker, EIO, "plug-in %s: recover() of %s failed: %s", lock->plugged->file,
				       lock->plugged->name, strerror(code));
	memset(&state->shared->heir, 0, sizeof(state->shared->heir));
	heir = child_start(inherit, state);
	if (heir < 0)
		return -sm_worker_fail(worker, errno, "no child: %s", strerror(errno));
	for (began = sm_clock_ns(); !child_has_ended(heir) && sm_clock_ns() - began < limit_ns;)
		nap_ns(10000);
	state->hopeless = !child_has_ended(heir);
	if (!state->hopeless) {
		code = child_end(heir);
		*took += state->shared->heir.waited;
		return code == 0 ? state->shared->heir.got
				 : -sm_worker_fail(worker, EIO, "plug-in %s: after recover(), lock() of %s %s",
						   lock->plugged->file, lock->plugged->name,
						   code < 0 ? "ended the process" : strerror(state->shared->heir.got));
	}
	kill(heir, SIGKILL);
	child_end(heir);
	*took += limit_ns;
	if (in_child(make_plugged, state) != 0 || lock_plugin_attach(lock, SURVIVOR) != 0)
		return -sm_worker_fail(worker, EIO, "plug-in %s: lock %s cannot be made again", lock->plugged->file,
				       lock->plugged->name);
	return ETIMEDOUT;
}

/* The child may share this PU, so sleep, do not spin: until it is inside, and then for a random time.  False: it is not. */
static bool await_inside(struct sm_worker *worker, struct state *state, pid_t child, uint64_t before)
{
	while (atomic_load_explicit(&state->shared->inside, memory_order_acquire) == before) {
		if (atomic_load_explicit(worker->abort, memory_order_relaxed))
			return false;
		if (child_has_ended(child)) {
			sm_worker_fail(worker, EIO, "a process that was to take the lock ended without it");
			return false;
		}
		nap_ns(10000);
	}
	state->random = state->random * 6364136223846793005u + 1442695040888963407u;
	nap_ns((state->random >> 33) % (LONGEST_US * 1000u));
	return true;
}

/* One death.  Returns the nanoseconds from the kill on; 0: an error, which the worker reports. */
static uint64_t one_death(struct sm_worker *worker, struct state *state)
{
	uint64_t *tally = worker->outcome->tally, killed, took;
	uint64_t inside = atomic_load(&state->shared->inside);
	pid_t child = child_start(hold, state);
	bool held, died;
	int got;

	if (child < 0) {
		sm_worker_fail(worker, errno, "no child: %s", strerror(errno));
		return 0;
	}
	held = await_inside(worker, state, child, inside);
	killed = sm_clock_ns();
	kill(child, SIGKILL);
	if (!held) {
		child_end(child);
		return 0;
	}
	if (state->way == PLUGGED) {
		died = child_end(child) == -1; /* recover() is called after it was waited for */
		got = want_plugged(worker, state, killed, &took);
	} else {
		got = want(state);
		took = sm_clock_ns() - killed;
		died = child_end(child) == -1;
	}
	if (worker->failed)
		return 0;
	tally[TALLY_DEATHS] += died;
	if (got != 0 && got != EOWNERDEAD && got != ETIMEDOUT) {
		sm_worker_fail(worker, got, "the lock of a killed owner neither came nor timed out: %s", strerror(got));
		return 0;
	}
	tally[TALLY_OWNER_DEAD] += got == EOWNERDEAD;
	tally[TALLY_TIMED_OUT] += got == ETIMEDOUT;
	tally[TALLY_WRONG] += !mend(state, got);
	return took;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t took = one_death(worker, state);

		if (took == 0)
			return i;
		worker->time_ns += took;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_DEATHS] != o->ops)
		return sm_fail(err, EILSEQ, "%lu owners were killed in %lu operations", o->tally[TALLY_DEATHS], o->ops);
	if (o->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ,
			       "%lu times the numbers under the lock did not belong "
			       "together, or it could not be mended",
			       o->tally[TALLY_WRONG]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_OWNER_DEAD] / (double)o->ops;
	value[1] = (double)o->tally[TALLY_TIMED_OUT] / (double)o->ops;
	value[2] = (double)o->tally[TALLY_DEATHS];
}

static const struct sm_variant variants[] = {
	{ .name = "robust", .summary = "robust mutex", .arg = ROBUST },
	{ .name = "robust_pi", .summary = "robust, priority-inheriting mutex", .arg = ROBUST_PI },
	{ .name = "normal", .summary = "normal mutex", .arg = NORMAL },
	{ .name = "semaphore", .summary = "POSIX semaphore", .arg = SEMAPHORE },
	{ .name = "sysv_undo", .summary = "System V semaphore with SEM_UNDO", .arg = SYSV_UNDO },
	{ 0 },
};
static const struct sm_plug plugs[] = {
	{ .takes = SM_PLUGGED_LOCK, .suffix = "", .words = "", .arg = PLUGGED, .needs = SM_PLUGGED_RECOVERS },
	{ 0 },
};

#define EVERY(id_, variant, what, words, from)                                                                         \
	{                                                                                                              \
		.id = id_, .text = words, .source = from, SM_METRIC(variant, what, .min = 1, .max = 1)                 \
	}
_Static_assert(LIMIT_MS == 20 && LIMIT_MS * PATIENCE == 2000, "the sentences say 20 ms and 2 s");
static const struct sm_claim claims[] = {
	EVERY("S7", "robust", "told of the owner's death",
	      "After its owner was killed, a robust mutex says EOWNERDEAD to the next, every time",
	      "pthread_mutexattr_setrobust(3)"),
	EVERY("S7.pi", "robust_pi", "told of the owner's death", "So does one that inherits priorities",
	      "pthread_mutexattr_setrobust(3)"),
	EVERY("S8", "normal", "never came back",
	      "After its owner was killed, a normal mutex does not come back within 20 ms",
	      "pthread_mutexattr_setrobust(3): PTHREAD_MUTEX_STALLED"),
	EVERY("S8.semaphore", "semaphore", "never came back", "Nor does a POSIX semaphore",
	      "sem_overview(7): nobody owns it"),
	{ .id = "S8.undo",
	  .text = "A System V semaphore with SEM_UNDO comes back within 2 s, and says nothing",
	  .source = "semop(2)",
	  SM_METRIC("sysv_undo", "never came back", .max = 0),
	  .control = "S8" },
	{ 0 },
};

const struct sm_scenario sm_scenario_owner_death = {
	.name = "owner_death",
	.family = "sync",
	.question = "What becomes of a lock whose owner is killed inside it?",
	.summary = "Owners are killed at random moments; another wants the lock.",
	.why = "The kernel knows which robust mutexes a thread holds (a list that "
	       "set_robust_list() handed to it) and marks them when it dies: the next one "
	       "gets EOWNERDEAD and may mend the data. Of a normal mutex or a POSIX "
	       "semaphore it knows nothing: the word says taken, and nobody is left to say "
	       "otherwise. A System V semaphore with SEM_UNDO it gives back, and tells "
	       "nobody that the data may be half changed. That something never comes cannot be "
	       "measured: this waits 20 ms, and 2 s for what should come.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.workers = 1,
	.metric = { "time from the kill to the lock, or to giving up", "ns/op" },
	.more = { { "told of the owner's death", "1" }, { "never came back", "1" }, { "deaths", "1" } },
	.self_timed = true,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
