/* Measures the cost of counting: the same work with the counters on and off.
 *
 * Counters are enabled only around run(), so they cost most slices nothing.  They do slow down a page fault, in which
 * the kernel counts software events.  So this touches fresh pages with and without counters, in turn. */
#include <errno.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session.h"
#include "shmeter/clock.h"
#include "shmeter/team.h"

#define PAGES 1024
#define PAIRS 11

/* The member's results, in shared memory. */
struct findings {
	double with_ns[PAIRS], without_ns[PAIRS], log_ratio[PAIRS];
};

struct job {
	const struct session *session;
	struct findings *findings;
};

/* Touches fresh pages; returns ns per page. */
static double touch_fresh(struct sm_counters *counters)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t start_ns;
	double ns;
	volatile char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NAN;
	if (counters)
		sm_counters_enable(counters);
	start_ns = sm_clock_ns();
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	ns = (double)(sm_clock_ns() - start_ns) / PAGES;
	if (counters)
		sm_counters_disable(counters);
	munmap((void *)(uintptr_t)memory, PAGES * page);
	return ns;
}

static int measure(void *argument, unsigned index)
{
	struct job *job = argument;
	struct sm_counters counters;

	(void)index;
	sm_counters_open(&counters, job->session->events, job->session->context.os);
	touch_fresh(&counters); /* warms the memory and the code */
	for (unsigned i = 0; i < PAIRS; i++) {
		/* ABBA order, so that drift affects both alike */
		double first = touch_fresh(i % 2 ? &counters : NULL);
		double second = touch_fresh(i % 2 ? NULL : &counters);

		job->findings->with_ns[i] = i % 2 ? first : second;
		job->findings->without_ns[i] = i % 2 ? second : first;
		job->findings->log_ratio[i] = log(job->findings->with_ns[i]) - log(job->findings->without_ns[i]);
	}
	return 0;
}

json_t *counting_cost(const struct session *session)
{
	struct findings *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct job job = { session, f };
	struct sm_interval ratio;
	struct sm_team team;
	json_t *object = NULL;
	unsigned first;

	if (f == MAP_FAILED)
		return NULL;
	if (sm_team_start(&team, 1, "counting cost", measure, &job, NULL, NULL) < 0)
		goto out_unmap;
	if (sm_team_wait(&team, sm_clock_ns() + 2000000000u, session->options->stop, &first) == SM_TEAM_DONE) {
		ratio = sm_median_interval(f->log_ratio, PAIRS, 0.95);
		object = json_pack("{s:f, s:f, s:f, s:f, s:f}", "fault_ns_counted", sm_median(f->with_ns, PAIRS),
				   "fault_ns_uncounted", sm_median(f->without_ns, PAIRS), "ratio", exp(ratio.estimate),
				   "low", exp(ratio.low), "high", exp(ratio.high));
	} else {
		object = json_pack("{s:s}", "reason", "the process that measured it did not end well");
	}
	sm_team_free(&team);
out_unmap:
	munmap(f, sizeof(*f));
	return object;
}
