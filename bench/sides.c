/* The runs of an alternation: finds programs and settings, and runs one block after the other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins.h"
#include "program.h"
#include "shmeter/clock.h"
#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/report.h"
#include "shmeter/stats.h"
#include "shmeter/store.h"
#include "sides.h"

/* patterns, options, and the arguments of every run */
#define ARGUMENTS_MAX (OPERANDS_MAX + 2 * PASSED_MAX + 2 * SETTINGS_MAX + 16)

extern char **environ;

static const char *const side_names[2] = { "old", "new" };

/* Reads "pages=4k,message=64": each key is an option of `run` if there is one of that name, else a parameter. */
static int read_settings(struct alternation *ab, struct side *side, const char *text, struct sm_error *err)
{
	char *rest = side->text, *one;

	if (!text)
		return 0;
	if (strlen(text) >= sizeof(side->text))
		return sm_fail(err, EINVAL, "the settings \"%.40s...\" are too long", text);
	strcpy(side->text, text);
	while ((one = strsep(&rest, ","))) {
		char *equals = strchr(one, '=');
		struct setting *setting;

		if (!equals || equals == one || !equals[1] || side->settings == SETTINGS_MAX)
			return sm_fail(err, EINVAL, "settings \"%s\" are not KEY=VALUE,... (at most %d)", text,
				       SETTINGS_MAX);
		*equals = '\0';
		ab->differ.key[ab->differ.count] = strdup(one); /* lives as long as the program */
		if (!ab->differ.key[ab->differ.count++])
			return sm_fail(err, ENOMEM, "no memory for the settings");
		setting = &side->setting[side->settings++];
		if (option_varies(one)) {
			snprintf(setting->option, sizeof(setting->option), "--%s", one);
			setting->value = equals + 1;
		} else {
			*equals = '=';
			snprintf(setting->option, sizeof(setting->option), "--set");
			setting->value = one;
		}
	}
	return 0;
}

/* Finds the program number `i` of a side.  Its name lives as long as this program. */
static int find_program(struct side *side, unsigned i, const char *given, struct sm_error *err)
{
	struct stat status;

	if (stat(given, &status) < 0)
		return sm_fail(err, ENOENT,
			       "%s: not an executable file; `shmeter ab` takes two builds of shmeter, or --left and "
			       "--right settings of this one",
			       given);
	if (asprintf(&side->program[i], "%s%s", given, S_ISDIR(status.st_mode) ? "/shmeter" : "") < 0)
		sm_no_memory();
	if (access(side->program[i], X_OK) < 0)
		return sm_fail(err, ENOENT, "cannot run %s: %s", side->program[i], strerror(errno));
	for (unsigned k = 0; k < i; k++)
		if (strcmp(side->program[k], side->program[i]) == 0)
			return sm_fail(err, EINVAL, "%s is given twice: each program is one layout", given);
	return 0;
}

/* Finds "BUILD" or "BUILD,BUILD...".  Returns how many, or a negative errno. */
static int find_programs(struct side *side, const char *given, struct sm_error *err)
{
	char *copy, *rest, *one;
	int count = 0, rc = 0;

	if (access(given, F_OK) == 0 || !strchr(given, ',')) { /* a name may have a comma */
		rc = find_program(side, 0, given, err);
		return rc < 0 ? rc : 1;
	}
	copy = rest = strdup(given);
	if (!copy)
		sm_no_memory();
	while (rc == 0 && (one = strsep(&rest, ",")))
		rc = count < LAYOUTS_MAX ? find_program(side, (unsigned)count++, one, err)
					 : sm_fail(err, EINVAL, "over %d builds on one side", LAYOUTS_MAX);
	free(copy);
	return rc < 0 ? rc : count;
}

/* Both sides are this program. */
static int find_oneself(struct alternation *ab, struct sm_error *err)
{
	char program[4096]; /* a child's /proc/self is the child's: name the file */
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int rc = 0;

	program[length > 0 ? length : 0] = '\0';
	for (unsigned s = 0; rc == 0 && s < 2; s++)
		rc = find_program(&ab->side[s], 0, program, err);
	ab->layouts = 1;
	return rc;
}

static int find_builds(struct alternation *ab, struct sm_error *err)
{
	int count[2];

	for (unsigned s = 0; s < 2; s++) {
		count[s] = find_programs(&ab->side[s], ab->options->common.operand[s], err);
		if (count[s] < 0)
			return count[s];
	}
	ab->layouts = (unsigned)count[0];
	if (count[0] != count[1])
		return sm_fail(err, EINVAL,
			       "the old side has %d builds and the new side %d: a block runs one of each, so give "
			       "both sides equally many",
			       count[0], count[1]);
	return 0;
}

/* Blocks measure what the command line asks for. */
static void ask_for_all(struct alternation *ab)
{
	const struct ab_options *a = ab->options;
	size_t programs = a->left || a->right ? 0 : 2;

	ab->narrow = false;
	ab->patterns = a->common.operand + programs;
	ab->pattern_count = a->common.operands - programs;
}

/* Checks the plug-ins before the first block, where a mistake costs no time. */
static int check_plugins(const struct alternation *ab, struct sm_error *err)
{
	struct plugins plugins[2] = { { .count = 0 } };

	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < ab->side[s].settings && plugins[s].count < PLUGINS_MAX; i++)
			if (strcmp(ab->side[s].setting[i].option, "--plugin") == 0)
				plugins[s].file[plugins[s].count++] = ab->side[s].setting[i].value;
	return plugins_check_sides(plugins, err);
}

/* Finds the programs of both sides; the other operands are patterns. */
int sides_read(struct alternation *ab, struct sm_error *err)
{
	const struct ab_options *a = ab->options;
	const struct common_options *common = &a->common;
	size_t programs = a->left || a->right ? 0 : 2;
	int rc;

	if (common->operands < programs)
		return sm_fail(err, EINVAL,
			       "`shmeter ab` needs two builds of shmeter (OLD NEW), or --left and --right settings");
	rc = programs ? find_builds(ab, err) : find_oneself(ab, err);
	ask_for_all(ab);
	if (rc == 0)
		rc = read_settings(ab, &ab->side[0], a->left, err);
	if (rc == 0)
		rc = read_settings(ab, &ab->side[1], a->right, err);
	return rc == 0 ? check_plugins(ab, err) : rc;
}

/* Reads why a run ended from its log: its last message, or the last line where there is none. */
static void last_words(const char *log, char *out, size_t size)
{
	static const char prefix[] = "shmeter: ";
	char line[512];
	bool message = false;
	FILE *file = fopen(log, "re");

	snprintf(out, size, "no reason given");
	while (file && fgets(line, sizeof(line), file)) {
		bool is_message = strncmp(line, prefix, strlen(prefix)) == 0;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || (message && !is_message))
			continue;
		message = is_message;
		snprintf(out, size, "%s", line + (is_message ? strlen(prefix) : 0));
	}
	if (file)
		fclose(file);
}

/* What the trials of a run came to; `ended`: one of a case that was asked for, not of the control. */
struct found {
	bool loaded, ended, wrong, skipped, lost;
};

static struct found look_at(const char *folder)
{
	struct found found = { 0 };
	struct sm_results run;
	char words[SM_LOST_TEXT_MAX];

	sm_results_init(&run);
	found.loaded = sm_store_load(&run, folder, NULL) == 0;
	if (found.loaded)
		for (size_t i = 0; i < run.sample_count; i++) {
			const struct sm_sample *sample = &run.samples[i];

			found.ended |= sample->ended == SM_OK && !run.cases[sample->case_index].control;
			found.wrong |= sample->ended == SM_VERIFY_FAILED;
			found.skipped |= sample->ended == SM_SKIPPED;
		}
	found.lost = sm_report_lost(&run, words);
	sm_results_free(&run);
	return found;
}

/* Whether the gates can judge a failed run: one with wrong data, one on a machine too busy for a figure, and one of the
 * new side in which no case could run.  `narrowed`: its few cases have run in earlier blocks. */
static bool has_verdict(unsigned s, int code, const char *folder, bool narrowed)
{
	struct found found = look_at(folder);

	if (code == EXIT_MACHINE)
		return narrowed ? found.loaded : !found.lost && (found.ended || (s == 1 && found.skipped));
	return code == EXIT_WRONG && found.wrong;
}

/* The program that a side runs in this block. */
static const char *program_of(const struct alternation *ab, unsigned s)
{
	return ab->side[s].program[ab->layout[ab->done]];
}

/* Handles the exit status of a side's run. */
static int end_side(struct alternation *ab, unsigned s, int status, const char *folder, const char *log,
		    struct sm_error *err)
{
	struct side *side = &ab->side[s];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	char words[300];

	if (status == 0) {
		unlink(log);
		return 0;
	}
	last_words(log, words, sizeof(words));
	if (has_verdict(s, code, folder, ab->narrowed)) {
		if (!side->told)
			sm_print_line(stderr, "shmeter: the %s side, %s, in block %u: %s (log: %s)", side_names[s],
				      program_of(ab, s), ab->done + 1, words, log);
		side->told = true;
		return 0;
	}
	return sm_fail(err,
		       code == EXIT_MACHINE ? ENODEV
		       : code == EXIT_USAGE ? EINVAL
					    : EIO,
		       "the %s side, %s, ended with %s %d: %s (log: %s)", side_names[s], program_of(ab, s),
		       code >= 0 ? "exit code" : "signal", code >= 0 ? code : WTERMSIG(status), words, log);
}

static size_t put_settings(const char **argv, const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		argv[2 * i] = settings[i].option;
		argv[2 * i + 1] = settings[i].value;
	}
	return 2 * count;
}

/* Runs one side once.  Its output goes to a log next to its folder; an error names the log. */
static int run_side(struct alternation *ab, unsigned s, const char *folder, struct sm_error *err)
{
	const struct ab_options *a = ab->options;
	struct side *side = &ab->side[s];
	const char *program = program_of(ab, s), *argv[ARGUMENTS_MAX] = { program, "run" };
	char log[4200], number[24];
	posix_spawn_file_actions_t actions;
	size_t n = 2;
	int status = 0, rc;
	pid_t pid;

	for (size_t i = 0; i < ab->pattern_count; i++)
		argv[n++] = ab->patterns[i];
	n += put_settings(argv + n, a->passed, a->passed_count);
	n += put_settings(argv + n, side->setting, side->settings);
	/* both sides of a block have the same seed, so the same order */
	snprintf(number, sizeof(number), "%" PRIu64, a->run.plan.seed + ab->done + 1);
	const char *const rest[] = { "--repeat-blocks", "1",    "--no-counters", "--no-plots", "-q",
				     "--out",           folder, "--seed",        number };
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		argv[n++] = rest[i];
	snprintf(log, sizeof(log), "%s.log", folder);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	rc = posix_spawn(&pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return sm_fail(err, rc, "cannot run %s: %s", program, strerror(rc));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (*stop_flag())
			kill(pid, SIGINT);
	if (*stop_flag())
		return sm_fail(err, EINTR, "stopped by a signal");
	return end_side(ab, s, status, folder, log, err);
}

bool sides_out_of_time(const struct alternation *ab)
{
	return ab->budget_ns && ab->done > 0 && sm_clock_ns() - ab->start_ns + ab->block_ns > ab->budget_ns;
}

/* Chooses the layouts of the next round of blocks: each once, in an order that the seed draws. */
static void draw_round(struct alternation *ab)
{
	unsigned *layout = &ab->layout[ab->done], count = ab->layouts;
	struct sm_random random;

	if (ab->done + count > 2 * BLOCKS_MAX) /* the last round is not complete */
		count = 2 * BLOCKS_MAX - ab->done;
	for (unsigned i = 0; i < count; i++)
		layout[i] = i;
	sm_random_seed(&random, ab->options->run.plan.seed + ab->done);
	sm_random_shuffle(&random, layout, count, sizeof(*layout));
}

int sides_alternate(struct alternation *ab, unsigned count, struct sm_error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < count && !sides_out_of_time(ab); i++) {
		uint64_t begin_ns = sm_clock_ns();

		ab->narrowed |= ab->narrow;
		if (ab->done % ab->layouts == 0)
			draw_round(ab);
		/* A B B A */
		unsigned first = (ab->done & 1) ^ ((ab->done >> 1) & 1);

		for (unsigned k = 0; rc == 0 && k < 2; k++) {
			unsigned s = k ^ first;
			char **folder = &ab->side[s].folder[ab->done];

			if (asprintf(folder, "%s/%s-%03u", ab->out, side_names[s], ab->done) < 0)
				sm_no_memory();
			progress_print(&ab->progress, "block %u, %s", ab->done + 1, side_names[s]);
			rc = run_side(ab, s, *folder, err);
		}
		ab->done += rc == 0;
		ab->block_ns = sm_clock_ns() - begin_ns;
	}
	progress_wipe(&ab->progress);
	return rc;
}

static bool sets_parameter(const struct setting *setting, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(setting[i].option, "--set") == 0)
			return true;
	return false;
}

/* Whether the command line allows blocks of some variants only.  A build refuses --set where no chosen scenario has the
 * parameter; and a pattern with conditions would be replaced by one that chooses more points. */
static bool can_narrow(const struct alternation *ab, const struct sm_gates *gates)
{
	const struct ab_options *a = ab->options;
	bool sets = sets_parameter(a->passed, a->passed_count);

	for (unsigned s = 0; s < 2; s++)
		sets |= sets_parameter(ab->side[s].setting, ab->side[s].settings);
	for (size_t i = 1; i < gates->count && sets; i++)
		if (gates->gate[i].scenario != gates->gate[0].scenario)
			return false;
	for (size_t i = 0; i < ab->pattern_count; i++)
		if (strchr(ab->patterns[i], ' '))
			return false;
	return true;
}

/* Adds a pattern unless it is there.  Returns whether there was room. */
static bool add_pattern(sm_name *pattern, size_t *count, sm_name one)
{
	for (size_t i = 0; i < *count; i++)
		if (pattern[i] == one)
			return true;
	if (*count == OPERANDS_MAX)
		return false;
	pattern[(*count)++] = one;
	return true;
}

void sides_narrow(struct alternation *ab, const struct sm_gates *gates, const bool *chosen)
{
	size_t count = 0;
	bool fits;

	ask_for_all(ab);
	fits = can_narrow(ab, gates);
	for (size_t i = 0; i < gates->count; i++) {
		const char *group = gates->gate[i].group;

		if (chosen[i])
			fits &= add_pattern(ab->open, &count, sm_name_format("%.*s", (int)strcspn(group, "?"), group));
	}
	if (!fits)
		return;
	ab->narrow = true;
	ab->patterns = ab->open;
	ab->pattern_count = count;
}
