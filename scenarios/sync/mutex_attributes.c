/* Question: what do the attributes of a mutex in shared memory promise, and what not?
 * Method:   processes do what the attribute is about: wait for a mutex that another one gives back; take a robust mutex
 *           after its owner's death and give it back without making it consistent; lock a mutex twice; lock two mutexes in
 *           opposite orders.  One such attempt is an operation.  Its time runs until the mutex was had or an error told,
 *           or until it is given up: after LIMIT_MS if that is expected.
 * Not shown: recursive mutexes, priorities, robust mutexes whose owner mends them (owner_death).
 * Cost of the loop: fork and wait are not timed. */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>

#include "../subject/stage.h"

enum way { SHARED, PRIVATE, UNMENDED, SELF, CROSS };
enum { TALLY_TRIED, TALLY_NEVER, TALLY_TOLD, TALLY_WRONG };
enum { WAY = 0xff, HOPELESS = 0x100, ROBUST = 0x200, ERRORCHECK = 0x400 }; /* in `arg` */
/* As owner_death has them. */
#define LIMIT_MS 20
#define PATIENCE 100
/* Attempts of a trial, where each takes LIMIT_MS and where it does not. */
#define HOPELESS_TRIES 1u
#define OTHER_TRIES    4u
#define LOST_TRIES     3u /* times that a mutex that was not made consistent is tried */

struct shared {
	struct stage stage;
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex[2];
	_Atomic uint32_t hold; /* processes that hold their first mutex, or wait for the only one */
	_Atomic uint32_t ends; /* processes that were through */
	/* Of the first one: set before `told`. */
	uint64_t began_ns, end_ns;
	int code;
	_Atomic uint32_t told;
};

struct task {
	struct shared *shared;
	unsigned index;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static uint64_t tries(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & HOPELESS ? HOPELESS_TRIES : OTHER_TRIES;
}

static int make_mutex(pthread_mutex_t *mutex, uint64_t arg, struct sm_error *err)
{
	pthread_mutexattr_t attributes;
	int code = pthread_mutexattr_init(&attributes);

	if (!code && (arg & WAY) != PRIVATE)
		code = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (!code && arg & ROBUST)
		code = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (!code && arg & ERRORCHECK)
		code = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	if (!code)
		code = pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return code ? sm_fail(err, code, "no such mutex can be had: %s", strerror(code)) : 0;
}

static int make(struct shared *shared, const struct sm_case *c, struct sm_error *err)
{
	int rc = 0;

	atomic_store(&shared->hold, 0);
	atomic_store(&shared->ends, 0);
	atomic_store(&shared->told, 0);
	memset(shared->mutex, 0, sizeof(shared->mutex));
	for (unsigned i = 0; rc == 0 && i < 2; i++)
		rc = make_mutex(&shared->mutex[i], sm_case_variant(c)->arg, err);
	return rc;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	return make(trial->region, trial->c, err);
}

/* Locks for the last time and tells what came of it. */
static int lock_and_tell(struct shared *shared, pthread_mutex_t *mutex)
{
	uint64_t began = sm_clock_ns();
	int code = pthread_mutex_lock(mutex);

	if (atomic_fetch_add(&shared->ends, 1) == 0) {
		shared->began_ns = began;
		shared->end_ns = sm_clock_ns();
		shared->code = code;
		atomic_store(&shared->told, 1);
	}
	if (code == 0)
		pthread_mutex_unlock(mutex);
	return 0;
}

static int wait_for_it(void *argument)
{
	struct task *task = argument;

	atomic_fetch_add(&task->shared->hold, 1);
	return lock_and_tell(task->shared, &task->shared->mutex[0]);
}

static int lock_twice(void *argument)
{
	struct task *task = argument;

	if (pthread_mutex_lock(&task->shared->mutex[0]))
		return 1;
	atomic_fetch_add(&task->shared->hold, 1);
	return lock_and_tell(task->shared, &task->shared->mutex[0]);
}

static int lock_across(void *argument)
{
	struct task *task = argument;
	struct shared *shared = task->shared;

	if (pthread_mutex_lock(&shared->mutex[task->index]))
		return 1;
	atomic_fetch_add(&shared->hold, 1);
	while (atomic_load(&shared->hold) < 2)
		child_nap();
	lock_and_tell(shared, &shared->mutex[!task->index]);
	return pthread_mutex_unlock(&shared->mutex[task->index]);
}

/* Ends with the mutex. */
static int take_along(void *argument)
{
	struct task *task = argument;

	return pthread_mutex_lock(&task->shared->mutex[0]);
}

/* Gives a dead owner's mutex back as it is.  Returns what every later attempt gets; 0: it is not
 * lost, or the worker failed. */
static int leave_unmended(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct task task = { .shared = shared };
	pthread_mutex_t *mutex = &shared->mutex[0];
	int code = in_child(take_along, &task);

	if (code != 0) {
		sm_worker_fail(worker, EIO, "the process that was to end with the mutex did not get it (%d)", code);
		return 0;
	}
	code = pthread_mutex_lock(mutex);
	if (code != EOWNERDEAD || pthread_mutex_unlock(mutex)) {
		sm_worker_fail(worker, code ? code : EIO, "a robust mutex does not tell that its owner died: %s",
			       code ? strerror(code) : "it was free");
		return 0;
	}
	for (unsigned i = 0; i < LOST_TRIES; i++) {
		code = pthread_mutex_lock(mutex);
		if (code != ENOTRECOVERABLE)
			return 0;
	}
	return code;
}

/* Whether a process ended before it told anything: the trial fails. */
static bool one_is_gone(struct sm_worker *worker, const pid_t child[2])
{
	const struct shared *shared = worker->region;

	for (unsigned i = 0; i < 2; i++)
		if (child[i] > 0 && child_has_ended(child[i]) && atomic_load(&shared->ends) == 0) {
			sm_worker_fail(worker, EIO, "process %u ended before it came to the mutex", i);
			return true;
		}
	return false;
}

/* Starts the processes of the way, each after the one before has what it needs.  False: the trial ends. */
static bool gather(struct sm_worker *worker, enum way way, struct task task[2], pid_t child[2])
{
	static int (*const does[])(void *) = {
		[SHARED] = wait_for_it, [PRIVATE] = wait_for_it, [SELF] = lock_twice, [CROSS] = lock_across
	};
	struct shared *shared = worker->region;

	for (unsigned i = 0; i < (way == CROSS ? 2 : 1); i++) {
		child[i] = child_start(does[way], &task[i]);
		if (child[i] < 0) {
			sm_worker_fail(worker, errno, "no child: %s", strerror(errno));
			return false;
		}
		/* The one that waits is waiting when it sleeps. */
		while (atomic_load(&shared->hold) <= i ||
		       ((way == SHARED || way == PRIVATE) && !child_is_asleep(child[i]))) {
			if (atomic_load_explicit(worker->abort, memory_order_relaxed) || one_is_gone(worker, child))
				return false;
			child_nap();
		}
	}
	return true;
}

/* Waits until a process is through, with a limit. */
static bool gets_through(struct sm_worker *worker, const pid_t child[2])
{
	const struct shared *shared = worker->region;
	uint64_t began = sm_clock_ns(), limit_ns = 1000000ull * LIMIT_MS;

	if (!(sm_case_variant(worker->c)->arg & HOPELESS))
		limit_ns *= PATIENCE;
	while (!atomic_load(&shared->told)) {
		if (one_is_gone(worker, child) || sm_clock_ns() - began > limit_ns ||
		    atomic_load_explicit(worker->abort, memory_order_relaxed))
			return false;
		child_nap();
	}
	return true;
}

/* The processes meet at the mutexes.  Returns the nanoseconds; 0: the trial ends. */
static uint64_t meet_at(struct sm_worker *worker, enum way way, pid_t child[2], int *code)
{
	struct shared *shared = worker->region;
	struct task task[2] = { { .shared = shared, .index = 0 }, { .shared = shared, .index = 1 } };
	bool waits = way == SHARED || way == PRIVATE;
	int failed = waits ? pthread_mutex_lock(&shared->mutex[0]) : 0;
	uint64_t began;

	if (failed)
		sm_worker_fail(worker, failed, "cannot lock the mutex for the first time: %s", strerror(failed));
	if (failed || !gather(worker, way, task, child))
		return 0;
	began = sm_clock_ns();
	if (waits)
		pthread_mutex_unlock(&shared->mutex[0]);
	if (gets_through(worker, child)) {
		*code = shared->code;
		return shared->end_ns - (waits ? began : shared->began_ns);
	}
	if (worker->failed)
		return 0;
	worker->outcome->tally[TALLY_NEVER]++;
	/* The mutex is free: what is wrong is that nobody is woken. */
	if (waits)
		worker->outcome->tally[TALLY_WRONG] += pthread_mutex_trylock(&shared->mutex[0]) != 0;
	return sm_clock_ns() - began;
}

/* One attempt.  Returns its nanoseconds; 0: the trial ends. */
static uint64_t one_attempt(struct sm_worker *worker)
{
	enum way way = (enum way)(sm_case_variant(worker->c)->arg & WAY);
	uint64_t *tally = worker->outcome->tally, began = sm_clock_ns(), took;
	pid_t child[2] = { -1, -1 };
	int code = 0;

	if (make(worker->region, worker->c, &worker->error) < 0) {
		worker->failed = true;
		return 0;
	}
	if (way == UNMENDED) {
		code = leave_unmended(worker);
		took = worker->failed ? 0 : sm_clock_ns() - began;
	} else {
		took = meet_at(worker, way, child, &code);
	}
	for (unsigned i = 0; i < 2; i++)
		if (child[i] > 0) {
			kill(child[i], SIGKILL);
			child_end(child[i]);
		}
	tally[TALLY_TOLD] += code == (way == UNMENDED ? ENOTRECOVERABLE : EDEADLK);
	tally[TALLY_TRIED] += took > 0;
	return took;
}

static uint64_t run(struct sm_worker *worker)
{
	return stage_run(worker, &((struct shared *)worker->region)->stage, one_attempt);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_TRIED] != o->ops)
		return sm_fail(err, EILSEQ, "%lu attempts in %lu operations", o->tally[TALLY_TRIED], o->ops);
	if (o->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu times the mutex that nobody was woken for was not free",
			       o->tally[TALLY_WRONG]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_NEVER] / (double)o->ops;
	value[1] = (double)o->tally[TALLY_TOLD] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "PTHREAD_PROCESS_SHARED; another process waits for it", .arg = SHARED },
	{ .name = "private",
	  .summary = "PTHREAD_PROCESS_PRIVATE, the default; another process waits for it",
	  .arg = PRIVATE | HOPELESS },
	{ .name = "unmended",
	  .summary = "robust; given back after its owner's death without pthread_mutex_consistent()",
	  .arg = UNMENDED | ROBUST },
	{ .name = "robust_twice", .summary = "robust; locked twice by one process", .arg = SELF | ROBUST | HOPELESS },
	{ .name = "checked_twice", .summary = "error-checking; locked twice by one process", .arg = SELF | ERRORCHECK },
	{ .name = "robust_across",
	  .summary = "two robust ones, locked by two processes in opposite orders",
	  .arg = CROSS | ROBUST | HOPELESS },
	{ .name = "checked_across",
	  .summary = "two error-checking ones, locked in opposite orders",
	  .arg = CROSS | ERRORCHECK | HOPELESS },
	{ 0 },
};

#define NEVER(id_, variant, words, from)                                                                               \
	{                                                                                                              \
		.id = id_, .text = words, .source = from, SM_METRIC(variant, "never came back", .min = 1, .max = 1)    \
	}
#define TOLD(id_, variant, words, from)                                                                                \
	{                                                                                                              \
		.id = id_, .text = words, .source = from, SM_METRIC(variant, "told of it", .min = 1, .max = 1)         \
	}
_Static_assert(LIMIT_MS == 20 && LIMIT_MS * PATIENCE == 2000 && LOST_TRIES == 3, "the sentences say so");
static const struct sm_claim claims[] = {
	NEVER("S14", "private",
	      "A mutex in shared memory without PTHREAD_PROCESS_SHARED becomes free and wakes no other process that "
	      "waits for it, within 20 ms",
	      "pthread_mutexattr_setpshared(3): undefined; futex(2): FUTEX_PRIVATE_FLAG"),
	{ .id = "S14.shared",
	  .text = "One with PTHREAD_PROCESS_SHARED wakes it within 2 s",
	  .source = "pthread_mutexattr_setpshared(3)",
	  SM_METRIC("shared", "never came back", .max = 0),
	  .control = "S14" },
	TOLD("S15", "unmended",
	     "A robust mutex that is given back after its owner's death without being made consistent is lost: the "
	     "next three attempts say ENOTRECOVERABLE",
	     "pthread_mutex_consistent(3)"),
	NEVER("S16", "robust_across",
	      "Robust mutexes do not detect deadlocks: two processes that lock two of them in opposite orders wait for "
	      "20 ms and are told nothing",
	      "popular belief turned round: robust is about owners that died"),
	NEVER("S16.twice", "robust_twice", "Nor does a process that locks one twice get an error",
	      "popular belief turned round"),
	TOLD("S16.checked", "checked_twice", "A process that locks an error-checking mutex twice is told EDEADLK",
	     "pthread_mutexattr_settype(3)"),
	NEVER("S16.checked_across", "checked_across",
	      "Error-checking mutexes do not detect the deadlock of two processes", "each looks only at its own owner"),
	{ 0 },
};

const struct sm_scenario sm_scenario_mutex_attributes = {
	.name = "mutex_attributes",
	.family = "sync",
	.question = "What do the attributes of a shared mutex promise?",
	.summary = "A mutex that is private, not made consistent, locked twice, or locked in opposite orders.",
	.why = "Waiters sleep on an address. For a private mutex the kernel files them under the process's own "
	       "address space, so that the owner's wake-up in another process looks in the wrong place; glibc "
	       "does not even lock it atomically where a process has one thread. A robust mutex "
	       "says that an owner died, and whoever does not repair the data and say so loses the mutex for "
	       "good. Neither knows who waits for whom: an error-checking mutex looks whether the caller "
	       "itself is the owner. Of mutexes that inherit priorities the kernel follows the "
	       "owners and sees the circle; glibc 2.36 then waits for ever, or ends an error-checking process by an "
	       "assertion. That something never comes cannot be measured: this waits 20 ms, and 2 s for what should come.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time until the mutex or an error comes, or to giving up", "ns/op" },
	.more = { { "never came back", "1" }, { "told of it", "1" } },
	.self_timed = true,
	.subject = SM_COLD,
	.region_bytes = region_bytes,
	.fixed_ops = tries,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
