/* shmeter: measures what sharing memory between processes costs on this machine. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "plugins.h"
#include "program.h"
#include "registry.h"
#include "shmeter/guard.h"
#include "shmeter/memory.h"
#include "shmeter/scenario_check.h"

static int dispatch(enum command command, const union options *options)
{
	switch (command) {
	case CMD_LIST: return cmd_list(&options->list);
	case CMD_RUN: return cmd_run(&options->run);
	case CMD_CHOOSE: return cmd_choose(&options->choose);
	case CMD_DOCTOR: return cmd_doctor(&options->doctor);
	case CMD_REPORT: return cmd_report(&options->report);
	case CMD_EXPORT: return cmd_export(&options->export);
	case CMD_HISTORY: return cmd_history(&options->history);
	case CMD_CHECK: return cmd_check(&options->check);
	case CMD_AB: return cmd_ab(&options->ab);
	case CMD_COMPARE: return cmd_compare(&options->compare);
	case CMD_SELFTEST: return cmd_selftest(&options->selftest);
	case CMD_DEMO: return cmd_demo(&options->demo);
	case CMD_LOOK: return cmd_look(&options->look);
	case CMD_TUNE: return cmd_tune(&options->tune);
	case CMD_PLUGIN: return cmd_plugin(&options->plugin);
	case CMD_HELP: return cmd_help(&options->help);
	case CMD_COUNT: break;
	}
	return EXIT_WRONG;
}

static int run_command(enum command command, union options *options)
{
	struct sm_error err = { 0 };
	int rc;

	/* jansson's reader drops a character where memory is refused */
	json_set_alloc_funcs(sm_memory, free);
	sm_scenarios_ask_kernel(&sm_os_linux);
	if (sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, &err) < 0)
		return complain(&err);
	if (plugins_add(&options->common.plugins, &err) < 0)
		return complain(&err);
	rc = dispatch(command, options);
	(void)!sm_guard_stop(NULL); /* for a command that ended early */
	return rc;
}

int main(int argc, char **argv)
{
	static union options options;
	struct sm_error err = { 0 };
	enum command command;
	int rc = EXIT_OK;

	if (program_start(&err) < 0 || options_parse(&options, &command, argc, argv, &err) < 0)
		return complain(&err);
	if (options.common.help)
		help_print(stdout, command);
	else if (options.common.version)
		puts("shmeter " SHMETER_VERSION);
	else
		rc = run_command(command, &options);
	errno = 0; /* the errno of an earlier failed write is lost */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "shmeter: cannot write standard output%s%s\n", errno ? ": " : "",
			errno ? strerror(errno) : "");
		return rc == EXIT_OK ? EXIT_MACHINE : rc;
	}
	return rc;
}
