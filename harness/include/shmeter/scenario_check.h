/* Whether scenarios keep what the contract (scenario.h) asks of them, told to who writes them before anything is run. */
#ifndef SHMETER_SCENARIO_CHECK_H
#define SHMETER_SCENARIO_CHECK_H

#include <stddef.h>

#include "shmeter/scenario.h"

/* Longest list of variants or claims of a scenario; one that goes on has no end. */
#define SM_LIST_MAX 256

/* Holds each of `count` scenarios against itself and the others: every variant, parameter, value, placement, event,
 * metric and claim that it names exists; the functions that it needs are there; names are unique and such that a run
 * folder can be read back; texts end as those who print them expect; values lie within their bounds; lists end.
 * -EBADMSG with the first mistake in one sentence, "internal error: scenario wakeup: claim T7: variant "futx" does not
 * exist (variants: futex, ...)".  Keeps nothing. */
SM_MUST_USE int sm_scenario_check(const struct sm_scenario *const *scenarios, size_t count, struct sm_error *err);

#endif
