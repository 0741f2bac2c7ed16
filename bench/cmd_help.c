/* shmeter help */
#include <errno.h>
#include <string.h>

#include "program.h"

int cmd_help(struct arguments *arguments)
{
	struct sm_error err = { 0 };

	if (arguments->operands == 0)
		print_help(stdout, CMD_COUNT);
	else if (strcmp(arguments->operand[0], "man") == 0)
		print_man(stdout);
	else if (strcmp(arguments->operand[0], "bash") == 0)
		print_bash_completion(stdout);
	else {
		sm_fail(&err, EINVAL, "`shmeter help %s` is not known: choose man or bash", arguments->operand[0]);
		return complain(&err);
	}
	return EXIT_OK;
}
