/* shmeter ab: two programs, or two settings of this one, alternated block by block.
 *
 * A block is one run of each side, with one block of its own; which side goes first changes as ABBA.  Slow drift of the
 * machine hits both sides alike, which no comparison of two whole runs can promise. */
#include <errno.h>
#include <fcntl.h>
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
#include "shmeter/gate.h"

#define BLOCKS_QUICK    12
#define BLOCKS_STANDARD 24
#define BLOCKS_MAX      500
#define SETTINGS_MAX    24
#define ARGUMENTS_MAX   (128 + 2 * SETTINGS_MAX)
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
};

struct alternation {
	struct arguments *arguments;
	char out[4096];
	const char *const *patterns;
	size_t pattern_count;
	struct side side[2]; /* old, new */
	unsigned done;       /* blocks */
	uint64_t start_ns;
};

static bool is_option(const char *key)
{
	static const char *const options[] = { "profile",  "placement", "backing", "pages",
					       "prefault", "numa",      "inject" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(key, options[i]) == 0)
			return true;
	return false;
}

/* "pages=4k,message=64": an option of run where there is one of that name, else a parameter. */
static int read_settings(struct side *side, const char *text, struct sm_error *err)
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
			return sm_fail(
				err, EINVAL,
				"settings \"%s\": KEY=VALUE,... is expected, at most %d of them",
				text, SETTINGS_MAX);
		*equals = '\0';
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
		return sm_fail(
			err, ENOENT,
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
		return sm_fail(
			err, EINVAL,
			"`shmeter ab` needs two builds of shmeter (OLD NEW), or --left and --right settings");
	for (unsigned s = 0; rc == 0 && s < 2; s++)
		rc = find_program(&ab->side[s], programs ? a->operand[s] : "/proc/self/exe", err);
	if (rc == 0 && !programs) { /* a child's /proc/self is the child's: name the file */
		ssize_t length = readlink("/proc/self/exe", ab->side[0].program,
					  sizeof(ab->side[0].program) - 1);

		ab->side[0].program[length > 0 ? length : 0] = '\0';
		strcpy(ab->side[1].program, ab->side[0].program);
	}
	ab->patterns = a->operand + programs;
	ab->pattern_count = a->operands - programs;
	if (rc == 0)
		rc = read_settings(&ab->side[0], a->left, err);
	if (rc == 0)
		rc = read_settings(&ab->side[1], a->right, err);
	return rc;
}

/* Runs one side once.  Its words go to a log beside its folder, which a failure names. */
static int run_side(struct alternation *ab, struct side *side, const char *folder, unsigned seed,
		    struct sm_error *err)
{
	const struct arguments *a = ab->arguments;
	const char *argv[ARGUMENTS_MAX] = { side->program, "run" };
	char log[4200], number[16];
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
	snprintf(number, sizeof(number), "%u", seed);
	const char *const rest[] = { "--repeat-blocks", "1",    "--no-counters", "--no-plots", "-q",
				     "--out",           folder, "--seed",        number };
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		argv[n++] = rest[i];
	snprintf(log, sizeof(log), "%s.log", folder);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
					 0666);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	rc = posix_spawn(&pid, side->program, &actions, NULL, (char *const *)(uintptr_t)argv,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return sm_fail(err, rc, "%s cannot be run: %s", side->program, strerror(rc));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (*stop_flag())
			kill(pid, SIGINT);
	if (*stop_flag())
		return sm_fail(err, EINTR, "stopped by a signal");
	if (status == 0) {
		unlink(log);
		return 0;
	}
	rc = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MACHINE ? ENODEV
	     : WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE ? EINVAL
								      : EIO;
	return sm_fail(err, rc, "%s ended with %s %d; what it said is in %s", side->program,
		       WIFEXITED(status) ? "exit code" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), log);
}

static bool out_of_time(const struct alternation *ab, unsigned blocks)
{
	uint64_t budget_ns = ab->arguments->run.plan.budget_ns,
		 spent_ns = sm_clock_ns() - ab->start_ns;

	/* the next block takes as long as those before */
	return budget_ns && blocks > 0 && spent_ns + spent_ns / blocks > budget_ns;
}

/* `count` more blocks. */
static int alternate(struct alternation *ab, unsigned count, struct sm_error *err)
{
	static const char *const names[2] = { "old", "new" };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < count && !out_of_time(ab, ab->done); i++) {
		/* A B B A */
		unsigned first = (ab->done & 1) ^ ((ab->done >> 1) & 1);

		for (unsigned k = 0; rc == 0 && k < 2; k++) {
			unsigned s = k ^ first;
			char **folder = &ab->side[s].folder[ab->done];

			if (asprintf(folder, "%s/%s-%03u", ab->out, names[s], ab->done) < 0)
				abort();
			if (!ab->arguments->quiet && isatty(STDERR_FILENO))
				fprintf(stderr, "\r\033[Kblock %u, %s", ab->done + 1, names[s]);
			rc = run_side(ab, &ab->side[s], *folder, ab->done + 1, err);
		}
		ab->done += rc == 0;
	}
	if (!ab->arguments->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return rc;
}

/* One gate a case that both sides have. */
static int make_gates(struct sm_gates *gates, const struct sm_results *results, double allowed,
		      struct sm_error *err)
{
	*gates = (struct sm_gates){ .path = "ab",
				    .gate = calloc(results->case_count + 1, sizeof(*gates->gate)) };
	if (!gates->gate)
		return sm_fail(err, ENOMEM, "no memory for the gates");
	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *row = &results->cases[i];

		if (strcmp(row->variant, "new") == 0)
			gates->gate[gates->count++] = (struct sm_gate){
				.name = row->group,
				.kind = SM_GATE_RATIO,
				.scenario = row->scenario,
				.variant = "new",
				.against = "old",
				.group = row->group,
				.max = allowed,
			};
	}
	return gates->count ? 0 : sm_fail(err, EINVAL, "the two sides have no case in common");
}

/* Judges the blocks from `first` on. */
static int judge(struct alternation *ab, unsigned first, struct sm_results *results,
		 struct sm_gates *gates, struct sm_gate_row **rows, struct sm_error *err)
{
	double allowed = ab->arguments->allowed > 1 ? ab->arguments->allowed : ALLOWED_DEFAULT;
	size_t unmatched = 0;
	int rc = sm_alternation_load(results, (const char *const *)&ab->side[0].folder[first],
				     (const char *const *)&ab->side[1].folder[first],
				     ab->done - first, &unmatched, err);

	if (rc == 0)
		rc = make_gates(gates, results, allowed, err);
	if (rc < 0)
		return rc;
	if (unmatched > 0 && first == 0)
		fprintf(stderr, "shmeter: %zu cases are not in both sides and were left out\n",
			unmatched);
	*rows = calloc(gates->count, sizeof(**rows));
	if (!*rows)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", gates->count);
	return sm_gates_judge(gates, results, NULL, NULL, 0, *rows, err);
}

static void name_again(const struct alternation *ab, struct sm_results *results,
		       struct sm_gate_row *rows, size_t count)
{
	const struct arguments *a = ab->arguments;

	for (size_t i = 0; i < count; i++) {
		const char *group = rows[i].gate->name;
		int length = (int)strcspn(group, "?");

		rows[i].again =
			a->left || a->right
				? sm_results_string(results,
						    "shmeter ab --left '%s' --right '%s' '%.*s'",
						    a->left ? a->left : "",
						    a->right ? a->right : "", length, group)
				: sm_results_string(results, "shmeter ab '%s' '%s' '%.*s'",
						    ab->side[0].program, ab->side[1].program,
						    length, group);
	}
}

/* The alternation, and once more where it fails: a FAIL needs both. */
static int measure(struct alternation *ab, struct sm_results results[2], struct sm_gates gates[2],
		   struct sm_gate_row *rows[2], struct sm_error *err)
{
	const struct sm_plan_options *plan = &ab->arguments->run.plan;
	unsigned blocks = plan->repeat_blocks         ? plan->repeat_blocks
			  : plan->profile == SM_QUICK ? BLOCKS_QUICK
						      : BLOCKS_STANDARD;
	unsigned first;
	int rc;

	if (blocks > BLOCKS_MAX)
		return sm_fail(err, EINVAL, "--repeat-blocks: at most %d", BLOCKS_MAX);
	rc = alternate(ab, blocks, err);
	if (rc == 0)
		rc = judge(ab, 0, &results[0], &gates[0], &rows[0], err);
	if (rc < 0 || sm_gates_overall(rows[0], gates[0].count) != SM_REFUTED)
		return rc;
	first = ab->done;
	ab->start_ns = sm_clock_ns(); /* the confirmation has a budget of its own */
	ab->arguments->run.plan.budget_ns = 0;
	rc = alternate(ab, first, err);
	if (rc == 0)
		rc = judge(ab, first, &results[1], &gates[1], &rows[1], err);
	if (rc == 0)
		sm_gates_confirm(rows[0], gates[0].count, rows[1], gates[1].count);
	return rc;
}

int cmd_ab(struct arguments *arguments)
{
	static struct alternation ab;
	struct sm_results results[2];
	struct sm_gates gates[2] = { { 0 } };
	struct sm_gate_row *rows[2] = { NULL, NULL };
	struct sm_error err = { 0 };
	int rc;

	ab.arguments = arguments;
	ab.start_ns = sm_clock_ns();
	for (unsigned i = 0; i < 2; i++)
		sm_results_init(&results[i]);
	if (arguments->out)
		snprintf(ab.out, sizeof(ab.out), "%s", arguments->out);
	else
		default_folder(ab.out, sizeof(ab.out));
	rc = read_operands(&ab, &err);
	if (rc == 0 && mkdir(ab.out, 0777) < 0)
		rc = sm_fail(&err, errno, "%s cannot be made: %s", ab.out, strerror(errno));
	if (rc == 0)
		rc = measure(&ab, results, gates, rows, &err);
	if (rc == 0) {
		struct sm_gate_report report = { .gates = &gates[0],
						 .rows = rows[0],
						 .run = &results[0],
						 .color = use_color(arguments, stdout) };

		name_again(&ab, &results[0], rows[0], gates[0].count);
		rc = print_gates(arguments, &report, &err);
		if (!arguments->json)
			printf("%u blocks of each side are in %s\n", ab.done, ab.out);
	}
	rc = rc < 0 ? complain(&err)
		    : exit_of(arguments, sm_gates_overall(rows[0], gates[0].count));
	for (unsigned i = 0; i < 2; i++) {
		free(rows[i]);
		sm_gates_free(&gates[i]);
		sm_results_free(&results[i]);
		for (unsigned b = 0; b < 2 * BLOCKS_MAX; b++)
			free(ab.side[i].folder[b]);
	}
	return rc;
}
