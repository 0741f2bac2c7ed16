/* Measures what else the machine does: steal, interrupts, timer gaps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/cgroup.h"
#include "shmeter/environment.h"
#include "shmeter/text.h"

/* A gap between clock readings longer than this means that something else had the PU. */
#define GAP_NS 10000u
/* /proc/stat: the first lines; the interrupt line may be long on large machines. */
#define STAT_MAX (256 * 1024)
/* The clocks are read one after the other, with at most an interrupt in between; and adjtimex(2) lets a clock be
 * slewed by a tenth. */
#define CLOCKS_APART_NS    10e6
#define CLOCKS_APART_SHARE 0.12

static uint64_t field_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static long online_pus(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count > 0 ? count : 1;
}

static uint64_t own_cpu_ns(void)
{
	struct rusage usage[2];
	uint64_t ns = 0;

	getrusage(RUSAGE_SELF, &usage[0]);
	getrusage(RUSAGE_CHILDREN, &usage[1]);
	for (unsigned i = 0; i < 2; i++)
		ns += ((uint64_t)usage[i].ru_utime.tv_sec + (uint64_t)usage[i].ru_stime.tv_sec) * 1000000000u +
		      ((uint64_t)usage[i].ru_utime.tv_usec + (uint64_t)usage[i].ru_stime.tv_usec) * 1000u;
	return ns;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void sm_noise_mark(const struct sm_os *os, struct sm_noise_mark *mark)
{
	char *text = malloc(STAT_MAX), *at;
	uint64_t ticks[8] = { 0 };

	memset(mark, 0, sizeof(*mark));
	mark->taken_ns = sm_clock_ns();
	mark->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	mark->boot_ns = clock_ns(CLOCK_BOOTTIME);
	mark->own_cpu_ns = own_cpu_ns();
	mark->throttled_ns = sm_cgroup_throttled_ns(os);
	mark->throttled_times = sm_cgroup_throttled_times(os);
	mark->memory_kills = sm_memory_kills(os);
	if (!text || sm_os_read(os, text, STAT_MAX, "/proc/stat") < 0 || strncmp(text, "cpu ", 4) != 0) {
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

void sm_noise_between(const struct sm_noise_mark *before, const struct sm_noise_mark *after, struct sm_noise *out)
{
	double ticks = (double)after->total_ticks - (double)before->total_ticks;
	double seconds = ((double)after->taken_ns - (double)before->taken_ns) / 1e9;

	*out = (struct sm_noise){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
	out->throttled_times = after->throttled_times - before->throttled_times;
	out->memory_kills = after->memory_kills - before->memory_kills;
	if (seconds > 0)
		out->throttled_percent =
			(after->throttled_ns - before->throttled_ns) / seconds / 1e7 / (double)online_pus();
	if (before->total_ticks == 0 || after->total_ticks == 0 || seconds <= 0)
		return;
	out->steal_percent = ticks > 0 ? 100.0 * (double)(after->steal_ticks - before->steal_ticks) / ticks : 0;
	out->busy_percent = ticks > 0 ? 100.0 * (double)(after->busy_ticks - before->busy_ticks) / ticks : 0;
	double own_ticks = (double)(after->own_cpu_ns - before->own_cpu_ns) / 1e9 * (double)sysconf(_SC_CLK_TCK);
	double others = (double)(after->busy_ticks - before->busy_ticks) -
			(double)(after->steal_ticks - before->steal_ticks) - own_ticks;

	out->others_percent = ticks > 0 ? fmax(0, 100.0 * others / ticks) : 0;
	out->interrupts_per_s = (double)(after->interrupts - before->interrupts) / seconds;
	out->switches_per_s = (double)(after->context_switches - before->context_switches) / seconds;
}

bool sm_clocks_disagree(const struct sm_noise_mark *before, const struct sm_noise_mark *after, char *out, size_t size)
{
	double raw = (double)after->taken_ns - (double)before->taken_ns;
	double steady = (double)after->monotonic_ns - (double)before->monotonic_ns;
	double suspended = (double)after->boot_ns - (double)before->boot_ns - steady;
	double apart = fabs(raw - steady);
	char text[SM_TEXT_MAX], other[SM_TEXT_MAX];

	if (suspended > CLOCKS_APART_NS)
		snprintf(out, size, "the machine was suspended for %s", sm_format_ns(text, suspended));
	else if (apart > CLOCKS_APART_NS + CLOCKS_APART_SHARE * steady || raw < 0)
		snprintf(out, size, "the clock jumped: CLOCK_MONOTONIC_RAW went on by %s and CLOCK_MONOTONIC by %s",
			 sm_format_ns(text, raw), sm_format_ns(other, steady));
	else
		return false;
	return true;
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
