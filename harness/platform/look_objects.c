/* The objects that processes map: one for each device and inode. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "look_private.h"
#include "shmeter/encode.h"

void *look_add(void **rows, size_t *count, size_t size)
{
	if ((*count & (*count - 1)) == 0) { /* doubles at powers of two */
		*rows = realloc(*rows, (*count ? 2 * *count : 1) * size);
		if (!*rows)
			sm_no_memory();
	}
	return memset((char *)*rows + (*count)++ * size, 0, size);
}

struct sm_shm_device look_shm_device(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE), size = 0;
	void *page = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *file = fopen("/proc/self/maps", "re");
	struct sm_shm_device found = { .known = false };
	struct sm_map_line map;
	char *line = NULL;

	while (page != MAP_FAILED && file && !found.known && getline(&line, &size, file) > 0)
		if (sm_map_parse(line, &map) && map.low == (uint64_t)(uintptr_t)page)
			found = (struct sm_shm_device){ true, map.major, map.minor };
	free(line);
	if (file)
		fclose(file);
	if (page != MAP_FAILED)
		munmap(page, bytes);
	return found;
}

static pid_t owner_of(enum sm_shared_kind kind, pid_t pid)
{
	return kind == SM_SHARED_KERNEL || kind == SM_SHARED_DEVICE ? pid : 0;
}

static bool is_same(const struct sm_look_object *object, const struct sm_map_line *line, pid_t owner)
{
	/* processes share the inode of all "anon_inode" files */
	return object->inode == line->inode && object->major == line->major && object->minor == line->minor &&
	       object->owner == owner && (owner == 0 || strcmp(object->name, line->name) == 0);
}

/* The slot of an object in the table, or the free one in which it belongs. */
static size_t slot_of(const struct sm_look *look, const struct sm_map_line *line, pid_t owner)
{
	uint64_t hash =
		(line->inode ^ (uint64_t)line->major << 52 ^ (uint64_t)line->minor << 32 ^ (uint64_t)owner << 12) *
		0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (look->slots - 1);

	while (look->slot[at] && !is_same(&look->object[look->slot[at] - 1], line, owner))
		at = (at + 1) & (look->slots - 1);
	return at;
}

/* Enters all objects in the table. */
static void fill(struct sm_look *look)
{
	memset(look->slot, 0, look->slots * sizeof(*look->slot));
	for (size_t i = 0; i < look->object_count; i++) {
		const struct sm_look_object *object = &look->object[i];
		struct sm_map_line line = {
			.inode = object->inode, .major = object->major, .minor = object->minor, .name = object->name
		};

		look->slot[slot_of(look, &line, object->owner)] = i + 1;
	}
}

static void widen(struct sm_look *look)
{
	free(look->slot);
	look->slots = look->slots ? 2 * look->slots : 64;
	look->slot = sm_zeroed_memory(look->slots, sizeof(*look->slot));
	fill(look);
}

void look_reach(struct sm_look_object *object, uint64_t offset, uint64_t bytes)
{
	if (offset < object->first)
		object->first = offset;
	if (offset + bytes > object->last)
		object->last = offset + bytes;
}

struct look_mark look_mark(const struct sm_look *look)
{
	return (struct look_mark){ .objects = look->object_count,
				   .uses = look->use_count,
				   .waits = look->wait_count,
				   .ranges = look->range_count,
				   .readable = look->readable };
}

void look_forget(struct sm_look *look, const struct look_mark *mark)
{
	while (look->object_count > mark->objects)
		free(look->object[--look->object_count].name);
	look->use_count = mark->uses;
	look->wait_count = mark->waits;
	look->range_count = mark->ranges;
	look->readable = mark->readable;
	for (size_t i = 0; i < look->object_count; i++) {
		look->object[i].use = 0;
		look->object[i].first = UINT64_MAX;
		look->object[i].last = 0;
	}
	for (size_t i = 0; i < look->range_count; i++) {
		const struct sm_look_range *range = &look->range[i];
		struct sm_look_object *object = &look->object[look->use[range->use].object];

		look_reach(object, range->offset, range->high - range->low);
	}
	if (look->slots)
		fill(look);
}

size_t look_known(const struct sm_look *look, const struct sm_map_line *line)
{
	return look->slots ? look->slot[slot_of(look, line, 0)] - 1 : SM_LOOK_NONE; /* 0 - 1 is SM_LOOK_NONE */
}

/* Whether a name in /dev/shm still leads to the object: it may be one that ends in " (deleted)". */
static bool is_there(const struct sm_look *look, const struct sm_map_line *line)
{
	char path[8192];
	struct stat status;

	snprintf(path, sizeof(path), "%s%s", look->os->root, line->name);
	return lstat(path, &status) == 0 && status.st_ino == line->inode && major(status.st_dev) == line->major &&
	       minor(status.st_dev) == line->minor;
}

size_t look_object(struct sm_look *look, const struct sm_map_line *line, bool huge, pid_t pid)
{
	enum sm_shared_kind kind = sm_map_kind(line, &look->shm, huge);
	pid_t owner = owner_of(kind, pid);
	struct sm_look_object *object;
	size_t at;

	if (2 * look->object_count >= look->slots)
		widen(look);
	at = slot_of(look, line, owner);
	if (look->slot[at])
		return look->slot[at] - 1;
	object = LOOK_ADD(look, object, object_count);
	look->slot[at] = look->object_count;
	*object = (struct sm_look_object){ .kind = kind,
					   .major = line->major,
					   .minor = line->minor,
					   .inode = line->inode,
					   .owner = owner,
					   .name = strdup(line->name),
					   .deleted = sm_map_is_deleted(line->name),
					   .first = UINT64_MAX };
	if (!object->name)
		sm_no_memory();
	if (kind == SM_SHARED_POSIX && object->deleted)
		object->deleted = !is_there(look, line);
	return look->object_count - 1;
}

const struct sm_look_range *look_range(const struct sm_look *look, const struct sm_look_process *process,
				       uint64_t address)
{
	size_t low = process->range, high = process->range + process->ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address < look->range[middle].low)
			high = middle;
		else if (address >= look->range[middle].high)
			low = middle + 1;
		else
			return &look->range[middle];
	}
	return NULL;
}

static int by_object(const void *a, const void *b)
{
	const struct sm_look_use *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return (x->process > y->process) - (x->process < y->process);
}

static int other_by_object(const void *a, const void *b)
{
	const struct sm_look_other *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int wait_by_object(const void *a, const void *b)
{
	const struct sm_look_wait *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

void look_sort(struct sm_look *look)
{
	if (look->wait_count)
		qsort(look->wait, look->wait_count, sizeof(*look->wait), wait_by_object);
	if (look->use_count)
		qsort(look->use, look->use_count, sizeof(*look->use), by_object);
	if (look->other_count)
		qsort(look->other, look->other_count, sizeof(*look->other), other_by_object);
	for (size_t i = look->use_count; i-- > 0;) {
		look->object[look->use[i].object].use = i;
		look->object[look->use[i].object].uses++;
	}
	for (size_t i = look->wait_count; i-- > 0;)
		if (look->wait[i].object != SM_LOOK_NONE) {
			look->object[look->wait[i].object].wait = i;
			look->object[look->wait[i].object].waits++;
		}
	for (size_t i = look->line_count; i-- > 0;) {
		look->object[look->line[i].object].line = i;
		look->object[look->line[i].object].lines++;
	}
	for (size_t i = look->other_count; i-- > 0;) {
		look->object[look->other[i].object].other = i;
		look->object[look->other[i].object].others++;
	}
	for (size_t i = 0; i < look->object_count; i++)
		look->object[i].bytes = look->object[i].last - look->object[i].first;
}
