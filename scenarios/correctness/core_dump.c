/* Question: which shared memory is in a core dump?
 * Method:   a child maps an object and fills it with numbers that it computes, so that they stand in a row nowhere else.
 *           It writes its coredump_filter, changes to an empty folder in /dev/shm, and aborts.  Its parent reads the file that the
 *           kernel wrote and looks for the numbers.  One such dump is an operation.
 * Not shown: what a program that takes core dumps (kernel.core_pattern with a pipe) leaves out or sends away; huge pages
 *           from the pool, which have a bit of their own in the filter.
 * Cost of the loop: fork, the dump, reading it. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "../subject/rights.h"
#include "../subject/tries.h"
#include "shmeter/text.h"

enum { IN_THE_DUMP };
enum kind { ANONYMOUS, MEMFD, SYSV, POSIX, POSIX_UNLINKED, A_FILE, DONTDUMP, SECRET };
/* The numbers; few enough for the least RLIMIT_MEMLOCK, under which memfd_secret falls. */
#define BYTES   16384u
#define WORDS   (BYTES / sizeof(uint64_t))
#define PATTERN "/proc/sys/kernel/core_pattern"
/* In memory: a disk takes ten times as long. */
#define DUMPS_IN "/dev/shm"

struct state {
	enum kind kind;
	const char *filter;
	uint64_t seed;
	char folder[64];   /* the child dumps here */
	char object[4200]; /* the name of the object, where it has one */
	char key_text[16]; /* of a System V segment, which the guard removes by its key */
	key_t key;
};

/* What the child writes to /proc/self/coredump_filter (core(5)): bits 0 and 1 are anonymous memory, private and shared, 2
 * and 3 that of files, 4 ELF headers, 5 and 6 huge pages.  What has no name left counts as anonymous. */
#define DEFAULT_FILTER "0x33"
#define SHARED_FILTER  "0x7b"
#define ALL_SHARED     0x100u /* in `arg`, with the kind: with SHARED_FILTER */

static uint64_t number(uint64_t seed, uint64_t i)
{
	return (seed + i) * 0x9e3779b97f4a7c15u;
}

/* The kernel's pattern must be a plain file name: then the dump is written to the folder in which the process is. */
static int supported(const struct sm_case *c, struct sm_error *why)
{
	char pattern[256] = "";
	struct rlimit limit;

	if (sm_read_file(PATTERN, pattern, sizeof(pattern)) < 0)
		return sm_fail(why, ENOTSUP, "this system writes no core dumps: there is no " PATTERN);
	if (pattern[0] == '|' || pattern[0] == '@')
		return sm_fail(why, ENOTSUP,
			       "kernel.core_pattern gives core dumps to a program (%.60s), not to a file: "
			       "try on a machine, such as a guest, where it is \"core\"",
			       pattern + 1);
	if (pattern[0] == '\0' || strchr(pattern, '/'))
		return sm_fail(why, ENOTSUP,
			       "kernel.core_pattern (\"%.60s\") is not a plain file name: core dumps do not "
			       "go to the folder of the process; try where it is \"core\"",
			       pattern);
	if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max < (64u << 20))
		return sm_fail(why, EPERM, "core dumps are limited to less than 64 MiB here (ulimit -Hc): raise that");
	return (sm_case_variant(c)->arg & 0xff) == SECRET ? memfd_secret_supported(BYTES, why) : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;
	bool posix = (arg & 0xff) == POSIX || arg == POSIX_UNLINKED, file = arg == A_FILE;
	char prefix[4096];
	int rc = 0;

	state->kind = (enum kind)(arg & 0xff);
	state->filter = arg & ALL_SHARED ? SHARED_FILTER : DEFAULT_FILTER;
	state->seed = trial->seed;
	snprintf(prefix, sizeof(prefix), "%s/", file ? trial->file_folder : "");
	if (arg == SYSV)
		rc = key_announce('h', &state->key, state->key_text, err);
	else if (posix || file)
		rc = name_announce(file ? 'f' : 'p', prefix, state->object, sizeof(state->object), err);
	if (rc == 0)
		rc = name_announce('d', DUMPS_IN "/", state->folder, sizeof(state->folder), err);
	if (rc == 0 && mkdir(state->folder, 0700) < 0)
		rc = sm_fail(err, errno, "no folder for the dump (%s): %s", state->folder, strerror(errno));
	return rc;
}

/* Removes what is in the folder. */
static void empty(const struct state *state)
{
	DIR *dir = opendir(state->folder);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static void remove_object(const struct state *state)
{
	int id;

	if (state->kind == A_FILE)
		unlink(state->object);
	else if (state->kind == POSIX || state->kind == POSIX_UNLINKED)
		shm_unlink(state->object);
	else if (state->kind == SYSV && (id = shmget(state->key, 0, 0)) >= 0)
		shmctl(id, IPC_RMID, NULL);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	remove_object(state);
	if (state->key_text[0])
		sm_guard_forget('h', state->key_text);
	if (state->object[0]) {
		sm_guard_forget(state->kind == A_FILE ? 'f' : 'p', state->object);
	}
	if (state->folder[0]) {
		empty(state);
		rmdir(state->folder);
		sm_guard_forget('d', state->folder);
	}
}

static void *map(int fd)
{
	if (fd < 0 || ftruncate(fd, BYTES) < 0)
		return MAP_FAILED;
	return mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void *map_segment(const struct state *state)
{
	int id = shmget(state->key, BYTES, IPC_CREAT | IPC_EXCL | 0600);
	void *memory = id < 0 ? MAP_FAILED : shmat(id, NULL, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return memory;
}

static void *map_unlinked(const struct state *state)
{
	int fd = shm_open(state->object, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd >= 0)
		shm_unlink(state->object);
	return map(fd);
}

static void *map_dontdump(void)
{
	void *memory = map(memfd_create("shmeter", MFD_CLOEXEC));

	return memory != MAP_FAILED && madvise(memory, BYTES, MADV_DONTDUMP) < 0 ? MAP_FAILED : memory;
}

static void *make(const struct state *state)
{
	switch (state->kind) {
	case ANONYMOUS: return mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	case MEMFD: return map(memfd_create("shmeter", MFD_CLOEXEC));
	case SYSV: return map_segment(state);
	case POSIX: return map(shm_open(state->object, O_RDWR | O_CREAT | O_EXCL, 0600));
	case POSIX_UNLINKED: return map_unlinked(state);
	case A_FILE: return map(open(state->object, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	case DONTDUMP: return map_dontdump();
	case SECRET: return map(memfd_secret_open());
	}
	return MAP_FAILED;
}

static bool write_filter(const char *filter)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, filter, strlen(filter)) == (ssize_t)strlen(filter);

	if (fd >= 0)
		close(fd);
	return written;
}

/* The child.  It returns only where something failed. */
static int dump(void *argument)
{
	const struct state *state = argument;
	struct rlimit limit;
	uint64_t *memory = make(state);

	if (memory == MAP_FAILED || chdir(state->folder) < 0 || !write_filter(state->filter) ||
	    getrlimit(RLIMIT_CORE, &limit) < 0)
		return errno;
	for (size_t i = 0; i < WORDS; i++)
		memory[i] = number(state->seed, i);
	limit.rlim_cur = limit.rlim_max;
	prctl(PR_SET_DUMPABLE, 1);
	if (setrlimit(RLIMIT_CORE, &limit) < 0 || signal(SIGQUIT, SIG_DFL) == SIG_ERR)
		return errno;
	raise(SIGQUIT);
	return EPERM;
}

/* The dump must have all that its headers tell of: it may have met a limit, or a full disk. */
static bool is_whole(const char *core, size_t bytes)
{
	const Elf64_Ehdr *head = (const void *)core;

	if (bytes < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_type != ET_CORE)
		return false;
	if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phoff > bytes ||
	    (size_t)head->e_phnum * head->e_phentsize > bytes - head->e_phoff)
		return false;
	for (unsigned i = 0; i < head->e_phnum; i++) {
		Elf64_Phdr part;

		memcpy(&part, core + head->e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_offset > bytes || part.p_filesz > bytes - part.p_offset)
			return false;
	}
	return true;
}

static bool has_numbers(const char *core, size_t bytes, uint64_t seed)
{
	const uint64_t *word = (const void *)core;
	size_t words = bytes / sizeof(*word), found = 0;

	for (size_t i = 0; i < words && found < WORDS; i++)
		found = word[i] == number(seed, found) ? found + 1 : word[i] == number(seed, 0);
	return found == WORDS;
}

enum seen { ABSENT, PRESENT, NO_CORE, NOT_WHOLE };

/* Looks for the numbers in the file that is in the folder. */
static enum seen search(const struct state *state)
{
	enum seen seen = NO_CORE;
	DIR *dir = opendir(state->folder);

	for (struct dirent *entry; dir && seen == NO_CORE && (entry = readdir(dir));) {
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		struct stat status;
		const char *core = MAP_FAILED;

		if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
			core = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (core != MAP_FAILED) {
			size_t bytes = (size_t)status.st_size;

			seen = !is_whole(core, bytes)                  ? NOT_WHOLE
			       : has_numbers(core, bytes, state->seed) ? PRESENT
								       : ABSENT;
			munmap((void *)(uintptr_t)core, bytes);
		}
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	return seen;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		int end = in_child(dump, state);
		enum seen seen = end == -1 ? search(state) : NO_CORE;

		remove_object(state);
		empty(state);
		if (seen == NO_CORE || seen == NOT_WHOLE) {
			sm_worker_fail(worker, end > 0 ? end : EIO, "%s%s; see df and ulimit -c",
				       end > 0           ? "the child could not make its memory: "
				       : seen == NO_CORE ? "the child ended without a core dump"
							 : "the core dump is not whole",
				       end > 0 ? strerror(end) : "");
			return i;
		}
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(IN_THE_DUMP)] += seen == PRESENT;
	}
	return n;
}

static uint64_t fixed_ops(const struct sm_case *c)
{
	(void)c;
	return 1;
}

static const struct sm_variant variants[] = {
	{ .name = "memfd", .summary = "a memfd", .arg = MEMFD },
	{ .name = "anonymous", .summary = "MAP_SHARED | MAP_ANONYMOUS", .arg = ANONYMOUS },
	{ .name = "sysv", .summary = "a System V segment", .arg = SYSV },
	{ .name = "posix_unlinked", .summary = "POSIX shared memory after shm_unlink()", .arg = POSIX_UNLINKED },
	{ .name = "posix", .summary = "POSIX shared memory with its name", .arg = POSIX },
	{ .name = "file", .summary = "a file", .arg = A_FILE },
	{ .name = "posix_bit3",
	  .summary = "POSIX shared memory with its name, coredump_filter 0x7b",
	  .arg = POSIX | ALL_SHARED },
	{ .name = "dontdump", .summary = "a memfd, MADV_DONTDUMP, coredump_filter 0x7b", .arg = DONTDUMP | ALL_SHARED },
	{ .name = "secret", .summary = "memfd_secret(), coredump_filter 0x7b", .arg = SECRET | ALL_SHARED },
	{ 0 },
};

#define IN_IT(id_, variant, words)                                                                                     \
	{                                                                                                              \
		.id = id_, .text = "A core dump holds " words, .source = "core(5): the default coredump_filter",       \
		SM_METRIC(variant, "in the dump", .min = 1, .max = 1), .needs = "core dumps into the current folder"   \
	}
#define OUT_OF_IT(id_, variant, words, source_)                                                                        \
	{                                                                                                              \
		.id = id_, .text = words, .source = source_, SM_METRIC(variant, "in the dump", .max = 0),              \
		.control = "K20", .needs = "core dumps into the current folder"                                        \
	}
static const struct sm_claim claims[] = {
	IN_IT("K20", "memfd", "what is in a memfd"),
	IN_IT("K20.anonymous", "anonymous", "anonymous shared memory"),
	IN_IT("K20.sysv", "sysv", "a System V segment"),
	IN_IT("K20.unlinked", "posix_unlinked", "POSIX shared memory whose name was removed"),
	OUT_OF_IT("K20.posix", "posix", "It leaves out POSIX shared memory that still has its name",
		  "core(5): a named object counts as a file"),
	OUT_OF_IT("K20.file", "file", "It leaves out a shared mapping of a file", "core(5)"),
	{ .id = "K20.filter",
	  .text = "With bit 3 of coredump_filter a core dump holds POSIX shared memory that has a name",
	  .source = "core(5)",
	  SM_METRIC("posix_bit3", "in the dump", .min = 1, .max = 1),
	  .needs = "core dumps into the current folder" },
	OUT_OF_IT("K20.dontdump", "dontdump", "MADV_DONTDUMP keeps memory out of core dumps, whatever the filter",
		  "madvise(2)"),
	OUT_OF_IT("K20.secret", "secret", "memfd_secret() keeps memory out of core dumps, whatever the filter",
		  "memfd_secret(2)"),
	{ 0 },
};

const struct sm_scenario sm_scenario_core_dump = {
	.name = "core_dump",
	.family = "correctness",
	.question = "Which shared memory is in a core dump?",
	.summary = "A process is dumped, and its shared memory looked for in the file.",
	.why = "Each process has a filter of the kinds of memory that a core dump holds, "
	       "inherited by its children. By default that is anonymous memory, and what has no "
	       "name any more counts as anonymous: a System V segment, a memfd, an unlinked "
	       "object. Whoever may read the dump, or receives it with a bug report, reads them. "
	       "MADV_DONTDUMP and memfd_secret() mark a mapping as not to be dumped at all.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per dump", "ns/op" },
	.more = { { "in the dump", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = fixed_ops,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
