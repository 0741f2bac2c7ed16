/* Question: does the kernel's own account (smaps) show that two processes have the same page frame?
 * Method:   a private page is inherited over fork().  In one situation two processes and their parent have the same frame.  In
 *           the other one of the two has written to the page, and two children of its own have inherited the new frame, so
 *           that the two processes have two frames, each mapped three times.  Both read their lines of /proc/self/smaps and,
 *           as root, the frame in /proc/self/pagemap.  One operation makes both situations and asks whether an account
 *           tells them apart.
 * Not shown: what shared mappings of one object show: the inode, so that the same frame can be concluded.
 * Cost of the loop: starting eight processes, reading their files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../subject/helper.h"
#include "../subject/tries.h"

enum { TOLD };
enum { SMAPS, PAGEMAP };
#define TEXT_MAX 4096

struct state {
	bool pagemap;
	volatile char *page;
};

/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54 are the frame, zero without CAP_SYS_ADMIN. */
static uint64_t frame_of(const volatile char *address)
{
	uint64_t entry = 0;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uintptr_t page = (uintptr_t)address / (uintptr_t)sysconf(_SC_PAGESIZE);

	if (pagemap < 0)
		return 0;
	if (pread(pagemap, &entry, sizeof(entry), (off_t)(page * sizeof(entry))) != sizeof(entry))
		entry = 0;
	close(pagemap);
	return entry & ((1ull << 55) - 1);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	char here = 1;

	if (sm_case_variant(c)->arg == PAGEMAP && frame_of(&here) == 0)
		return sm_fail(why, EPERM,
			       "the kernel hides page frame numbers from this user: run as root "
			       "(CAP_SYS_ADMIN)");
	return access("/proc/self/smaps", R_OK) < 0 ? sm_fail(why, ENOTSUP, "there is no /proc/self/smaps here") : 0;
}

/* The page has neighbours with other rights, so that the kernel merges it with no other mapping. */
static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_READ | PROT_WRITE) < 0)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->page = memory + page;
	state->page[0] = 1;
	state->pagemap = sm_case_variant(worker->c)->arg == PAGEMAP;
	return 0;
}

/* FNV-1a, of what smaps says of the mapping of the page after its first line; 0: it says nothing. */
static uint64_t account_of(const volatile char *page)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	uint64_t sum = 0;
	char head[32], line[512];
	bool in = false;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)page);
	while (file && fgets(line, sizeof(line), file)) {
		/* only a mapping's first line begins with a small letter or a digit: its address */
		if (line[0] < 'A' || line[0] > 'Z') {
			in = strncmp(line, head, strlen(head)) == 0;
			sum = in ? 0xcbf29ce484222325u : sum;
			continue;
		}
		for (const char *c = line; in && *c; c++)
			sum = (sum ^ (unsigned char)*c) * 0x100000001b3u;
	}
	if (file)
		fclose(file);
	return sum;
}

static int stay(void *argument)
{
	(void)argument;
	while (pause() < 0) /* it returns only after a signal */
		;
	return 0;
}

enum { LOOK, WRITE_AND_FORK };

static void take_part(void *argument, unsigned request, struct answer *answer)
{
	const struct state *state = argument;

	if (request == WRITE_AND_FORK) {
		state->page[0] = 2;
		for (unsigned i = 0; i < 2; i++)
			if (child_start(stay, NULL) < 0)
				answer->code = errno;
		return;
	}
	(void)state->page[0];
	answer->number[0] = state->pagemap ? frame_of(state->page) : account_of(state->page);
	if (answer->number[0] == 0)
		answer->code = ENODATA;
}

/* Makes one situation and asks the two processes.  0, or the errno of what failed. */
static int ask_two(struct state *state, bool two_frames, uint64_t said[2])
{
	struct helper process[3] = { { 0 } };
	struct answer answer = { 0 };

	/* The third only has the parent's frame, which is mapped as often as the other then. */
	for (unsigned i = 0; i < (two_frames ? 3 : 2) && answer.code == 0; i++)
		answer.code = helper_start(&process[i], take_part, state);
	if (two_frames && answer.code == 0)
		answer = helper_ask(&process[0], WRITE_AND_FORK);
	for (unsigned i = 0; i < 2 && answer.code == 0; i++) {
		answer = helper_ask(&process[i], LOOK);
		said[i] = answer.number[0];
	}
	for (unsigned i = 0; i < 3; i++)
		helper_end(&process[i]);
	return answer.code;
}

/* Whether the two processes can tell by what they read in which situation they are. */
static bool is_told(const struct state *state, const uint64_t one[2], const uint64_t two[2])
{
	if (state->pagemap)
		return one[0] == one[1] && two[0] != two[1];
	return one[0] != two[0] || one[1] != two[1];
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t one[2], two[2];
		int code = ask_two(state, false, one);

		if (code == 0)
			code = ask_two(state, true, two);
		if (code) {
			sm_worker_fail(worker, code, "a process could not read what the kernel says of its page: %s",
				       strerror(code));
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(TOLD)] += is_told(state, one, two);
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "smaps", .summary = "every line of /proc/self/smaps", .arg = SMAPS },
	{ .name = "pagemap", .summary = "the frame in /proc/self/pagemap", .arg = PAGEMAP },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K27",
	  .text = "smaps shows whether two processes have the same page frame",
	  .source = "textbooks: look at smaps to see what is shared",
	  SM_METRIC("smaps", "told apart", .min = 1, .max = 1),
	  .caveat = "it says with how many a page is shared, not with whom" },
	{ .id = "K27.pagemap",
	  .text = "pagemap does, for root",
	  .source = "Documentation/admin-guide/mm/pagemap.rst",
	  SM_METRIC("pagemap", "told apart", .min = 1, .max = 1),
	  .needs = "CAP_SYS_ADMIN" },
	{ 0 },
};

const struct sm_scenario sm_scenario_smaps_frames = {
	.name = "smaps_frames",
	.family = "correctness",
	.question = "Does smaps show that two processes have the same page frame?",
	.summary = "Which account tells one frame from two behind an inherited page.",
	.why = "smaps counts, page by page, how often the frame behind it is mapped: Shared_Dirty "
	       "means that somebody else has it, and Pss by how many it is divided. Who the others "
	       "are it does not say. Of a shared mapping of an object its inode tells; of memory "
	       "that was inherited over fork() only the number of the frame does, which the kernel "
	       "shows to root.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per question", "ns/op" },
	.more = { { "told apart", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
};
