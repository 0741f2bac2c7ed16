/* Question: must huge pages be aligned?
 * Method:   a huge page is asked for at an address that is a multiple of its size, and 4 KiB behind one, with
 *           MAP_NORESERVE, so that the mapping alone is tried and no page of the pool is taken; and a mapping is cut
 *           inside one.  Transparent: memory of the size of a huge page is touched at both kinds of address, and smaps
 *           read.  One try is an operation.
 * Not shown: smaller transparent pages (mTHP); files.
 * Cost of the loop: the system calls, page faults, reading smaps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"
#include "shmeter/text.h"

enum { EXPLICIT, EXPLICIT_OFF, EXPLICIT_CUT, THP, THP_OFF };
enum { TALLY_TRIES, TALLY_REFUSED, TALLY_HUGE };

struct state {
	size_t huge; /* bytes of a huge page */
	char *space; /* three of them, reserved */
	char *at;    /* the first multiple of the size in it */
};

static size_t huge_bytes(uint64_t way)
{
	static char text[16384];
	char kib[32];

	if (way >= THP)
		return sm_read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", text, sizeof(text)) < 0
			       ? 0
			       : strtoull(text, NULL, 10);
	if (sm_read_file("/proc/meminfo", text, sizeof(text)) < 0 ||
	    !sm_find_field(text, "Hugepagesize", kib, sizeof(kib)))
		return 0;
	return strtoull(kib, NULL, 10) * 1024;
}

/* What is touched: with 64 KiB pages a transparent huge page has 512 MiB. */
static size_t own_bytes(const struct sm_case *c)
{
	uint64_t way = sm_case_variant(c)->arg;

	return way >= THP ? huge_bytes(way) : 0;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t way = sm_case_variant(c)->arg;
	char mode[128];

	if (huge_bytes(way) == 0)
		return sm_fail(why, ENOTSUP, "this kernel has no %s huge pages",
			       way >= THP ? "transparent" : "explicit");
	if (way >= THP && (sm_read_file("/sys/kernel/mm/transparent_hugepage/enabled", mode, sizeof(mode)) < 0 ||
			   strstr(mode, "[never]")))
		return sm_fail(why, ENOTSUP,
			       "transparent huge pages are off: write madvise to "
			       "/sys/kernel/mm/transparent_hugepage/enabled (shmeter run --tune does)");
	return 0;
}

static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;

	state->huge = huge_bytes(sm_case_variant(worker->c)->arg);
	state->space = mmap(NULL, 3 * state->huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (state->space == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->at = state->space + (state->huge - (uintptr_t)state->space % state->huge) % state->huge;
	return 0;
}

/* Maps memory at `address` inside the reserved space. */
static void *map_at(char *address, size_t bytes, int flags)
{
	return mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

/* Gives the space back as it was; a huge page cannot be replaced in part. */
static void reserve_again(struct state *state)
{
	mmap(state->space, 3 * state->huge, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Whether the kernel refuses it with EINVAL; -1: it fails otherwise. */
static int refused(struct state *state, uint64_t way)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *at = state->at + (way == EXPLICIT_OFF ? page : 0);
	bool failed = map_at(at, state->huge, MAP_SHARED | MAP_HUGETLB) == MAP_FAILED;

	if (!failed && way == EXPLICIT_CUT)
		failed = munmap(state->at, page) < 0;
	return !failed ? 0 : errno == EINVAL ? 1 : -1;
}

/* Huge pages in the mapping at `at`; -1: smaps does not say. */
static int huge_pages(const struct state *state, const char *at)
{
	char line[4400], head[32], kib[32] = "";
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool inside = false;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)at);
	while (smaps && !kib[0] && fgets(line, sizeof(line), smaps))
		if (!inside)
			inside = strncmp(line, head, strlen(head)) == 0;
		else
			sm_find_field(line, "AnonHugePages", kib, sizeof(kib));
	if (smaps)
		fclose(smaps);
	return kib[0] ? (int)(strtoull(kib, NULL, 10) * 1024 / state->huge) : -1;
}

static int transparent(struct state *state, uint64_t way)
{
	char *at = state->at + (way == THP_OFF ? state->huge / 2 : 0);

	if (map_at(at, state->huge, MAP_PRIVATE) == MAP_FAILED || madvise(at, state->huge, MADV_HUGEPAGE) < 0)
		return -1;
	for (size_t i = 0; i < state->huge; i += (size_t)sysconf(_SC_PAGESIZE))
		((volatile char *)at)[i] = 1;
	return huge_pages(state, at);
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, way = sm_case_variant(worker->c)->arg, *tally = worker->outcome->tally;
	struct state *state = worker->state;

	for (uint64_t i = 0; i < n; i++) {
		int got = way >= THP ? transparent(state, way) : refused(state, way);

		if (got < 0) {
			sm_worker_fail(worker, errno ? errno : EIO, "the try failed for another reason: %s",
				       strerror(errno));
			return i;
		}
		reserve_again(state);
		tally[way >= THP ? TALLY_HUGE : TALLY_REFUSED] += (unsigned)got;
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
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_REFUSED] / (double)o->ops;
	value[1] = (double)o->tally[TALLY_HUGE] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "explicit", .summary = "MAP_HUGETLB at a multiple of the page's size", .arg = EXPLICIT },
	{ .name = "explicit_off", .summary = "MAP_HUGETLB 4 KiB behind it", .arg = EXPLICIT_OFF },
	{ .name = "explicit_cut", .summary = "munmap() of 4 KiB of a huge page", .arg = EXPLICIT_CUT },
	{ .name = "thp", .summary = "transparent, at a multiple of the page's size", .arg = THP },
	{ .name = "thp_off", .summary = "transparent, half a huge page behind it", .arg = THP_OFF },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K31",
	  .text = "An explicit huge page is refused at an address that is no multiple of its size",
	  .source = "mmap(2): Huge page (Huge TLB) mappings",
	  SM_METRIC("explicit_off", "refused", .min = 1, .max = 1) },
	{ .id = "K31.explicit",
	  .text = "At a multiple it is mapped",
	  .source = "the same",
	  SM_METRIC("explicit", "refused", .max = 0),
	  .control = "K31" },
	{ .id = "K31.cut",
	  .text = "A mapping of explicit huge pages cannot be cut inside one",
	  .source = "munmap(2)",
	  SM_METRIC("explicit_cut", "refused", .min = 1, .max = 1) },
	{ .id = "K31.thp_off",
	  .text = "Memory that holds no aligned huge page gets no transparent one, without a word",
	  .source = "kernel documentation: admin-guide/mm/transhuge",
	  SM_METRIC("thp_off", "huge pages", .max = 0),
	  .control = "K31.thp" },
	{ .id = "K31.thp",
	  .text = "Aligned memory gets one",
	  .source = "the same",
	  SM_METRIC("thp", "huge pages", .min = 0.5, .max = 1, .once = true),
	  .needs = "free memory in pieces of a huge page" },
	{ 0 },
};

const struct sm_scenario sm_scenario_huge_alignment = {
	.name = "huge_alignment",
	.family = "correctness",
	.question = "Must huge pages be aligned?",
	.summary = "Huge pages asked for at multiples of their size, and beside them.",
	.why = "One entry of the page table maps a huge page, and it covers a multiple of its size. So the kernel refuses "
	       "an explicit huge page elsewhere, and cutting one. Who names no address gets an aligned one. A transparent "
	       "huge page is a favour: where the memory holds no aligned one, it stays in small pages, and only smaps "
	       "tells.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per try", "ns/op" },
	.more = { { "refused", "1" }, { "huge pages", "1" } },
	.state_bytes = sizeof(struct state),
	.own_bytes = own_bytes,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
