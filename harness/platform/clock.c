/* The checks of the clock. */
#include "shmeter/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shmeter/stats.h"
#include "shmeter/text.h"

/* Reads per batch, and the number of batches: about 2 ms at 25 ns per read. */
#define BATCH_READS 512
#define BATCHES     128
/* A read through the vDSO costs 15 to 60 ns on machines of the last ten years, a system call over 100 ns.  A read
 * that costs more than this is taken for a system call. */
#define VDSO_MAX_NS 150.0

int sm_clock_check(const struct sm_topology *topology, struct sm_clock_report *report, struct sm_error *err)
{
	double cost[BATCHES];
	uint64_t last = sm_clock_ns();

	memset(report, 0, sizeof(*report));
	report->pus = 1;
	report->apart_ns = (double)NAN;
	report->quantum_ns = 1e9;
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		uint64_t start = last;

		for (unsigned i = 0; i < BATCH_READS; i++) {
			uint64_t now = sm_clock_ns();

			if (now < last)
				report->backwards++;
			else if (now > last && (double)(now - last) < report->quantum_ns)
				report->quantum_ns = (double)(now - last);
			last = now;
		}
		cost[batch] = (double)(last - start) / BATCH_READS;
	}
	report->cost_ns = sm_median(cost, BATCHES);
	report->syscall = report->cost_ns > VDSO_MAX_NS;
	if (sm_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", report->source,
			 sizeof(report->source)) < 0)
		snprintf(report->source, sizeof(report->source), "unknown");
	if (report->backwards)
		return sm_fail(err, EIO,
			       "the clock stepped backwards %llu times in 2 ms: times measured here "
			       "would be wrong; look at the kernel's clock source (it is %s)",
			       (unsigned long long)report->backwards, report->source);
	return topology ? sm_clock_compare(topology, NULL, report, err) : 0;
}
