/* Reads the mappings and threads of one process. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "look_private.h"
#include "shmeter/encode.h"
#include "shmeter/text.h"

FILE *look_open(const struct sm_look *look, pid_t pid, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%.3900s/proc/%d/%s", look->os->root, (int)pid, name);
	return fopen(path, "re");
}

void look_name(const struct sm_os *os, pid_t pid, char out[SM_LOOK_NAME])
{
	if (sm_os_read(os, out, SM_LOOK_NAME, "/proc/%d/comm", (int)pid) < 0 || !out[0])
		snprintf(out, SM_LOOK_NAME, "?");
	sm_clean(out);
}

/* A mapping of smaps while its fields are read. */
struct reading {
	size_t process;
	bool open, detailed;
	struct sm_map_line map;
	char *name; /* of `map` */
	struct sm_mapped mapped;
};

/* The use of an object by a process; the uses of one process follow each other. */
static size_t use_of(struct sm_look *look, size_t object, size_t process, size_t first)
{
	struct sm_look_use *use;
	size_t last = look->object[object].use; /* one more than its latest use, until they are sorted */

	if (last > first)
		return last - 1;
	use = LOOK_ADD(look, use, use_count);
	use->object = object;
	use->process = process;
	look->object[object].use = look->use_count;
	return look->use_count - 1;
}

static void close_mapping(struct sm_look *look, struct reading *r, size_t first)
{
	bool huge = r->mapped.page_low > sm_os_page_bytes(look->os);
	struct sm_look_range *range;
	struct sm_look_object *object;
	struct sm_look_use *use;
	size_t at, u;

	if (!r->open)
		return;
	r->open = false;
	r->map.name = r->name;
	at = look_object(look, &r->map, huge, look->process[r->process].pid);
	u = use_of(look, at, r->process, first);
	object = &look->object[at];
	use = &look->use[u];
	use->mappings++;
	use->writes |= r->map.access[1] == 'w';
	use->detailed |= r->detailed;
	use->mapped.bytes += r->map.high - r->map.low;
	use->mapped.resident += r->mapped.resident;
	use->mapped.proportional += r->mapped.proportional;
	use->mapped.thp += r->mapped.thp;
	use->mapped.hugetlb += r->mapped.hugetlb;
	use->mapped.swapped += r->mapped.swapped;
	if (use->mapped.page_low == 0 || (r->mapped.page_low && r->mapped.page_low < use->mapped.page_low))
		use->mapped.page_low = r->mapped.page_low;
	if (r->mapped.page_high > use->mapped.page_high)
		use->mapped.page_high = r->mapped.page_high;
	look_reach(object, r->map.offset, r->map.high - r->map.low);
	range = LOOK_ADD(look, range, range_count);
	*range = (struct sm_look_range){ r->map.low, r->map.high, r->map.offset, u };
	look->process[r->process].ranges++;
}

/* Reads maps or smaps.  Returns 0 or an errno; `*lines` tells whether it had any. */
static int read_lines(struct sm_look *look, struct reading *r, FILE *file, bool *lines)
{
	size_t size = 0, first = look->use_count;
	char *line = NULL;
	ssize_t length;
	int error;

	errno = 0;
	while ((length = getline(&line, &size, file)) > 0) {
		struct sm_map_line map;

		*lines = true;
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (!sm_map_parse(line, &map)) {
			if (r->open)
				r->detailed |= sm_smaps_take(&r->mapped, line);
			continue;
		}
		close_mapping(look, r, first);
		if (!sm_map_is_shared(&map))
			continue;
		free(r->name);
		r->name = strdup(map.name);
		if (!r->name)
			sm_no_memory();
		sm_clean(r->name);
		*r = (struct reading){ .process = r->process, .open = true, .map = map, .name = r->name };
		errno = 0;
	}
	error = ferror(file) ? errno : 0;
	close_mapping(look, r, first);
	free(line);
	return error;
}

void look_process_mappings(struct sm_look *look, size_t process)
{
	struct sm_look_process *p = &look->process[process];
	struct reading r = { .process = process };
	bool lines = false;
	FILE *file = look_open(look, p->pid, "smaps");
	int error = file ? 0 : errno;

	if (!file && error == ENOENT) { /* a kernel without it, or the process is gone */
		file = look_open(look, p->pid, "maps");
		error = file ? 0 : errno;
		p->gone = !file && error == ENOENT;
	}
	p->range = look->range_count;
	if (file) {
		error = read_lines(look, &r, file, &lines);
		fclose(file);
	}
	free(r.name);
	look->readable += lines;
	p->gone |= error == ESRCH;
	if (error)
		look_unread(look, "mappings", p, error);
	else if (!lines)
		look_gap(look, "mappings", p->pid, 0, "it has no memory of its own: a kernel thread, or it has ended");
}

/* The only node with memory; SM_LOOK_NODES: there are several, or it is not known. */
static unsigned only_node(const struct sm_os *os)
{
	char text[64];
	uint64_t node;

	if (sm_os_read(os, text, sizeof(text), "/sys/devices/system/node/has_memory") < 0 ||
	    sm_parse_whole(text, SM_LOOK_NODES - 1, &node) < 0)
		return SM_LOOK_NODES;
	return (unsigned)node;
}

/* All pages are on the only node: spares the process a second walk of its page tables. */
static void place_all(struct sm_look *look, size_t process, unsigned node)
{
	const struct sm_look_process *p = &look->process[process];

	for (size_t i = p->range; i < p->range + p->ranges; i++) {
		struct sm_look_use *use = &look->use[look->range[i].use];

		use->placed = use->detailed;
		use->node[node] = use->mapped.resident;
	}
}

void look_process_nodes(struct sm_look *look, size_t process)
{
	const struct sm_look_process *p = &look->process[process];
	unsigned only = only_node(look->os);

	if (only < SM_LOOK_NODES) {
		place_all(look, process, only);
		return;
	}

	FILE *file = p->ranges ? look_open(look, p->pid, "numa_maps") : NULL;
	size_t size = 0;
	char *line = NULL;

	if (!file) {
		if (p->ranges)
			look_unread(look, "nodes", p, errno);
		return;
	}
	while (getline(&line, &size, file) > 0) {
		uint64_t low, bytes[SM_LOOK_NODES] = { 0 };
		const struct sm_look_range *range;

		if (!sm_numa_maps_parse(line, sm_os_page_bytes(look->os), &low, bytes, SM_LOOK_NODES))
			continue;
		range = look_range(look, p, low);
		if (!range || range->low != low)
			continue;
		look->use[range->use].placed = true;
		for (unsigned n = 0; n < SM_LOOK_NODES; n++)
			look->use[range->use].node[n] += bytes[n];
	}
	free(line);
	fclose(file);
}

/* Reads what one thread waits for.  Returns 0 or an errno. */
static int read_wait(struct sm_look *look, size_t process, pid_t thread)
{
	const struct sm_look_process *p = &look->process[process];
	struct sm_look_wait found = { .process = process, .thread = thread, .object = SM_LOOK_NONE };
	const struct sm_look_range *range;
	char call[256], wchan[128];
	enum sm_waits waits;
	int rc = sm_os_read(look->os, call, sizeof(call), "/proc/%d/task/%d/syscall", (int)p->pid, (int)thread);

	if (rc < 0)
		return -rc;
	if (sm_os_read(look->os, wchan, sizeof(wchan), "/proc/%d/task/%d/wchan", (int)p->pid, (int)thread) < 0)
		wchan[0] = '\0';
	waits = sm_futex_parse(call, wchan, &found.address, &found.own);
	if (waits == SM_WAITS_NOT)
		return 0;
	found.several = waits == SM_WAITS_FUTEXES;
	range = found.several ? NULL : look_range(look, p, found.address);
	if (range) {
		found.object = look->use[range->use].object;
		found.offset = found.address - range->low + range->offset;
	}
	*(struct sm_look_wait *)LOOK_ADD(look, wait, wait_count) = found;
	return 0;
}

void look_process_waits(struct sm_look *look, size_t process)
{
	char path[4096];
	DIR *folder;
	struct dirent *entry;
	int error = 0;

	snprintf(path, sizeof(path), "%.3900s/proc/%d/task", look->os->root, (int)look->process[process].pid);
	folder = opendir(path);
	while (folder && !error && (entry = readdir(folder))) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (thread > 0)
			error = read_wait(look, process, thread);
		if (error == ESRCH || (error == ENOENT && thread != look->process[process].pid)) /* it ended */
			error = 0;
	}
	if (folder)
		closedir(folder);
	if (error)
		look_unread(look, "waits", &look->process[process], error);
}

/* Adds the objects that a process maps and that are known. */
static int read_other(struct sm_look *look, pid_t pid)
{
	FILE *file = look_open(look, pid, "maps");
	size_t size = 0, first = look->other_count;
	char *line = NULL, name[SM_LOOK_NAME] = "";
	ssize_t length;

	if (!file)
		return errno;
	while ((length = getline(&line, &size, file)) > 0) {
		struct sm_look_other *other;
		struct sm_map_line map;
		size_t object = SM_LOOK_NONE;

		if (sm_map_parse(line, &map) && sm_map_is_shared(&map))
			object = look_known(look, &map);
		/* until they are sorted, `other` is one more than its latest row; those of one process follow each other */
		if (object == SM_LOOK_NONE || look->object[object].other > first)
			continue;
		if (!name[0])
			look_name(look->os, pid, name);
		other = LOOK_ADD(look, other, other_count);
		other->object = object;
		look->object[object].other = look->other_count;
		other->pid = pid;
		memcpy(other->name, name, sizeof(name));
	}
	free(line);
	fclose(file);
	return 0;
}

static bool is_looked_at(const struct sm_look *look, pid_t pid)
{
	for (size_t i = 0; i < look->process_count; i++)
		if (look->process[i].pid == pid)
			return true;
	return false;
}

void look_others(struct sm_look *look)
{
	char path[4096];
	DIR *folder;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%.3900s/proc", look->os->root);
	folder = look->object_count ? opendir(path) : NULL;
	while (folder && (entry = readdir(folder))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		int error = pid > 0 && pid != getpid() && !is_looked_at(look, pid) ? read_other(look, pid) : 0;

		if (error == EACCES || error == EPERM)
			look_unread(look, "others", &(struct sm_look_process){ .pid = pid }, error);
	}
	if (folder)
		closedir(folder);
}
