/* Samples the addresses of loads that another core's modified line answered: perf_event_open(2), with a ring for each
 * thread. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "look_private.h"
#include "shmeter/counters.h"

#define LINE_BYTES 64u /* of the CPUs whose events have addresses */
#define RING_PAGES 8u
#define PERIOD                                                                                                         \
	997u /* events for one sample: rare enough not to slow the process down; a prime, so that loops do not
			  * fall in step with it */
#define THREADS_MAX 512

struct look_sampler {
	int fd;
	struct perf_event_mmap_page *ring;
};

static size_t ring_bytes(void)
{
	return (1 + RING_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Returns 0 or an errno. */
static int sample_thread(struct sm_look *look, struct perf_event_attr *attr, pid_t thread)
{
	struct look_sampler *sampler;
	int fd = look->os->perf_open(attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
	void *ring = fd < 0 ? MAP_FAILED : mmap(NULL, ring_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int error = errno;

	if (ring == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	sampler = LOOK_ADD(look, sampler, sampler_count);
	sampler->fd = fd;
	sampler->ring = ring;
	return 0;
}

/* Threads that were found, and how many of them could not be sampled. */
struct threads {
	size_t found, left_out;
	int error; /* of the latest one; 0: there were too many */
};

static void sample_threads(struct sm_look *look, struct perf_event_attr *attr, pid_t pid, struct threads *threads)
{
	char path[4096];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%.3900s/proc/%d/task", look->os->root, (int)pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		int error = 0;

		if (entry->d_name[0] == '.')
			continue;
		threads->found++;
		if (look->sampler_count < THREADS_MAX)
			error = sample_thread(look, attr, (pid_t)strtol(entry->d_name, NULL, 10));
		else
			threads->left_out++;
		if (error == ESRCH) { /* it ended */
			threads->found--;
		} else if (error) {
			threads->left_out++;
			threads->error = error;
		}
	}
	if (folder)
		closedir(folder);
}

int sm_look_sample(struct sm_look *look, const struct perf_event_attr *attr)
{
	struct perf_event_attr own = *attr;
	struct threads threads = { .found = 0 };
	char reason[160];

	own.size = sizeof(own);
	own.disabled = own.inherit = 0;
	own.exclude_kernel = own.exclude_hv = 1;
	own.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_ADDR;
	own.read_format = 0;
	look->period = own.sample_period;
	for (size_t i = 0; i < look->process_count; i++)
		sample_threads(look, &own, look->process[i].pid, &threads);
	if (look->sampler_count == 0)
		return threads.error ? -threads.error : -ESRCH;
	if (threads.left_out) {
		snprintf(reason, sizeof(reason), "%zu of %zu threads could not be sampled (%s)", threads.left_out,
			 threads.found, threads.error ? strerror(threads.error) : "more than 512");
		look_gap(look, "some lines", 0, 0, reason);
	}
	return 0;
}

void sm_look_lines(struct sm_look *look)
{
	struct sm_event_set *set = sm_zeroed_memory(1, sizeof(*set));
	struct sm_error err = { 0 };
	struct perf_event_attr attr;
	char reason[320] = "";
	int rc = sm_events_prepare(set, look->os, "loads-from-other-core", &err);
	const struct sm_event *event = &set->event[0];

	if (rc < 0 || set->count == 0)
		snprintf(reason, sizeof(reason), "%.300s", err.text);
	else if (!sm_event_available(event))
		snprintf(reason, sizeof(reason), "%.300s", event->reason);
	if (!reason[0]) {
		attr = event->attr;
		attr.sample_period = PERIOD;
		attr.precise_ip = 2; /* only precise events have the address of their own load */
		rc = sm_look_sample(look, &attr);
		if (rc == -EACCES || rc == -EPERM)
			snprintf(reason, sizeof(reason), "this user may not sample other processes; look as root");
		else if (rc < 0)
			snprintf(reason, sizeof(reason),
				 "this CPU counts %.60s, but gives no addresses for it that are read here (%s)",
				 event->name, strerror(-rc));
		else
			look->event = sm_name_of(event->name);
	}
	if (reason[0])
		look_gap(look, "lines", 0, 0, reason);
	else if (set->count > 1) {
		snprintf(reason, sizeof(reason), "this CPU has %u kinds of cores, and only %.100s was sampled",
			 set->count, event->name);
		look_gap(look, "some lines", 0, 0, reason);
	}
	free(set);
}

/* A sample in a shared mapping of the process counts for its line. */
static void take(struct sm_look *look, pid_t pid, uint64_t address)
{
	const struct sm_look_range *range = NULL;
	struct sm_look_line *line;

	look->samples++;
	for (size_t i = 0; i < look->process_count && !range; i++)
		if (look->process[i].pid == pid)
			range = look_range(look, &look->process[i], address);
	if (!range)
		return;
	line = LOOK_ADD(look, line, line_count);
	line->object = look->use[range->use].object;
	line->offset = (address - range->low + range->offset) & ~(uint64_t)(LINE_BYTES - 1);
	line->samples = 1;
}

/* A look reads each ring once: where it is full, the kernel leaves further samples out.  Returns how many, by the count of
 * the event. */
static uint64_t read_ring(struct sm_look *look, const struct look_sampler *sampler)
{
	uint64_t before = look->samples, count = 0, due;
	const char *data = (const char *)sampler->ring + sysconf(_SC_PAGESIZE);
	uint64_t end = __atomic_load_n(&sampler->ring->data_head, __ATOMIC_ACQUIRE), at = 0;

	while (at + sizeof(struct perf_event_header) <= end) {
		struct perf_event_header header;
		struct {
			uint32_t pid, tid;
			uint64_t address;
		} sample;

		memcpy(&header, data + at, sizeof(header));
		if (header.size < sizeof(header))
			break;
		if (header.type == PERF_RECORD_SAMPLE && header.size >= sizeof(header) + sizeof(sample)) {
			memcpy(&sample, data + at + sizeof(header), sizeof(sample));
			take(look, (pid_t)sample.pid, sample.address);
		}
		at += header.size;
	}
	if (look->period == 0 || read(sampler->fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	due = count / look->period;
	return due > look->samples - before + 1 ? due - (look->samples - before) : 0; /* a skid may hide one */
}

static int by_line(const void *a, const void *b)
{
	const struct sm_look_line *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int by_samples(const void *a, const void *b)
{
	const struct sm_look_line *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->samples != y->samples)
		return x->samples < y->samples ? 1 : -1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

void look_lines_end(struct sm_look *look)
{
	uint64_t lost = 0;
	char reason[160];
	size_t count = 0;

	for (size_t i = 0; i < look->sampler_count; i++)
		lost += read_ring(look, &look->sampler[i]);
	if (lost) {
		snprintf(reason, sizeof(reason),
			 "%" PRIu64 " of %" PRIu64
			 " samples were lost: a ring was full, or the kernel throttled the event",
			 lost, lost + look->samples);
		look_gap(look, "some lines", 0, 0, reason);
	}
	look_lines_close(look);
	if (look->line_count == 0)
		return;
	qsort(look->line, look->line_count, sizeof(*look->line), by_line);
	for (size_t i = 1; i < look->line_count; i++)
		if (by_line(&look->line[i], &look->line[count]) == 0)
			look->line[count].samples++;
		else
			look->line[++count] = look->line[i];
	look->line_count = count + 1;
	qsort(look->line, look->line_count, sizeof(*look->line), by_samples);
}

void look_lines_close(struct sm_look *look)
{
	for (size_t i = 0; i < look->sampler_count; i++) {
		munmap(look->sampler[i].ring, ring_bytes());
		close(look->sampler[i].fd);
	}
	free(look->sampler);
	look->sampler = NULL;
	look->sampler_count = 0;
}
