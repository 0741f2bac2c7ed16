/* Samples the addresses of loads that another core's modified line answered: perf_event_open(2), with a ring for each
 * thread. */
#include <dirent.h>
#include <errno.h>
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

int sm_look_sample(struct sm_look *look, const struct perf_event_attr *attr)
{
	struct perf_event_attr own = *attr;
	int error = ESRCH;

	own.size = sizeof(own);
	own.disabled = own.inherit = 0;
	own.exclude_kernel = own.exclude_hv = 1;
	own.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_ADDR;
	own.read_format = 0;
	for (size_t i = 0; i < look->process_count; i++) {
		char path[4096];
		struct dirent *entry;
		DIR *folder;

		snprintf(path, sizeof(path), "%.3900s/proc/%d/task", look->os->root, (int)look->process[i].pid);
		folder = opendir(path);
		while (folder && look->sampler_count < THREADS_MAX && (entry = readdir(folder)))
			if (entry->d_name[0] != '.')
				error = sample_thread(look, &own, (pid_t)strtol(entry->d_name, NULL, 10));
		if (folder)
			closedir(folder);
	}
	return look->sampler_count ? 0 : -error;
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

/* A look reads each ring once: where it is full, the kernel leaves further samples out. */
static void read_ring(struct sm_look *look, const struct look_sampler *sampler)
{
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
	size_t count = 0;

	for (size_t i = 0; i < look->sampler_count; i++)
		read_ring(look, &look->sampler[i]);
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
