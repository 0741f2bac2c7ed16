/* One clock for all PUs, and one that is not. */
#include <errno.h>
#include <math.h>

#include "harness_fixture.h"
#include "shmeter/clock.h"

static int64_t offset_ns;

/* The last of those compared is off. */
static uint64_t read_with_offset(unsigned member)
{
	return sm_clock_ns() + (uint64_t)(member > 0 ? offset_ns : 0);
}

static int compare_at(int64_t offset, struct sm_clock_report *report, struct sm_error *err)
{
	struct sm_trial_context context;
	struct left before;
	int rc;

	context_open(&context);
	before = look();
	offset_ns = offset;
	rc = sm_clock_compare(context.topology, read_with_offset, report, err);
	assert_nothing_left(&before);
	return rc;
}

TestSuite(clock, .timeout = 30);

Test(clock, of_this_machine_is_one_for_all_pus)
{
	struct sm_clock_report report;
	struct sm_trial_context context;
	struct sm_error err = { 0 };

	context_open(&context);
	cr_assert_eq(sm_clock_check(context.topology, &report, &err), 0, "%s", err.text);
	if (report.pus > 1)
		cr_expect(report.apart_ns > 0 && report.apart_ns < 100000, "%g ns", report.apart_ns);
	else
		cr_expect(isnan(report.apart_ns));
}

/* Behind and ahead: of two clocks one is behind. */
Test(clock, that_is_off_on_one_pu_is_seen)
{
	static const int64_t offsets[] = { -1000000, -20000, 20000, 1000000 };

	for (unsigned i = 0; i < 4; i++) {
		struct sm_clock_report report;
		struct sm_error err = { 0 };
		int rc = compare_at(offsets[i], &report, &err);

		if (rc == 0 && report.pus == 1) /* one PU, or the others were not to be had in time */
			continue;
		cr_expect_eq(rc, -EIO, "%ld ns are not seen", offsets[i]);
		cr_expect(strstr(err.text, "behind that of PU"), "%s", err.text);
	}
}

/* What is no more than a line's way is within the bound that is told. */
Test(clock, that_is_a_little_off_is_within_the_bound)
{
	struct sm_clock_report report;
	struct sm_error err = { 0 };

	if (compare_at(20, &report, &err) == 0 && report.pus > 1)
		cr_expect_gt(report.apart_ns, 20);
}
