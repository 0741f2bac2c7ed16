/* shmeter report */
#include <errno.h>

#include "program.h"
#include "registry.h"

int cmd_report(struct arguments *arguments)
{
	struct sm_error err = { 0 };

	if (arguments->operands != 1) {
		sm_fail(&err, EINVAL,
			"`shmeter report` needs one run folder, for example results/latest");
		return complain(&err);
	}
	if (sm_run_analyse(arguments->operand[0], sm_scenarios, sm_scenario_count, &err) < 0)
		return complain(&err);
	return show_results(arguments, arguments->operand[0]);
}
