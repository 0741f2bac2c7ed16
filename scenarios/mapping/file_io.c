/* Question: is mapped I/O faster than read() and write()?
 * Method:   one worker visits the blocks of a file in order or at random, and adds up all words of each block that it reads,
 *           or fills each block that it writes.  The variants differ in how a block gets from the file to the program: by a
 *           call that copies it into a buffer, by O_DIRECT past the page cache, by io_uring into registered buffers, or by
 *           looking at it where it is, in a mapping.  `cached`: the whole file is in the page cache, and a pass was made
 *           before; `uncached`: none of it is (it was written out and dropped, and mincore() looked).  An operation is a
 *           block.  Each sum is compared with the contents that the block should have; what was written is read back.
 *           Faults, CPU time and what came from the disk are counted over the same operations; system calls in a child that
 *           makes as many again afterwards (system_calls.h), because counting them takes longer than most of them.
 * Not shown: the disk's own cache, and that of a virtual machine's host; when the data are safe (msync_cost).
 * Cost of the loop: the next block's number (3 ns), and the sum or the fill, 16 bytes a step.  The variants `bare_*`
 *           look at one word of each block; fio looks at none. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../subject/child.h"
#include "../subject/file_visit.h"
#include "../subject/system_calls.h"

#define WAY  0xffu
#define BARE 0x100u /* looks at one word of each block */
#define DEEP 0x200u /* asks for URING_DEPTH_MAX blocks at a time */
enum pattern { READ, RANDREAD, WRITE, RANDWRITE };
enum { CACHED, UNCACHED };
enum { PARAM_PATTERN, PARAM_CACHE, PARAM_BLOCK, PARAM_BYTES };
enum { TALLY_OPS, TALLY_WRONG, TALLY_MINOR, TALLY_MAJOR, TALLY_CPU_NS, TALLY_FROM_DISK, TALLY_CACHED };

/* What a trial visits.  Short, because a switch to another process spoils a trial: where the blocks are cached 0.1 to 1 ms;
 * where they are not, 20 ms of waiting for the disk, in order and at random. */
#define CACHED_BYTES    (2u << 20)
#define CACHED_BLOCKS   8
#define UNCACHED_BYTES  (16u << 20)
#define UNCACHED_BLOCKS 256
/* The unit of ru_inblock (getrusage(2), include/linux/task_io_accounting_ops.h). */
#define DISK_UNIT 512

struct state {
	int fd, direct;
	unsigned depth;
	char *map, *buffer; /* the whole file; `depth` blocks */
	struct io_uring ring;
	uint64_t at; /* number of the next operation */
};

static enum file_way way_of(const struct sm_case *c)
{
	return (enum file_way)(sm_case_variant(c)->arg & WAY);
}

static bool is_random(const struct sm_case *c)
{
	return c->param[PARAM_PATTERN] == RANDREAD || c->param[PARAM_PATTERN] == RANDWRITE;
}

static bool is_write(const struct sm_case *c)
{
	return c->param[PARAM_PATTERN] == WRITE || c->param[PARAM_PATTERN] == RANDWRITE;
}

static uint64_t blocks_of(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / c->param[PARAM_BLOCK];
}

/* Blocks in flight; a pass is a multiple of it. */
static unsigned depth_of(const struct sm_case *c)
{
	uint64_t blocks = blocks_of(c);

	if (!(sm_case_variant(c)->arg & DEEP))
		return 1;
	return blocks < URING_DEPTH_MAX ? (unsigned)blocks : URING_DEPTH_MAX;
}

static size_t own_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] + depth_of(c) * c->param[PARAM_BLOCK];
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_BLOCK];
}

static uint64_t fixed_ops(const struct sm_case *c)
{
	uint64_t block = c->param[PARAM_BLOCK], blocks = blocks_of(c), most = UNCACHED_BYTES / block;

	if (c->param[PARAM_CACHE] == CACHED)
		return CACHED_BYTES / block > CACHED_BLOCKS ? CACHED_BYTES / block : CACHED_BLOCKS;
	/* in order the kernel reads ahead, but not with O_DIRECT */
	if ((is_random(c) || way_of(c) == FILE_DIRECT) && most > UNCACHED_BLOCKS)
		most = UNCACHED_BLOCKS;
	return blocks < most ? blocks : most;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t block = c->param[PARAM_BLOCK], bytes = c->param[PARAM_BYTES], arg = sm_case_variant(c)->arg;

	if (block & (block - 1) || bytes & (bytes - 1) || bytes < block)
		return sm_fail(
			why, ENOTSUP,
			"a file of %lu bytes is no power of two of blocks of %lu bytes: choose powers of two with "
			"--set block and bytes",
			bytes, block);
	if (way_of(c) == FILE_DIRECT && c->param[PARAM_CACHE] == CACHED)
		return sm_fail(why, ENOTSUP,
			       "O_DIRECT goes past the page cache: nothing is cached; see cache=uncached");
	if (way_of(c) == FILE_MMAP_FRESH && c->param[PARAM_CACHE] == UNCACHED)
		return sm_fail(why, ENOTSUP,
			       "a file that is not cached is in no page table either: see the variant mmap");
	if (arg & BARE && is_write(c))
		return sm_fail(why, ENOTSUP, "a block that is written is always filled: see the variant without bare_");
#ifndef SHMETER_URING
	if (way_of(c) == FILE_URING)
		return sm_fail(why, ENOTSUP,
			       "this program was built without liburing: install liburing-dev, build again");
#endif
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_case *c = trial->c;
	struct state *state = trial->state;
	size_t bytes = c->param[PARAM_BYTES], buffers;
	bool uncached = c->param[PARAM_CACHE] == UNCACHED;
	int rc;

	state->fd = state->direct = -1;
	state->map = state->buffer = MAP_FAILED;
	state->depth = depth_of(c);
	buffers = state->depth * c->param[PARAM_BLOCK];
	rc = file_make(trial->file_folder, bytes, &state->fd, way_of(c) == FILE_DIRECT ? &state->direct : NULL, err);
	if (rc < 0)
		return rc;
	rc = file_write_all(state->fd, bytes, FILE_CHUNK, uncached, err);
	if (rc < 0)
		return rc;
	state->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
	state->buffer = mmap(NULL, buffers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state->map == MAP_FAILED || state->buffer == MAP_FAILED)
		return sm_fail(err, errno, "cannot map a file of %zu bytes and a buffer of %zu: %s%s", bytes, buffers,
			       strerror(errno), sm_refusal("mmap", errno));
	/* The worker makes its own; here, because a refusal is the machine's. */
	if (way_of(c) == FILE_URING) {
		rc = uring_open(&state->ring, state->depth, state->buffer, c->param[PARAM_BLOCK], err);
		if (rc < 0)
			return rc;
		uring_close(&state->ring);
	}
	return uncached ? file_drop(state->fd, state->map, bytes, err) : 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->map && state->map != MAP_FAILED)
		munmap(state->map, trial->c->param[PARAM_BYTES]);
	if (state->buffer && state->buffer != MAP_FAILED)
		munmap(state->buffer, state->depth * trial->c->param[PARAM_BLOCK]);
	if (state->direct >= 0)
		close(state->direct);
	if (state->fd >= 0)
		close(state->fd);
}

static struct file_visit visit_of(const struct sm_case *c, struct state *state)
{
	return (struct file_visit){ .fd = way_of(c) == FILE_DIRECT ? state->direct : state->fd,
				    .map = state->map,
				    .buffer = state->buffer,
				    .block = c->param[PARAM_BLOCK],
				    .blocks = blocks_of(c),
				    .words = c->param[PARAM_BLOCK] / 8,
				    .random = is_random(c),
				    .writes = is_write(c),
				    .bare = sm_case_variant(c)->arg & BARE,
				    .ring = &state->ring,
				    .depth = state->depth,
				    .at = state->at };
}

/* Visits `n` blocks by the way of the case. */
static uint64_t go(struct sm_worker *worker, uint64_t n)
{
	const struct sm_case *c = worker->c;
	struct state *state = worker->state;
	struct file_visit v = visit_of(c, state);
	uint64_t done;

	errno = 0;
	done = file_visit(way_of(c), &v, n);
	if (done < n)
		sm_worker_fail(worker, errno ? errno : EIO, "cannot %s a block of the file: %s",
			       is_write(c) ? "write" : "read", errno ? strerror(errno) : "it was cut");
	state->at = v.at;
	worker->outcome->tally[TALLY_WRONG] += v.wrong;
	return done;
}

/* Visits all of a cached file: it is in the page cache, and its pages are in the page table.  Then looks what is cached. */
static int warm_up(struct sm_worker *worker)
{
	const struct sm_case *c = worker->c;
	struct state *state = worker->state;
	int64_t cached;
	size_t pages;

	for (size_t i = 0; i < state->depth * c->param[PARAM_BLOCK]; i += 4096)
		state->buffer[i] = 0;
	if (way_of(c) == FILE_URING) {
		int rc = uring_open(&state->ring, state->depth, state->buffer, c->param[PARAM_BLOCK], &worker->error);

		if (rc < 0)
			return sm_worker_fail(worker, -rc, "%s", worker->error.text);
	}
	if (c->param[PARAM_CACHE] == CACHED)
		go(worker, blocks_of(c));
	cached = file_cached(state->map, c->param[PARAM_BYTES], &pages);
	worker->outcome->tally[TALLY_CACHED] = cached < 0 ? 0 : (uint64_t)cached;
	return worker->failed ? -EIO : 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, *tally = worker->outcome->tally, start, cpu;
	struct rusage before, after;

	if (n == 0) /* the rehearsal touches no block: it would be cached */
		return go(worker, 0);
	getrusage(RUSAGE_SELF, &before);
	cpu = sm_clock_cpu_ns();
	start = sm_clock_ns();
	n = go(worker, n);
	worker->time_ns += sm_clock_ns() - start;
	tally[TALLY_CPU_NS] += sm_clock_cpu_ns() - cpu;
	getrusage(RUSAGE_SELF, &after);
	tally[TALLY_OPS] += n;
	tally[TALLY_MINOR] += (uint64_t)(after.ru_minflt - before.ru_minflt);
	tally[TALLY_MAJOR] += (uint64_t)(after.ru_majflt - before.ru_majflt);
	tally[TALLY_FROM_DISK] += (uint64_t)(after.ru_inblock - before.ru_inblock) * DISK_UNIT;
	return n;
}

/* What a child finds out: shared with it. */
struct count {
	const struct sm_trial *trial;
	uint64_t n, calls;
};

/* In the child: the same loop again, its calls counted. */
static int count(void *argument)
{
	struct count *count = argument;
	const struct sm_case *c = count->trial->c;
	struct state *state = count->trial->state;
	struct file_visit v = visit_of(c, state);
	struct sm_error why = { 0 };
	uint64_t before, done;

	if (way_of(c) == FILE_URING && uring_open(&state->ring, state->depth, state->buffer, v.block, &why) < 0)
		return 1;
	if (system_calls_count() < 0)
		return 1;
	before = system_calls_counted;
	done = file_visit(way_of(c), &v, count->n);
	count->calls = system_calls_counted - before;
	return done != count->n;
}

/* Over as many operations as a slice has; not a number where nothing counts them. */
static double calls_per_op(const struct sm_trial *trial)
{
	struct count *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double per_op = (double)NAN;

	if (shared == MAP_FAILED)
		return per_op;
	*shared = (struct count){ .trial = trial, .n = fixed_ops(trial->c) };
	if (in_child(count, shared) == 0)
		per_op = (double)shared->calls / (double)shared->n;
	munmap(shared, sizeof(*shared));
	return per_op;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_case *c = trial->c;
	const struct state *state = trial->state;
	const struct sm_outcome *o = trial->outcome[0];
	size_t pages = c->param[PARAM_BYTES] / (size_t)sysconf(_SC_PAGESIZE);
	uint64_t cached = o->tally[TALLY_CACHED];
	int64_t after = 0;

	if (o->tally[TALLY_WRONG] || o->tally[TALLY_OPS] != o->ops)
		return sm_fail(err, EILSEQ, "%lu blocks had other contents, and %lu were visited in %lu operations",
			       o->tally[TALLY_WRONG], o->tally[TALLY_OPS], o->ops);
	if (cached != (c->param[PARAM_CACHE] == CACHED ? pages : 0))
		return sm_fail(err, EILSEQ, "%lu of the file's %zu pages were in the page cache (%s)", cached, pages,
			       c->param[PARAM_CACHE] == CACHED ? "the kernel took memory back" : "something read it");
	if (way_of(c) == FILE_DIRECT)
		after = file_cached(state->map, c->param[PARAM_BYTES], &pages);
	if (after)
		return sm_fail(err, EILSEQ,
			       "O_DIRECT left %ld of %zu pages in the page cache: the file system falls back to it",
			       (long)after, pages);
	if (!is_write(c))
		return 0;
	return file_verify(state->fd, c->param[PARAM_BYTES], c->param[PARAM_BLOCK], is_random(c),
			   o->ops + (c->param[PARAM_CACHE] == CACHED ? blocks_of(c) : 0), err);
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];
	double ops = (double)o->tally[TALLY_OPS], bytes = (double)trial->c->param[PARAM_BYTES];

	value[0] = calls_per_op(trial); /* after verify(): it may write to the file */
	value[1] = (double)o->tally[TALLY_MINOR] / ops;
	value[2] = (double)o->tally[TALLY_MAJOR] / ops;
	value[3] = (double)o->tally[TALLY_CPU_NS] / ops;
	value[4] = (double)o->tally[TALLY_FROM_DISK] / ops / (double)trial->c->param[PARAM_BLOCK];
	value[5] = (double)o->tally[TALLY_CACHED] * (double)sysconf(_SC_PAGESIZE) / bytes;
}

static const struct sm_variant variants[] = {
	{ .name = "pread", .summary = "pread() or pwrite() at an offset", .arg = FILE_PREAD },
	{ .name = "read", .summary = "lseek(), then read() or write()", .arg = FILE_LSEEK },
	{ .name = "direct", .summary = "pread() or pwrite() past the page cache (O_DIRECT)", .arg = FILE_DIRECT },
	{ .name = "uring", .summary = "io_uring with a registered buffer, one block at a time", .arg = FILE_URING },
	{ .name = "uring_16",
	  .summary = "io_uring with registered buffers, 16 blocks at a time",
	  .arg = FILE_URING | DEEP },
	{ .name = "mmap", .summary = "used where it is, in a mapping that stays", .arg = FILE_MMAP },
	{ .name = "mmap_fresh", .summary = "used where it is, in a new mapping for each pass", .arg = FILE_MMAP_FRESH },
	{ .name = "mmap_copy",
	  .summary = "copied from or to a mapping that stays",
	  .arg = FILE_MMAP_COPY,
	  .extra = true },
	{ .name = "bare_pread", .summary = "pread(), one word looked at", .arg = FILE_PREAD | BARE, .extra = true },
	{ .name = "bare_direct", .summary = "O_DIRECT, one word looked at", .arg = FILE_DIRECT | BARE, .extra = true },
	{ .name = "bare_uring", .summary = "io_uring, one word looked at", .arg = FILE_URING | BARE, .extra = true },
	{ .name = "bare_uring_16",
	  .summary = "io_uring, 16 at a time, one word of each looked at",
	  .arg = FILE_URING | DEEP | BARE,
	  .extra = true },
	{ .name = "bare_mmap",
	  .summary = "copied from a mapping, one word looked at",
	  .arg = FILE_MMAP_COPY | BARE,
	  .extra = true },
	{ 0 },
};

/* The belief, by pattern and state of the cache. */
#define FASTER(id_, variant, at_, words)                                                                               \
	{                                                                                                              \
		.id = id_, .text = "Mapped I/O is faster than pread(): " words,                                        \
		.source = "popular belief: a mapping saves the system call and the copy", .at = at_,                   \
		SM_RATIO("pread", variant, .min = 1)                                                                   \
	}
#define LESS_CPU(id_, variant, at_, words)                                                                             \
	{                                                                                                              \
		.id = id_, .text = words, .source = "popular belief: no call and no copy, so less work", .at = at_,    \
		SM_RATIO("pread", variant, .metric = "CPU time", .min = 1)                                             \
	}
static const struct sm_claim claims[] = {
	FASTER("M8", "mmap", "pattern=randread cache=cached block=4096",
	       "random blocks of 4096 bytes, cached and mapped before"),
	FASTER("M8.fresh", "mmap_fresh", "pattern=randread cache=cached block=4096",
	       "random blocks of 4096 bytes, cached, in a new mapping"),
	FASTER("M8.in_order", "mmap_fresh", "pattern=read cache=cached block=4096",
	       "blocks of 4096 bytes in order, cached, in a new mapping"),
	FASTER("M8.large", "mmap_fresh", "pattern=read cache=cached block=1048576",
	       "blocks of 1 MiB in order, cached, in a new mapping"),
	FASTER("M8.uncached", "mmap", "pattern=randread cache=uncached block=4096 bytes>=33554432",
	       "random blocks of 4096 bytes that are not cached"),
	FASTER("M8.uncached_in_order", "mmap", "pattern=read cache=uncached block=4096",
	       "blocks of 4096 bytes in order that are not cached"),
	FASTER("M8.write", "mmap", "pattern=randwrite cache=cached block=4096",
	       "random blocks of 4096 bytes that are written, cached and mapped before"),
	{ .id = "M9",
	  .text = "Reading through a mapping takes no system call",
	  .source = "textbooks: after mmap() a file is memory",
	  .at = "pattern=randread",
	  SM_METRIC("mmap", "system calls", .max = 0),
	  .control = "M9.pread",
	  .needs = "a kernel that takes a seccomp filter" },
	{ .id = "M9.pread",
	  .text = "pread() takes one system call a block, whatever its size",
	  .source = "pread(2)",
	  SM_METRIC("pread", "system calls", .min = 1, .max = 1),
	  .needs = "a kernel that takes a seccomp filter" },
	{ .id = "M9.faults",
	  .text = "Each page of a mapped file that is read for the first time takes a page fault of its own",
	  .source = "textbooks on demand paging",
	  .at = "pattern=read cache=cached block=4096",
	  SM_METRIC("mmap_fresh", "minor faults", .min = 1, .max = 2),
	  .caveat = "a read fault also maps what is cached around it" },
	{ .id = "M9.around",
	  .text = "A read fault also maps the cached pages around it: in order there is at most one fault in 64 KiB",
	  .source = "mm/memory.c: do_fault_around(); fault_around_bytes is 64 KiB by default",
	  .at = "pattern=read cache=cached block=4096",
	  SM_METRIC("mmap_fresh", "minor faults", .max = 1.0 / 16 + 0.001),
	  .caveat = "newer kernels map all of a large folio, which is more" },
	{ .id = "M9.write",
	  .text = "A store to a block that is not cached reads it from the disk first; pwrite() of all of it does not",
	  .source = "the kernel cannot know that all of the page will be written",
	  .at = "pattern=randwrite cache=uncached",
	  SM_METRIC("mmap", "from the disk", .min = 0.9, .max = 1e18),
	  .control = "M9.pwrite",
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M9.pwrite",
	  .text = "pwrite() of whole pages that are not cached reads nothing from the disk",
	  .source = "mm/filemap.c: a page that is overwritten need not be read",
	  .at = "pattern=randwrite cache=uncached",
	  SM_METRIC("pread", "from the disk", .max = 0.1),
	  .needs = "a file system that is not in memory (--file-folder)" },
	LESS_CPU("M10", "mmap", "pattern=randread cache=cached block=4096",
		 "Mapped I/O takes less CPU time than pread(): random blocks of 4096 bytes, cached and mapped before"),
	LESS_CPU("M10.uncached", "mmap", "pattern=read cache=uncached block=4096",
		 "Mapped I/O takes less CPU time than pread(): blocks of 4096 bytes in order that are not cached"),
	LESS_CPU("M10.direct", "direct", "pattern=randread cache=uncached block=4096",
		 "O_DIRECT takes less CPU time than pread() for what is not cached: random blocks of 4096 bytes"),
	{ .id = "M11",
	  .text = "io_uring is faster than pread(): one cached block of 4096 bytes at a time",
	  .source = "popular belief: io_uring is the fast interface",
	  .at = "pattern=randread cache=cached block=4096",
	  SM_RATIO("pread", "uring", .min = 1),
	  .needs = "io_uring, which sysctl kernel.io_uring_disabled or a container's filter may refuse" },
	{ .id = "M11.deep",
	  .text = "Asking for 16 uncached blocks at a time is at least twice as fast as one after the other",
	  .source = "io_uring(7): requests are carried out beside each other",
	  .at = "pattern=randread cache=uncached block=4096",
	  SM_RATIO("pread", "uring_16", .min = 2),
	  .needs = "io_uring, which sysctl kernel.io_uring_disabled or a container's filter may refuse" },
	{ 0 },
};

static const char *const patterns[] = { "read", "randread", "write", "randwrite", NULL };
static const char *const caches[] = { "cached", "uncached", NULL };

const struct sm_scenario sm_scenario_file_io = {
	.name = "file_io",
	.family = "mapping",
	.question = "Is mapped I/O faster than read() and write()?",
	.summary = "The blocks of a file are read or written in seven ways, cached and not.",
	.why = "A call copies the block and costs the entry into the kernel; a mapping costs a page fault "
	       "where the page is not in the page table yet. A fault on a cached file maps what is cached "
	       "around it, so in order there are few. Where the file is not cached the disk decides: a call "
	       "says how much it wants, a fault does not, so the kernel reads around it (the metric \"from "
	       "the disk\" is what was read for each byte used), and only io_uring can ask for several "
	       "blocks at once.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "pattern",
		      .unit = "1",
		      .summary = "in order or at random, as fio names it",
		      .labels = patterns,
		      .quick = SM_VALUES(READ, RANDREAD),
		      .standard = SM_VALUES(READ, RANDREAD, RANDWRITE),
		      .full = SM_VALUES(READ, RANDREAD, WRITE, RANDWRITE) },
		    { .name = "cache",
		      .unit = "1",
		      .summary = "whether the file is in the page cache",
		      .labels = caches,
		      .quick = SM_VALUES(CACHED, UNCACHED) },
		    { .name = "block",
		      .unit = "B",
		      .summary = "bytes that are read or written at a time",
		      .quick = SM_VALUES(4096),
		      .full = SM_VALUES(4096, 64 << 10, 1 << 20),
		      .min = 4096,
		      .max = 1 << 20 },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the file",
		      .quick = SM_VALUES(16 << 20),
		      .standard = SM_VALUES(32 << 20),
		      .full = SM_VALUES(64 << 20, 1 << 30),
		      .min = 4096,
		      .max = 1ull << 40 } },
	.workers = 1,
	.metric = { "time per block", "ns/op" },
	.more = { { "system calls", "1/op" },
		  { "minor faults", "1/op" },
		  { "major faults", "1/op" },
		  { "CPU time", "ns/op" },
		  { "from the disk", "B/B" },
		  { "cached before", "1" } },
	.memory = { .backing = SM_FILE },
	.subject = SM_COLD,
	.self_timed = true,
	.state_bytes = sizeof(struct state),
	.own_bytes = own_bytes,
	.bytes_per_op = bytes_per_op,
	.fixed_ops = fixed_ops,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
