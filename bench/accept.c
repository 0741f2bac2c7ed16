#include <errno.h>

#include "accept.h"
#include "program.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/gate.h"

/* An option that is about judging; NULL: none was given. */
static const char *judging(const struct check_options *options)
{
	return options->confirm              ? "--confirm"
	       : options->baseline.count > 0 ? "--baseline"
	       : options->store              ? "--baseline-store"
	       : options->same_type          ? "--same-type"
	       : options->gate.strict        ? "--strict"
	       : options->gate.junit         ? "--junit"
	       : options->gate.github        ? "--github"
	       : options->gate.json          ? "--json"
					     : NULL;
}

static int check_words(const struct check_options *options, struct sm_error *err)
{
	if (!options->accept)
		return sm_fail(err, EINVAL, "%s belongs to --accept GATE: name the gate",
			       options->reason ? "--reason" : "--until");
	if (!options->thresholds)
		return sm_fail(
			err, EINVAL,
			"--accept needs the file that it writes to, which should be your own: --thresholds FILE");
	if (!options->reason || !options->until)
		return sm_fail(err, EINVAL, "--accept needs a %s",
			       options->reason ? "last day: --until YYYY-MM-DD" : "reason: --reason TEXT");
	if (options->common.operands > 0)
		return sm_fail(err, EINVAL, "--accept writes to the file of gates and judges no run: omit %s",
			       options->common.operand[0]);
	if (judging(options))
		return sm_fail(err, EINVAL, "--accept writes to the file of gates and judges no run: omit %s",
			       judging(options));
	return 0;
}

int accept_gate(const struct check_options *options)
{
	const char *path = options->thresholds;
	struct sm_gates gates = { 0 };
	struct sm_error err = { 0 };
	int rc = check_words(options, &err);

	if (rc == 0)
		rc = sm_gates_load(&gates, path, today(), sm_scenarios, sm_scenario_count, &err);
	if (rc == 0)
		rc = sm_gates_accept(&gates, options->accept, options->reason, options->until, &err);
	if (rc == 0)
		sm_print_line(stdout, "%s: [%s] a FAIL is accepted until %s: %s", path, options->accept, options->until,
			      options->reason);
	sm_gates_free(&gates);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
