/* Question: which tools list which shared memory?
 * Method:   an object of each kind is made and mapped; then the sources of the tools are read: the folder /dev/shm (ls),
 *           /proc/sysvipc/shm (ipcs), and the name of the mapping in /proc/PID/maps, which smaps, pmap and lsof have,
 *           too.  The folder has the object where one of its files is the object, whatever its name; ipcs has it where it
 *           has one segment more of this creator than before.  Reading the three is an operation.
 * Not shown: who else has the frames (same_frame); accesses, which no tool lists: calls_per_message counts what strace
 *           sees of them.
 * Cost of the loop: reading three lists of the kernel. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "../subject/names.h"
#include "../subject/object_at.h"
#include "shmeter/scenario.h"

enum { TALLY_READ, TALLY_FOLDER, TALLY_IPCS, TALLY_MAPS };

struct state {
	enum sm_backing backing;
	char name[256], key_text[16];
	int id; /* descriptor or identifier; -1: none */
	void *memory;
	struct stat object; /* its device and inode */
	pid_t creator;
	unsigned before; /* segments of the creator in ipcs, before the object was made */
};

/* Segments in the list that `creator` made.  proc(5) has the columns. */
static unsigned segments_of(pid_t creator)
{
	FILE *list = fopen("/proc/sysvipc/shm", "re");
	char line[512];
	unsigned count = 0;
	int made_by;

	while (list && fgets(line, sizeof(line), list))
		count += sscanf(line, "%*d %*d %*o %*u %d", &made_by) == 1 && made_by == (int)creator;
	if (list)
		fclose(list);
	return count;
}

static int make(struct state *state, struct sm_error *err)
{
	key_t key;
	int rc = 0;

	if (state->backing == SM_SYSV) {
		rc = key_announce('h', &key, state->key_text, err);
		if (rc == 0)
			state->id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
	} else if (state->backing == SM_POSIX) {
		rc = name_announce('p', "/", state->name, sizeof(state->name), err);
		if (rc == 0)
			state->id = shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	} else if (state->backing == SM_MEMFD) {
		state->id = memfd_create("shmeter", MFD_CLOEXEC);
	}
	if (rc < 0)
		return rc;
	if (state->backing != SM_ANON && state->id < 0)
		return sm_fail(err, errno, "the object cannot be made: %s", strerror(errno));
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	int rc;

	state->id = -1;
	state->memory = MAP_FAILED;
	state->backing = (enum sm_backing)sm_case_variant(trial->c)->arg;
	state->creator = getpid();
	state->before = segments_of(state->creator);
	rc = make(state, err);
	if (rc < 0)
		return rc;
	if (state->backing == SM_SYSV)
		state->memory = shmat(state->id, NULL, 0);
	else if (state->id < 0 || ftruncate(state->id, 4096) == 0)
		state->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_SHARED | (state->id < 0 ? MAP_ANONYMOUS : 0), state->id, 0);
	if (state->memory == MAP_FAILED)
		return sm_fail(err, errno, "cannot map: %s", strerror(errno));
	if (!object_at(state->memory, &state->object))
		return sm_fail(err, ENOTSUP,
			       "/proc/self/maps does not say which object is mapped: mount /proc without "
			       "restrictions");
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->backing == SM_SYSV) {
		if (state->memory != MAP_FAILED)
			shmdt(state->memory);
		if (state->id >= 0)
			shmctl(state->id, IPC_RMID, NULL);
		if (state->key_text[0])
			sm_guard_forget('h', state->key_text);
		return;
	}
	if (state->memory != MAP_FAILED)
		munmap(state->memory, 4096);
	if (state->id >= 0)
		close(state->id);
	if (state->name[0]) {
		shm_unlink(state->name);
		sm_guard_forget('p', state->name);
	}
}

/* Whether an entry of /dev/shm is the object. */
static bool in_folder(const struct state *state)
{
	DIR *folder = opendir("/dev/shm");
	bool found = false;

	for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
		struct stat status;

		found = fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
			status.st_dev == state->object.st_dev && status.st_ino == state->object.st_ino;
	}
	if (folder)
		closedir(folder);
	return found;
}

static bool in_ipcs(const struct state *state)
{
	return segments_of(state->creator) > state->before;
}

/* Whether the mapping has a name that tells what it is. */
static bool in_maps(const struct state *state)
{
	static const char *const kind[] = {
		[SM_ANON] = "/dev/zero", [SM_MEMFD] = "/memfd:", [SM_POSIX] = "/dev/shm/", [SM_SYSV] = "/SYSV"
	};
	FILE *list = fopen("/proc/self/maps", "re");
	char line[4400], head[32];
	bool found = false;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)state->memory);
	while (list && !found && fgets(line, sizeof(line), list))
		found = strncmp(line, head, strlen(head)) == 0 && strstr(line, kind[state->backing]);
	if (list)
		fclose(list);
	return found;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;
	const struct state *state = worker->state;

	for (uint64_t i = 0; i < n; i++) {
		tally[TALLY_FOLDER] += in_folder(state);
		tally[TALLY_IPCS] += in_ipcs(state);
		tally[TALLY_MAPS] += in_maps(state);
		tally[TALLY_READ]++;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_READ) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "the lists were read %lu times in %lu operations",
			       sm_trial_tally(trial, TALLY_READ), sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	for (unsigned i = 0; i < 3; i++)
		value[i] = (double)o->tally[TALLY_FOLDER + i] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "anon", .summary = "MAP_SHARED | MAP_ANONYMOUS", .arg = SM_ANON },
	{ .name = "memfd", .summary = "a memfd", .arg = SM_MEMFD },
	{ .name = "posix", .summary = "a POSIX object", .arg = SM_POSIX },
	{ .name = "sysv", .summary = "a System V segment", .arg = SM_SYSV },
	{ 0 },
};

#define LISTED(id_, variant, list, words)                                                                              \
	{                                                                                                              \
		.id = id_, .text = words, .source = "proc(5)", SM_METRIC(variant, list, .min = 1, .max = 1)            \
	}
#define MISSING(id_, variant, list, words, control_)                                                                   \
	{                                                                                                              \
		.id = id_, .text = words, .source = "proc(5)", SM_METRIC(variant, list, .max = 0), .control = control_ \
	}
static const struct sm_claim claims[] = {
	LISTED("K34", "posix", "in smaps", "smaps names a POSIX object that is mapped"),
	LISTED("K34.sysv", "sysv", "in smaps", "smaps names a System V segment that is mapped"),
	LISTED("K34.memfd", "memfd", "in smaps", "smaps names a memfd that is mapped"),
	LISTED("K34.anon", "anon", "in smaps", "smaps names shared anonymous memory, as a deleted /dev/zero"),
	LISTED("K34.ipcs", "sysv", "in ipcs", "ipcs lists a System V segment"),
	LISTED("K34.folder", "posix", "in /dev/shm", "/dev/shm lists a POSIX object"),
	MISSING("K34.ipcs_posix", "posix", "in ipcs", "ipcs lists no POSIX object", "K34.ipcs"),
	MISSING("K34.folder_sysv", "sysv", "in /dev/shm", "/dev/shm lists no System V segment", "K34.folder"),
	MISSING("K34.folder_memfd", "memfd", "in /dev/shm", "/dev/shm lists no memfd", "K34.folder"),
	{ 0 },
};

const struct sm_scenario sm_scenario_where_listed = {
	.name = "where_listed",
	.family = "correctness",
	.question = "Which tools list which shared memory?",
	.summary = "An object of each kind, looked for where the tools look.",
	.why = "There is no list of all shared memory. /dev/shm is a file system, so it has what has a name there; ipcs has "
	       "what has a number; a memfd or anonymous memory has neither and shows only in the maps of the processes "
	       "that have it. No list shows an access: a load or a store of shared memory is no system call. Who writes "
	       "to whose lines only a processor's counters tell.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per look", "ns/op" },
	.more = { { "in /dev/shm", "1" }, { "in ipcs", "1" }, { "in smaps", "1" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
