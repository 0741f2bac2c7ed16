/* Checks scenarios against the rules of scenario.h before anything runs, for whoever writes them. */
#ifndef SHMETER_SCENARIO_CHECK_H
#define SHMETER_SCENARIO_CHECK_H

#include <stddef.h>

#include "shmeter/scenario.h"

/* Longest list of variants or claims of a scenario; a longer one lacks its end. */
#define SM_LIST_MAX 256

/* Checks each of `count` scenarios.  `files` has for each the file that it is in, as family and name: "sync/wakeup"; NULL:
 * the files are not known, and are not checked.  Family and name are those of the file; every variant, parameter, value,
 * placement, event, metric and claim that it names exists; the functions that it needs are there; names are unique and
 * can be read back from a run folder; texts end as the code that prints them expects; values lie within their bounds;
 * lists end; each sweep ends and has a value on every machine; some run can meet a claim's conditions, and its bounds
 * decide.  -EBADMSG with the first mistake in one sentence: "internal error: scenario wakeup: claim T7: variant "futx" does not exist (variants: futex, ...)". */
SM_MUST_USE int sm_scenario_check(const struct sm_scenario *const *scenarios, const char *const *files, size_t count,
				  struct sm_error *err);

#endif
