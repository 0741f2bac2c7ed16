/* shmeter ab: two programs, or two settings of this one, alternated block by block.
 *
 * A block is one run of each side, with one block of its own; which side goes first changes as ABBA.  Slow drift of the
 * machine hits both sides alike, which no comparison of two whole runs can promise. */
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

#include "program.h"
#include "shmeter/clock.h"
#include "shmeter/compare.h"
#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/gate.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

#define BLOCKS_STANDARD 24
#define BLOCKS_MAX      500
#define SETTINGS_MAX    (SM_ALTERNATION_KEYS_MAX / 2)
/* patterns, passed options, and what every run is told */
#define ARGUMENTS_MAX (64 + 64 + 2 * SETTINGS_MAX + 32)
/* What a quick alternation of a steady case can show. */
#define ALLOWED_DEFAULT 1.02

extern char **environ;

struct side {
	char program[4096];
	char text[512];              /* of the settings, cut up */
	char name[SETTINGS_MAX][32]; /* "--pages" */
	char *value[SETTINGS_MAX];   /* in `text` */
	unsigned settings;
	char *folder[2 * BLOCKS_MAX];
	bool told; /* how its runs end */
};

static const char *const side_names[2] = { "old", "new" };

struct alternation {
	struct arguments *arguments;
	char out[4096];
	const char *const *patterns;
	size_t pattern_count;
	struct side side[2];               /* old, new */
	struct sm_alternation_keys differ; /* what --left and --right set */
	unsigned done, first;              /* blocks: so far, before the confirmation */
	uint64_t start_ns;
};

static bool is_option(const char *key)
{
	static const char *const options[] = {
		"profile", "placement", "backing", "pages", "prefault", "numa", "inject"
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(key, options[i]) == 0)
			return true;
	return false;
}

/* "pages=4k,message=64": an option of run where there is one of that name, else a parameter. */
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

		if (!equals || equals == one || !equals[1] || side->settings == SETTINGS_MAX)
			return sm_fail(err, EINVAL, "settings \"%s\": KEY=VALUE,... is expected, at most %d of them",
				       text, SETTINGS_MAX);
		*equals = '\0';
		ab->differ.key[ab->differ.count] = strdup(one); /* lives as long as the program */
		if (!ab->differ.key[ab->differ.count++])
			return sm_fail(err, ENOMEM, "no memory for the settings");
		if (is_option(one)) {
			snprintf(side->name[side->settings], sizeof(side->name[0]), "--%s", one);
			side->value[side->settings++] = equals + 1;
		} else {
			*equals = '=';
			snprintf(side->name[side->settings], sizeof(side->name[0]), "--set");
			side->value[side->settings++] = one;
		}
	}
	return 0;
}

static int find_program(struct side *side, const char *given, struct sm_error *err)
{
	struct stat status;

	snprintf(side->program, sizeof(side->program), "%s", given);
	if (stat(given, &status) < 0)
		return sm_fail(err, ENOENT,
			       "%s is no program: `shmeter ab` takes two builds of shmeter, or --left and --right "
			       "settings for this one",
			       given);
	if (S_ISDIR(status.st_mode))
		snprintf(side->program, sizeof(side->program), "%s/shmeter", given);
	if (access(side->program, X_OK) < 0)
		return sm_fail(err, ENOENT, "%s cannot be run: %s", side->program, strerror(errno));
	return 0;
}

/* Which programs, and what is left of the operands as patterns. */
static int read_operands(struct alternation *ab, struct sm_error *err)
{
	struct arguments *a = ab->arguments;
	size_t programs = a->left || a->right ? 0 : 2;
	int rc = 0;

	if (a->operands < programs)
		return sm_fail(err, EINVAL,
			       "`shmeter ab` needs two builds of shmeter (OLD NEW), or --left and --right settings");
	for (unsigned s = 0; rc == 0 && s < 2; s++)
		rc = find_program(&ab->side[s], programs ? a->operand[s] : "/proc/self/exe", err);
	if (rc == 0 && !programs) { /* a child's /proc/self is the child's: name the file */
		ssize_t length = readlink("/proc/self/exe", ab->side[0].program, sizeof(ab->side[0].program) - 1);

		ab->side[0].program[length > 0 ? length : 0] = '\0';
		strcpy(ab->side[1].program, ab->side[0].program);
	}
	ab->patterns = a->operand + programs;
	ab->pattern_count = a->operands - programs;
	if (rc == 0)
		rc = read_settings(ab, &ab->side[0], a->left, err);
	if (rc == 0)
		rc = read_settings(ab, &ab->side[1], a->right, err);
	return rc;
}

/* The last line of a log, where a run says why it ends. */
static void last_words(const char *log, char *out, size_t size)
{
	char line[512];
	FILE *file = fopen(log, "re");

	snprintf(out, size, "it said nothing");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			snprintf(out, size, "%s", strncmp(line, "shmeter: ", 9) == 0 ? line + 9 : line);
	}
	if (file)
		fclose(file);
}

static bool holds(const char *folder, enum sm_status status)
{
	struct sm_results run;
	bool found = false;

	sm_results_init(&run);
	if (sm_store_load(&run, folder, NULL) == 0)
		for (size_t i = 0; i < run.sample_count && !found; i++)
			found = run.samples[i].ended == status;
	sm_results_free(&run);
	return found;
}

/* A run that ended because its data was wrong has measured all the same, and one of new that could run nothing says so
 * of each case: the gates tell, with a verdict. */
static bool has_verdict(unsigned s, int code, const char *folder)
{
	return (code == EXIT_WRONG && holds(folder, SM_VERIFY_FAILED)) ||
	       (code == EXIT_MACHINE && s == 1 && holds(folder, SM_SKIPPED));
}

/* What the end of a side's run means for the alternation. */
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
	if (has_verdict(s, code, folder)) {
		if (!side->told)
			sm_print_line(stderr, "shmeter: the %s side, %s, in block %u: %s", side_names[s], side->program,
				      ab->done + 1, words);
		side->told = true;
		return 0;
	}
	return sm_fail(err,
		       code == EXIT_MACHINE ? ENODEV
		       : code == EXIT_USAGE ? EINVAL
					    : EIO,
		       "the %s side, %s, ended with %s %d: %s (the rest is in %s)", side_names[s], side->program,
		       code >= 0 ? "exit code" : "signal", code >= 0 ? code : WTERMSIG(status), words, log);
}

/* Runs one side once.  Its words go to a log beside its folder, which a failure names. */
static int run_side(struct alternation *ab, unsigned s, const char *folder, struct sm_error *err)
{
	const struct arguments *a = ab->arguments;
	struct side *side = &ab->side[s];
	const char *argv[ARGUMENTS_MAX] = { side->program, "run" };
	char log[4200], number[24];
	posix_spawn_file_actions_t actions;
	size_t n = 2;
	int status = 0, rc;
	pid_t pid;

	for (size_t i = 0; i < ab->pattern_count; i++)
		argv[n++] = ab->patterns[i];
	for (size_t i = 0; i < a->pass_count; i++)
		argv[n++] = a->pass[i];
	for (unsigned i = 0; i < side->settings; i++) {
		argv[n++] = side->name[i];
		argv[n++] = side->value[i];
	}
	/* both sides of a block have one seed: one order */
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
	rc = posix_spawn(&pid, side->program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return sm_fail(err, rc, "%s cannot be run: %s", side->program, strerror(rc));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (*stop_flag())
			kill(pid, SIGINT);
	if (*stop_flag())
		return sm_fail(err, EINTR, "stopped by a signal");
	return end_side(ab, s, status, folder, log, err);
}

static bool out_of_time(const struct alternation *ab, unsigned blocks)
{
	uint64_t budget_ns = ab->arguments->run.plan.budget_ns, spent_ns = sm_clock_ns() - ab->start_ns;

	/* the next block takes as long as those before */
	return budget_ns && blocks > 0 && spent_ns + spent_ns / blocks > budget_ns;
}

/* `count` more blocks. */
static int alternate(struct alternation *ab, unsigned count, struct sm_error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < count && !out_of_time(ab, ab->done); i++) {
		/* A B B A */
		unsigned first = (ab->done & 1) ^ ((ab->done >> 1) & 1);

		for (unsigned k = 0; rc == 0 && k < 2; k++) {
			unsigned s = k ^ first;
			char **folder = &ab->side[s].folder[ab->done];

			if (asprintf(folder, "%s/%s-%03u", ab->out, side_names[s], ab->done) < 0)
				sm_no_memory();
			if (!ab->arguments->quiet && isatty(STDERR_FILENO))
				fprintf(stderr, "\r\033[Kblock %u, %s", ab->done + 1, side_names[s]);
			rc = run_side(ab, s, *folder, err);
		}
		ab->done += rc == 0;
	}
	if (!ab->arguments->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return rc;
}

/* Loads the blocks from `first` on, and makes a gate of each case. */
static int load_blocks(struct alternation *ab, unsigned first, struct sm_results *results, struct sm_gates *gates,
		       struct sm_error *err)
{
	double allowed = ab->arguments->allowed > 1 ? ab->arguments->allowed : ALLOWED_DEFAULT;
	int rc = sm_alternation_load(results, (const char *const *)&ab->side[0].folder[first],
				     (const char *const *)&ab->side[1].folder[first], ab->done - first, &ab->differ,
				     err);

	return rc < 0 ? rc : sm_alternation_gates(gates, results, allowed, err);
}

/* Judges the blocks from `first` on. */
static int judge(struct alternation *ab, unsigned first, struct sm_results *results, struct sm_gates *gates,
		 struct sm_gate_row **rows, struct sm_error *err)
{
	int rc = load_blocks(ab, first, results, gates, err);

	if (rc < 0)
		return rc;
	*rows = calloc(gates->count, sizeof(**rows));
	if (!*rows)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", gates->count);
	return sm_alternation_judge(gates, results, *rows, err);
}

/* The command that alternates one case again.  A script that builds its sides knows better what to call: its
 * command is in SHMETER_AGAIN. */
static void put_again(FILE *out, const struct alternation *ab, const char *group)
{
	const struct arguments *a = ab->arguments;
	const char *script = getenv("SHMETER_AGAIN");
	char *name = strndup(group, strcspn(group, "?"));

	if (script && *script) {
		fputs(script, out);
	} else if (a->left || a->right) {
		fputs("shmeter ab", out);
		for (unsigned i = 0; i < 2; i++) {
			const char *text = i ? a->right : a->left;

			if (text) {
				fputs(i ? " --right " : " --left ", out);
				sm_put_quoted(out, text);
			}
		}
	} else {
		fputs("shmeter ab ", out);
		sm_put_quoted(out, ab->side[0].program);
		fputc(' ', out);
		sm_put_quoted(out, ab->side[1].program);
	}
	fputc(' ', out);
	sm_put_quoted(out, name ? name : "*");
	free(name);
	for (size_t i = 0; i + 1 < a->pass_count; i += 2) {
		fprintf(out, " %s ", a->pass[i]);
		sm_put_quoted(out, a->pass[i + 1]);
	}
	if (a->allowed > 1 && !(script && *script))
		fprintf(out, " --max %.6g", a->allowed);
}

static void name_again(const struct alternation *ab, struct sm_results *results, struct sm_gate_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		if (!out)
			continue;
		put_again(out, ab, rows[i].gate->name);
		fclose(out);
		rows[i].again = sm_results_copy(results, text);
		free(text);
	}
}

/* Blocks of each side: what is asked for, else what a FAIL among so many cases needs, which the first block tells. */
static int choose_blocks(struct alternation *ab, unsigned *blocks, struct sm_error *err)
{
	const struct sm_plan_options *plan = &ab->arguments->run.plan;
	struct sm_results results;
	struct sm_gates gates = { 0 };
	int rc;

	*blocks = plan->repeat_blocks;
	if (*blocks > BLOCKS_MAX)
		return sm_fail(err, EINVAL, "--repeat-blocks: at most %d", BLOCKS_MAX);
	rc = alternate(ab, 1, err);
	if (rc < 0 || *blocks)
		return rc;
	sm_results_init(&results);
	rc = load_blocks(ab, 0, &results, &gates, err);
	*blocks = sm_gates_blocks(gates.count);
	if (plan->profile != SM_QUICK && *blocks < BLOCKS_STANDARD)
		*blocks = BLOCKS_STANDARD;
	sm_gates_free(&gates);
	sm_results_free(&results);
	return rc;
}

/* The alternation, and once more where it fails: a FAIL of a time needs both. */
static int measure(struct alternation *ab, struct sm_results results[2], struct sm_gates gates[2],
		   struct sm_gate_row *rows[2], struct sm_error *err)
{
	unsigned blocks;
	int rc = choose_blocks(ab, &blocks, err);

	if (rc == 0)
		rc = alternate(ab, blocks - 1, err);
	if (rc == 0)
		rc = judge(ab, 0, &results[0], &gates[0], &rows[0], err);
	ab->first = ab->done;
	if (rc < 0 || sm_gates_overall(rows[0], gates[0].count) != SM_REFUTED)
		return rc;
	ab->arguments->run.plan.budget_ns = 0; /* it is about what has been measured within it */
	rc = alternate(ab, ab->first, err);
	if (rc == 0)
		rc = judge(ab, ab->first, &results[1], &gates[1], &rows[1], err);
	if (rc == 0)
		sm_gates_confirm(rows[0], gates[0].count, rows[1], gates[1].count);
	return rc;
}

/* A gate that could not have failed is none, whatever it says; nor is one whose instrument is wrong. */
static int exit_of_alternation(const struct alternation *ab, const struct sm_results *results,
			       const struct sm_gate_row *rows, size_t count, bool possible)
{
	const char *wrong = sm_alternation_wrong(results);
	unsigned needed = sm_alternation_blocks_needed(rows, count);

	if (sm_gates_overall(rows, count) == SM_REFUTED)
		return EXIT_REFUTED;
	if (wrong) {
		sm_print_line(stderr, "shmeter: %s: its data was wrong, and no gate is about it", wrong);
		return EXIT_WRONG;
	}
	if (possible)
		return exit_of(ab->arguments, sm_gates_strictly(rows, count));
	if (needed)
		fprintf(stderr,
			"shmeter: a FAIL was not possible: %u block%s, %u needed; name fewer cases, or give a "
			"longer --budget or more --repeat-blocks\n",
			ab->first, ab->first == 1 ? "" : "s", needed);
	else
		fprintf(stderr, "shmeter: a FAIL was not possible: no case was measured on both sides\n");
	return EXIT_INCONCLUSIVE;
}

static void say_only_new(const struct sm_results *results)
{
	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *row = &results->cases[i];

		if (strcmp(row->variant, "new") == 0 && !sm_alternation_has(results, row->group, "old"))
			sm_print_line(stderr, "shmeter: %s: only new has it, so nothing is compared", row->group);
	}
}

int cmd_ab(struct arguments *arguments)
{
	static struct alternation ab;
	struct sm_results results[2];
	struct sm_gates gates[2] = { { 0 } };
	struct sm_gate_row *rows[2] = { NULL, NULL };
	struct sm_error err = { 0 };
	bool possible = false;
	int rc;

	ab.arguments = arguments;
	ab.start_ns = sm_clock_ns();
	for (unsigned i = 0; i < 2; i++)
		sm_results_init(&results[i]);
	rc = read_operands(&ab, &err);
	if (rc == 0)
		rc = own_folder(arguments, ab.out, sizeof(ab.out), &err);
	if (rc == 0)
		rc = measure(&ab, results, gates, rows, &err);
	if (rc == 0) {
		struct sm_gate_report report = {
			.gates = &gates[0], .rows = rows[0], .run = &results[0], .color = use_color(arguments, stdout)
		};

		say_only_new(&results[0]);
		name_again(&ab, &results[0], rows[0], gates[0].count);
		possible = sm_alternation_doubt(rows[0], gates[0].count, &results[0], ab.first);
		rc = print_gates(arguments, &report, &err);
		if (!arguments->json)
			sm_print_line(stdout, "%u blocks of each side are in %s", ab.done, ab.out);
	}
	rc = rc < 0 ? complain(&err) : exit_of_alternation(&ab, &results[0], rows[0], gates[0].count, possible);
	for (unsigned i = 0; i < 2; i++) {
		free(rows[i]);
		sm_gates_free(&gates[i]);
		sm_results_free(&results[i]);
		for (unsigned b = 0; b < 2 * BLOCKS_MAX; b++)
			free(ab.side[i].folder[b]);
	}
	return rc;
}
