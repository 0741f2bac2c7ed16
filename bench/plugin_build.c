/* shmeter plugin build: compiles a folder with the headers of this build, and says what came out. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin_actions.h"
#include "plugins.h"
#include "program.h"
#include "shmeter/clock.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/plugins.h"
#include "shmeter/text.h"

#define SOURCES_MAX   64
#define ARGUMENTS_MAX 512
#define NAP_NS        5000000u
#define MODULE        "shmeter_plugin.rs" /* the interface, which a Rust source includes */

extern char **environ;

static const struct language {
	const char *name, *endings;   /* as words */
	const char *variable, *flags; /* of the environment, as make uses them */
	const char *compiler, *package;
	const char *options[8]; /* the first is the version of the language */
} languages[] = {
	{ "C", "c", "CC", "CFLAGS", "cc", "gcc", { "-std=gnu17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared" } },
	{ "C++",
	  "cpp cc cxx",
	  "CXX",
	  "CXXFLAGS",
	  "c++",
	  "g++",
	  { "-std=gnu++17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared" } },
	{ "Rust",
	  "rs",
	  "RUSTC",
	  "RUSTFLAGS",
	  "rustc",
	  "rustc",
	  { "--edition=2021", "-O", "-Cpanic=abort", "--crate-type=cdylib", "--crate-name=plugin" } },
};
#define LANGUAGES (sizeof(languages) / sizeof(languages[0]))
#define RUST      2

struct build {
	const char *folder;
	const struct language *language; /* NULL: no source was found yet */
	char *source[SOURCES_MAX + 1];   /* paths */
	size_t sources;
	char out[4400];     /* the shared object */
	char scratch[4096]; /* the folder with the headers */
	const char *log;    /* where the compiler's messages go; NULL: where this program's go */
	uint64_t limit_ns;  /* with a log: how long the compiler may take */
	const char *argv[ARGUMENTS_MAX + 1];
	size_t count;
};

static char *copy(const char *text)
{
	return strcpy(sm_memory(strlen(text) + 1), text);
}

static const struct language *language_of(const char *file)
{
	const char *dot = strrchr(file, '.');

	for (size_t i = 0; dot && dot != file && dot[1] && i < LANGUAGES; i++)
		if (sm_has_word(languages[i].endings, dot + 1, strlen(dot + 1)))
			return &languages[i];
	return NULL;
}

static int add_source(struct build *build, const char *file, struct sm_error *err)
{
	const struct language *language = language_of(file);
	char path[4400];

	if (!language || strcmp(file, MODULE) == 0)
		return 0;
	if (build->language && build->language != language)
		return sm_fail(err, EINVAL, "%s holds %s and %s; a plug-in's folder has sources of one language",
			       build->folder, build->language->name, language->name);
	if (build->sources == SOURCES_MAX)
		return sm_fail(err, EINVAL, "%s holds more than %d sources", build->folder, SOURCES_MAX);
	build->language = language;
	snprintf(path, sizeof(path), "%.4000s/%.255s", build->folder, file);
	build->source[build->sources++] = copy(path);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_sources(struct build *build, struct sm_error *err)
{
	DIR *folder = opendir(build->folder);
	const struct dirent *entry;
	int rc = 0;

	if (!folder)
		return sm_fail(err, EINVAL, "cannot read the folder %s: %s", build->folder, strerror(errno));
	while (rc == 0 && (entry = readdir(folder)))
		rc = add_source(build, entry->d_name, err);
	closedir(folder);
	if (rc < 0)
		return rc;
	if (build->sources == 0)
		return sm_fail(err, EINVAL, "%s holds no .c, .cpp or .rs file; `shmeter plugin new` makes one",
			       build->folder);
	if (build->language == &languages[RUST] && build->sources > 1)
		return sm_fail(err, EINVAL, "%s holds %zu Rust sources; one of them and %s are built", build->folder,
			       build->sources, MODULE);
	qsort(build->source, build->sources, sizeof(build->source[0]), by_text);
	return 0;
}

/* Names the shared object after the only source, or after the folder. */
static int name_out(struct build *build, const char *out, struct sm_error *err)
{
	char whole[4096], *base;

	if (out) {
		snprintf(build->out, sizeof(build->out), "%s", out);
		return 0;
	}
	if (build->sources == 1) {
		snprintf(build->out, sizeof(build->out) - 3, "%.4300s", build->source[0]);
		strcpy(strrchr(build->out, '.'), ".so");
		return 0;
	}
	if (!realpath(build->folder, whole))
		return sm_fail(err, EINVAL, "cannot read the folder %s: %s", build->folder, strerror(errno));
	base = strrchr(whole, '/') + 1;
	snprintf(build->out, sizeof(build->out), "%.4000s/%.255s.so", build->folder, *base ? base : "plugin");
	return 0;
}

static void add(struct build *build, const char *argument)
{
	if (build->count < ARGUMENTS_MAX)
		build->argv[build->count++] = argument;
}

/* Adds the words of a variable of the environment; `otherwise` where it is not set. */
static void add_words(struct build *build, const char *variable, const char *otherwise)
{
	const char *value = getenv(variable);
	char *rest = NULL;

	if (!value || !*value)
		value = otherwise;
	for (char *word = strtok_r(copy(value), " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
		add(build, word);
}

/* `options` end with NULL. */
static void make_command(struct build *build, const char *const *options)
{
	const struct language *language = build->language;
	bool rust = language == &languages[RUST];

	add_words(build, language->variable, language->compiler);
	for (size_t i = 0; options[i]; i++)
		add(build, options[i]);
	if (!rust) {
		add(build, "-I");
		add(build, build->scratch);
	}
	add_words(build, language->flags, "");
	for (size_t i = 0; i < build->sources; i++)
		add(build, build->source[i]);
	add(build, "-o");
	add(build, build->out);
	if (!rust) {
		add_words(build, "LDFLAGS", "");
		add_words(build, "LDLIBS", "");
	}
}

/* Writes the headers of the interface, as this program was built with them. */
static int write_headers(struct build *build, struct sm_error *err)
{
	char folder[4200];
	int rc = make_scratch_folder("plugin", build->scratch, sizeof(build->scratch), err);

	if (rc < 0) {
		build->scratch[0] = '\0';
		return rc;
	}
	snprintf(folder, sizeof(folder), "%s/shmeter", build->scratch);
	if (mkdir(folder, 0700) < 0)
		return sm_fail(err, errno, "cannot create %s: %s", folder, strerror(errno));
	for (const struct plugin_text *one = plugin_texts; rc == 0 && one->file; one++)
		if (strcmp(one->file + strlen(one->file) - 2, ".h") == 0)
			rc = plugin_write(folder, one->file, one->text, "", err);
	return rc;
}

int plugin_spawn(pid_t *pid, const char *const *argv, const char *log)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int rc;

	/* the signals that this program ignores: a compiler expects them */
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | (log ? POSIX_SPAWN_SETPGROUP : 0));
	posix_spawn_file_actions_init(&files);
	if (log) {
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	}
	fflush(stdout);
	rc = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

int plugin_wait(pid_t pid, uint64_t limit_ns, int *status)
{
	uint64_t began = sm_clock_ns();
	siginfo_t info = { 0 };
	bool late = false;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0 && !*stop_flag() &&
	       !late) {
		nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
		late = sm_clock_ns() - began >= limit_ns;
	}
	/* before it is reaped: until then no other group can have its number */
	kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return *stop_flag() ? -EINTR : late ? -ETIMEDOUT : 0;
}

/* Waits for the compiler, which without a log ends as its user likes. */
static int wait_for(const struct build *build, pid_t pid, int *status, struct sm_error *err)
{
	char limit[SM_TEXT_MAX];
	int rc = 0;

	if (build->log) {
		rc = plugin_wait(pid, build->limit_ns, status);
		if (rc == -ETIMEDOUT)
			return sm_fail(err, ETIMEDOUT, "the compiler %s did not end within %s", build->argv[0],
				       sm_format_duration(limit, (double)build->limit_ns));
	}
	while (!build->log && (rc = waitpid(pid, status, 0) < 0 ? -errno : 0) == -EINTR)
		if (*stop_flag())
			kill(pid, SIGTERM);
	if (*stop_flag())
		return sm_fail(err, EINTR, "stopped by a signal");
	return rc < 0 ? sm_fail(err, -rc, "cannot wait for the compiler %s: %s", build->argv[0], strerror(-rc)) : 0;
}

/* Runs the compiler; its messages go where this program's go. */
static int compile(const struct build *build, struct sm_error *err)
{
	const struct language *language = build->language;
	int status = 0, rc;
	pid_t pid;

	if (build->count == ARGUMENTS_MAX)
		return sm_fail(err, EINVAL, "the compiler would get too many arguments: at most %d", ARGUMENTS_MAX);
	rc = plugin_spawn(&pid, build->argv, build->log);
	if (rc == ENOENT)
		return sm_fail(err, EOPNOTSUPP, "there is no compiler %s: install the package %s, or set %s",
			       build->argv[0], language->package, language->variable);
	if (rc)
		return sm_fail(err, rc, "cannot run the compiler %s: %s", build->argv[0], strerror(rc));
	rc = wait_for(build, pid, &status, err);
	if (rc < 0)
		return rc;
	if (WIFSIGNALED(status))
		return sm_fail(err, EINVAL, "%s was not built: signal %d ended %s", build->out, WTERMSIG(status),
			       build->argv[0]);
	if (WEXITSTATUS(status) != 0 && build->log)
		return sm_fail(err, EINVAL, "%s found errors", build->argv[0]);
	if (WEXITSTATUS(status) != 0)
		return sm_fail(err, EINVAL, "%s was not built: %s found the errors above", build->out, build->argv[0]);
	return 0;
}

/* What there is to run. */
static const char *first_run(const struct sm_plugged *list, int count, const struct sm_scenario *const *scenarios)
{
	if (count == 0)
		return scenarios[0]->name;
	return list[0].kind == SM_PLUGGED_LOCK ? "lock_throughput" : "transport_latency";
}

/* Says what the shared object holds, and the next command. */
static int tell(const struct build *build, bool quiet, struct sm_error *err)
{
	const struct sm_scenario *scenarios[SHMETER_PLUGIN_MAX];
	const struct sm_plugged *list;
	int count = sm_plugin_describe(&sm_os_linux, build->out, stop_flag(), &list, err);
	int others = count < 0 ? count : plugins_take_scenarios(build->out, scenarios, err);

	if (count == 0 && others == 0)
		return sm_fail(err, EINVAL, "plug-in %s: it told nothing", build->out);
	if (others < 0) {
		if (others == -EBADMSG || others == -ECHILD || others == -ETIMEDOUT)
			err->code = EINVAL; /* it is the user's to change */
		return -err->code;
	}
	if (quiet)
		return 0;
	for (int i = 0; i < count; i++)
		sm_print_line(stdout, "%s: %s %s: %s", build->out, sm_plugged_kind_name(list[i].kind), list[i].name,
			      list[i].summary);
	for (int i = 0; i < others; i++)
		sm_print_line(stdout, "%s: scenario %s: %s", build->out, scenarios[i]->name, scenarios[i]->question);
	printf("Next:\n  shmeter run %s --plugin ", first_run(list, count, scenarios));
	plugin_put_path(stdout, build->out);
	putchar('\n');
	return 0;
}

int plugin_has_source(const char *folder, struct sm_error *err)
{
	struct build *build = sm_zeroed_memory(1, sizeof(*build));
	int rc;

	build->folder = folder;
	rc = find_sources(build, err);
	for (size_t i = 0; i < build->sources; i++)
		free(build->source[i]);
	free(build);
	return rc;
}

static const char *find_text(const char *file)
{
	const struct plugin_text *one = plugin_texts;

	while (strcmp(one->file, file) != 0)
		one++;
	return one->text;
}

int plugin_build_threads(const char *folder, const char *sanitizer, const char *out, const char *log, uint64_t limit_ns,
			 struct sm_error *err)
{
	struct build *build = sm_zeroed_memory(1, sizeof(*build)); /* lives as long as the program */
	const char *options[] = {
		NULL, "-O1", "-g", "-fno-omit-frame-pointer", "-pthread", "-fno-sanitize-recover=all", sanitizer, NULL
	};
	char file[32], path[4400];
	int rc;

	build->folder = folder;
	build->log = log;
	build->limit_ns = limit_ns;
	snprintf(build->out, sizeof(build->out), "%s", out);
	rc = find_sources(build, err);
	if (rc == 0 && build->language == &languages[RUST])
		rc = sm_fail(err, EOPNOTSUPP, "only a nightly rustc has sanitizers");
	if (rc == 0)
		rc = write_headers(build, err); /* in TMPDIR, which the caller has made and removes */
	if (rc < 0)
		return rc;
	snprintf(file, sizeof(file), "check_threads.%.3s", build->language->endings);
	file[strcspn(file, " ")] = '\0';
	rc = plugin_write(build->scratch, file, find_text("check_threads.c"), "", err);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", build->scratch, file);
	build->source[build->sources++] = copy(path);
	options[0] = build->language->options[0];
	make_command(build, options);
	return compile(build, err);
}

int plugin_build(const struct plugin_options *options)
{
	struct build *build = sm_zeroed_memory(1, sizeof(*build)); /* lives as long as the program */
	struct sm_error err = { 0 }, left = { 0 };
	int rc;

	build->folder = options->common.operand[1];
	rc = find_sources(build, &err);
	if (rc == 0)
		rc = name_out(build, options->out, &err);
	if (rc == 0)
		rc = write_headers(build, &err);
	if (rc == 0) {
		make_command(build, build->language->options);
		rc = compile(build, &err);
	}
	if (build->scratch[0] && remove_scratch_folder(build->scratch, &left) < 0 && rc == 0)
		rc = sm_fail(&err, left.code, "%s", left.text);
	if (rc == 0)
		rc = tell(build, options->common.quiet, &err);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
