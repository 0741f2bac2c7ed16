#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"
#include "shmeter/clock.h"

#define PROGRESS_EVERY_NS 200000000u
#define WIPE              "\r\033[K"

void progress_open(struct progress *progress, bool quiet)
{
	*progress = (struct progress){ .shown = !quiet && isatty(STDERR_FILENO) };
}

void progress_print(struct progress *progress, const char *format, ...)
{
	va_list values;

	if (!progress->shown)
		return;
	progress->written = true;
	fputs(WIPE, stderr);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
}

/* Redraws the line at most five times a second, and never during a trial. */
static void follow(const struct sm_progress *now, void *context)
{
	struct progress *progress = context;
	uint64_t now_ns = sm_clock_ns();
	char left[32] = "";

	if (now_ns - progress->last_ns < PROGRESS_EVERY_NS && now->done > 0)
		return;
	progress->last_ns = now_ns;
	if (now->left_ns)
		snprintf(left, sizeof(left), ", %llu s left", (unsigned long long)(now->left_ns / 1000000000u));
	progress_print(progress, "%s %zu/%zu%s  %.60s", now->phase, now->done, now->total, left, now->what);
}

void progress_follow(struct progress *progress, struct sm_run_options *run)
{
	if (!progress->shown)
		return;
	run->progress = follow;
	run->progress_context = progress;
}

void progress_wipe(struct progress *progress)
{
	if (progress->written)
		fputs(WIPE, stderr);
	progress->written = false;
}
