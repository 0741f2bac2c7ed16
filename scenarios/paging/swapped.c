/* Question: what becomes of shared memory when memory is short?
 * Method:   one worker writes to every page of a region, and the kernel takes its pages: because the process asks for it
 *           (MADV_PAGEOUT), or because another one needs all that the control group may have.  The worker counts which
 *           pages are still in memory (mincore) and what is in swap (smaps), reads every page back, and compares.  A page
 *           that was written to swap on a disk because the process asked may be in memory as well, until that is short.  Only
 *           reading back is timed; a file is read without read-ahead (MADV_RANDOM), swap with it (vm.page-cluster).  Variants do the same with memory that mlock() holds.
 * Not shown: huge pages: those of the pool are never swapped, transparent ones are split first.  Swap in compressed
 *           memory (zram, zswap) looks the same, and is faster.
 * Cost of the loop: a load and a comparison a page, besides the faults. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../subject/on_disk.h"
#include "../subject/pressure.h"

enum { PARAM_PRESSURE, PARAM_BYTES };
enum { TALLY_GONE, TALLY_SWAPPED, TALLY_MAJOR, TALLY_SAME };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	return pressure_supported((enum pressure)c->param[PARAM_PRESSURE], c->memory.backing != SM_FILE,
				  c->param[PARAM_BYTES], why);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	if (trial->c->memory.backing != SM_FILE)
		return 0;
	return on_disk(trial->file_folder, err);
}

static const char *const pressures[] = { "pageout", "limit", NULL };

static uint64_t mark(const struct sm_worker *worker, uint64_t i)
{
	return worker->seed + i * 2 + 1;
}

/* Writes to every page, lets the kernel take them, and counts what it took. */
static int lose(struct sm_worker *worker, uint64_t n, size_t step)
{
	enum pressure pressure = (enum pressure)worker->c->param[PARAM_PRESSURE];
	uint64_t *tally = worker->outcome->tally, *words = worker->region;
	struct sm_region_got got;
	struct sm_error err = { 0 };
	long left;
	int code;

	for (uint64_t i = 0; i < n; i++)
		words[i * step] = mark(worker, i);
	/* Who asks for it only gets rid of pages that are already written to the file. */
	if (pressure == PRESSURE_PAGEOUT && worker->c->memory.backing == SM_FILE &&
	    msync(words, worker->region_bytes, MS_SYNC) < 0)
		return sm_worker_fail(worker, errno, "cannot write out: %s", strerror(errno));
	code = press(pressure, words, worker->region_bytes, worker->c->memory.prefault == SM_MLOCK);
	left = pages_in_memory(words, worker->region_bytes);
	if (code || left < 0)
		return sm_worker_fail(worker, code ? code : errno, "memory cannot be made short: %s",
				      strerror(code ? code : errno));
	if (sm_region_inspect(worker->mapping, false, &got, &err) < 0 || got.unknown)
		return sm_worker_fail(worker, ENODATA, "what is in swap is not known: %s",
				      err.text[0] ? err.text : "/proc cannot be read");
	tally[TALLY_GONE] += n - (uint64_t)left;
	tally[TALLY_SWAPPED] += got.swapped_bytes / (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const volatile uint64_t *words = worker->region;
	uint64_t n = worker->op_count, start, same = 0;
	struct rusage before, after;

	if (n > 0 && lose(worker, n, step) < 0)
		return 0;
	if (worker->c->memory.backing == SM_FILE)
		madvise(worker->region, worker->region_bytes, MADV_RANDOM);
	getrusage(RUSAGE_SELF, &before);
	start = sm_clock_ns();
	for (uint64_t i = 0; i < n; i++)
		same += words[i * step] == mark(worker, i);
	worker->time_ns += sm_clock_ns() - start;
	getrusage(RUSAGE_SELF, &after);
	worker->outcome->tally[TALLY_MAJOR] += (uint64_t)(after.ru_majflt - before.ru_majflt);
	worker->outcome->tally[TALLY_SAME] += same;
	if (same < n)
		sm_worker_fail(worker, EILSEQ, "%lu of %lu pages came back with something else", n - same, n);
	return same;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t same = trial->outcome[0]->tally[TALLY_SAME], ops = trial->outcome[0]->ops;

	if (same != ops || ops != pages(trial->c))
		return sm_fail(err, EILSEQ, "%lu of %lu pages came back as they were, in %lu operations", same,
			       pages(trial->c), ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	for (unsigned i = 0; i < 3; i++)
		value[i] = (double)trial->outcome[0]->tally[i] / (double)trial->outcome[0]->ops;
}

#define EACH_WAY(backing_, name_, words)                                                                               \
	{ .name = name_, .summary = words, .memory = { .backing = (backing_), .prefault = SM_TOUCH } },                \
	{                                                                                                              \
		.name = name_ "_locked", .summary = words ", mlock()", .memory = {                                     \
			.backing = (backing_),                                                                         \
			.prefault = SM_MLOCK                                                                           \
		}                                                                                                      \
	}
static const struct sm_variant variants[] = {
	EACH_WAY(SM_ANON, "anonymous", "MAP_SHARED | MAP_ANONYMOUS"),
	EACH_WAY(SM_MEMFD, "memfd", "a memfd"),
	EACH_WAY(SM_POSIX, "posix", "POSIX shared memory"),
	EACH_WAY(SM_SYSV, "sysv", "a System V segment"),
	EACH_WAY(SM_FILE, "file", "a file on a disk"),
	{ 0 },
};

/* The last pages may still be on some PU's list. */
#define MOST .min = 0.5, .max = 1
#define SWAPPED(id_, variant, words)                                                                                   \
	{                                                                                                              \
		.id = id_, .text = "When memory is short, " words " goes to swap", .source = "tmpfs(5), shmget(2)",    \
		SM_METRIC(variant, "in swap", MOST), .needs = "swap"                                                   \
	}
/* Of several pages that are read together only the first takes a major fault. */
#define MAJOR(id_, variant, words, needs_)                                                                             \
	{                                                                                                              \
		.id = id_, .text = words " comes back by major faults", .source = "getrusage(2)",                      \
		SM_METRIC(variant, "major faults", .min = 0.01, .max = 1), .at = "pressure=limit", .needs = needs_     \
	}
#define NO_MAJOR(id_, variant, words, needs_)                                                                          \
	{                                                                                                              \
		.id = id_ ".locked", .text = words " that is locked takes no major fault", .source = "mlock(2)",       \
		SM_METRIC(variant, "major faults", .max = 0), .control = id_, .at = "pressure=limit", .needs = needs_  \
	}
#define LOCKED(id_, variant, control_, words)                                                                          \
	{                                                                                                              \
		.id = id_, .text = "mlock() keeps " words " from swap, however short memory is", .source = "mlock(2)", \
		SM_METRIC(variant, "in swap", .max = 0), .control = control_, .needs = "swap"                          \
	}
static const struct sm_claim claims[] = {
	SWAPPED("P12", "anonymous", "anonymous shared memory"),
	SWAPPED("P12.memfd", "memfd", "a memfd"),
	SWAPPED("P12.posix", "posix", "POSIX shared memory"),
	SWAPPED("P12.sysv", "sysv", "a System V segment"),
	{ .id = "P12.file",
	  .text = "Pages of a mapped file are dropped and not swapped",
	  .source = "mmap(2): the file is where they go",
	  SM_METRIC("file", "in swap", .max = 0),
	  .control = "P12.dropped",
	  .needs = "a file on a disk" },
	{ .id = "P12.dropped",
	  .text = "When memory is short, pages of a mapped file leave it",
	  .source = "mmap(2)",
	  SM_METRIC("file", "gone", MOST),
	  .needs = "a file on a disk" },
	MAJOR("P13", "anonymous", "Swapped anonymous shared memory", "swap"),
	NO_MAJOR("P13", "anonymous_locked", "Anonymous shared memory", "swap"),
	MAJOR("P13.memfd", "memfd", "A swapped memfd", "swap"),
	NO_MAJOR("P13.memfd", "memfd_locked", "A memfd", "swap"),
	MAJOR("P13.posix", "posix", "Swapped POSIX shared memory", "swap"),
	NO_MAJOR("P13.posix", "posix_locked", "POSIX shared memory", "swap"),
	MAJOR("P13.sysv", "sysv", "A swapped System V segment", "swap"),
	NO_MAJOR("P13.sysv", "sysv_locked", "A System V segment", "swap"),
	MAJOR("P13.file", "file", "A mapped file that was dropped", "a file on a disk, and swap"),
	NO_MAJOR("P13.file", "file_locked", "A mapped file", "a file on a disk, and swap"),
	LOCKED("P14", "anonymous_locked", "P12", "anonymous shared memory"),
	LOCKED("P14.memfd", "memfd_locked", "P12.memfd", "a memfd"),
	LOCKED("P14.posix", "posix_locked", "P12.posix", "POSIX shared memory"),
	LOCKED("P14.sysv", "sysv_locked", "P12.sysv", "a System V segment"),
	{ .id = "P14.file",
	  .text = "mlock() keeps a mapped file in memory, however short that is",
	  .source = "mlock(2)",
	  SM_METRIC("file_locked", "gone", .max = 0),
	  .control = "P12.dropped",
	  .needs = "a file on a disk" },
	{ 0 },
};

const struct sm_scenario sm_scenario_swapped = {
	.name = "swapped",
	.family = "paging",
	.question = "What becomes of shared memory when memory is short?",
	.summary = "Pages are taken by the kernel, looked for, and read back.",
	.why = "All shared memory but that of files lives in a tmpfs, which has no disk: where "
	       "memory is short its pages go to swap, or, without swap, nowhere. Pages of a file "
	       "are written to the file and dropped. Either way the next access is a major fault, "
	       "which waits for the disk; the neighbours that are read with it cost minor ones. "
	       "mlock() of one process keeps the pages for all who have them mapped.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "pressure",
		      .unit = "1",
		      .summary = "what takes the pages: the process asks for it (MADV_PAGEOUT), or another one "
				 "needs all memory that the control group may have",
		      .labels = pressures,
		      .quick = SM_VALUES(PRESSURE_PAGEOUT, PRESSURE_LIMIT) },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(1 << 20),
		      .standard = SM_VALUES(4 << 20),
		      .min = 1 << 20,
		      .max = 64 << 20 } },
	.workers = 1,
	.metric = { "time per page read back", "ns/op" },
	.more = { { "gone", "1" }, { "in swap", "1" }, { "major faults", "1" } },
	.memory = { .pages = { SM_PAGES_BASE, 0 } },
	.subject = SM_COLD,
	.self_timed = true,
	.region_bytes = region_bytes,
	.fixed_ops = pages,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
