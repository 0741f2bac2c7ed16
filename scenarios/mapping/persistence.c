/* Question: what does it cost to make a record durable, by each of the ways there are?
 * Method:   one worker stores records one after the other into a mapped file that was written out before, and after each
 *           does what makes it durable: nothing, MS_ASYNC, MS_SYNC of its pages, fdatasync(), one MS_SYNC for 16 records;
 *           or, where the file system maps persistent memory itself (MAP_SYNC), flushes the record's cache lines, then
 *           says in a count, flushed too, that it is there (pmem_log.h).  An operation is a call with the records that it
 *           is for: one, or 16.  After each slice the kernel's own account (smaps) tells how many pages of the file are
 *           still to be written.  In the end the records are read back from the file.
 * Not shown: a power cut.  tests/campaign/power_cuts.py cuts the power of a guest and counts what is left.  A disk that
 *           ignores flushes is fast here, and loses data there.
 * Cost of the loop: the store of 8 bytes per word and the record's place (1 ns); after a call that had pages written out,
 *           the next store into the page faults, because the kernel has to learn of it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../subject/file_blocks.h"
#include "../subject/pmem_log.h"

#ifndef MAP_SYNC /* linux/mman.h, which contradicts sys/mman.h */
#define MAP_SYNC 0x80000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif

enum way { NONE, ASYNC, SYNC, FDATASYNC, FLUSH };
#define WAY     0xffu
#define GROUPED 0x100u /* GROUP records for one call */
enum { PARAM_RECORD };
enum { TALLY_RECORDS, TALLY_DIRTY_PAGES, TALLY_LOOKS, TALLY_NS };

#define BYTES (1u << 20) /* of the records; they begin again when it is full */
#define GROUP 16u        /* records, of a group */

struct state {
	int fd;
	enum pmem_how how;
	char *map; /* a page with the count, then the records */
	bool dax;  /* the mapping is the storage itself: there is no page cache */
	size_t page;
	uint64_t number; /* of the next record */
};

static enum way way_of(const struct sm_case *c)
{
	return (enum way)(sm_case_variant(c)->arg & WAY);
}

/* Records of an operation. */
static uint64_t group_of(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & GROUPED ? GROUP : 1;
}

static uint64_t capacity(const struct sm_case *c)
{
	return BYTES / c->param[PARAM_RECORD];
}

static size_t map_bytes(void)
{
	return BYTES + (size_t)sysconf(_SC_PAGESIZE);
}

static size_t own_bytes(const struct sm_case *c)
{
	(void)c;
	return map_bytes();
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_RECORD] * group_of(c);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_RECORD];

	if (bytes & (bytes - 1))
		return sm_fail(why, ENOTSUP, "a record of %lu bytes is no power of two: choose one with --set record",
			       bytes);
	if (way_of(c) == FLUSH && pmem_how() == PMEM_NONE)
		return sm_fail(why, ENOTSUP,
			       "user code on this CPU has no instruction that writes a line back to memory");
	return 0;
}

static int map_file(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	bool sync = way_of(trial->c) == FLUSH;

	state->map = mmap(NULL, map_bytes(), PROT_READ | PROT_WRITE, sync ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED,
			  state->fd, 0);
	if (state->map != MAP_FAILED)
		return 0;
	if (sync && (errno == EOPNOTSUPP || errno == EINVAL))
		return sm_fail(
			err, ENOTSUP,
			"the file system of %.300s refuses MAP_SYNC (%s): it takes persistent memory mounted with -o dax; "
			"name a folder there with --file-folder",
			trial->file_folder, strerror(errno));
	return sm_fail(err, errno, "cannot map a file of %zu bytes: %s%s", map_bytes(), strerror(errno),
		       sm_refusal("mmap", errno));
}

static bool is_dax(int fd)
{
	struct statx file = { 0 };

	return statx(fd, "", AT_EMPTY_PATH, 0, &file) == 0 && (file.stx_attributes & STATX_ATTR_DAX);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	int rc;

	state->map = MAP_FAILED;
	state->page = (size_t)sysconf(_SC_PAGESIZE);
	state->how = pmem_how();
	rc = file_make(trial->file_folder, map_bytes(), &state->fd, NULL, err);
	if (rc == 0)
		rc = map_file(trial, err);
	/* The blocks are on the disk before, so that no call has to make them.  Page by page: a large write gives the page
	 * cache large folios, and a changed word then has the whole folio written. */
	if (rc == 0)
		rc = file_write_all(state->fd, map_bytes(), state->page, true, err);
	state->dax = rc == 0 && is_dax(state->fd);
	return rc;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->map && state->map != MAP_FAILED)
		munmap(state->map, map_bytes());
	if (state->fd >= 0)
		close(state->fd);
}

static uint64_t *record_of(const struct sm_case *c, const struct state *state, uint64_t number)
{
	return (uint64_t *)(void *)(state->map + state->page + number % capacity(c) * c->param[PARAM_RECORD]);
}

/* msync() of the pages that have `bytes` from `at` on. */
static bool sync_pages(const struct state *state, void *at, size_t bytes, int flags)
{
	size_t into = (size_t)((char *)at - state->map) % state->page;

	return msync((char *)at - into, into + bytes, flags) == 0;
}

/* Stores the next records, as many as an operation has, and makes them durable. */
static bool put(const struct sm_case *c, struct state *state)
{
	uint64_t number = state->number, group = group_of(c), bytes = c->param[PARAM_RECORD],
		 words = bytes / sizeof(uint64_t);
	uint64_t *record = record_of(c, state, number);
	enum way way = way_of(c);

	state->number += group;
	if (way == FLUSH) {
		pmem_append(state->how, (uint64_t *)(void *)state->map, record, words, number);
		return true;
	}
	for (uint64_t i = 0; i < group; i++)
		pmem_store(record + i * words, words, number + i);
	switch (way) {
	case ASYNC: return sync_pages(state, record, bytes, MS_ASYNC);
	case SYNC: return sync_pages(state, record, group * bytes, MS_SYNC);
	case FDATASYNC: return fdatasync(state->fd) == 0;
	default: return true;
	}
}

/* Pages of the mapping that were changed and are not on the disk, by smaps; -1: it does not say. */
static int64_t dirty_pages(const struct state *state)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512], head[32];
	bool here = false;
	int64_t kib = -1;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)state->map);
	while (smaps && fgets(line, sizeof(line), smaps)) {
		bool dirty = strncmp(line, "Shared_Dirty:", 13) == 0 || strncmp(line, "Private_Dirty:", 14) == 0;

		if (strncmp(line, head, strlen(head)) == 0)
			here = true;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			break;
		else if (here && dirty)
			kib = (kib < 0 ? 0 : kib) + strtol(strchr(line, ':') + 1, NULL, 10);
	}
	if (smaps)
		fclose(smaps);
	return kib < 0 ? -1 : kib * 1024 / (int64_t)state->page;
}

/* The pages are in the page table, so that no first touch is in the figures. */
static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;

	for (size_t at = 0; at < map_bytes(); at += state->page)
		*(volatile char *)(state->map + at) = 0;
	if (fdatasync(state->fd) < 0)
		return sm_worker_fail(worker, errno, "cannot write the file out: %s", strerror(errno));
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, done, start, *tally = worker->outcome->tally;
	struct state *state = worker->state;
	int64_t dirty;

	start = sm_clock_ns();
	for (done = 0; done < n; done++)
		if (!put(worker->c, state)) {
			sm_worker_fail(worker, errno, "cannot write out: %s", strerror(errno));
			return done;
		}
	start = sm_clock_ns() - start;
	worker->time_ns += start;
	tally[TALLY_NS] += start;
	tally[TALLY_RECORDS] += n * group_of(worker->c);
	dirty = n > 0 ? dirty_pages(state) : -1;
	if (dirty >= 0) {
		tally[TALLY_DIRTY_PAGES] += (uint64_t)dirty;
		tally[TALLY_LOOKS]++;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_case *c = trial->c;
	const struct state *state = trial->state;
	const struct sm_outcome *o = trial->outcome[0];
	uint64_t words = c->param[PARAM_RECORD] / sizeof(uint64_t), places = capacity(c), count = 0;
	uint64_t written = o->ops * group_of(c);
	uint64_t *records = malloc(BYTES);
	int rc = records ? 0 : sm_fail(err, ENOMEM, "no memory for %u bytes", BYTES);

	if (rc == 0 && (pread(state->fd, records, BYTES, (off_t)state->page) != (ssize_t)BYTES ||
			pread(state->fd, &count, sizeof(count), 0) != (ssize_t)sizeof(count)))
		rc = sm_fail(err, EIO, "the records cannot be read back: %s", strerror(errno));
	if (rc == 0 && (o->tally[TALLY_RECORDS] != written || (way_of(c) == FLUSH && count != written)))
		rc = sm_fail(err, EILSEQ, "%lu records were written in %lu operations, and the count says %lu",
			     o->tally[TALLY_RECORDS], o->ops, count);
	for (uint64_t number = written > places ? written - places : 0; rc == 0 && number < written; number++)
		for (uint64_t word = 0; rc == 0 && word < words; word++)
			if (records[number % places * words + word] != pmem_word(number, word))
				rc = sm_fail(err, EILSEQ, "record %lu is not in the file", number);
	free(records);
	return rc;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;
	double lines = (double)(trial->c->param[PARAM_RECORD] / PMEM_LINE + 1);
	bool flush = way_of(trial->c) == FLUSH, dax = ((const struct state *)trial->state)->dax;

	/* What goes past the page cache has no pages there. */
	value[0] = tally[TALLY_LOOKS] && !dax ? (double)tally[TALLY_DIRTY_PAGES] / (double)tally[TALLY_LOOKS]
					      : (double)NAN;
	value[1] = flush && tally[TALLY_RECORDS] ? (double)tally[TALLY_NS] / (double)tally[TALLY_RECORDS] / lines
						 : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "none", .summary = "nothing is asked for: the kernel writes when it likes", .arg = NONE },
	{ .name = "async", .summary = "msync(MS_ASYNC) after each record", .arg = ASYNC },
	{ .name = "sync", .summary = "msync(MS_SYNC) of the record's pages", .arg = SYNC },
	{ .name = "sync_16", .summary = "msync(MS_SYNC) once for 16 records", .arg = SYNC | GROUPED },
	{ .name = "fdatasync", .summary = "fdatasync() after each record", .arg = FDATASYNC },
	{ .name = "flush", .summary = "cache lines flushed to persistent memory (MAP_SYNC)", .arg = FLUSH },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "M12",
	  .text = "When MS_SYNC has returned, no page of the file is dirty",
	  .source = "msync(2)",
	  .control = "M12.async",
	  SM_METRIC("sync", "left dirty", .max = 0),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M12.fdatasync",
	  .text = "When fdatasync() has returned, no page of the mapped file is dirty",
	  .source = "fdatasync(2), which speaks of write() alone",
	  .control = "M12.async",
	  SM_METRIC("fdatasync", "left dirty", .max = 0),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M12.async",
	  .text = "When MS_ASYNC has returned, pages are still dirty",
	  .source = "msync(2): since Linux 2.6.19 MS_ASYNC starts nothing",
	  SM_METRIC("async", "left dirty", .min = 1, .max = BYTES / 4096 + 1),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M13",
	  .text = "One MS_SYNC for 16 records of 64 bytes takes at most 4 times as long as for one",
	  .source = "group commit, as databases do it",
	  .at = "record=64",
	  SM_RATIO("sync_16", "sync", .max = 4),
	  .needs = "a file system that is not in memory (--file-folder)" },
	{ .id = "M14",
	  .text = "On persistent memory flushing a record's lines takes at most a tenth of MS_SYNC",
	  .source = "popular belief: persistent memory needs no msync(), but flushes and fences",
	  SM_RATIO("sync", "flush", .min = 10),
	  .needs = "persistent memory with a file system mounted with -o dax (--file-folder)" },
	{ 0 },
};

const struct sm_scenario sm_scenario_persistence = {
	.name = "persistence",
	.family = "mapping",
	.question = "What does it cost to make a record durable?",
	.summary = "Records are stored in a mapped file; four of the six ways make them durable.",
	.why = "A store reaches the page cache, where other processes see it and a power cut loses it. MS_SYNC and "
	       "fdatasync() wait until the disk says that it has the data, so they cost what the disk's flush costs, "
	       "and one call can serve many records. Persistent memory has no page cache in between: a store that "
	       "was flushed from the CPU's caches is there. The metric \"left dirty\" counts the pages that "
	       "the kernel has not even begun to write when the call has returned.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "record",
		      .unit = "B",
		      .summary = "size of a record",
		      .quick = SM_VALUES(64),
		      .standard = SM_VALUES(64, 4096),
		      .full = SM_VALUES(64, 512, 4096, 65536),
		      .min = 64,
		      .max = 65536 } },
	.workers = 1,
	.placements = { SM_PLACE_NEAR },
	.metric = { "time per call", "ns/op" },
	.more = { { "left dirty", "pages" }, { "per flushed line", "ns" } },
	.memory = { .backing = SM_FILE },
	.self_timed = true,
	.writes_out = true,
	.state_bytes = sizeof(struct state),
	.own_bytes = own_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
