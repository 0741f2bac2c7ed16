/* shmeter: what sharing memory between processes costs on this machine. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program.h"
#include "registry.h"
#include "shmeter/guard.h"
#include "shmeter/memory.h"
#include "shmeter/scenario_check.h"
#include "shmeter/text.h"

/* Twice what the deepest of the commands was seen to take. */
#define STACK_NEEDED (256u << 10)

static volatile int stop;

const struct command_spec commands[CMD_COUNT] = {
	[CMD_LIST] = { "list", "[PATTERN...]",
		       "scenarios, variants, parameters and claims, and what cannot run here and why", cmd_list },
	[CMD_RUN] = { "run", "[PATTERN...]", "measures, writes a run folder and prints the findings", cmd_run },
	[CMD_DOCTOR] = { "doctor", "", "this machine: what it has, what it lacks, and the remedies", cmd_doctor },
	[CMD_REPORT] = { "report", "DIR", "findings, tables, figures and the page of a run folder", cmd_report },
	[CMD_CHECK] = { "check", "DIR", "the gate: a run against thresholds and an earlier run", cmd_check },
	[CMD_AB] = { "ab", "[OLD NEW] [PATTERN...]",
		     "two builds, or two settings of this one, alternated: is the new one slower?", cmd_ab },
	[CMD_COMPARE] = { "compare", "OLD-DIR NEW-DIR", "two runs side by side, with what they could have shown",
			  cmd_compare },
	[CMD_SELFTEST] = { "selftest", "", "proves the instrument on this machine and measures its noise floor",
			   cmd_selftest },
	[CMD_HISTORY] = { "history", "add DIR... | show [CASE]",
			  "runs over time in one file, and the steps that lasted", cmd_history },
	[CMD_EXPORT] = { "export", "DIR", "a run folder in another tool's format, to standard output", cmd_export },
	[CMD_DEMO] = { "demo", "[NAME | watch [PID...]]",
		       "shows a textbook's sentences live: question, guess, measurement, mechanism, code", cmd_demo },
	[CMD_TUNE] = { "tune", "", "settings of the system that would help: list, change, put back", cmd_tune },
	[CMD_HELP] = { "help", "[man|bash]", "this help, the man page or the bash completion", cmd_help },
};

/* The first one asks the program to end well.  The second ends it wherever it is, in a library too: workers die with it,
 * and the guard puts away what it made. */
static void on_signal(int number)
{
	if (stop) {
		signal(number, SIG_DFL);
		raise(number);
	}
	stop = number;
}

const volatile int *stop_flag(void)
{
	return &stop;
}

static void catch_signals(void)
{
	/* no SA_RESTART: sleeps must end; no mask: the second is delivered inside the handler of the first */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER }, before;
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		/* one that is ignored stays so: nohup, or a shell's background job */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* the write fails with EFBIG instead */
	signal(SIGCHLD, SIG_DFL); /* one that is inherited as ignored leaves no child to wait for */
}

int complain(const struct sm_error *err)
{
	fprintf(stderr, "shmeter: %s\n", err->text[0] ? err->text : "it failed without a reason");
	switch (err->code) {
	case EALREADY: return EXIT_OK; /* what was asked for is done */
	case EINVAL:
	case EEXIST:
	case ENOTDIR:
	case ENOENT: return EXIT_USAGE;
	case EACCES:
	case EPERM:
	case EROFS:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOMEM:
	case ENODEV:
	case EAGAIN:
	case EBUSY:
	case ENFILE:
	case ENOSYS:
	case EOPNOTSUPP:
	case EMFILE: return EXIT_MACHINE;
	/* without a signal it is a file system's own */
	case EINTR: return stop ? EXIT_SIGNAL + stop : EXIT_WRONG;
	default: return EXIT_WRONG;
	}
}

bool use_color(const struct arguments *arguments, FILE *stream)
{
	if (arguments->color && strcmp(arguments->color, "always") == 0)
		return true;
	if (arguments->color && strcmp(arguments->color, "never") == 0)
		return false;
	return isatty(fileno(stream)) && !getenv("NO_COLOR");
}

/* What lies in the source tree or was installed beside the program; where it is in neither place, the latter, so that
 * who cannot read it says where it was looked for. */
static const char *beside_program(const char *in_tree, const char *installed, char found[4096])
{
	/* what execve() was given: known without /proc, too */
	const char *started_as = (const char *)(uintptr_t)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */
	char program[PATH_MAX], *slash;

	if (!started_as || !realpath(started_as, program))
		snprintf(program, sizeof(program), "./shmeter");
	slash = strrchr(program, '/');
	*slash = '\0';
	snprintf(found, 4096, "%.2000s/%s", program, in_tree);
	if (access(found, R_OK) < 0)
		snprintf(found, 4096, "%.2000s/%s", program, installed);
	return found;
}

const char *plots_folder(void)
{
	static char found[4096];

	return beside_program("../plots", "../share/shmeter/plots", found);
}

const char *default_thresholds(void)
{
	static char found[4096];

	return beside_program("../results/thresholds.ini", "../share/shmeter/thresholds.ini", found);
}

/* A stack that ends in the middle is a fault that nobody can tell of, so it is looked at first. */
static int check_stack(struct sm_error *err)
{
	struct rlimit limit;
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= STACK_NEEDED)
		return 0;
	return sm_fail(err, ENOMEM, "the stack may have %s and %s are needed: raise the limit (ulimit -s)",
		       sm_format_bytes(has, (double)limit.rlim_cur), sm_format_bytes(needs, STACK_NEEDED));
}

int main(int argc, char **argv)
{
	static struct arguments arguments;
	struct sm_error err = { 0 };
	int rc;

	if (check_stack(&err) < 0)
		return complain(&err);
	catch_signals();
	rc = arguments_parse(&arguments, argc, argv, &err);
	if (rc < 0)
		return complain(&err);
	if (rc == PARSED_DONE) {
		rc = EXIT_OK;
	} else {
		/* its reader loses a letter where memory is refused */
		json_set_alloc_funcs(sm_memory, free);
		sm_scenarios_ask_kernel(&sm_os_linux);
		if (sm_scenario_check(sm_scenarios, sm_scenario_count, &err) < 0)
			return complain(&err);
		rc = commands[arguments.command].main(&arguments);
		(void)!sm_guard_stop(NULL); /* of a command that ended early */
	}
	errno = 0; /* of a write that failed before, nobody kept it */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "shmeter: standard output cannot be written%s%s\n", errno ? ": " : "",
			errno ? strerror(errno) : "");
		return rc == EXIT_OK ? EXIT_MACHINE : rc;
	}
	return rc;
}
