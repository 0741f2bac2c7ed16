/* Question: what shared memory do two containers have in common?
 * Method:   the worker makes an object and writes a number to it.  A process goes into namespaces of its own: IPC, mount
 *           (with or without a /dev/shm of its own), user.  It tries to reach the object by its name or number, by a
 *           descriptor that it is sent over a socket, or by what it had attached before; or it fills more memory than its own
 *           /dev/shm has.  One such process is an operation.
 * Not shown: PID namespaces, which hide no memory, but in which locks that keep the number of their owner are wrong.
 * Cost of the loop: starting a process, the namespaces, one or two mounts. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>

#include "../subject/helper.h"
#include "../subject/names.h"
#include "../subject/pass.h"
#include "../subject/tries.h"

enum { REACHED, FITS };
/* In `arg`: the object, how it is reached, the namespaces. */
enum object { SYSV, POSIX, MEMFD };
#define OBJECT   0x0fu
#define BEFORE   0x10u /* attached before the namespaces */
#define FILL     0x20u /* instead: an object of its own of twice the room */
#define IPC      0x100u
#define MOUNT    0x200u
#define OWN_SHM  0x400u /* with a /dev/shm of its own */
#define USER     0x800u
#define OWN_ROOM "size=1m"
#define BYTES    (2u << 20)

struct state {
	uint64_t arg;
	char name[64], key_text[16];
	key_t key;
	int object;                /* descriptor, or number of a segment */
	int line[2];               /* the descriptor is sent from 0 to 1 */
	volatile uint64_t *memory; /* in the process: what it had attached before */
	uint64_t number;
};

static enum object object_of(const struct state *state)
{
	return (enum object)(state->arg & OBJECT);
}

/* Makes the object with the number in it. */
static int make(struct state *state, struct sm_error *err)
{
	volatile uint64_t *memory = MAP_FAILED;
	int rc = 0;

	if (object_of(state) == SYSV)
		rc = key_announce('h', &state->key, state->key_text, err);
	else if (object_of(state) == POSIX)
		rc = name_announce('p', "/", state->name, sizeof(state->name), err);
	if (rc < 0)
		return rc;
	if (object_of(state) == SYSV) {
		state->object = shmget(state->key, 4096, IPC_CREAT | IPC_EXCL | 0600);
		memory = state->object < 0 ? MAP_FAILED : shmat(state->object, NULL, 0);
	} else {
		state->object = object_of(state) == POSIX ? shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600)
							  : memfd_create("shmeter", MFD_CLOEXEC);
		if (state->object >= 0 && ftruncate(state->object, 4096) == 0)
			memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, state->object, 0);
	}
	if (memory == MAP_FAILED)
		return sm_fail(err, errno, "the object cannot be made: %s", strerror(errno));
	*memory = state->number;
	if (object_of(state) == SYSV)
		shmdt((const void *)memory);
	else
		munmap((void *)(uintptr_t)memory, 4096);
	return 0;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

/* Goes into the namespaces; whoever is not root needs one of users for the others.  0, or an errno. */
static int enter(const struct state *state)
{
	bool new_user = state->arg & USER || (geteuid() != 0 && state->arg & (IPC | MOUNT));
	int flags = (state->arg & IPC ? CLONE_NEWIPC : 0) | (state->arg & MOUNT ? CLONE_NEWNS : 0) |
		    (new_user ? CLONE_NEWUSER : 0);
	char users[64], groups[64];

	snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
	if (unshare(flags) < 0)
		return errno;
	if (new_user && (!write_text("/proc/self/uid_map", users) || !write_text("/proc/self/setgroups", "deny") ||
			 !write_text("/proc/self/gid_map", groups)))
		return errno;
	if (!(state->arg & MOUNT))
		return 0;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    (state->arg & OWN_SHM && mount("shmeter", "/dev/shm", "tmpfs", 0, OWN_ROOM) < 0))
		return errno;
	return 0;
}

/* Whether the memory behind the object of this process has the number. */
static bool has_number(const struct state *state, int object)
{
	const volatile uint64_t *memory = object < 0 ? MAP_FAILED
					  : object_of(state) == SYSV
						  ? shmat(object, NULL, SHM_RDONLY)
						  : mmap(NULL, 4096, PROT_READ, MAP_SHARED, object, 0);

	return memory != MAP_FAILED && *memory == state->number;
}

/* By its name, key or number, or by the descriptor that is sent. */
static bool reaches(const struct state *state)
{
	if (state->arg & BEFORE)
		return *state->memory == state->number;
	switch (object_of(state)) {
	case SYSV: return has_number(state, shmget(state->key, 0, 0)) || has_number(state, state->object);
	case POSIX: return has_number(state, shm_open(state->name, O_RDWR, 0));
	case MEMFD: return has_number(state, receive_descriptor(state->line[1]));
	}
	return false;
}

/* Whether an object of BYTES can be had here.  0, or the errno of another failure. */
static int fill(const struct state *state, bool *fits)
{
	int fd = object_of(state) == POSIX ? shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600)
					   : memfd_create("shmeter", MFD_CLOEXEC);
	int code = fd < 0 ? errno : posix_fallocate(fd, 0, BYTES);

	*fits = code == 0;
	return code == ENOSPC ? 0 : code;
}

enum { ENTER, REACH };

/* In the process with namespaces of its own. */
static void live_apart(void *argument, unsigned request, struct answer *answer)
{
	struct state *state = argument;
	bool fits;

	if (request == ENTER) {
		if (state->arg & BEFORE && (state->memory = shmat(state->object, NULL, 0)) == (void *)-1)
			answer->code = errno;
		else
			answer->code = enter(state);
		return;
	}
	if (state->arg & FILL) {
		answer->code = fill(state, &fits);
		answer->number[FITS] = fits;
	} else {
		/* the object that others have by this descriptor is not to be reached by it */
		if (object_of(state) != SYSV)
			close(state->object);
		answer->number[REACHED] = reaches(state);
	}
}

/* Namespaces may be refused: then nothing can be said of them. */
static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	struct helper helper = { 0 };
	struct answer answer;
	int rc;

	state->arg = sm_case_variant(trial->c)->arg;
	state->number = trial->seed | 1;
	state->object = state->line[0] = state->line[1] = -1;
	rc = make(state, err);
	if (rc < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, state->line) < 0)
		return sm_fail(err, errno, "no socket pair: %s", strerror(errno));
	answer = helper_start_ask(&helper, live_apart, state, ENTER);
	helper_end(&helper);
	if (answer.code == ETIMEDOUT)
		return sm_fail(err, ETIMEDOUT, "a process that should go into namespaces of its own gives no answer");
	return answer.code == 0 ? 0
				: sm_fail(err, answer.code,
					  "namespaces are refused here (%s): run as root (CAP_SYS_ADMIN), or allow "
					  "user namespaces (user.max_user_namespaces, AppArmor, seccomp)",
					  strerror(answer.code));
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < 2; i++)
		if (state->line[i] >= 0)
			close(state->line[i]);
	if (object_of(state) == SYSV) {
		if (state->object >= 0)
			shmctl(state->object, IPC_RMID, NULL);
		if (state->key_text[0])
			sm_guard_forget('h', state->key_text);
		return;
	}
	if (state->object >= 0)
		close(state->object);
	if (state->name[0]) {
		shm_unlink(state->name);
		sm_guard_forget('p', state->name);
	}
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		struct helper helper = { 0 };
		struct answer answer = helper_start_ask(&helper, live_apart, state, ENTER);

		if (answer.code == 0 && object_of(state) == MEMFD && !(state->arg & FILL) &&
		    !pass_descriptor(state->line[0], state->object))
			answer.code = errno;
		if (answer.code == 0)
			answer = helper_ask(&helper, REACH);
		helper_end(&helper);
		if (answer.code) {
			sm_worker_fail(worker, answer.code, "the process apart failed: %s", strerror(answer.code));
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(REACHED)] += answer.number[REACHED];
		tally[TALLY_YES(FITS)] += answer.number[FITS];
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "sysv_together", .summary = "a System V segment, no new namespace", .arg = SYSV },
	{ .name = "sysv_ipc", .summary = "a System V segment, another IPC namespace", .arg = SYSV | IPC },
	{ .name = "sysv_before",
	  .summary = "a System V segment, attached before the IPC namespace was left",
	  .arg = SYSV | IPC | BEFORE },
	{ .name = "posix_together", .summary = "POSIX shared memory, no new namespace", .arg = POSIX },
	{ .name = "posix_ipc", .summary = "POSIX shared memory, another IPC namespace", .arg = POSIX | IPC },
	{ .name = "posix_mount", .summary = "POSIX shared memory, another mount namespace", .arg = POSIX | MOUNT },
	{ .name = "posix_own_shm",
	  .summary = "POSIX shared memory, another mount namespace with a /dev/shm of its own",
	  .arg = POSIX | MOUNT | OWN_SHM },
	{ .name = "posix_user",
	  .summary = "POSIX shared memory of mode 0600, another user namespace",
	  .arg = POSIX | USER },
	{ .name = "memfd_passed",
	  .summary = "a memfd sent over a socket, other IPC, mount and user namespaces",
	  .arg = MEMFD | IPC | MOUNT | OWN_SHM | USER },
	{ .name = "posix_fill",
	  .summary = "2 MiB of POSIX shared memory in a /dev/shm of 1 MiB",
	  .arg = POSIX | MOUNT | OWN_SHM | FILL },
	{ .name = "memfd_fill", .summary = "a memfd of 2 MiB there", .arg = MEMFD | MOUNT | OWN_SHM | FILL },
	{ 0 },
};

#define NEEDS .needs = "CAP_SYS_ADMIN, or user namespaces"
static const struct sm_claim claims[] = {
	{ .id = "K30",
	  .text = "An IPC namespace of its own hides System V segments of others, by key and by number",
	  .source = "ipc_namespaces(7)",
	  SM_METRIC("sysv_ipc", "reached", .max = 0),
	  .control = "K30.together",
	  NEEDS },
	{ .id = "K30.together",
	  .text = "Without one another process of the same user reaches them",
	  .source = "shmat(2)",
	  SM_METRIC("sysv_together", "reached", .min = 1, .max = 1) },
	{ .id = "K30.before",
	  .text = "A segment that was attached before stays attached in another IPC namespace",
	  .source = "ipc_namespaces(7)",
	  SM_METRIC("sysv_before", "reached", .min = 1, .max = 1),
	  NEEDS },
	{ .id = "K30.posix",
	  .text = "An IPC namespace of its own hides POSIX shared memory of others",
	  .source = "popular belief: it is IPC",
	  SM_METRIC("posix_ipc", "reached", .max = 0),
	  .control = "K30.seen",
	  .caveat = "its names are files in /dev/shm: what hides them is another mount there",
	  NEEDS },
	{ .id = "K30.seen",
	  .text = "Without any namespace another process of the same user reaches POSIX shared memory",
	  .source = "shm_overview(7)",
	  SM_METRIC("posix_together", "reached", .min = 1, .max = 1) },
	{ .id = "K30.own_shm",
	  .text = "A /dev/shm of its own hides it, as containers have one",
	  .source = "mount_namespaces(7)",
	  SM_METRIC("posix_own_shm", "reached", .max = 0),
	  .control = "K30.seen",
	  NEEDS },
	{ .id = "K30.mount",
	  .text = "A mount namespace alone hides nothing: it begins with the same /dev/shm",
	  .source = "mount_namespaces(7)",
	  SM_METRIC("posix_mount", "reached", .min = 1, .max = 1),
	  NEEDS },
	{ .id = "K30.user",
	  .text = "A user namespace hides nothing of the same user, mode 0600 included",
	  .source = "user_namespaces(7)",
	  SM_METRIC("posix_user", "reached", .min = 1, .max = 1),
	  .needs = "user namespaces" },
	{ .id = "K30.passed",
	  .text = "A memfd that is sent over a socket is shared across IPC, mount and user namespaces",
	  .source = "unix(7), memfd_create(2)",
	  SM_METRIC("memfd_passed", "reached", .min = 1, .max = 1),
	  .needs = "user namespaces" },
	{ .id = "K30.room",
	  .text = "The size of a container's /dev/shm limits its POSIX shared memory",
	  .source = "shm_overview(7); containers have 64 MiB by default",
	  SM_METRIC("posix_fill", "2 MiB fit", .max = 0),
	  .control = "K30.memfd_room",
	  NEEDS },
	{ .id = "K30.memfd_room",
	  .text = "It does not limit a memfd",
	  .source = "memfd_create(2): it is in a mount of the kernel's own",
	  SM_METRIC("memfd_fill", "2 MiB fit", .min = 1, .max = 1),
	  NEEDS },
	{ 0 },
};

const struct sm_scenario sm_scenario_namespaces = {
	.name = "namespaces",
	.family = "correctness",
	.question = "What shared memory do two containers have in common?",
	.summary = "A process in other namespaces tries to reach an object.",
	.why = "A namespace hides names, not memory. System V numbers and keys belong to the IPC "
	       "namespace. POSIX names are files, and belong to the mount at /dev/shm; a container "
	       "has its own one, of 64 MiB unless it is told otherwise. Who has the object "
	       "(attached, mapped, as a descriptor) keeps it wherever it goes. So between two "
	       "containers: mount one folder in both, or send a memfd over a socket.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per process", "ns/op" },
	.more = { { "reached", "1" }, { "2 MiB fit", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
