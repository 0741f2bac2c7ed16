/* What an author of a scenario gets wrong beside single names: files, events, conditions that exclude each other. */
#include <stdlib.h>

#include "scenario_fixture.h"

static void expect_unnamed(const struct made_up *m, const char *file, const char *sentence)
{
	const struct sm_scenario *const one[] = { &m->scenario };
	struct sm_error err = { 0 };

	cr_expect_eq(sm_scenario_check(one, &file, 1, &err), -EBADMSG, "not refused: %s", sentence);
	cr_expect_str_eq(err.text, sentence);
}

Test(scenario_author, name_and_family_are_those_of_the_file)
{
	struct made_up m;

	make(&m);
	cr_expect_eq(sm_scenario_check(&(const struct sm_scenario *){ &m.scenario }, &(const char *){ "tests/made_up" },
				       1, NULL),
		     0);
	expect_unnamed(&m, "tests/other",
		       "internal error: scenario made_up: its file is tests/other.c, but family and name make it "
		       "tests/made_up.c: change one");
	expect_unnamed(&m, "sync/made_up",
		       "internal error: scenario made_up: its file is sync/made_up.c, but family and name make it "
		       "tests/made_up.c: change one");
	m.scenario.family = "my tests";
	expect_unnamed(&m, NULL,
		       "internal error: scenario made_up: family \"my tests\" is invalid: use letters, digits and _ - "
		       ". +, 40 at most");
	m.scenario.family = NULL;
	expect_unnamed(&m, NULL, "internal error: scenario made_up: the family is missing");
	m.scenario.name = "made up";
	expect_unnamed(
		&m, "tests/made_up",
		"internal error: scenario made up: the name (of file tests/made_up) is invalid: use letters, digits "
		"and _ - . +, 40 at most");
	m.scenario.name = NULL;
	expect_unnamed(&m, "tests/made_up", "internal error: scenario 1 of 1 (file tests/made_up) has no name");
}

#define UNKNOWN_EVENT(name)                                                                                            \
	"events: \"" name                                                                                              \
	"\" is neither shmeter's nor a generic event of libpfm4: write one of a CPU with its PMU, as in "              \
	"skx::NAME"

Test(scenario_author, events_that_nobody_knows)
{
	REFUSED(m.scenario.events = "no-such-event", UNKNOWN_EVENT("no-such-event"));
	REFUSED(m.scenario.events = "task-clock,cycels", UNKNOWN_EVENT("cycels"));
	REFUSED(m.scenario.events = "perf::PERF_COUNT_NOTHING", UNKNOWN_EVENT("perf::PERF_COUNT_NOTHING"));
	/* this CPU may have it, and another would refuse it */
	REFUSED(m.scenario.events = "INST_RETIRED", UNKNOWN_EVENT("INST_RETIRED"));
	ACCEPTED(m.scenario.events = "loads-from-other-core,fills-from-other-cache@cpu_core,task-clock");
	ACCEPTED(m.scenario.events = "PERF_COUNT_SW_PAGE_FAULTS,perf::PERF_COUNT_HW_CPU_CYCLES:u");
	/* of another CPU: this one cannot tell */
	ACCEPTED(m.scenario.events = "skx::NO_SUCH_EVENT");
}

#if defined(__x86_64__) /* libpfm4 knows the models of one architecture */
Test(scenario_author, events_of_this_cpu)
{
	setenv("LIBPFM_FORCE_PMU", "skl", 1);
	ACCEPTED(m.scenario.events = "skl::INST_RETIRED");
	REFUSED(m.scenario.events = "skl::NO_SUCH_EVENT", UNKNOWN_EVENT("skl::NO_SUCH_EVENT"));
}
#endif

static const struct sm_values distances = SM_VALUES(8, 64, 128, 4096);
static const struct sm_values one = SM_VALUES(1);
static const struct sm_values doubled = SM_SWEEP((1), SM_DOUBLING, SM_TIMES_PUS(4));

Test(scenario_author, conditions_that_exclude_each_other)
{
	static const char none[] = "claim X1: at: no profile has a value of \"message\" that meets all its conditions";

	REFUSED(m.claims[0].at = "message>=128 message<=64",
		"claim X1: at: message>=128 and message<=64 exclude each other");
	REFUSED(m.claims[0].at = "message<=64 message>=128",
		"claim X1: at: message>=128 and message<=64 exclude each other");
	REFUSED(m.claims[0].at = "message=128 message<=64",
		"claim X1: at: message=128 and message<=64 exclude each other");
	REFUSED(m.claims[0].at = "message>=128 op=load message=64",
		"claim X1: at: message>=128 and message=64 exclude each other");
	REFUSED(m.claims[0].at = "message>=2xPU message<=1xPU",
		"claim X1: at: message>=2xPU and message<=1xPU exclude each other");
	REFUSED(m.variants[0].workers = 3;
		m.claims[0].at = "workers>=3 workers<=2",
		"claim X1: at: workers>=3: the claim's variants never have such a number of workers");
	REFUSED(m.scenario.workers = 0; m.scenario.workers_param = "message";
		m.claims[0].at = "workers>=3 workers<=2", "claim X1: at: workers>=3 and workers<=2 exclude each other");
	REFUSED(m.scenario.params[0].full = distances; m.claims[0].at = "message>=16 message<=32", none);
	REFUSED(m.scenario.params[0].quick = one; m.scenario.params[0].full = doubled;
		m.claims[0].at = "message>=3 message<=3", none);
	ACCEPTED(m.scenario.params[0].quick = one; m.scenario.params[0].full = doubled;
		 m.claims[0].at = "message>=2 message<=3");
	ACCEPTED(m.scenario.params[0].full = distances; m.claims[0].at = "message>=16 message<=64");
	ACCEPTED(m.scenario.params[0].full = distances; m.claims[0].at = "message=64 message>=64 message<=64");
	ACCEPTED(m.claims[0].at = "message>=65 message<=128");
	ACCEPTED(m.claims[0].at = "message=256 message<=1xPU");
	ACCEPTED(m.claims[0].at = "message=4xPU message>=100");
	/* on a machine of 50 PUs: 200 */
	ACCEPTED(m.claims[0].at = "message>=129 message<=255");
}

/* docs/add-a-scenario.md shows how parameters are written. */
static const struct sm_scenario of_the_page = {
#include "page_example.inc"
};

Test(scenario_author, the_example_of_the_page_is_right)
{
	cr_assert(of_the_page.params[0].name);
	ACCEPTED(memcpy(m.scenario.params, of_the_page.params, sizeof(m.scenario.params)); m.claims[0].at = NULL);
}
