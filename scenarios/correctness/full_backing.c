/* Question: what happens when a process touches shared memory for which the file system has no space?
 * Method:   a child mounts a tmpfs of 1 MiB that only it sees, creates an object of 2 MiB there and writes to every
 *           page. In another variant it reserves the space first.  In the third a pipe that nobody reads is filled.
 *           One such child is an operation.
 * Not shown: a full disk; overcommitted memory (there the kernel kills a process).
 * Cost of the loop: fork, unshare, mount, wait. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "../subject/child.h"
#include "shmeter/scenario.h"

enum { TOUCH, RESERVE, FILL_PIPE };
enum { TALLY_TRIES, TALLY_SIGBUS, TALLY_ENOSPC, TALLY_EAGAIN };
enum { FITTED = 0, GOT_ENOSPC = 10, GOT_SIGBUS = 11, NO_MOUNT = 12, GOT_EAGAIN = 13, NO_PIPE = 14 };
#define ROOM  "size=1m"
#define BYTES (2u << 20)

static void on_sigbus(int number)
{
	(void)number;
	_exit(GOT_SIGBUS);
}

static int fill(void *argument)
{
	bool reserve = *(const bool *)argument;
	volatile char *memory;
	int fd;

	/* Only this child sees the mount, and it disappears when the child ends. */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("shmeter", "/dev/shm", "tmpfs", 0, ROOM) < 0)
		return NO_MOUNT;
	fd = open("/dev/shm/full", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, BYTES) < 0)
		return NO_MOUNT;
	if (reserve && posix_fallocate(fd, 0, BYTES) == ENOSPC)
		return GOT_ENOSPC;
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED || signal(SIGBUS, on_sigbus) == SIG_ERR)
		return NO_MOUNT;
	for (size_t i = 0; i < BYTES; i += (size_t)sysconf(_SC_PAGESIZE))
		memory[i] = 1;
	return FITTED;
}

/* Writes pages into a pipe until it takes no more: its buffer has as many places. */
static int fill_pipe(void *argument)
{
	static const char page[4096];
	int end[2], taken = 0;

	(void)argument;
	if (pipe2(end, O_CLOEXEC | O_NONBLOCK) < 0)
		return NO_PIPE;
	while (write(end[1], page, sizeof(page)) == (ssize_t)sizeof(page))
		if ((taken += (int)sizeof(page)) > fcntl(end[1], F_GETPIPE_SZ))
			return FITTED; /* more than it holds */
	return errno == EAGAIN && taken > 0 ? GOT_EAGAIN : NO_PIPE;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	bool reserve = sm_case_variant(trial->c)->arg == RESERVE;

	if (sm_case_variant(trial->c)->arg != FILL_PIPE && in_child(fill, &reserve) == NO_MOUNT)
		return sm_fail(err, EPERM, "no file system can be mounted here: run as root (CAP_SYS_ADMIN)");
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, way = sm_case_variant(worker->c)->arg, *tally = worker->outcome->tally;
	bool reserve = way == RESERVE;

	for (uint64_t i = 0; i < n; i++) {
		int end = in_child(way == FILL_PIPE ? fill_pipe : fill, &reserve);

		if (end != FITTED && end != GOT_ENOSPC && end != GOT_SIGBUS && end != GOT_EAGAIN) {
			sm_worker_fail(worker, EPERM, "the child could not try (%d)", end);
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_SIGBUS] += end == GOT_SIGBUS;
		tally[TALLY_ENOSPC] += end == GOT_ENOSPC;
		tally[TALLY_EAGAIN] += end == GOT_EAGAIN;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_TRIES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu tries in %lu operations", sm_trial_tally(trial, TALLY_TRIES),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_SIGBUS] / (double)o->ops;
	value[1] = (double)o->tally[TALLY_ENOSPC] / (double)o->ops;
	value[2] = (double)o->tally[TALLY_EAGAIN] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "touch", .summary = "sized by ftruncate(), then written to", .arg = TOUCH },
	{ .name = "reserve", .summary = "reserved by posix_fallocate() first", .arg = RESERVE },
	{ .name = "pipe", .summary = "a pipe that nobody reads", .arg = FILL_PIPE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K11",
	  .text = "Touching shared memory beyond what its file system can hold raises SIGBUS",
	  .source = "mmap(2); shm_overview(7)",
	  SM_METRIC("touch", "SIGBUS", .min = 1, .max = 1),
	  .needs = "CAP_SYS_ADMIN" },
	{ .id = "K11.reserve",
	  .text = "Reserving it first says ENOSPC instead",
	  .source = "posix_fallocate(3)",
	  SM_METRIC("reserve", "ENOSPC", .min = 1, .max = 1),
	  .needs = "CAP_SYS_ADMIN" },
	{ .id = "K11.pipe",
	  .text = "A pipe takes no more than its buffer holds, and says EAGAIN",
	  .source = "pipe(7)",
	  SM_METRIC("pipe", "EAGAIN", .min = 1, .max = 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_full_backing = {
	.name = "full_backing",
	.family = "correctness",
	.question = "What happens when there is no room for shared memory that is touched?",
	.summary = "2 MiB in a file system of 1 MiB: touched, and reserved; a pipe that nobody reads.",
	.why = "mmap() and ftruncate() promise addresses, not memory: a page is found at the "
	       "first touch. Where the file system has none left, a store has no way to "
	       "return an error, so the kernel sends SIGBUS. fallocate() asks for all pages "
	       "beforehand, and can say ENOSPC. A pipe or queue is written by a call, which waits, or "
	       "says EAGAIN.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per try", "ns/op" },
	.more = { { "SIGBUS", "1" }, { "ENOSPC", "1" }, { "EAGAIN", "1" } },
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
