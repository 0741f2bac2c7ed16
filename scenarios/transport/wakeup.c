/* Question: how long does it take to wake a sleeping process?
 * Method:   the sleeper announces that it is about to wait, and waits.  The waker gives it time to fall asleep,
 *           reads the clock, wakes it, and reads the clock again.  The sleeper reads the clock first of all when it
 *           is back.  The latency is the time between the waker's first reading and the sleeper's; the cost of the
 *           waker's call and the sleeper's CPU time, of whole slices, are reported separately.
 * Not shown: several sleepers; a sleeper that slept longer than the parameter `asleep`.
 * Cost of the loop: three readings of the clock per operation.  Before the first of them a message is written, which
 *           only spin_copy copies; it is checked after the last one.  Handing over the clock readings takes a line
 *           transfer or a yield outside the timed part. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdalign.h>
#include <time.h>

#include "../subject/message.h"
#include "../subject/ways.h"
#include "shmeter/scenario.h"

enum { PARAM_ASLEEP };
enum { TALLY_WAKES, TALLY_LATE, TALLY_CALL_NS, TALLY_WRONG, TALLY_CPU_NS };

#define CPU_TIME "sleeper's CPU time"

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint64_t ready; /* written by the sleeper: number of the wait that it begins */
	alignas(SM_LINE_PAIR) _Atomic uint64_t woken; /* written by the sleeper: number of the wait that it finished */
	uint64_t woken_ns;                            /* written before `woken` */
	struct way_shared way;
};

struct state {
	struct way_state way;
	uint64_t number;
};

static enum way way_of(const struct sm_case *c)
{
	return (enum way)sm_case_variant(c)->arg;
}

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	enum way way = way_of(c);

	if (way_spins(way) && c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "a spinning process on the waker's own PU would only wait for the "
			       "scheduler");
	if (way == WAY_FUTEX_AWAKE && c->shared_pu)
		return sm_fail(why, ENOTSUP, "the PU is the waker's, too, and so is awake when it wakes: see futex");
	if (way == WAY_FUTEX_WAITV && !futex_has_waitv())
		return sm_fail(why, ENOTSUP,
			       "this system has no futex_waitv(): Linux 5.16 has, and a container's filter must allow "
			       "it");
#ifndef SHMETER_URING
	if (way_is_uring(way))
		return sm_fail(why, ENOTSUP,
			       "this program was built without liburing: install liburing-dev, build again");
#endif
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;

	return way_open(way_of(trial->c), sm_case_variant(trial->c)->name, &shared->way, &state->way, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	way_close(&state->way);
}

static int warm_up(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	struct sm_error err;

	if (worker->index == 0 || way_begin(&shared->way, &state->way, &err) == 0)
		return 0;
	return sm_worker_fail(worker, EAGAIN, "%s", err.text);
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

static uint64_t own_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* `done`, after a call that failed; with abort nothing did. */
static uint64_t given_up(struct sm_worker *worker, uint64_t done, const char *what)
{
	if (!atomic_load_explicit(worker->abort, memory_order_relaxed))
		sm_worker_fail(worker, errno, "%s cannot %s: %s", sm_case_variant(worker->c)->name, what,
			       strerror(errno));
	return done;
}

static uint64_t sleep_and_tell(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	bool copies = way_of(worker->c) == WAY_SPIN_COPY;
	uint64_t n = worker->op_count, cpu_ns = own_cpu_ns();

	for (uint64_t i = 0; i < n; i++) {
		atomic_store_explicit(&shared->ready, ++state->number, memory_order_release);
		if (!way_sleep(&shared->way, &state->way, worker->abort))
			return given_up(worker, i, "wait");
		shared->woken_ns = sm_clock_ns();
		/* release: the stamp; pairs with the acquire in await(). */
		atomic_store_explicit(&shared->woken, state->number, memory_order_release);
		worker->outcome->tally[TALLY_WAKES]++;
		if (copies)
			worker->outcome->tally[TALLY_WRONG] +=
				message_check(state->way.message, WAY_MESSAGE_BYTES, state->number) != 0;
	}
	worker->outcome->tally[TALLY_CPU_NS] += own_cpu_ns() - cpu_ns;
	if (!way_goes_on(&state->way))
		sm_worker_fail(worker, ECHILD, "the process that kept the sleeper's PU awake has ended");
	return n;
}

static uint64_t wake_and_time(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, before, after;

	for (uint64_t i = 0; i < n; i++) {
		if (!await(worker, &shared->ready, ++state->number) || !let_sleep(worker))
			return i;
		message_write(state->way.message, WAY_MESSAGE_BYTES, state->number);
		before = sm_clock_ns();
		if (!way_wake(&shared->way, &state->way))
			return given_up(worker, i, "wake");
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

static double per_wake(const struct sm_outcome *outcome, unsigned tally)
{
	return outcome->tally[TALLY_WAKES] ? (double)outcome->tally[tally] / (double)outcome->tally[TALLY_WAKES]
					   : (double)NAN;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = per_wake(trial->outcome[0], TALLY_CALL_NS);
	/* that of the process which keeps the PU awake is not in it */
	value[1] = way_of(trial->c) == WAY_FUTEX_AWAKE ? (double)NAN : per_wake(trial->outcome[1], TALLY_CPU_NS);
}

static const struct sm_variant variants[] = {
	{ .name = "spin", .summary = "no sleep: the peer spins on a line", .arg = WAY_SPIN },
	{ .name = "spin_copy",
	  .summary = "no sleep: 64 bytes copied in, seen on a line, and copied out",
	  .arg = WAY_SPIN_COPY },
	{ .name = "eventfd_spin",
	  .summary = "no sleep: the peer reads the event descriptor again and again",
	  .arg = WAY_EVENTFD_SPIN },
	{ .name = "pipe_spin", .summary = "no sleep: the peer reads the pipe again and again", .arg = WAY_PIPE_SPIN },
	{ .name = "adaptive", .summary = "the peer spins for 100 us, then sleeps on a futex", .arg = WAY_ADAPTIVE },
	{ .name = "futex", .summary = "a futex in shared memory", .arg = WAY_FUTEX },
	{ .name = "futex_waitv", .summary = "one of two futexes that are waited for", .arg = WAY_FUTEX_WAITV },
	{ .name = "futex_awake",
	  .summary = "a futex; a process of idle priority keeps the sleeper's PU busy",
	  .arg = WAY_FUTEX_AWAKE },
	{ .name = "eventfd", .summary = "an event descriptor", .arg = WAY_EVENTFD },
	{ .name = "eventfd_epoll", .summary = "an event descriptor in an epoll set", .arg = WAY_EVENTFD_EPOLL },
	{ .name = "pipe", .summary = "a byte through a pipe", .arg = WAY_PIPE },
	{ .name = "pipe_poll", .summary = "a byte through a pipe, in a poll loop", .arg = WAY_PIPE_POLL },
	{ .name = "unix_socket", .summary = "a byte through a Unix socket", .arg = WAY_UNIX_SOCKET },
	{ .name = "posix_sem", .summary = "a POSIX semaphore", .arg = WAY_POSIX_SEM },
	{ .name = "sysv_sem", .summary = "a System V semaphore", .arg = WAY_SYSV_SEM },
	{ .name = "cond", .summary = "a process-shared condition", .arg = WAY_COND },
	{ .name = "signal", .summary = "a signal that is waited for", .arg = WAY_SIGNAL },
	{ .name = "signalfd", .summary = "a signal that is read from a descriptor", .arg = WAY_SIGNALFD },
	{ .name = "uring_msg", .summary = "a message from one io_uring to another", .arg = WAY_URING_MSG },
	{ .name = "uring_futex", .summary = "a futex, waited for and woken through io_uring", .arg = WAY_URING_FUTEX },
	{ 0 },
};

/* A claim that another call changes little. */
#define WITHIN(id_, variant, other, words, needs_)                                                                     \
	{                                                                                                              \
		.id = id_, .text = words, .source = "most of a wake-up is the scheduler's work, whatever the call",    \
		SM_RATIO(variant, other, .max = 1.5), .needs = needs_                                                  \
	}
#define TWO_CORES "placement=near cores=different"
#define URING     "io_uring, which sysctl kernel.io_uring_disabled or a container's filter may refuse"

static const struct sm_claim claims[] = {
	{ .id = "T7",
	  .text = "Notification, not copying, dominates small messages: between two cores waking a sleeper "
		  "by a futex takes at least 5 times as long as copying 64 bytes in and out for a peer that spins",
	  .source = "popular belief; compare transport_latency's CPU time and size sweep",
	  SM_RATIO("futex", "spin_copy", .min = 5),
	  .at = TWO_CORES,
	  .needs = "two cores" },
	{ .id = "T7.pipe",
	  .text = "Waking by a byte through a pipe takes at most 1.5 times as long as by a futex",
	  .source = "popular belief turned round: most of it is the scheduler's work",
	  SM_RATIO("pipe", "futex", .max = 1.5) },
	WITHIN("T7.epoll", "eventfd_epoll", "eventfd",
	       "Waking by an event descriptor in an epoll set takes at most 1.5 times as long as by one that is read",
	       NULL),
	WITHIN("T7.poll", "pipe_poll", "pipe",
	       "Waking by a pipe in a poll loop takes at most 1.5 times as long as by one that is read", NULL),
	WITHIN("T7.waitv", "futex_waitv", "futex",
	       "Waking who waits for one of two futexes takes at most 1.5 times as long as who waits for one",
	       "futex_waitv(), Linux 5.16"),
	WITHIN("T7.signalfd", "signalfd", "signal",
	       "Waking by a signal that is read takes at most 1.5 times as long as by one that is waited for", NULL),
	WITHIN("T7.uring_msg", "uring_msg", "eventfd",
	       "Waking by a message to an io_uring takes at most 1.5 times as long as by an event descriptor", URING),
	WITHIN("T7.uring_futex", "uring_futex", "futex",
	       "Waking by a futex through io_uring takes at most 1.5 times as long as by the futex calls", URING),
	{ .id = "T32",
	  .text = "A waiter that spins for 100 us before it sleeps, and is woken after 50 us, is awake at least 5 times as "
		  "fast as one that sleeps",
	  .source = "adaptive mutexes: spin for as long as a sleep would cost, then sleep",
	  SM_RATIO("futex", "adaptive", .min = 5),
	  .at = "asleep=50 " TWO_CORES,
	  .needs = "two cores" },
	{ .id = "T32.busy",
	  .text = "Woken after 50 us, the adaptive waiter takes at most 1.5 times as long as one that only spins",
	  .source = "adaptive mutexes: what is short is waited for busily",
	  SM_RATIO("adaptive", "spin", .max = 1.5),
	  .at = "asleep=50 " TWO_CORES,
	  .needs = "two cores" },
	{ .id = "T32.late",
	  .text = "Woken after 1 ms, the adaptive waiter has gained nothing: it takes as long as one that sleeps, within a half",
	  .source = "adaptive mutexes: then the spinning was in vain",
	  SM_RATIO("adaptive", "futex", .min = 1 / 1.5, .max = 1.5),
	  .at = "asleep=1000 " TWO_CORES,
	  .needs = "two cores" },
	{ .id = "T32.cpu",
	  .text = "In a wait of 1 ms, the adaptive waiter takes at most a quarter of the CPU time of one that only spins",
	  .source = "adaptive mutexes: the loss is bounded by the time of the spinning",
	  SM_RATIO("adaptive", "spin", .max = 0.25, .metric = CPU_TIME),
	  .at = "asleep=1000 " TWO_CORES,
	  .needs = "two cores" },
	{ .id = "T33",
	  .text = "Most of a wake-up is the idle PU's: where something keeps the sleeper's PU awake, waking takes at most "
		  "half as long",
	  .source = "guides to low latency: idle=poll, and a guest's halt-polling",
	  SM_RATIO("futex", "futex_awake", .min = 2),
	  .at = TWO_CORES,
	  .needs = "two cores",
	  .caveat =
		  "an idle PU that the guest (guest_halt_poll_ns) or the host (kvm's halt_poll_ns) polls for that long is "
		  "awake, too" },
	{ 0 },
};

const struct sm_scenario sm_scenario_wakeup = {
	.name = "wakeup",
	.family = "transport",
	.question = "What does it take to wake a sleeping process?",
	.summary = "One process wakes another that waits, by every means there is.",
	.why = "To wake a process on another PU takes a system call, an interrupt to its core (or a "
	       "store, where an idle core watches for one), and a switch there: in a virtual machine, "
	       "exits to the host. How soon an idle PU is back is decided by halt-polling: a guest "
	       "(guest_halt_poll_ns) or its host (halt_poll_ns of kvm) spins for a while before the PU halts, and a "
	       "sleep that ends within that time ends sooner; a PU that is kept awake shows what is left. On one PU it "
	       "is a system call and a switch. A spinning waiter needs a line transfer, and its PU meanwhile: the "
	       "sleeper's CPU time tells. Whether a descriptor is read, polled, in an epoll set or behind an io_uring "
	       "adds a call or some bookkeeping, which is short beside the switch.",
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
	.more = { { "waker's cost", "ns" }, { CPU_TIME, "ns" } },
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
