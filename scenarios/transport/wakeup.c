/* Question: how long does it take to wake a sleeping process?
 * Method:   the sleeper announces that it is about to wait, and waits.  The waker gives it time to fall asleep,
 *           reads the clock, wakes it, and reads the clock again.  The sleeper reads the clock first of all when it
 *           is back.  The latency is the time between the waker's first reading and the sleeper's; the cost of the
 *           waker's call is reported separately.
 * Not shown: several sleepers; a sleeper that slept longer than the parameter `asleep`.
 * Cost of the loop: three readings of the clock per operation.  Before the first of them a message is written, which
 *           only spin_copy copies; it is checked after the last one.  Handing over the clock readings takes a line
 *           transfer or a yield outside the timed part. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../subject/cond.h"
#include "../subject/futex.h"
#include "../subject/message.h"
#include "../subject/names.h"
#include "../subject/sysv.h"
#include "shmeter/scenario.h"

enum way {
	SPIN,
	SPIN_COPY,
	FUTEX,
	EVENTFD,
	EVENTFD_SPIN,
	PIPE,
	PIPE_SPIN,
	UNIX_SOCKET,
	POSIX_SEM,
	SYSV_SEM,
	COND,
	SIGNAL
};
enum { PARAM_ASLEEP };
enum { TALLY_WAKES, TALLY_LATE, TALLY_CALL_NS, TALLY_WRONG };
#define MESSAGE_BYTES 64 /* the message that SPIN_COPY copies in and out */

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint64_t ready; /* written by the sleeper: number of the wait that it begins */
	alignas(SM_LINE_PAIR) _Atomic uint64_t woken; /* written by the sleeper: number of the wait that it finished */
	uint64_t woken_ns;                            /* written before `woken` */
	alignas(SM_LINE_PAIR) _Atomic uint32_t word;  /* the word that spin and futex wait for */
	alignas(SM_LINE_PAIR) sem_t semaphore;
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool flag; /* guarded by the mutex */
	alignas(SM_LINE_PAIR) _Atomic pid_t sleeper;
	alignas(SM_LINE_PAIR) char message[MESSAGE_BYTES]; /* written before `word` */
};

struct state {
	int fd[2]; /* the sleeper reads from the first, the waker writes to the second */
	int set;   /* System V semaphores */
	char key[16];
	uint64_t number;
	uint64_t message[MESSAGE_BYTES / sizeof(uint64_t)]; /* the message before and after the copies */
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	enum way way = (enum way)sm_case_variant(c)->arg;

	if ((way == SPIN || way == SPIN_COPY || way == EVENTFD_SPIN || way == PIPE_SPIN) && c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "a spinning process on the waker's own PU would only wait for the "
			       "scheduler");
	return 0;
}

static int open_set(struct state *state, struct sm_error *err)
{
	key_t key;
	int rc = key_announce('e', &key, state->key, err);

	if (rc < 0)
		return rc;
	state->set = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
	return state->set < 0 ? sm_fail(err, errno,
					"no System V semaphore can be made: %s; "
					"kernel.sem limits them",
					strerror(errno))
			      : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;
	int rc = 0;

	state->fd[0] = state->fd[1] = state->set = -1;
	switch ((enum way)sm_case_variant(trial->c)->arg) {
	case EVENTFD: rc = state->fd[0] = state->fd[1] = eventfd(0, EFD_CLOEXEC); break;
	case EVENTFD_SPIN: rc = state->fd[0] = state->fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); break;
	case PIPE: rc = pipe(state->fd); break;
	case PIPE_SPIN: rc = pipe2(state->fd, O_NONBLOCK); break;
	case UNIX_SOCKET: rc = socketpair(AF_UNIX, SOCK_STREAM, 0, state->fd); break;
	case POSIX_SEM: rc = sem_init(&shared->semaphore, 1, 0); break;
	case COND: return cond_init(&shared->mutex, &shared->cond, NULL, err);
	case SYSV_SEM: return open_set(state, err);
	default: break;
	}
	return rc < 0 ? sm_fail(err, errno, "%s cannot be had: %s", sm_case_variant(trial->c)->name, strerror(errno))
		      : 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->fd[0] >= 0)
		close(state->fd[0]);
	if (state->fd[1] >= 0 && state->fd[1] != state->fd[0])
		close(state->fd[1]);
	if (state->set >= 0)
		semctl(state->set, 0, IPC_RMID);
	if (state->key[0])
		sm_guard_forget('e', state->key);
}

static int warm_up(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	sigset_t set;

	if (worker->index == 0)
		return 0;
	/* Blocked, so that the signal is only taken by the call that waits for it. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	atomic_store_explicit(&shared->sleeper, getpid(), memory_order_release);
	return 0;
}

/* Repeats the call until there is something to read. */
static bool read_polled(const struct sm_worker *worker, int fd, size_t bytes)
{
	uint64_t taken;

	for (unsigned turns = 0; read(fd, &taken, bytes) < 0;)
		if ((errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, worker->abort))
			return false;
	return true;
}

/* The sleeper's side: returns when it has been woken. */
static bool fall_asleep(struct sm_worker *worker, struct shared *shared, struct state *state)
{
	uint64_t taken;
	sigset_t set;

	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case SPIN:
	case SPIN_COPY:
		for (unsigned turns = 0; !atomic_load_explicit(&shared->word, memory_order_acquire);)
			if (!sm_spin(&turns, worker->abort))
				return false;
		atomic_store_explicit(&shared->word, 0, memory_order_relaxed);
		if (sm_case_variant(worker->c)->arg == SPIN_COPY)
			memcpy(state->message, shared->message, MESSAGE_BYTES);
		return true;
	case FUTEX:
		while (!atomic_load_explicit(&shared->word, memory_order_acquire)) {
			if (atomic_load_explicit(worker->abort, memory_order_relaxed))
				return false;
			futex_sleep(&shared->word, 0);
		}
		atomic_store_explicit(&shared->word, 0, memory_order_relaxed);
		return true;
	case EVENTFD: return read(state->fd[0], &taken, sizeof(taken)) == sizeof(taken);
	case EVENTFD_SPIN: return read_polled(worker, state->fd[0], sizeof(taken));
	case PIPE_SPIN: return read_polled(worker, state->fd[0], 1);
	case PIPE:
	case UNIX_SOCKET: return read(state->fd[0], &taken, 1) == 1;
	case POSIX_SEM: return sem_wait(&shared->semaphore) == 0;
	case SYSV_SEM: return sysv_change(state->set, 0, -1, 0, NULL);
	case COND:
		pthread_mutex_lock(&shared->mutex);
		while (!shared->flag)
			pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->flag = false;
		pthread_mutex_unlock(&shared->mutex);
		return true;
	case SIGNAL:
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		while (sigwaitinfo(&set, NULL) < 0)
			if (errno != EINTR) /* as it says where this process was stopped and continued */
				return false;
		return true;
	}
	return false;
}

static bool wake(enum way way, struct shared *shared, const struct state *state)
{
	uint64_t one = 1;

	switch (way) {
	case SPIN_COPY: memcpy(shared->message, state->message, MESSAGE_BYTES); /* fall through */
	case SPIN: atomic_store_explicit(&shared->word, 1, memory_order_release); return true;
	case FUTEX:
		atomic_store_explicit(&shared->word, 1, memory_order_release);
		futex_wake_one(&shared->word);
		return true;
	case EVENTFD:
	case EVENTFD_SPIN: return write(state->fd[1], &one, sizeof(one)) == sizeof(one);
	case PIPE:
	case PIPE_SPIN:
	case UNIX_SOCKET: return write(state->fd[1], &one, 1) == 1;
	case POSIX_SEM: return sem_post(&shared->semaphore) == 0;
	case SYSV_SEM: return sysv_change(state->set, 0, 1, 0, NULL);
	case COND:
		pthread_mutex_lock(&shared->mutex);
		shared->flag = true;
		pthread_cond_signal(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
		return true;
	case SIGNAL: return kill(atomic_load_explicit(&shared->sleeper, memory_order_relaxed), SIGUSR1) == 0;
	}
	return false;
}

/* Waits until the other side has reached a number; on a shared PU it yields, so that the other side can run. */
static bool await(const struct sm_worker *worker, const _Atomic uint64_t *counter, uint64_t number)
{
	for (unsigned turns = 0; atomic_load_explicit(counter, memory_order_acquire) < number;) {
		if (worker->c->shared_pu)
			sched_yield();
		if (!sm_spin(&turns, worker->abort))
			return false;
	}
	return true;
}

/* Gives the sleeper time to fall asleep.  If the waker has a PU of its own, it stays awake. */
static bool let_sleep(const struct sm_worker *worker)
{
	uint64_t until_ns = sm_clock_ns() + worker->c->param[PARAM_ASLEEP] * 1000;
	struct timespec nap = { .tv_sec = (time_t)(worker->c->param[PARAM_ASLEEP] / 1000000),
				.tv_nsec = (long)(worker->c->param[PARAM_ASLEEP] % 1000000 * 1000) };

	if (worker->c->shared_pu) {
		nanosleep(&nap, NULL);
		return true;
	}
	for (unsigned turns = 0; sm_clock_ns() < until_ns;)
		if (!sm_spin(&turns, worker->abort))
			return false;
	return true;
}

static uint64_t sleep_and_tell(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	bool copies = sm_case_variant(worker->c)->arg == SPIN_COPY;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		atomic_store_explicit(&shared->ready, ++state->number, memory_order_release);
		if (!fall_asleep(worker, shared, state))
			return i;
		shared->woken_ns = sm_clock_ns();
		/* release: the stamp; pairs with the acquire in await(). */
		atomic_store_explicit(&shared->woken, state->number, memory_order_release);
		worker->outcome->tally[TALLY_WAKES]++;
		if (copies)
			worker->outcome->tally[TALLY_WRONG] +=
				message_check(state->message, MESSAGE_BYTES, state->number) != 0;
	}
	return n;
}

static uint64_t wake_and_time(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	enum way way = (enum way)sm_case_variant(worker->c)->arg;
	uint64_t n = worker->op_count, before, after;

	for (uint64_t i = 0; i < n; i++) {
		if (!await(worker, &shared->ready, ++state->number) || !let_sleep(worker))
			return i;
		message_write(state->message, MESSAGE_BYTES, state->number);
		before = sm_clock_ns();
		if (!wake(way, shared, state))
			return i;
		after = sm_clock_ns();
		if (!await(worker, &shared->woken, state->number))
			return i;
		worker->outcome->tally[TALLY_WAKES]++;
		worker->outcome->tally[TALLY_LATE] += shared->woken_ns < before;
		worker->outcome->tally[TALLY_CALL_NS] += after - before;
		worker->time_ns += shared->woken_ns > before ? shared->woken_ns - before : 0;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	return worker->index == 0 ? wake_and_time(worker) : sleep_and_tell(worker);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *waker = trial->outcome[0], *sleeper = trial->outcome[1];

	if (waker->tally[TALLY_WAKES] != waker->ops || sleeper->tally[TALLY_WAKES] != sleeper->ops)
		return sm_fail(err, EILSEQ, "%lu wake-ups were sent and %lu taken in %lu operations",
			       waker->tally[TALLY_WAKES], sleeper->tally[TALLY_WAKES], waker->ops);
	if (sleeper->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu of %lu messages arrived wrong", sleeper->tally[TALLY_WRONG],
			       sleeper->ops);
	if (waker->tally[TALLY_LATE])
		return sm_fail(err, EILSEQ, "the sleeper was awake before the call in %lu operations",
			       waker->tally[TALLY_LATE]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *waker = trial->outcome[0];

	value[0] = waker->tally[TALLY_WAKES] ? (double)waker->tally[TALLY_CALL_NS] / (double)waker->tally[TALLY_WAKES]
					     : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "spin", .summary = "no sleep: the peer spins on a line", .arg = SPIN },
	{ .name = "spin_copy",
	  .summary = "no sleep: 64 bytes copied in, seen on a line, and copied out",
	  .arg = SPIN_COPY },
	{ .name = "futex", .summary = "a futex in shared memory", .arg = FUTEX },
	{ .name = "eventfd", .summary = "an event descriptor", .arg = EVENTFD },
	{ .name = "pipe", .summary = "a byte through a pipe", .arg = PIPE },
	{ .name = "unix_socket", .summary = "a byte through a Unix socket", .arg = UNIX_SOCKET },
	{ .name = "posix_sem", .summary = "a POSIX semaphore", .arg = POSIX_SEM },
	{ .name = "sysv_sem", .summary = "a System V semaphore", .arg = SYSV_SEM },
	{ .name = "cond", .summary = "a process-shared condition", .arg = COND },
	{ .name = "eventfd_spin",
	  .summary = "no sleep: the peer reads the event descriptor again and again",
	  .arg = EVENTFD_SPIN },
	{ .name = "pipe_spin", .summary = "no sleep: the peer reads the pipe again and again", .arg = PIPE_SPIN },
	{ .name = "signal", .summary = "a signal that is waited for", .arg = SIGNAL },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "T7",
	  .text = "Notification, not copying, dominates small messages: between two cores waking a sleeper "
		  "by a futex takes at least 5 times as long as copying 64 bytes in and out for a peer that spins",
	  .source = "popular belief; compare transport_latency's CPU time and size sweep",
	  SM_RATIO("futex", "spin_copy", .min = 5),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ .id = "T7.pipe",
	  .text = "A byte through a pipe wakes no slower than a futex by more than half",
	  .source = "popular belief turned round: most of it is the scheduler's work",
	  SM_RATIO("pipe", "futex", .max = 1.5) },
	{ 0 },
};

const struct sm_scenario sm_scenario_wakeup = {
	.name = "wakeup",
	.family = "transport",
	.question = "What does it take to wake a sleeping process?",
	.summary = "One process wakes another that waits, by every means there is.",
	.why = "To wake a process on another PU takes a system call, an interrupt to its core (or a "
	       "store, where an idle core watches for one), and a switch there: in a virtual machine, "
	       "exits to the host. On one PU it is a system call and a switch. A spinning waiter needs a "
	       "line transfer.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "asleep",
		      .unit = "us",
		      .summary = "time that the sleeper has to fall asleep",
		      .quick = SM_VALUES(50),
		      .standard = SM_VALUES(50, 1000),
		      .full = SM_VALUES(50, 200, 1000, 10000),
		      .min = 10,
		      .max = 1000000 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_CROSS_NODE },
	.metric = { "time from the call to the sleeper's first instruction", "ns/op" },
	.more = { { "waker's cost", "ns" } },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
