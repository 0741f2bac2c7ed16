/* Question: can more be shared than memory and swap hold?
 * Method:   a shared mapping of twice memory and swap is made, its first and its last page are written and read, and it
 *           is removed; an operation is one such mapping.  `addresses` instead maps 16 MiB at a time with MAP_32BIT,
 *           which takes addresses from a window in the first 2 GiB alone, until none is left there.
 * Not shown: all of the 4 GiB that 32 bits address: Linux has 1 GiB of them in that window; what happens when all of it is touched: the kernel kills a process, or a cgroup's limit does (full_backing
 *           shows a file system's).
 * Cost of the loop: the system calls, two page faults. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../subject/names.h"
#include "shmeter/scenario.h"
#include "shmeter/text.h"

enum { ANON, NORESERVE, MEMFD, SPARSE_FILE, ADDRESSES };
enum { TALLY_TRIES, TALLY_MAPPED, TALLY_PIECES };
#define PIECE  ((size_t)16 << 20)
#define PIECES 1024 /* more than 32 bits can address: a window that is none is seen */
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

struct state {
	size_t bytes;
	int fd; /* -1: none */
};

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (sm_case_variant(c)->arg == ADDRESSES && MAP_32BIT == 0)
		return sm_fail(why, ENOTSUP,
			       "only x86 has MAP_32BIT, which keeps mappings in the first 2 GiB of addresses");
	return 0;
}

/* Memory and swap together; 0: not known. */
static size_t memory_and_swap(void)
{
	static char text[16384];
	char memory[32], swap[32] = "0";

	if (sm_read_file("/proc/meminfo", text, sizeof(text)) < 0 ||
	    !sm_find_field(text, "MemTotal", memory, sizeof(memory)))
		return 0;
	sm_find_field(text, "SwapTotal", swap, sizeof(swap));
	return (strtoull(memory, NULL, 10) + strtoull(swap, NULL, 10)) * 1024;
}

/* A file without a name, so that nothing can be left behind. */
static int open_sparse(const char *folder, struct sm_error *err)
{
	char prefix[4096], name[4200] = "";
	int rc, fd;

	snprintf(prefix, sizeof(prefix), "%s/", folder);
	rc = name_announce('f', prefix, name, sizeof(name), err);
	if (rc < 0)
		return rc;
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? sm_fail(err, errno, "%s cannot be made: %s", name, strerror(errno)) : 0;
	unlink(name);
	sm_guard_forget('f', name);
	return rc < 0 ? rc : fd;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	uint64_t way = sm_case_variant(trial->c)->arg;
	struct state *state = trial->state;

	state->fd = -1;
	state->bytes = 2 * memory_and_swap();
	if (state->bytes == 0)
		return sm_fail(err, ENOTSUP, "/proc/meminfo does not say how much memory there is");
	if (way == SPARSE_FILE) {
		int fd = open_sparse(trial->file_folder, err);

		if (fd < 0)
			return fd;
		state->fd = fd;
	} else if (way == MEMFD) {
		state->fd = memfd_create("shmeter", MFD_CLOEXEC);
	}
	if ((way == SPARSE_FILE || way == MEMFD) && (state->fd < 0 || ftruncate(state->fd, (off_t)state->bytes) < 0))
		return sm_fail(err, ENOTSUP, "an object of %zu bytes cannot be made: %s; see ulimit -f", state->bytes,
			       strerror(errno));
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->fd >= 0)
		close(state->fd);
}

static bool map_whole(const struct state *state, uint64_t way)
{
	int flags = MAP_SHARED | (way == NORESERVE ? MAP_NORESERVE : 0) | (state->fd < 0 ? MAP_ANONYMOUS : 0);
	char *memory = mmap(NULL, state->bytes, PROT_READ | PROT_WRITE, flags, state->fd, 0);
	volatile char *last = memory + state->bytes - 1;
	bool good;

	if (memory == MAP_FAILED)
		return false;
	*(volatile char *)memory = 1;
	*last = 2;
	good = *(volatile char *)memory == 1 && *last == 2;
	munmap(memory, state->bytes);
	return good;
}

/* Returns how many pieces were mapped. */
static unsigned map_addresses(void)
{
	static void *piece[PIECES];
	unsigned count = 0;

	while (count < PIECES) {
		void *at = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);

		if (at == MAP_FAILED)
			break;
		piece[count++] = at;
	}
	for (unsigned i = 0; i < count; i++)
		munmap(piece[i], PIECE);
	return count;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, way = sm_case_variant(worker->c)->arg, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		if (way == ADDRESSES)
			tally[TALLY_PIECES] += map_addresses();
		else
			tally[TALLY_MAPPED] += map_whole(worker->state, way);
		tally[TALLY_TRIES]++;
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
	const struct state *state = trial->state;
	const struct sm_outcome *o = trial->outcome[0];
	bool addresses = sm_case_variant(trial->c)->arg == ADDRESSES;
	char mode[32];

	value[0] = addresses ? (double)NAN : (double)o->tally[TALLY_MAPPED] / (double)o->ops;
	value[1] = addresses ? (double)o->tally[TALLY_PIECES] / (double)o->ops * (double)PIECE : (double)state->bytes;
	value[2] = sm_read_file("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)) < 0 ? (double)NAN
											  : strtod(mode, NULL);
}

static const struct sm_variant variants[] = {
	{ .name = "anon", .summary = "anonymous memory", .arg = ANON },
	{ .name = "anon_noreserve", .summary = "the same with MAP_NORESERVE", .arg = NORESERVE },
	{ .name = "memfd", .summary = "a memfd, sparse", .arg = MEMFD },
	{ .name = "file", .summary = "a file, sparse", .arg = SPARSE_FILE },
	{ .name = "addresses",
	  .summary = "as much as MAP_32BIT gives, in the first 2 GiB of addresses",
	  .arg = ADDRESSES },
	{ 0 },
};

#define MAPPED(id_, variant, what)                                                                                     \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = what " of twice memory and swap is mapped and used: only what is touched needs memory",        \
		.source = "mmap(2), proc(5): overcommit_memory", SM_METRIC(variant, "mapped", .min = 1, .max = 1)      \
	}
static const struct sm_claim claims[] = {
	{ .id = "K32",
	  .text = "An anonymous shared mapping of twice memory and swap is refused",
	  .source = "proc(5): overcommit_memory",
	  SM_METRIC("anon", "mapped", .max = 0),
	  .control = "K32.noreserve",
	  .caveat = "vm.overcommit_memory decides: 0 refuses an obvious overcommit, 1 none, 2 all" },
	MAPPED("K32.noreserve", "anon_noreserve", "With MAP_NORESERVE one"),
	MAPPED("K32.memfd", "memfd", "A memfd"),
	MAPPED("K32.file", "file", "A file"),
	{ .id = "K32.addresses",
	  .text = "Where a mapping must be in the first 2 GiB of addresses (MAP_32BIT), at most 2 GiB are mapped, however "
		  "much memory there is",
	  .source = "mmap(2): MAP_32BIT",
	  SM_METRIC("addresses", "bytes", .min = 1, .max = 2147483648.0),
	  .control = "K32.memfd",
	  .machine = SM_X86 },
	{ 0 },
};

const struct sm_scenario sm_scenario_overcommit = {
	.name = "overcommit",
	.family = "correctness",
	.question = "Can more be shared than memory and swap hold?",
	.summary = "Shared mappings of twice memory and swap, of which two pages are touched.",
	.why = "A mapping is a promise of addresses. The kernel counts what it promises only for anonymous memory without "
	       "MAP_NORESERVE, and refuses one promise that could never be kept; of a sparse file or memfd it counts what "
	       "is touched. The bill comes at the touch: a file system that is full raises SIGBUS, and when memory is gone "
	       "a process is killed. With 32 bits the addresses end long before: 4 GiB for all of a process.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per try", "ns/op" },
	.more = { { "mapped", "1" }, { "bytes", "B" }, { "vm.overcommit_memory", "1" } },
	.state_bytes = sizeof(struct state),
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
