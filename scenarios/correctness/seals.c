/* Question: what do the seals of a memfd refuse?
 * Method:   each operation makes a memfd with a mapping that may write, sets one seal, and then tries to shrink the memfd, to
 *           grow it, to write() to it, to map it anew for writing, to store through the old mapping, and to set another seal.
 *           F_SEAL_WRITE is refused while the old mapping exists; it is set once that is gone.
 * Not shown: F_SEAL_EXEC; what a receiver has of it (handover).
 * Cost of the loop: making the memfd, the attempts. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../subject/tries.h"

enum { SHRINK, GROW, WRITE, MAP, OLD, SEAL, ANY };
/* In `arg`, instead of a seal: no seal; made without MFD_ALLOW_SEALING, so that none can be set. */
#define UNSEALED  0u
#define FORBIDDEN 0x10000u
#define PAGES     2
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3, include/uapi/linux/memfd.h */
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1, include/uapi/linux/fcntl.h */
#endif

/* Without MFD_EXEC a system with vm.memfd_noexec makes every memfd one that takes seals.  Linux before 6.3 does not know the
 * flag; with vm.memfd_noexec of 2 it is refused. */
static int open_memfd(int seal)
{
	unsigned flags = MFD_CLOEXEC | (seal == FORBIDDEN ? 0 : MFD_ALLOW_SEALING);
	int fd = memfd_create("shmeter", flags | MFD_EXEC);

	return fd < 0 && (errno == EINVAL || seal != FORBIDDEN) ? memfd_create("shmeter", flags) : fd;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	int seal = (int)sm_case_variant(trial->c)->arg, rc = 0, fd = open_memfd(seal);

	if (fd < 0 && seal == FORBIDDEN)
		return sm_fail(err, errno,
			       "no memfd can be made here that takes no seal (%s): with vm.memfd_noexec of 2 each "
			       "takes them",
			       strerror(errno));
	if (fd < 0 || (seal != UNSEALED && seal != FORBIDDEN && fcntl(fd, F_ADD_SEALS, seal) < 0))
		rc = sm_fail(err, errno, "this kernel has no such seal (%s): F_SEAL_FUTURE_WRITE needs Linux 5.1",
			     strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool can_map(int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory != MAP_FAILED && munmap(memory, bytes) == 0;
}

/* Whether what is stored through the mapping can be read from the memfd. */
static bool can_store(volatile char *memory, int fd)
{
	char read_back = 0;

	memory[1] = 'x';
	return pread(fd, &read_back, 1, 1) == 1 && read_back == 'x';
}

/* Sets the seal; returns whether it was refused because of the mapping, which it removes then. */
static bool set_seal(int fd, int seal, void *memory, size_t bytes, bool *set)
{
	bool busy = false;

	*set = seal == UNSEALED || seal == FORBIDDEN || fcntl(fd, F_ADD_SEALS, seal) == 0;
	if (!*set && errno == EBUSY) {
		busy = true;
		munmap(memory, bytes);
		*set = fcntl(fd, F_ADD_SEALS, seal) == 0;
	}
	return busy;
}

/* Tries everything with one memfd; false with errno where it could not. */
static bool try_all(int seal, bool refused[SEAL + 1])
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = PAGES * page;
	int fd = open_memfd(seal);
	char *memory = MAP_FAILED;
	bool busy, set;

	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return false;
	busy = set_seal(fd, seal, memory, bytes, &set);
	if (!set)
		return false;
	refused[OLD] = busy || !can_store(memory, fd);
	refused[WRITE] = pwrite(fd, "y", 1, 0) != 1;
	refused[MAP] = !can_map(fd, bytes);
	refused[GROW] = ftruncate(fd, (off_t)(bytes + page)) < 0;
	refused[SHRINK] = ftruncate(fd, (off_t)page) < 0;
	refused[SEAL] = fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0;
	if (!busy)
		munmap(memory, bytes);
	close(fd);
	return true;
}

static uint64_t run(struct sm_worker *worker)
{
	int seal = (int)sm_case_variant(worker->c)->arg;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		bool refused[SEAL + 1], any = false;

		if (!try_all(seal, refused)) {
			sm_worker_fail(worker, errno, "no sealed memfd: %s; see ulimit -n", strerror(errno));
			return i;
		}
		for (unsigned which = SHRINK; which <= SEAL; which++) {
			tally[TALLY_YES(which)] += refused[which];
			any |= refused[which];
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(ANY)] += any;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "unsealed", .summary = "no seal", .arg = UNSEALED },
	{ .name = "shrink", .summary = "F_SEAL_SHRINK", .arg = F_SEAL_SHRINK },
	{ .name = "grow", .summary = "F_SEAL_GROW", .arg = F_SEAL_GROW },
	{ .name = "write", .summary = "F_SEAL_WRITE", .arg = F_SEAL_WRITE },
	{ .name = "future_write", .summary = "F_SEAL_FUTURE_WRITE", .arg = F_SEAL_FUTURE_WRITE },
	{ .name = "seal", .summary = "F_SEAL_SEAL", .arg = F_SEAL_SEAL },
	{ .name = "forbidden", .summary = "made without MFD_ALLOW_SEALING", .arg = FORBIDDEN },
	{ 0 },
};

#define REFUSES(id_, variant, metric_, words)                                                                          \
	{                                                                                                              \
		.id = id_, .text = words, .source = "fcntl(2): file sealing",                                          \
		SM_METRIC(variant, metric_, .min = 1, .max = 1), .control = "K22.unsealed"                             \
	}
static const struct sm_claim claims[] = {
	REFUSES("K22", "write", "writable mapping refused", "F_SEAL_WRITE refuses to map the memfd for writing"),
	REFUSES("K22.write", "write", "write() refused", "F_SEAL_WRITE refuses write()"),
	REFUSES("K22.busy", "write", "old mapping refused",
		"F_SEAL_WRITE cannot be set while somebody has the memfd mapped for writing"),
	REFUSES("K22.shrink", "shrink", "shrinking refused", "F_SEAL_SHRINK refuses to shrink the memfd"),
	REFUSES("K22.grow", "grow", "growing refused", "F_SEAL_GROW refuses to grow the memfd"),
	REFUSES("K22.future", "future_write", "writable mapping refused",
		"F_SEAL_FUTURE_WRITE refuses new writable mappings"),
	REFUSES("K22.old", "future_write", "old mapping refused",
		"F_SEAL_FUTURE_WRITE also stops stores through a mapping from before"),
	REFUSES("K22.seal", "seal", "another seal refused", "F_SEAL_SEAL refuses further seals"),
	REFUSES("K22.forbidden", "forbidden", "another seal refused",
		"A memfd that was made without MFD_ALLOW_SEALING takes no seal"),
	{ .id = "K22.unsealed",
	  .text = "Without a seal nothing is refused",
	  .source = "memfd_create(2)",
	  SM_METRIC("unsealed", "anything refused", .max = 0) },
	{ 0 },
};

const struct sm_scenario sm_scenario_seals = {
	.name = "seals",
	.family = "correctness",
	.question = "What do the seals of a memfd refuse?",
	.summary = "A memfd is sealed, and everything tried that a seal may refuse.",
	.why = "A seal belongs to the object, not to a descriptor: once set it binds everybody, "
	       "its creator too, and nobody can take it off. So a receiver that looks at the "
	       "seals need not trust the sender. Stores are not checked, only mapping is: for "
	       "F_SEAL_WRITE no writable mapping may exist, while F_SEAL_FUTURE_WRITE lets its "
	       "creator go on writing through the one that it has.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per memfd", "ns/op" },
	.more = { { "shrinking refused", "1" },
		  { "growing refused", "1" },
		  { "write() refused", "1" },
		  { "writable mapping refused", "1" },
		  { "old mapping refused", "1" },
		  { "another seal refused", "1" },
		  { "anything refused", "1" } },
	.subject = SM_COLD,
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
};
