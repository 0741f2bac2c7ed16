/* What else the machine does: steal, interrupts, timer gaps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/environment.h"

/* A hole in the clock's readings longer than this is time that somebody else had. */
#define GAP_NS 10000u
/* /proc/stat: the first lines; the interrupt line may be long on large machines. */
#define STAT_MAX (256 * 1024)

static uint64_t field_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

void sm_noise_mark(const struct sm_os *os, struct sm_noise_mark *mark)
{
	char *text = malloc(STAT_MAX), *at;
	uint64_t ticks[8] = { 0 };

	memset(mark, 0, sizeof(*mark));
	mark->taken_ns = sm_clock_ns();
	if (!text || sm_os_read(os, text, STAT_MAX, "/proc/stat") < 0 ||
	    strncmp(text, "cpu ", 4) != 0) {
		free(text);
		return;
	}
	at = text + 4;
	/* user nice system idle iowait irq softirq steal (proc(5)) */
	for (unsigned i = 0; i < 8; i++) {
		ticks[i] = strtoull(at, &at, 10);
		mark->total_ticks += ticks[i];
	}
	mark->steal_ticks = ticks[7];
	mark->busy_ticks = mark->total_ticks - ticks[3] - ticks[4];
	mark->interrupts = field_after(text, "\nintr ");
	mark->context_switches = field_after(text, "\nctxt ");
	free(text);
}

void sm_noise_between(const struct sm_noise_mark *before, const struct sm_noise_mark *after,
		      struct sm_noise *out)
{
	double ticks = (double)after->total_ticks - (double)before->total_ticks;
	double seconds = ((double)after->taken_ns - (double)before->taken_ns) / 1e9;

	*out = (struct sm_noise){ NAN, NAN, NAN, NAN };
	if (before->total_ticks == 0 || after->total_ticks == 0 || seconds <= 0)
		return;
	out->steal_percent =
		ticks > 0 ? 100.0 * (double)(after->steal_ticks - before->steal_ticks) / ticks : 0;
	out->busy_percent =
		ticks > 0 ? 100.0 * (double)(after->busy_ticks - before->busy_ticks) / ticks : 0;
	out->interrupts_per_s = (double)(after->interrupts - before->interrupts) / seconds;
	out->switches_per_s =
		(double)(after->context_switches - before->context_switches) / seconds;
}

void sm_noise_gaps(uint64_t duration_ns, double *lost_percent, uint64_t *longest_ns)
{
	uint64_t start = sm_clock_ns(), last = start, lost = 0;

	*longest_ns = 0;
	while (last - start < duration_ns) {
		uint64_t now = sm_clock_ns(), gap = now - last;

		if (gap > GAP_NS)
			lost += gap;
		if (gap > *longest_ns)
			*longest_ns = gap;
		last = now;
	}
	*lost_percent = 100.0 * (double)lost / (double)(last - start);
}
