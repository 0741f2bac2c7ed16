/* shmeter plugin check */
#include <errno.h>

#include "plugin_actions.h"
#include "program.h"

int plugin_check(const struct plugin_options *options)
{
	struct sm_error err;

	(void)options;
	sm_fail(&err, EOPNOTSUPP, "`shmeter plugin check` is not in this build");
	return complain(&err);
}
