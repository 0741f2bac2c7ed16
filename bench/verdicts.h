/* Prints the verdicts of gates and turns them into an exit code. */
#ifndef SHMETER_VERDICTS_H
#define SHMETER_VERDICTS_H

#include "options.h"
#include "shmeter/gate.h"

/* Prints verdicts as the options ask: text or JSON, JUnit, GitHub. */
SM_MUST_USE int print_gates(const struct gate_options *options, const struct sm_gate_report *report,
			    struct sm_error *err);
int exit_of_verdict(const struct gate_options *options, enum sm_verdict verdict);

#endif
