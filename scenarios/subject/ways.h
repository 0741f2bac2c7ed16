/* The ways in which a process waits until another wakes it.  Made in their parent; one of them waits, the other wakes. */
#ifndef SHMETER_SUBJECT_WAYS_H
#define SHMETER_SUBJECT_WAYS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "cond.h"
#include "futex.h"
#include "names.h"
#include "sysv.h"
#include "uring.h"

enum way {
	WAY_SPIN,
	WAY_SPIN_COPY, /* the waker writes a message first, and the sleeper copies it */
	WAY_FUTEX,
	WAY_FUTEX_AWAKE, /* the sleeper's PU never becomes idle */
	WAY_FUTEX_WAITV,
	WAY_ADAPTIVE,
	WAY_EVENTFD,
	WAY_EVENTFD_EPOLL,
	WAY_EVENTFD_SPIN,
	WAY_PIPE,
	WAY_PIPE_POLL,
	WAY_PIPE_SPIN,
	WAY_UNIX_SOCKET,
	WAY_POSIX_SEM,
	WAY_SYSV_SEM,
	WAY_COND,
	WAY_SIGNAL,
	WAY_SIGNALFD,
	WAY_URING_MSG,
	WAY_URING_FUTEX
};

#define WAY_MESSAGE_BYTES 64      /* the message of WAY_SPIN_COPY */
#define WAY_ADAPTIVE_NS   100000u /* WAY_ADAPTIVE spins for so long before it sleeps: longer than a wake-up takes */
#define WAY_ASLEEP        2u      /* in `word`: the sleeper of WAY_ADAPTIVE must be woken by a call */

/* In shared memory, zeroed. */
struct way_shared {
	alignas(SM_LINE_PAIR) _Atomic uint32_t word;  /* 1: woken; what spinning and futexes wait for */
	alignas(SM_LINE_PAIR) _Atomic uint32_t never; /* the other word of futex_waitv(); stays 0 */
	alignas(SM_LINE_PAIR) sem_t semaphore;
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool flag; /* guarded by the mutex */
	alignas(SM_LINE_PAIR) _Atomic pid_t sleeper;
	alignas(SM_LINE_PAIR) char message[WAY_MESSAGE_BYTES]; /* written before `word` */
};

/* Of the parent, and inherited. */
struct way_state {
	enum way way;
	int fd[2]; /* the sleeper reads from the first, the waker writes to the second */
	int epoll; /* has the sleeper's descriptor */
	int set;   /* System V semaphores */
	char key[16];
	struct io_uring ring[2]; /* the sleeper's and the waker's */
	unsigned rings;          /* that were made */
	unsigned turns;          /* of the sleeper: how long WAY_ADAPTIVE spins */
	pid_t awake;             /* of the sleeper: the process that keeps its PU busy; 0: none */
	uint64_t message[WAY_MESSAGE_BYTES / sizeof(uint64_t)]; /* to be sent, and as it came */
};

/* Whether the sleeper keeps its PU busy until it is woken, at least for a while. */
static inline bool way_spins(enum way way)
{
	return way == WAY_SPIN || way == WAY_SPIN_COPY || way == WAY_EVENTFD_SPIN || way == WAY_PIPE_SPIN ||
	       way == WAY_ADAPTIVE;
}

static inline bool way_is_uring(enum way way)
{
	return way == WAY_URING_MSG || way == WAY_URING_FUTEX;
}

/* The one signal that WAY_SIGNAL and WAY_SIGNALFD send. */
static inline sigset_t way_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return set;
}

static inline int way_open_epoll(struct way_state *state)
{
	struct epoll_event event = { .events = EPOLLIN };

	state->fd[0] = state->fd[1] = eventfd(0, EFD_CLOEXEC);
	state->epoll = epoll_create1(EPOLL_CLOEXEC);
	return state->fd[0] < 0 || state->epoll < 0 ? -1 : epoll_ctl(state->epoll, EPOLL_CTL_ADD, state->fd[0], &event);
}

static inline int way_open_set(struct way_state *state, struct sm_error *err)
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

static inline int way_open_rings(struct way_state *state, struct sm_error *err)
{
	for (; state->rings < 2; state->rings++) {
		int rc = uring_make(&state->ring[state->rings], 1, err);

		if (rc < 0)
			return rc;
	}
	return state->way == WAY_URING_MSG
		       ? uring_needs(&state->ring[0], URING_MSG_RING, "messages to another ring", "5.18", err)
		       : uring_needs(&state->ring[0], URING_FUTEX_WAIT, "operations on a futex", "6.7", err);
}

/* In the parent: makes what the way needs; `name` is the way's in errors.  0, or a negative errno: this system does not let
 * it.  way_close() in either case. */
static inline int way_open(enum way way, const char *name, struct way_shared *shared, struct way_state *state,
			   struct sm_error *err)
{
	sigset_t signals = way_signals();
	int rc = 0;

	state->way = way;
	state->fd[0] = state->fd[1] = state->epoll = state->set = -1;
	switch (way) {
	case WAY_EVENTFD: rc = state->fd[0] = state->fd[1] = eventfd(0, EFD_CLOEXEC); break;
	case WAY_EVENTFD_SPIN: rc = state->fd[0] = state->fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); break;
	case WAY_EVENTFD_EPOLL: rc = way_open_epoll(state); break;
	case WAY_PIPE:
	case WAY_PIPE_POLL: rc = pipe(state->fd); break;
	case WAY_PIPE_SPIN: rc = pipe2(state->fd, O_NONBLOCK); break;
	case WAY_UNIX_SOCKET: rc = socketpair(AF_UNIX, SOCK_STREAM, 0, state->fd); break;
	case WAY_POSIX_SEM: rc = sem_init(&shared->semaphore, 1, 0); break;
	case WAY_SIGNALFD: rc = state->fd[0] = state->fd[1] = signalfd(-1, &signals, SFD_CLOEXEC); break;
	case WAY_COND: return cond_init(&shared->mutex, &shared->cond, NULL, err);
	case WAY_SYSV_SEM: return way_open_set(state, err);
	case WAY_URING_MSG:
	case WAY_URING_FUTEX: return way_open_rings(state, err);
	default: break;
	}
	return rc < 0 ? sm_fail(err, errno, "%s cannot be had: %s", name, strerror(errno)) : 0;
}

static inline void way_close(struct way_state *state)
{
	if (state->fd[0] >= 0)
		close(state->fd[0]);
	if (state->fd[1] >= 0 && state->fd[1] != state->fd[0])
		close(state->fd[1]);
	if (state->epoll >= 0)
		close(state->epoll);
	if (state->set >= 0)
		semctl(state->set, 0, IPC_RMID);
	if (state->key[0])
		sm_guard_forget('e', state->key);
	while (state->rings > 0)
		uring_close(&state->ring[--state->rings]);
}

/* Uses up what nobody else wants of this PU, so that it never becomes idle. */
static inline int way_stay_awake(void *argument)
{
	while (!argument)
		sm_relax();
	return 0;
}

/* In the sleeper, once.  0, or a negative errno. */
static inline int way_begin(struct way_shared *shared, struct way_state *state, struct sm_error *err)
{
	struct sched_param none = { 0 };
	sigset_t signals = way_signals();

	if (state->way == WAY_ADAPTIVE)
		state->turns = sm_spin_turns(WAY_ADAPTIVE_NS);
	/* SCHED_IDLE: whoever else can run on this PU takes it at once. */
	if (state->way == WAY_FUTEX_AWAKE && ((state->awake = child_start(way_stay_awake, NULL)) < 0 ||
					      sched_setscheduler(state->awake, SCHED_IDLE, &none) < 0))
		return sm_fail(err, errno, "no process can keep the PU awake: %s", strerror(errno));
	/* Blocked, so that the signal is only taken by the call that waits for it. */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	atomic_store_explicit(&shared->sleeper, getpid(), memory_order_release);
	return 0;
}

/* In the sleeper: false where its PU was to be kept awake and no longer is. */
static inline bool way_goes_on(const struct way_state *state)
{
	return state->awake <= 0 || !child_has_ended(state->awake);
}

/* Waits for the word by spinning. */
static inline bool way_spin(const _Atomic uint32_t *word, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 0; !atomic_load_explicit(word, memory_order_acquire);)
		if (!sm_spin(&turns, abort))
			return false;
	return true;
}

/* Spins for a while; sleeps afterwards, and says so in the word. */
static inline bool way_adapt(_Atomic uint32_t *word, unsigned spin_turns, const _Atomic uint32_t *abort)
{
	uint32_t none = 0;

	for (unsigned turns = 0; turns < spin_turns; turns++) {
		if (atomic_load_explicit(word, memory_order_acquire))
			return true;
		sm_relax();
	}
	if (!atomic_compare_exchange_strong_explicit(word, &none, WAY_ASLEEP, memory_order_acquire,
						     memory_order_acquire))
		return true;
	while (atomic_load_explicit(word, memory_order_acquire) == WAY_ASLEEP) {
		if (atomic_load_explicit(abort, memory_order_relaxed))
			return false;
		futex_sleep(word, WAY_ASLEEP);
	}
	return true;
}

/* Sleeps until the word is set, by the call of the way. */
static inline bool way_sleep_on_word(struct way_shared *shared, struct way_state *state, const _Atomic uint32_t *abort)
{
	while (!atomic_load_explicit(&shared->word, memory_order_acquire)) {
		if (atomic_load_explicit(abort, memory_order_relaxed))
			return false;
		if (state->way == WAY_FUTEX_WAITV)
			futex_sleep_either(&shared->word, &shared->never);
		else if (state->way == WAY_URING_FUTEX) {
			if (!uring_futex_sleep(&state->ring[0], &shared->word, 0))
				return false;
		} else
			futex_sleep(&shared->word, 0);
	}
	return true;
}

/* Repeats the call until there is something to read. */
static inline bool way_read_polled(int fd, size_t bytes, const _Atomic uint32_t *abort)
{
	uint64_t taken;

	for (unsigned turns = 0; read(fd, &taken, bytes) < 0;)
		if ((errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, abort))
			return false;
	return true;
}

/* Sleeps until the descriptor can be read, and reads.  Begun anew with EINTR, which epoll_wait() also says where this process
 * was stopped and continued (signal(7)). */
static inline bool way_read(const struct way_state *state, size_t bytes)
{
	struct pollfd polled = { .fd = state->fd[0], .events = POLLIN };
	struct epoll_event event;
	char taken[sizeof(struct signalfd_siginfo)];
	ssize_t got;
	int ready;

	do
		ready = state->way == WAY_EVENTFD_EPOLL ? epoll_wait(state->epoll, &event, 1, -1)
			: state->way == WAY_PIPE_POLL   ? poll(&polled, 1, -1)
							: 1;
	while (ready < 0 && errno == EINTR);
	if (ready != 1)
		return false;
	do
		got = read(state->fd[0], taken, bytes);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)bytes;
}

static inline bool way_await_signal(void)
{
	sigset_t signals = way_signals();

	while (sigwaitinfo(&signals, NULL) < 0)
		if (errno != EINTR) /* as it says where this process was stopped and continued */
			return false;
	return true;
}

static inline bool way_await_cond(struct way_shared *shared)
{
	pthread_mutex_lock(&shared->mutex);
	while (!shared->flag)
		pthread_cond_wait(&shared->cond, &shared->mutex);
	shared->flag = false;
	pthread_mutex_unlock(&shared->mutex);
	return true;
}

/* In the sleeper: returns when it has been woken; false: `abort`, or a call failed. */
static inline bool way_sleep(struct way_shared *shared, struct way_state *state, const _Atomic uint32_t *abort)
{
	bool woken = false;

	switch (state->way) {
	case WAY_SPIN:
	case WAY_SPIN_COPY: woken = way_spin(&shared->word, abort); break;
	case WAY_ADAPTIVE: woken = way_adapt(&shared->word, state->turns, abort); break;
	case WAY_FUTEX:
	case WAY_FUTEX_AWAKE:
	case WAY_FUTEX_WAITV:
	case WAY_URING_FUTEX: woken = way_sleep_on_word(shared, state, abort); break;
	case WAY_EVENTFD:
	case WAY_EVENTFD_EPOLL: return way_read(state, sizeof(uint64_t));
	case WAY_PIPE:
	case WAY_PIPE_POLL:
	case WAY_UNIX_SOCKET: return way_read(state, 1);
	case WAY_SIGNALFD: return way_read(state, sizeof(struct signalfd_siginfo));
	case WAY_EVENTFD_SPIN: return way_read_polled(state->fd[0], sizeof(uint64_t), abort);
	case WAY_PIPE_SPIN: return way_read_polled(state->fd[0], 1, abort);
	case WAY_POSIX_SEM: return sem_wait(&shared->semaphore) == 0;
	case WAY_SYSV_SEM: return sysv_change(state->set, 0, -1, 0, NULL);
	case WAY_COND: return way_await_cond(shared);
	case WAY_SIGNAL: return way_await_signal();
	case WAY_URING_MSG: return uring_take(&state->ring[0]) == URING_TOLD;
	}
	/* What waited for the word takes it. */
	atomic_store_explicit(&shared->word, 0, memory_order_relaxed);
	if (state->way == WAY_SPIN_COPY)
		memcpy(state->message, shared->message, WAY_MESSAGE_BYTES);
	return woken;
}

/* In the waker: wakes the sleeper.  False: a call failed. */
static inline bool way_wake(struct way_shared *shared, struct way_state *state)
{
	uint64_t one = 1;

	switch (state->way) {
	case WAY_SPIN_COPY: memcpy(shared->message, state->message, WAY_MESSAGE_BYTES); /* fall through */
	case WAY_SPIN: atomic_store_explicit(&shared->word, 1, memory_order_release); return true;
	case WAY_ADAPTIVE:
		if (atomic_exchange_explicit(&shared->word, 1, memory_order_acq_rel) == WAY_ASLEEP)
			futex_wake_one(&shared->word);
		return true;
	case WAY_FUTEX:
	case WAY_FUTEX_AWAKE:
	case WAY_FUTEX_WAITV:
		atomic_store_explicit(&shared->word, 1, memory_order_release);
		futex_wake_one(&shared->word);
		return true;
	case WAY_URING_FUTEX:
		atomic_store_explicit(&shared->word, 1, memory_order_release);
		return uring_futex_wake_one(&state->ring[1], &shared->word);
	case WAY_URING_MSG: return uring_tell(&state->ring[1], &state->ring[0]);
	case WAY_EVENTFD:
	case WAY_EVENTFD_EPOLL:
	case WAY_EVENTFD_SPIN: return write(state->fd[1], &one, sizeof(one)) == sizeof(one);
	case WAY_PIPE:
	case WAY_PIPE_POLL:
	case WAY_PIPE_SPIN:
	case WAY_UNIX_SOCKET: return write(state->fd[1], &one, 1) == 1;
	case WAY_POSIX_SEM: return sem_post(&shared->semaphore) == 0;
	case WAY_SYSV_SEM: return sysv_change(state->set, 0, 1, 0, NULL);
	case WAY_COND:
		pthread_mutex_lock(&shared->mutex);
		shared->flag = true;
		pthread_cond_signal(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
		return true;
	case WAY_SIGNAL:
	case WAY_SIGNALFD: return kill(atomic_load_explicit(&shared->sleeper, memory_order_relaxed), SIGUSR1) == 0;
	}
	return false;
}

#endif
