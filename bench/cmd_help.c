/* shmeter help */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "program.h"

static const struct {
	const char *name;
	void (*print)(FILE *out);
} texts[] = {
	{ "man", help_print_man },
	{ "bash", help_print_bash_completion },
	{ "zsh", help_print_zsh_completion },
	{ "fish", help_print_fish_completion },
};

int cmd_help(const struct help_options *options)
{
	const struct common_options *common = &options->common;
	struct sm_error err = { 0 };

	if (common->operands == 0) {
		help_print(stdout, CMD_COUNT);
		return EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(common->operand[0], texts[i].name) == 0) {
			texts[i].print(stdout);
			return EXIT_OK;
		}
	sm_fail(&err, EINVAL, "there is no `shmeter help %s`; choose man, bash, zsh or fish", common->operand[0]);
	return complain(&err);
}
