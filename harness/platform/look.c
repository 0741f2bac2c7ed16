/* A look at running processes: finds them, counts their faults, reads the rest. */
#include "shmeter/look.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "look_private.h"
#include "shmeter/clock.h"

static int read_stat(const struct sm_os *os, pid_t pid, struct sm_stat_line *out)
{
	char text[4096];
	int rc = sm_os_read(os, text, sizeof(text), "/proc/%d/stat", (int)pid);

	return rc < 0 ? rc : sm_stat_parse(text, out) ? 0 : -ESRCH;
}

/* Whether nothing runs any more: a zombie, of which no other thread lives. */
static bool has_ended(const struct sm_stat_line *stat)
{
	return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

static bool has(const struct sm_look *look, pid_t pid)
{
	for (size_t i = 0; i < look->process_count; i++)
		if (look->process[i].pid == pid)
			return true;
	return false;
}

/* `begun`: when it began, 0: not known yet; NULL: not asked. */
static int add_process(struct sm_look *look, pid_t pid, uint64_t *begun)
{
	struct sm_look_process *process;
	struct sm_stat_line stat;
	struct stat status;
	char path[4096];
	int rc;

	if (has(look, pid))
		return 0;
	rc = read_stat(look->os, pid, &stat);
	if (rc < 0)
		return rc;
	if (has_ended(&stat) || (begun && *begun && *begun != stat.start_ticks))
		return -ESRCH;
	if (begun)
		*begun = stat.start_ticks;
	process = LOOK_ADD(look, process, process_count);
	*process = (struct sm_look_process){ .pid = pid,
					     .parent = stat.parent,
					     .threads = stat.threads,
					     .start_ticks = stat.start_ticks,
					     .minor_faults = stat.minor_faults,
					     .major_faults = stat.major_faults,
					     .minor_per_s = NAN,
					     .major_per_s = NAN };
	look_name(look->os, pid, process->name);
	snprintf(path, sizeof(path), "%.3900s/proc/%d", look->os->root, (int)pid);
	if (lstat(path, &status) == 0)
		process->uid = status.st_uid;
	return 0;
}

/* A process and its parent. */
struct kin {
	pid_t pid, parent;
};

/* Adds the children of those that are there, and theirs. */
static int add_children(struct sm_look *look, struct sm_error *err)
{
	char path[4096];
	struct kin *kin = NULL;
	size_t count = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%.3900s/proc", look->os->root);
	folder = opendir(path);
	if (!folder)
		return sm_fail(err, EACCES, "/proc cannot be read: %s; mount it", strerror(errno));
	while ((entry = readdir(folder))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct sm_stat_line stat;

		if (pid > 0 && read_stat(look->os, pid, &stat) == 0)
			*(struct kin *)look_add((void **)&kin, &count, sizeof(*kin)) = (struct kin){ pid, stat.parent };
	}
	closedir(folder);
	/* those that are added are visited, too */
	for (size_t i = 0; i < look->process_count; i++)
		for (size_t k = 0; k < count; k++)
			if (kin[k].parent == look->process[i].pid)
				(void)!add_process(look, kin[k].pid, NULL);
	free(kin);
	return 0;
}

int sm_look_begin(struct sm_look *look, const struct sm_os *os, const pid_t *pids, uint64_t *begun, size_t count,
		  bool tree, struct sm_error *err)
{
	int rc = 0;

	*look = (struct sm_look){ .os = os, .shm = look_shm_device() };
	if (!sm_os_has(os, "/proc/self"))
		return sm_fail(err, EACCES, "/proc is not there: mount it");
	for (size_t i = 0; i < count; i++) {
		rc = add_process(look, pids[i], begun ? &begun[i] : NULL);
		if (rc == -ESRCH)
			look_gap(look, "mappings", pids[i], 0, "it has ended");
		else if (rc < 0)
			look_gap(look, "mappings", pids[i], 0, "there is no such process, or /proc hides it (hidepid)");
	}
	look->begun_ns = sm_clock_ns();
	if (look->process_count == 0)
		return sm_fail(err, ENOENT, "process %d is not there: it has ended, or /proc hides it (hidepid)",
			       count ? (int)pids[0] : 0);
	return tree ? add_children(look, err) : 0;
}

/* The rates since the first count; a process with the same number that began later is another one. */
static void count_faults(struct sm_look *look)
{
	look->took_ns = sm_clock_ns() - look->begun_ns;
	for (size_t i = 0; i < look->process_count; i++) {
		struct sm_look_process *p = &look->process[i];
		struct sm_stat_line stat;

		if (read_stat(look->os, p->pid, &stat) < 0 || stat.start_ticks != p->start_ticks || has_ended(&stat)) {
			p->gone = true;
			look_gap(look, "mappings", p->pid, 0, "ended meanwhile");
			continue;
		}
		p->threads = stat.threads;
		if (look->took_ns > 0) {
			p->minor_per_s = (double)(stat.minor_faults - p->minor_faults) * 1e9 / (double)look->took_ns;
			p->major_per_s = (double)(stat.major_faults - p->major_faults) * 1e9 / (double)look->took_ns;
		}
		p->minor_faults = stat.minor_faults;
		p->major_faults = stat.major_faults;
	}
}

/* Reads a process.  What it read may be of another one with its number, if this one ended meanwhile: then it forgets it. */
static void read_process(struct sm_look *look, size_t at)
{
	struct look_mark mark = look_mark(look);
	struct sm_look_process *p = &look->process[at];
	struct sm_stat_line stat;

	look_process_mappings(look, at);
	look_process_nodes(look, at);
	look_process_waits(look, at);
	if (read_stat(look->os, p->pid, &stat) == 0 && stat.start_ticks == p->start_ticks && !has_ended(&stat))
		return;
	look_forget(look, &mark);
	p->ranges = 0;
	if (!p->gone) /* else that was told */
		look_gap(look, "mappings", p->pid, 0, "ended meanwhile");
	p->gone = true;
}

bool sm_look_all_ended(const struct sm_look *look)
{
	for (size_t i = 0; i < look->process_count; i++)
		if (!look->process[i].gone)
			return false;
	return true;
}

void sm_look_mappings(struct sm_look *look)
{
	for (size_t i = 0; i < look->process_count; i++)
		if (!look->process[i].gone)
			look_process_mappings(look, i);
	look_sort(look);
}

void sm_look_end(struct sm_look *look)
{
	count_faults(look);
	for (size_t i = 0; i < look->process_count; i++) {
		if (!look->process[i].gone)
			read_process(look, i);
	}
	look_lines_end(look);
	look_others(look);
	look_hidden(look);
	look_sort(look);
}

void sm_look_free(struct sm_look *look)
{
	for (size_t i = 0; i < look->object_count; i++)
		free(look->object[i].name);
	look_lines_close(look);
	free(look->process);
	free(look->object);
	free(look->use);
	free(look->other);
	free(look->wait);
	free(look->range);
	free(look->gap);
	free(look->line);
	free(look->slot);
	*look = (struct sm_look){ .process = NULL };
}
