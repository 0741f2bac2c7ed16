/* shmeter help */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "program.h"

int cmd_help(const struct help_options *options)
{
	const struct common_options *common = &options->common;
	struct sm_error err = { 0 };

	if (common->operands == 0)
		help_print(stdout, CMD_COUNT);
	else if (strcmp(common->operand[0], "man") == 0)
		help_print_man(stdout);
	else if (strcmp(common->operand[0], "bash") == 0)
		help_print_bash_completion(stdout);
	else {
		sm_fail(&err, EINVAL, "there is no `shmeter help %s`; choose man or bash", common->operand[0]);
		return complain(&err);
	}
	return EXIT_OK;
}
