/* A pair of channels in memory that finds mistakes. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "shmeter/cgroup.h"
#include "shmeter/spin.h"
#include "shmeter/text.h"

#define ZONE 0xa5 /* what the bytes around a channel hold: neither text, nor a small number, nor a pointer */

static size_t round_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* A part: a guard page, a page of zone, the body, a page of zone (a guard page with `flush`). */
static void lay_out(struct rig *rig)
{
	size_t bytes = round_up(rig->bytes, SM_LINE_PAIR);

	rig->page = (size_t)sysconf(_SC_PAGESIZE);
	rig->body = round_up(bytes + (rig->flush ? 0 : SM_LINE_PAIR), rig->page);
	rig->part = 3 * rig->page + rig->body;
	rig->slot_bytes = 2 * rig->part + rig->page;
}

/* Where the memory of a channel begins in a slot. */
static size_t memory_at(const struct rig *rig, unsigned channel)
{
	size_t body = channel * rig->part + 2 * rig->page;

	return rig->flush ? body + rig->body - round_up(rig->bytes, SM_LINE_PAIR) : body + SM_LINE_PAIR;
}

static char *slot_of(const struct rig *rig, unsigned slot)
{
	return rig->window + slot * rig->slot_bytes;
}

static int map_slot(const struct rig *rig, unsigned slot, struct sm_error *err)
{
	char *at = slot_of(rig, slot);
	int rc;

	if (mmap(at, rig->slot_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, rig->fd, 0) == MAP_FAILED)
		return sm_fail(err, errno, "no memory for two channels of %zu bytes: %s", rig->bytes, strerror(errno));
	rc = mprotect(at + 2 * rig->part, rig->page, PROT_NONE);
	for (unsigned i = 0; rc == 0 && i < 2; i++) {
		rc = mprotect(at + i * rig->part, rig->page, PROT_NONE);
		if (rc == 0 && rig->flush)
			rc = mprotect(at + (i + 1) * rig->part - rig->page, rig->page, PROT_NONE);
	}
	return rc < 0 ? sm_fail(err, errno, "cannot guard memory: %s", strerror(errno)) : 0;
}

/* This process writes the memory in full: more than there is would end it. */
static int check_room(const struct rig *rig, struct sm_error *err)
{
	char has[SM_TEXT_MAX];
	struct sm_room room;

	sm_memory_room(rig->plugged->os, &room);
	if (rig->bytes <= room.left / 4)
		return 0;
	return sm_fail(err, ENOMEM, "bytes() asks for %zu bytes for each direction, and %s of memory are available",
		       rig->bytes, sm_format_bytes(has, (double)room.left));
}

int rig_place(struct rig *rig, struct sm_error *err)
{
	rig->fd = -1;
	if (check_room(rig, err) < 0)
		return -err->code;
	lay_out(rig);
	rig->control = mmap(NULL, sizeof(*rig->control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rig->window = mmap(NULL, (RIG_ENDS + 1) * rig->slot_bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	rig->fd = memfd_create("shmeter-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (rig->control == MAP_FAILED || rig->window == MAP_FAILED || rig->fd < 0 ||
	    ftruncate(rig->fd, (off_t)rig->slot_bytes) < 0 ||
	    fcntl(rig->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) /* or the plug-in cuts ours */
		return sm_fail(err, errno, "no memory for two channels of %zu bytes: %s", rig->bytes, strerror(errno));
	return map_slot(rig, 0, err);
}

int rig_make(struct rig *rig, struct sm_error *err)
{
	int rc;

	rig->fd = -1;
	snprintf(rig->what, sizeof(rig->what), "messages of %zu bytes", rig->message);
	rig->opens = "open()";
	rc = sm_plugin_bytes(rig->plugged, rig->capacity, rig->message, &rig->bytes, err);
	return rc < 0 ? rc : rig_place(rig, err);
}

void rig_free(struct rig *rig)
{
	if (rig->control && rig->control != MAP_FAILED)
		munmap(rig->control, sizeof(*rig->control));
	if (rig->window && rig->window != MAP_FAILED)
		munmap(rig->window, (RIG_ENDS + 1) * rig->slot_bytes);
	if (rig->fd >= 0)
		close(rig->fd);
}

void rig_clear(struct rig *rig)
{
	memset(rig->control, 0, sizeof(*rig->control));
	for (unsigned i = 0; i < 2; i++) {
		char *part = slot_of(rig, 0) + i * rig->part, *memory = slot_of(rig, 0) + memory_at(rig, i);
		char *first = part + rig->page, *end = part + rig->part - (rig->flush ? rig->page : 0);

		memset(first, ZONE, (size_t)(memory - first));
		memset(memory, 0, rig->bytes);
		memset(memory + rig->bytes, ZONE, (size_t)(end - memory) - rig->bytes);
	}
}

int rig_open(struct rig *rig, struct sm_error *err)
{
	static const uint32_t never = 0;
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random name: %s", strerror(errno));
	rig_clear(rig);
	for (unsigned i = 0; i < RIG_SENDERS; i++)
		atomic_store(&rig->control->total[i], UINT64_MAX);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(rig->name[i], sizeof(rig->name[i]), "shmeter-%016llx-%u", (unsigned long long)number, i);
		rig->pair[i] = (struct shmeter_channel){
			.memory = rig->bytes ? slot_of(rig, 0) + memory_at(rig, i) : NULL,
			.capacity = rig->capacity,
			.message = rig->message,
			.name = rig->name[i],
			.over = &never,
			.spin_turns = rig->spin_turns,
			.direction = i,
		};
	}
	return sm_plugin_open(rig->plugged, (struct shmeter_channel[]){ rig->pair[0], rig->pair[1] }, err);
}

void *rig_memory(const struct rig *rig, unsigned slot)
{
	return rig->bytes ? slot_of(rig, slot) + memory_at(rig, 0) : NULL;
}

/* Notes the first byte of a zone that was written. */
static void look_outside(struct rig *rig, const char *memory, const char *first, const char *end)
{
	for (const char *at = first; at < end && !rig->findings->outside[0]; at++)
		if ((unsigned char)*at != ZONE)
			snprintf(rig->findings->outside, sizeof(rig->findings->outside),
				 "%s: a byte %s its memory was written, %zu bytes %s; it asked for %zu", rig->what,
				 at < memory ? "before" : "behind",
				 at < memory ? (size_t)(memory - at) : (size_t)(at - memory) - rig->bytes + 1,
				 at < memory ? "before its start" : "behind its end", rig->bytes);
}

/* Notes the first word that is an address in the window of `window`. */
static void look_for_pointer(struct rig *rig, const char *memory, const struct rig *window)
{
	uint64_t from = (uint64_t)(uintptr_t)window->window, word;

	for (size_t i = 0; i + sizeof(word) <= rig->bytes && !rig->findings->pointer[0]; i += sizeof(word)) {
		memcpy(&word, memory + i, sizeof(word));
		if (word - from < (RIG_ENDS + 1) * window->slot_bytes)
			snprintf(rig->findings->pointer, sizeof(rig->findings->pointer),
				 "bytes %zu to %zu hold an address in the memory of the process that %s%s; it means "
				 "nothing to another",
				 i, i + sizeof(word) - 1, word - from < window->slot_bytes ? "ran " : "used it",
				 word - from < window->slot_bytes ? rig->opens : "");
	}
}

void rig_inspect(struct rig *rig)
{
	for (unsigned i = 0; i < 2 && rig->bytes; i++) {
		const char *part = slot_of(rig, 0) + i * rig->part, *memory = slot_of(rig, 0) + memory_at(rig, i);

		look_outside(rig, memory, part + rig->page, memory);
		look_outside(rig, memory, memory + rig->bytes, part + rig->part - (rig->flush ? rig->page : 0));
		look_for_pointer(rig, memory, rig);
		if (rig->beside)
			look_for_pointer(rig, memory, rig->beside);
	}
	rig->findings->rigs += rig->bytes > 0;
}

int rig_close(struct rig *rig, struct sm_error *err)
{
	int rc;

	rig_inspect(rig);
	rc = sm_plugin_close(rig->plugged, (struct shmeter_channel[]){ rig->pair[0], rig->pair[1] }, err);
	rig_inspect(rig);
	return rc;
}

int rig_map(struct rig *rig, unsigned end, struct sm_error *err)
{
	if (map_slot(rig, end + 1, err) < 0)
		return -err->code;
	/* what open() saw is not there any more */
	if (mmap(rig->window, rig->slot_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return sm_fail(err, errno, "cannot unmap memory: %s", strerror(errno));
	return 0;
}

const struct shmeter_transport *rig_enter(struct rig *rig, unsigned end, int sends_on, int receives_on,
					  struct shmeter_channel pair[2], struct sm_error *err)
{
	const struct shmeter_transport *called;

	if (rig_map(rig, end, err) < 0)
		return NULL;
	called = sm_plugin_here(rig->plugged, err);
	if (!called)
		return NULL;
	if (called->bytes(rig->capacity, rig->message) != rig->bytes) {
		sm_fail(err, EBADMSG, "bytes() answers another number in another process");
		return NULL;
	}
	for (int i = 0; i < 2; i++) {
		int code;

		pair[i] = rig->pair[i];
		pair[i].memory = rig->bytes ? slot_of(rig, end + 1) + memory_at(rig, (unsigned)i) : NULL;
		pair[i].over = (const uint32_t *)&rig->control->over;
		if (!called->attach || (i != sends_on && i != receives_on))
			continue;
		code = called->attach(&pair[i], i == sends_on);
		if (code) {
			sm_fail(err, EIO, "attach() failed: %s", strerror(code));
			return NULL;
		}
	}
	return called;
}
