/* Question: who can read the shared memory of a process without having it?
 * Method:   a victim maps memory and writes a number to it.  A process of the same user, which is neither its parent nor
 *           its child and has no capabilities, tries to read the number: through /proc/PID/mem, process_vm_readv(),
 *           ptrace(), or by opening the memory's descriptor in /proc/PID/fd.  One such attempt is an operation.
 * Not shown: root, who may read all but what memfd_secret() hides; the kernel itself, and whoever can load code into it.
 * Cost of the loop: starting two processes, the calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../subject/helper.h"
#include "../subject/rights.h"
#include "../subject/tries.h"
#include "shmeter/text.h"

enum { READ_IT };
enum kind { ORDINARY, UNDUMPABLE, SECRET };
enum way { PROC_MEM, PROCESS_VM_READV, PTRACE, PROC_FD };
static const char *const ways[] = { "proc_mem", "process_vm_readv", "ptrace", "proc_fd", NULL };
#define BYTES 4096u

struct victim {
	enum kind kind;
	enum way way;
	uint64_t secret;
	pid_t pid; /* the rest is what the reader knows of it */
	int fd;
	const volatile uint64_t *address;
};

static bool yama_forbids(enum way way, struct sm_error *why)
{
	char scope[8] = "";

	if (way == PROC_FD || sm_read_file("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) < 0 ||
	    scope[0] == '0')
		return false;
	sm_fail(why, EPERM,
		"kernel.yama.ptrace_scope is %.4s: a process may read the memory of its children at most, not that of "
		"its user's other processes",
		scope);
	return true;
}

/* In the victim. */
static void be_read(void *argument, unsigned request, struct answer *answer)
{
	struct victim *victim = argument;
	volatile uint64_t *memory;
	int fd = victim->kind == SECRET ? memfd_secret_open() : memfd_create("shmeter", MFD_CLOEXEC);

	(void)request;
	answer->code = drop_capabilities();
	if (answer->code)
		return;
	if (prctl(PR_SET_DUMPABLE, victim->kind == UNDUMPABLE ? 0 : 1) < 0 || fd < 0 || ftruncate(fd, BYTES) < 0 ||
	    (memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		answer->code = errno;
		return;
	}
	memory[0] = victim->secret;
	answer->number[0] = (uintptr_t)memory;
	answer->number[1] = (uint64_t)fd;
}

static bool read_proc_mem(const struct victim *victim, uint64_t *word)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)victim->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, word, sizeof(*word), (off_t)(uintptr_t)victim->address) == sizeof(*word);
}

static bool read_process_vm(const struct victim *victim, uint64_t *word)
{
	struct iovec here = { word, sizeof(*word) }, there = { (void *)(uintptr_t)victim->address, sizeof(*word) };

	return process_vm_readv(victim->pid, &here, 1, &there, 1, 0) == sizeof(*word);
}

static bool read_ptrace(const struct victim *victim, uint64_t *word)
{
	bool done;

	if (ptrace(PTRACE_ATTACH, victim->pid, NULL, NULL) < 0)
		return false;
	while (waitpid(victim->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	errno = 0;
	*word = (uint64_t)ptrace(PTRACE_PEEKDATA, victim->pid, (void *)(uintptr_t)victim->address, NULL);
	done = errno == 0;
	ptrace(PTRACE_DETACH, victim->pid, NULL, NULL);
	return done;
}

static bool read_proc_fd(const struct victim *victim, uint64_t *word)
{
	const uint64_t *memory;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)victim->pid, victim->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || (memory = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED)
		return false;
	*word = *memory;
	return true;
}

enum { GOT_IT, REFUSED, GOT_ANOTHER, CANNOT_TRY };

/* In a child of the worker, so that the victim is its brother. */
static int peek(void *argument)
{
	static bool (*const by[])(const struct victim *, uint64_t *) = {
		[PROC_MEM] = read_proc_mem,
		[PROCESS_VM_READV] = read_process_vm,
		[PTRACE] = read_ptrace,
		[PROC_FD] = read_proc_fd,
	};
	const struct victim *victim = argument;
	uint64_t word = 0;

	alarm(HELPER_PATIENCE); /* waiting for a victim that does not stop would have no end */
	if (drop_capabilities() != 0)
		return CANNOT_TRY;
	if (!by[victim->way](victim, &word))
		return REFUSED;
	return word == victim->secret ? GOT_IT : GOT_ANOTHER;
}

/* One attempt; `code` gets the errno of what the victim could not do. */
static int attempt(struct victim *victim, int *code)
{
	struct helper helper = { 0 };
	struct answer answer = helper_start_ask(&helper, be_read, victim, 0);
	int end = CANNOT_TRY;

	*code = answer.code;
	if (*code == 0) {
		victim->pid = helper.pid;
		victim->address = (const volatile uint64_t *)(uintptr_t)answer.number[0];
		victim->fd = (int)answer.number[1];
		end = in_child(peek, victim);
	}
	helper_end(&helper);
	return end;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (yama_forbids((enum way)sm_case_param(c, "by"), why))
		return -EPERM;
	return sm_case_variant(c)->arg == SECRET ? memfd_secret_supported(BYTES, why) : 0;
}

/* Where ordinary memory cannot be read, a refusal would say nothing of the memory. */
static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct victim *victim = trial->state, ordinary;
	int code, end;

	victim->kind = (enum kind)sm_case_variant(trial->c)->arg;
	victim->way = (enum way)sm_case_param(trial->c, "by");
	victim->secret = trial->seed | 1;
	ordinary = *victim;
	ordinary.kind = ORDINARY;
	end = attempt(&ordinary, &code);
	if (code == ETIMEDOUT || end < 0)
		return sm_fail(
			err, ETIMEDOUT,
			"ordinary memory cannot be tried by %s: the %s; a security module, or seccomp, may be why",
			ways[victim->way], code ? "victim gives no answer" : "reader gives no answer, or was killed");
	if (end == REFUSED)
		return sm_fail(err, EPERM,
			       "%s is refused here even for ordinary memory of one user: a security module, or "
			       "seccomp, may forbid it",
			       ways[victim->way]);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	struct victim *victim = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		int code, end = attempt(victim, &code);

		if (end != GOT_IT && end != REFUSED) {
			sm_worker_fail(worker, code ? code : EIO, "the %s: %s",
				       code ? "victim has no memory" : "reader failed",
				       code ? strerror(code) : "it read something else, or could not try");
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(READ_IT)] += end == GOT_IT;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "ordinary", .summary = "a mapped memfd", .arg = ORDINARY },
	{ .name = "undumpable", .summary = "the same in a process with PR_SET_DUMPABLE 0", .arg = UNDUMPABLE },
	{ .name = "secret", .summary = "memfd_secret()", .arg = SECRET },
	{ 0 },
};

#define READS(id_, way_, words)                                                                                        \
	{                                                                                                              \
		.id = id_, .text = "Any process of the same user reads shared memory " words,                          \
		.source = "proc(5), ptrace(2): the access check looks at the user", .at = "by=" way_,                  \
		SM_METRIC("ordinary", "read", .min = 1, .max = 1), .needs = "kernel.yama.ptrace_scope of 0"            \
	}
static const struct sm_claim claims[] = {
	READS("K21", "proc_mem", "through /proc/PID/mem"),
	READS("K21.process_vm", "process_vm_readv", "by process_vm_readv()"),
	READS("K21.ptrace", "ptrace", "by ptrace()"),
	{ .id = "K21.fd",
	  .text = "Any process of the same user opens a memfd through /proc/PID/fd, though it has no name",
	  .source = "proc(5)",
	  .at = "by=proc_fd",
	  SM_METRIC("ordinary", "read", .min = 1, .max = 1) },
	{ .id = "K21.undumpable",
	  .text = "PR_SET_DUMPABLE 0 keeps processes of the same user out",
	  .source = "prctl(2), ptrace(2)",
	  SM_METRIC("undumpable", "read", .max = 0),
	  .control = "K21",
	  .needs = "kernel.yama.ptrace_scope of 0" },
	{ .id = "K21.secret",
	  .text = "memfd_secret() keeps them out, by whatever way",
	  .source = "memfd_secret(2)",
	  SM_METRIC("secret", "read", .max = 0),
	  .control = "K21",
	  .needs = "memfd_secret, kernel.yama.ptrace_scope of 0" },
	{ 0 },
};

const struct sm_scenario sm_scenario_peek = {
	.name = "peek",
	.family = "correctness",
	.question = "Who can read the shared memory of a process without having it?",
	.summary = "A process tries to read another's memory.",
	.why = "The kernel lets a process inspect another of the same user, for debuggers: its "
	       "memory by address, its descriptors by number. No mode of the object is asked. A "
	       "process can refuse (PR_SET_DUMPABLE 0), except to root. Pages of memfd_secret() "
	       "are taken out of the kernel's own map, so that it cannot copy them for anybody. "
	       "Each trial first reads ordinary memory in the same way, so that a refusal says "
	       "something of the memory and not of the machine.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "by",
		      .unit = "1",
		      .summary = "how it is read",
		      .labels = ways,
		      .quick = SM_VALUES(0, 1, 2, 3) } },
	.workers = 1,
	.metric = { "time per attempt", "ns/op" },
	.more = { { "read", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct victim),
	.fixed_ops = tries_few,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
};
