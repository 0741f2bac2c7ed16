/* Both ends of a transport, or the owners of a lock, as threads of one program, under sanitizers. */
#include "plugin_source.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin_actions.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"

#define LIMIT_NS 70000000000u /* the program ends itself after 60 s */
/* The compiler may take so many times the time of the longest check: 10 minutes where no option says how long that is. */
#define COMPILE_FACTOR 60

/* Options for the sanitizers: none frees what attach() made, and a race does not end the program, for it may be a library's,
 * which was not compiled for this. */
static const struct pass {
	const char *check, *sanitizer, *words, *variable, *options;
} passes[] = {
	{ "memory_errors", "-fsanitize=address,undefined", "AddressSanitizer and UBSan", "ASAN_OPTIONS",
	  "detect_leaks=0" },
	{ "data_races", "-fsanitize=thread", "ThreadSanitizer", "TSAN_OPTIONS", "halt_on_error=0:exitcode=66" },
};
#define PASSES (sizeof(passes) / sizeof(passes[0]))
#define RACES  1

struct plugin_source {
	char folder[PATH_MAX]; /* "": none */
	struct {
		bool built, fences; /* tried; the compiler warns that ThreadSanitizer knows no fences */
		char program[PATH_MAX], log[PATH_MAX];
		char why[SM_ERROR_TEXT_MAX - 80]; /* it could not be compiled; "" */
	} pass[PASSES];
};

/* As `plugin build` names what it makes: after the only source, or after the folder. */
static bool lies_beside(const char *file, char *folder)
{
	static const char *const endings[] = { "c", "cpp", "cc", "cxx", "rs" };
	char whole[PATH_MAX], source[PATH_MAX + 8], *base, *name;

	if (!realpath(file, whole))
		return false;
	base = strrchr(whole, '/');
	*base++ = '\0';
	snprintf(folder, PATH_MAX, "%s", *whole ? whole : "/");
	if (strlen(base) < 4 || strcmp(base + strlen(base) - 3, ".so") != 0)
		return false;
	base[strlen(base) - 3] = '\0';
	name = strrchr(whole, '/');
	if (name && strcmp(name + 1, base) == 0)
		return plugin_has_source(folder, NULL) == 0;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(source, sizeof(source), "%s/%s.%s", folder, base, endings[i]);
		if (access(source, R_OK) == 0)
			return true;
	}
	return false;
}

struct plugin_source *plugin_source_find(const char *file, const char *folder, struct sm_error *err)
{
	struct plugin_source *source = sm_zeroed_memory(1, sizeof(*source));

	if (folder && plugin_has_source(folder, err) < 0) {
		free(source);
		return NULL;
	}
	if (folder)
		snprintf(source->folder, sizeof(source->folder), "%s", folder);
	else if (!lies_beside(file, source->folder))
		source->folder[0] = '\0';
	return source;
}

/* Copies the first line of a file that has the words.  Returns whether there is one. */
static bool find_line(const char *path, const char *words, char *out, size_t size)
{
	char line[4096];
	FILE *file = fopen(path, "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = strstr(line, words);
		if (found)
			snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	if (file)
		fclose(file);
	return found;
}

static int build(struct plugin_source *source, unsigned p, uint64_t budget_ns, struct sm_error *err)
{
	const char *folder = getenv("TMPDIR");
	struct sm_error said = { 0 };
	char line[256];
	int rc;

	source->pass[p].built = true;
	snprintf(source->pass[p].program, PATH_MAX, "%.4000s/threads-%u", folder, p);
	snprintf(source->pass[p].log, PATH_MAX, "%.4000s/threads-%u.log", folder, p);
	rc = plugin_build_threads(source->folder, passes[p].sanitizer, source->pass[p].program, source->pass[p].log,
				  budget_ns < UINT64_MAX / COMPILE_FACTOR ? COMPILE_FACTOR * budget_ns : UINT64_MAX,
				  &said);
	if (rc == -EINTR)
		return sm_fail(err, EINTR, "%s", said.text);
	source->pass[p].fences = find_line(source->pass[p].log, "-Wtsan", line, sizeof(line));
	if (rc == -EINVAL && (find_line(source->pass[p].log, "error: ", line, sizeof(line)) ||
			      find_line(source->pass[p].log, "cannot find", line, sizeof(line)) ||
			      find_line(source->pass[p].log, "undefined reference", line, sizeof(line))))
		snprintf(source->pass[p].why, sizeof(source->pass[p].why), "%.100s: %s", said.text, line);
	else if (rc < 0)
		snprintf(source->pass[p].why, sizeof(source->pass[p].why), "%.300s", said.text);
	return 0;
}

/* Runs the program until it ends.  Returns 0 with its status, or a negative errno with the sentence. */
static int run(const char *program, const char *name, const char *log, int *status, struct sm_error *err)
{
	const char *argv[] = { program, name, NULL };
	pid_t pid;
	int rc = plugin_spawn(&pid, argv, log);

	if (rc)
		return sm_fail(err, rc, "cannot run %s: %s", program, strerror(rc));
	rc = plugin_wait(pid, LIMIT_NS, status);
	return rc == -EINTR ? sm_fail(err, EINTR, "stopped by a signal") : 0;
}

/* The first finding in code that was compiled here: the place of another is an address, "(/lib/libzmq.so.5+0x7c0a0)". */
static bool find_report(const char *log, char *out, size_t size, bool *foreign)
{
	char line[4096], *at;
	FILE *file = fopen(log, "re");
	bool found = false;

	*foreign = false;
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		at = strstr(line, "SUMMARY: ");
		if (strstr(line, ": runtime error: ")) {
			snprintf(out, size, "UBSan: %s", line);
			found = true;
		} else if (at && strstr(at, "ThreadSanitizer") && (strstr(at, " (/") || strstr(at, "<null>"))) {
			*foreign = true;
		} else if (at) {
			snprintf(out, size, "%s", at + strlen("SUMMARY: "));
			found = true;
		}
	}
	if (file)
		fclose(file);
	return found;
}

/* What the program said last. */
static void find_last(const char *log, char *out, size_t size)
{
	static const char start[] = "shmeter: ";
	char line[256];
	FILE *file = fopen(log, "re");

	out[0] = '\0';
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, start, strlen(start)) == 0)
			snprintf(out, size, "%.*s", (int)strcspn(line + strlen(start), "\n"), line + strlen(start));
	if (file)
		fclose(file);
}

/* A program that no sanitizer stopped. */
static void judge_end(const struct pass *pass, const char *log, int status, bool is_lock,
		      struct sm_proof_verdict *verdict)
{
	const char *threads =
		is_lock ? "with three owners as threads of one program," : "with both ends as threads of one program,";
	const size_t size = sizeof(verdict->evidence);
	uint64_t messages, memory;
	char words[200];

	find_last(log, words, sizeof(words));
	if (!words[0] && !find_line(log, "FATAL: ", words, sizeof(words)))
		snprintf(words, sizeof(words), "the program ended before it began");
	if (WIFSIGNALED(status)) {
		snprintf(verdict->evidence, size, "not testable: %s signal %d ended it", threads, WTERMSIG(status));
	} else if (status || sscanf(words, "passed %" SCNu64 " %" SCNu64, &messages, &memory) != 2) {
		snprintf(verdict->evidence, size, "not testable: %s %s", threads, words);
	} else if (memory == 0 && pass == &passes[RACES]) {
		snprintf(verdict->evidence, size,
			 "not testable: its messages are not in the memory that shmeter gives, and ThreadSanitizer "
			 "does not know that two mappings are one memory");
	} else {
		verdict->result = SM_PROOF_PASS;
		snprintf(verdict->evidence, size, "%" PRIu64 " %s: %s found nothing", messages,
			 is_lock ? "turns, owners as threads" : "messages, both ends as threads", pass->words);
	}
}

static void judge(const struct pass *pass, const char *log, int status, bool fences, bool is_lock,
		  struct sm_proof_verdict *verdict)
{
	const size_t size = sizeof(verdict->evidence);
	char report[SM_ERROR_TEXT_MAX - 100], last[200];
	bool foreign;

	find_last(log, last, sizeof(last));
	if (strstr(last,
		   "two had the lock at once")) /* one that knows processes, not threads; `exclusion` finds others */
		judge_end(pass, log, status, is_lock, verdict);
	else if (!find_report(log, report, sizeof(report), &foreign)) {
		if (foreign)
			snprintf(verdict->evidence, size,
				 "not testable: it calls a library that was not compiled for ThreadSanitizer");
		else
			judge_end(pass, log, status, is_lock, verdict);
	} else if (fences && pass == &passes[RACES]) {
		snprintf(verdict->evidence, size,
			 "not testable: it orders by fences, which ThreadSanitizer does not know (%s)", report);
	} else {
		verdict->result = SM_PROOF_FAIL;
		snprintf(verdict->evidence, size, "%s as threads: %s", is_lock ? "owners" : "both ends", report);
	}
}

static int run_pass(struct plugin_source *source, unsigned p, const struct sm_plugged *plugged, uint64_t budget_ns,
		    struct sm_proof_verdict *verdict, struct sm_error *err)
{
	const char *log = source->pass[p].log;
	int status = 0, rc = 0;

	if (!source->folder[0]) {
		snprintf(verdict->evidence, sizeof(verdict->evidence),
			 "not testable: no source beside the plug-in; name it with --source DIR");
		return 0;
	}
	if (!source->pass[p].built)
		rc = build(source, p, budget_ns, err);
	if (rc < 0)
		return rc;
	if (source->pass[p].why[0]) {
		snprintf(verdict->evidence, sizeof(verdict->evidence), "not testable: %s", source->pass[p].why);
		return 0;
	}
	setenv(passes[p].variable, passes[p].options, 1);
	rc = run(source->pass[p].program, plugged->name, log, &status, err);
	if (rc == 0)
		judge(&passes[p], log, status, source->pass[p].fences, plugged->kind == SM_PLUGGED_LOCK, verdict);
	return rc;
}

int plugin_source_check(struct plugin_source *source, const struct sm_proof *proof, const struct sm_plugged *plugged,
			struct sm_error *err)
{
	bool works = true;

	for (unsigned p = 0; p < PASSES; p++) {
		struct sm_proof_verdict verdict = { .check = passes[p].check, .result = SM_PROOF_SKIPPED };
		int rc = run_pass(source, p, plugged, proof->budget_ns, &verdict, err);

		if (rc < 0)
			return rc;
		sm_clean(verdict.evidence);
		works &= verdict.result != SM_PROOF_FAIL;
		proof->tell(proof->context, &verdict);
	}
	return works;
}
