/* Question: how long does it take to create shared memory, use its first byte, and remove it again?
 * Method:   one worker creates an object of the given size, maps it, writes one byte, and removes mapping and
 *           object. One such life is an operation; its stages are reported separately.  The one page that is written
 *           was freed shortly before and is in the cache.
 * Not shown: huge pages (first_touch), filling the memory (prefault), file systems that write to a disk at once: a
 *           file that is removed before it is written back never reaches the disk.
 * Cost of the loop: five readings of the clock, about 25 ns each; everything else is the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "../subject/names.h"
#include "shmeter/scenario.h"

enum { PARAM_BYTES };
enum { TALLY_LIVES, TALLY_CREATE_NS, TALLY_MAP_NS, TALLY_TOUCH_NS, TALLY_REMOVE_NS };

struct state {
	char name[64], path[4200], key_text[16];
	key_t key;
};

static enum sm_backing backing_of(const struct sm_case *c)
{
	return (enum sm_backing)sm_case_variant(c)->arg;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	char prefix[4096];

	switch (backing_of(trial->c)) {
	case SM_POSIX: return name_announce('p', "/", state->name, sizeof(state->name), err);
	case SM_SYSV: return key_announce('h', &state->key, state->key_text, err);
	case SM_FILE:
		snprintf(prefix, sizeof(prefix), "%s/", trial->file_folder);
		return name_announce('f', prefix, state->path, sizeof(state->path), err);
	default: return 0;
	}
}

/* Also removes what a killed worker may have left. */
static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->name[0]) {
		shm_unlink(state->name);
		sm_guard_forget('p', state->name);
	}
	if (state->path[0]) {
		unlink(state->path);
		sm_guard_forget('f', state->path);
	}
	if (state->key_text[0]) {
		shmctl(shmget(state->key, 0, 0), IPC_RMID, NULL);
		sm_guard_forget('h', state->key_text);
	}
}

/* Creates the object and returns a descriptor or an identifier; -1: errno gives the reason. */
static inline __attribute__((always_inline)) int create(enum sm_backing backing, const struct state *state,
							size_t bytes)
{
	int fd;

	switch (backing) {
	case SM_ANON: return 0;
	case SM_SYSV: return shmget(state->key, bytes, IPC_CREAT | IPC_EXCL | 0600);
	case SM_MEMFD: fd = memfd_create("shmeter", MFD_CLOEXEC); break;
	case SM_POSIX: fd = shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600); break;
	default: fd = open(state->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); break;
	}
	return fd >= 0 && ftruncate(fd, (off_t)bytes) < 0 ? -1 : fd;
}

static inline __attribute__((always_inline)) char *map(enum sm_backing backing, int object, size_t bytes)
{
	void *address;

	if (backing == SM_SYSV)
		address = shmat(object, NULL, 0);
	else if (backing == SM_ANON)
		address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	else
		address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	return address == MAP_FAILED ? NULL : address; /* shmat() fails with the same value */
}

static inline __attribute__((always_inline)) bool take_down(enum sm_backing backing, const struct state *state,
							    int object, void *address, size_t bytes)
{
	if (backing == SM_SYSV)
		return shmdt(address) == 0 && shmctl(object, IPC_RMID, NULL) == 0;
	if (munmap(address, bytes) < 0)
		return false;
	if (backing == SM_ANON)
		return true;
	if (close(object) < 0)
		return false;
	return backing == SM_POSIX  ? shm_unlink(state->name) == 0
	       : backing == SM_FILE ? unlink(state->path) == 0
				    : true;
}

static inline __attribute__((always_inline)) uint64_t lives(struct sm_worker *worker, enum sm_backing backing)
{
	const struct state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_BYTES];
	uint64_t n = worker->op_count, *tally = worker->outcome->tally, at[5];

	for (uint64_t i = 0; i < n; i++) {
		volatile char *address;
		int object;

		at[0] = sm_clock_ns();
		object = create(backing, state, bytes);
		at[1] = sm_clock_ns();
		address = object < 0 ? NULL : map(backing, object, bytes);
		if (!address) {
			sm_worker_fail(worker, errno, "%s of %zu bytes cannot be had: %s", sm_backing_name(backing),
				       bytes, strerror(errno));
			return i;
		}
		at[2] = sm_clock_ns();
		address[0] = (char)(i + 1);
		at[3] = sm_clock_ns();
		tally[TALLY_LIVES] += address[0] == (char)(i + 1);
		if (!take_down(backing, state, object, (void *)address, bytes)) {
			sm_worker_fail(worker, errno, "%s cannot be removed: %s", sm_backing_name(backing),
				       strerror(errno));
			return i;
		}
		at[4] = sm_clock_ns();
		for (unsigned stage = 0; stage < 4; stage++)
			tally[TALLY_CREATE_NS + stage] += at[stage + 1] - at[stage];
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	switch (backing_of(worker->c)) {
	case SM_ANON: return lives(worker, SM_ANON);
	case SM_MEMFD: return lives(worker, SM_MEMFD);
	case SM_POSIX: return lives(worker, SM_POSIX);
	case SM_SYSV: return lives(worker, SM_SYSV);
	default: return lives(worker, SM_FILE);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_LIVES] != o->ops)
		return sm_fail(err, EILSEQ, "%lu lives of %lu were lived", o->tally[TALLY_LIVES], o->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	for (unsigned stage = 0; stage < 4; stage++)
		value[stage] = tally[TALLY_LIVES] ? (double)tally[TALLY_CREATE_NS + stage] / (double)tally[TALLY_LIVES]
						  : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "anon", .summary = "MAP_SHARED | MAP_ANONYMOUS", .arg = SM_ANON },
	{ .name = "memfd", .summary = "memfd_create()", .arg = SM_MEMFD },
	{ .name = "posix", .summary = "shm_open()", .arg = SM_POSIX },
	{ .name = "sysv", .summary = "shmget()", .arg = SM_SYSV },
	{ .name = "file", .summary = "a file in the results' folder", .arg = SM_FILE },
	{ 0 },
};

#define DEARER(id_, variant, words)                                                                                    \
	{                                                                                                              \
		.id = id_, .text = "Anonymous shared memory is cheaper to set up and remove than " words,              \
		.source = "textbooks: no name, no object to manage", SM_RATIO(variant, "anon", .min = 1)               \
	}
static const struct sm_claim claims[] = {
	DEARER("M1", "posix", "POSIX shared memory"),
	DEARER("M1.sysv", "sysv", "a System V segment"),
	DEARER("M1.file", "file", "a mapped file"),
	DEARER("M1.memfd", "memfd", "a memfd"),
	{ 0 },
};

const struct sm_scenario sm_scenario_map_lifecycle = {
	.name = "map_lifecycle",
	.family = "mapping",
	.question = "What does it take to make shared memory and remove it again?",
	.summary = "Create, map, write the first byte, unmap, remove.",
	.why = "A name costs a directory entry and its locks, a file blocks and a journal "
	       "besides; anonymous memory needs neither. One page is touched in all of them, "
	       "so the faults are alike, and the stages in metrics.csv say where the rest "
	       "goes.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the object",
		      .quick = SM_VALUES(1 << 20),
		      .standard = SM_VALUES(4096, 1 << 20, 1 << 30),
		      .min = 1,
		      .max = 1ull << 40 } },
	.workers = 1,
	.metric = { "time per life", "ns/op" },
	.more = { { "create", "ns" }, { "map", "ns" }, { "first byte", "ns" }, { "unmap and remove", "ns" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
