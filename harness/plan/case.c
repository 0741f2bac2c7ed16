/* Functions that scenarios call on a case, a trial or a worker. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shmeter/scenario.h"

uint64_t sm_case_param(const struct sm_case *c, const char *name)
{
	for (unsigned i = 0; i < SM_PARAMS_MAX && c->scenario->params[i].name; i++)
		if (strcmp(c->scenario->params[i].name, name) == 0)
			return c->param[i];
	assert(!"the scenario has no such parameter");
	return 0;
}

uint64_t sm_trial_ops(const struct sm_trial *trial)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < trial->c->workers; i++)
		sum += trial->outcome[i]->ops;
	return sum;
}

uint64_t sm_trial_tally(const struct sm_trial *trial, unsigned tally)
{
	uint64_t sum = 0;

	assert(tally < SM_TALLIES);
	for (unsigned i = 0; i < trial->c->workers; i++)
		sum += trial->outcome[i]->tally[tally];
	return sum;
}

int sm_worker_fail(struct sm_worker *worker, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(worker->error.text, sizeof(worker->error.text), format, arguments);
	va_end(arguments);
	worker->error.code = code;
	worker->failed = true;
	return -code;
}
