/* Question: does what is in shared memory get onto the disk?
 * Method:   the worker fills memory with numbers that it computes, so that a page of them stands nowhere else, and the
 *           kernel takes its pages, as in the scenario swapped.  Then the worker reads the swap areas, past the page cache
 *           (O_DIRECT), and looks for one of the pages.  One such search is an operation.
 * Not shown: hibernation, which writes all memory, locked or not; how long the pages stay there after their owner ended;
 *           swap on an encrypted device, which is plain to whoever may read the opened device.
 * Cost of the loop: writing to swap, reading all swap areas. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../subject/pressure.h"
#include "../subject/rights.h"
#include "../subject/tries.h"
#include "shmeter/text.h"

enum { ON_THE_DISK };
enum kind { PLAIN, LOCKED, SECRET };
/* Few enough for the least RLIMIT_MEMLOCK. */
#define PAGES      8u
#define PAGE       4096u /* swap areas of other pages are not read */
#define CHUNK      (1u << 20)
#define SEARCH_MAX (UINT64_C(4) << 30)

/* The value of a word of a page: the first tells which page it may be. */
static uint64_t number(uint64_t seed, uint64_t page, uint64_t i)
{
	return seed + page + i * 0x9e3779b97f4a7c15u;
}

/* Does `with` for each swap area until one is true. */
static bool each_area(bool (*with)(const char *path, uint64_t bytes, void *argument), void *argument)
{
	char line[4352], path[4096], type[16];
	unsigned long long kib;
	FILE *file = fopen("/proc/swaps", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%4095s %15s %llu", path, type, &kib) == 3)
			found = with(path, (uint64_t)kib * 1024, argument);
	if (file)
		fclose(file);
	return found;
}

struct areas {
	uint64_t bytes;
	int code;
	char path[128];
};

static bool cannot_search(const char *path, uint64_t bytes, void *argument)
{
	struct areas *areas = argument;
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	snprintf(areas->path, sizeof(areas->path), "%s", path);
	areas->bytes += bytes;
	areas->code = fd < 0 ? errno : strstr(path, "zram") ? ENOTSUP : areas->bytes > SEARCH_MAX ? EFBIG : 0;
	if (fd >= 0)
		close(fd);
	return areas->code != 0;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	struct areas areas = { 0 };
	char zswap[8] = "";
	int rc = pressure_supported((enum pressure)c->param[0], true, PAGES * PAGE, why);

	if (rc < 0)
		return rc;
	if (sm_read_file("/sys/module/zswap/parameters/enabled", zswap, sizeof(zswap)) == 0 && zswap[0] == 'Y')
		return sm_fail(
			why, ENOTSUP,
			"zswap keeps swapped pages in memory, compressed: turn it off to see what gets onto the disk "
			"(/sys/module/zswap/parameters/enabled)");
	if (sysconf(_SC_PAGESIZE) != PAGE)
		return sm_fail(why, ENOTSUP, "swap areas are searched where base pages have 4096 bytes alone");
	if (each_area(cannot_search, &areas))
		return sm_fail(why, areas.code, "the swap area %s cannot be searched: %s", areas.path,
			       areas.code == EFBIG     ? "more than 4 GiB take too long"
			       : areas.code == ENOTSUP ? "it is compressed memory, and no disk"
						       : strerror(areas.code));
	return sm_case_variant(c)->arg == SECRET ? memfd_secret_supported(PAGES * PAGE, why) : 0;
}

struct search {
	uint64_t seed;
	char *chunk;
	int code;
};

static bool is_ours(const uint64_t *word, uint64_t seed)
{
	uint64_t page = word[0] - seed, same = 0;

	while (page < PAGES && same < PAGE / sizeof(*word) && word[same] == number(seed, page, same))
		same++;
	return same == PAGE / sizeof(*word);
}

static bool has_page(const char *path, uint64_t bytes, void *argument)
{
	struct search *search = argument;
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 1;
	bool found = false;

	(void)bytes;
	while (!found && got > 0) {
		got = read(fd, search->chunk, CHUNK);
		for (ssize_t at = 0; !found && at + (ssize_t)PAGE <= got; at += PAGE)
			found = is_ours((const uint64_t *)(const void *)(search->chunk + at), search->seed);
	}
	search->code = got < 0 ? errno : search->code;
	if (fd >= 0)
		close(fd);
	return found;
}

/* Memory of the kind, with the numbers; MAP_FAILED: errno tells why. */
static void *make(enum kind kind, uint64_t seed)
{
	int fd = kind == SECRET ? memfd_secret_open() : memfd_create("shmeter", MFD_CLOEXEC);
	uint64_t *word = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0)
		word = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (word != MAP_FAILED && kind == LOCKED && mlock(word, PAGES * PAGE) < 0) {
		int code = errno;

		munmap(word, PAGES * PAGE);
		errno = code;
		word = MAP_FAILED;
	}
	if (word == MAP_FAILED)
		return MAP_FAILED;
	for (uint64_t page = 0; page < PAGES; page++)
		for (uint64_t i = 0; i < PAGE / sizeof(*word); i++)
			word[page * (PAGE / sizeof(*word)) + i] = number(seed, page, i);
	return word;
}

static uint64_t run(struct sm_worker *worker)
{
	enum kind kind = (enum kind)sm_case_variant(worker->c)->arg;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		struct search search = { .seed = worker->seed + i * 2 * PAGES, .chunk = aligned_alloc(PAGE, CHUNK) };
		void *memory = make(kind, search.seed);
		int code = memory == MAP_FAILED || !search.chunk ? errno : 0;
		bool found = false;

		if (code == 0)
			code = press((enum pressure)worker->c->param[0], memory, PAGES * PAGE, kind != PLAIN);
		if (code == 0)
			found = each_area(has_page, &search);
		code = code ? code : search.code;
		/* "not on the disk" says nothing of pages that nobody took */
		if (code == 0 && !found && kind == PLAIN && pages_in_memory(memory, PAGES * PAGE) != 0)
			code = ENODATA;
		tally[TALLY_YES(ON_THE_DISK)] += found;
		free(search.chunk);
		if (memory != MAP_FAILED)
			munmap(memory, PAGES * PAGE);
		if (code) {
			sm_worker_fail(worker, code, "%s: %s",
				       code == ENODATA ? "the pages did not leave memory"
						       : "the swap areas could not be searched",
				       strerror(code));
			return i;
		}
		tally[TALLY_TRIES]++;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "memfd", .summary = "a memfd", .arg = PLAIN },
	{ .name = "locked", .summary = "a memfd, mlock()", .arg = LOCKED },
	{ .name = "secret", .summary = "memfd_secret()", .arg = SECRET },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K35",
	  .text = "Swapped shared memory can be read in plain on the disk",
	  .source = "popular belief",
	  SM_METRIC("memfd", "on the disk", .min = 1, .max = 1),
	  .needs = "swap on a disk, and root" },
	{ .id = "K35.locked",
	  .text = "mlock() keeps shared memory out of the swap area",
	  .source = "mlock(2)",
	  SM_METRIC("locked", "on the disk", .max = 0),
	  .control = "K35",
	  .needs = "swap on a disk, and root" },
	{ .id = "K35.secret",
	  .text = "memfd_secret() keeps its memory out of the swap area",
	  .source = "memfd_secret(2)",
	  SM_METRIC("secret", "on the disk", .max = 0),
	  .control = "K35",
	  .needs = "swap on a disk, root, and memfd_secret()" },
	{ 0 },
};

static const char *const pressures[] = { "pageout", "limit", NULL };

const struct sm_scenario sm_scenario_swap_secret = {
	.name = "swap_secret",
	.family = "correctness",
	.question = "Does what is in shared memory get onto the disk?",
	.summary = "Pages with known numbers are taken by the kernel, and looked for in the swap areas.",
	.why = "Swap is written as the pages are. What stood in shared memory then stands on the "
	       "disk, where whoever reads the device finds it, also after the machine was switched "
	       "off. Locked pages are never written there, and pages of memfd_secret() are locked "
	       "from the start; swap on an encrypted device hides the rest.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "pressure",
		      .unit = "1",
		      .summary = "what takes the pages, as in the scenario swapped",
		      .labels = pressures,
		      .quick = SM_VALUES(PRESSURE_PAGEOUT, PRESSURE_LIMIT) } },
	.workers = 1,
	.metric = { "time per try, with swapping out", "ns/op" },
	.more = { { "on the disk", "1" } },
	.subject = SM_COLD,
	.fixed_ops = tries_few,
	.supported = supported,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
};
