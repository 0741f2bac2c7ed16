/* Regions that are kept from trial to trial: whose, with what in them, and when they go. */
#include <stdlib.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/ledger.h"

#define WORD 0x6b657074u

static size_t a_mebibyte(const struct sm_case *c)
{
	(void)c;
	return 1u << 20;
}

enum { TALLY_FOUND, TALLY_KEPT, TALLY_PID };

static int warm_up(struct sm_worker *worker)
{
	uint64_t *words = worker->region;

	worker->outcome->tally[TALLY_FOUND] = words[0];
	worker->outcome->tally[TALLY_KEPT] = worker->kept;
	worker->outcome->tally[TALLY_PID] = (uint64_t)getpid();
	words[0] = WORD;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	if (worker->op_count > 0 && sm_case_variant(worker->c)->arg)
		_exit(7);
	return worker->op_count;
}

/* What the last trial's worker saw. */
static uint64_t found, kept, pid;
static bool proof_fails;

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	found = trial->outcome[0]->tally[TALLY_FOUND];
	kept = trial->outcome[0]->tally[TALLY_KEPT];
	pid = trial->outcome[0]->tally[TALLY_PID];
	cr_expect_eq(trial->kept, kept);
	return proof_fails ? sm_fail(err, EILSEQ, "told to fail") : 0;
}

static const struct sm_variant variants[] = {
	{ .name = "one" },
	{ .name = "other" },
	{ .name = "dies", .arg = 1 },
	{ 0 },
};

static struct sm_scenario fake = {
	.name = "fake",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.params = { { .name = "n" } },
	.workers = 1,
	.metric = { "time", "ns/op" },
	.subject = SM_KEPT,
	.region_bytes = a_mebibyte,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};

static struct sm_case a_case(unsigned variant)
{
	return (struct sm_case){
		.scenario = &fake,
		.variant = variant,
		.placement = SM_PLACE_NEAR,
		.workers = 1,
		.memory = { SM_ANON, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 },
	};
}

static struct sm_kept regions;

static enum sm_status a_trial(const struct sm_case *c)
{
	struct sm_trial_context context;
	struct sm_trial_request request = { .c = c, .op_count = 10, .slices = 3, .seed = 1, .timeout_ns = 5000000000 };
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	context_open(&context);
	context.kept = &regions;
	found = kept = pid = 0;
	cr_assert_eq(sm_trial_run(&context, &request, &result, &err), 0, "%s", err.text);
	if (result.status == SM_OK)
		cr_expect_eq(result.kept, kept);
	sm_trial_result_free(&result);
	return result.status;
}

static void drop_and_look(const struct left *before)
{
	sm_kept_drop(&regions);
	cr_expect_eq(regions.bytes, 0);
	assert_nothing_left(before);
}

TestSuite(kept, .timeout = 30);

Test(kept, the_next_trial_of_a_case_has_its_region_and_a_new_process)
{
	struct sm_case c = a_case(0), other = a_case(1);
	struct left before;
	uint64_t first;

	cr_assert_eq(a_trial(&c), SM_OK); /* the topology opens what stays open */
	sm_kept_drop(&regions);
	before = look();
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect(!kept && found == 0, "a new region is zeroed");
	first = pid;
	cr_assert_eq(a_trial(&other), SM_OK);
	cr_expect(!kept && found == 0, "another case has its own");
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect(kept && found == WORD, "kept %lu, found %lx", kept, found);
	cr_expect_neq(pid, first);
	cr_expect_eq(regions.count, 2);
	drop_and_look(&before);
}

/* Each field of a case makes another case of it. */
Test(kept, a_case_that_differs_has_a_region_of_its_own)
{
	for (unsigned field = 0; field < 4; field++) {
		struct sm_case c = a_case(0), differs = a_case(0);

		if (field == 0)
			differs.param[0] = 1;
		if (field == 1)
			differs.memory.backing = SM_MEMFD;
		if (field == 2)
			differs.memory.prefault = SM_TOUCH;
		if (field == 3)
			differs.variant = 1;
		cr_assert_eq(a_trial(&c), SM_OK);
		cr_assert_eq(a_trial(&differs), SM_OK);
		cr_expect(!kept && found == 0, "field %u", field);
		sm_kept_drop(&regions);
	}
}

Test(kept, what_went_wrong_is_not_kept)
{
	struct sm_case c = a_case(0), dies = a_case(2);

	cr_expect_eq(a_trial(&dies), SM_WORKER_DIED);
	cr_expect_eq(regions.count, 0);
	proof_fails = true;
	cr_expect_eq(a_trial(&c), SM_VERIFY_FAILED);
	proof_fails = false;
	cr_expect_eq(regions.count, 0);
	cr_expect_eq(a_trial(&c), SM_OK);
	proof_fails = true;
	cr_expect_eq(a_trial(&c), SM_VERIFY_FAILED);
	cr_expect_eq(regions.count, 0, "a kept one goes as well");
}

static size_t a_huge_page(const struct sm_case *c)
{
	(void)c;
	return 2u << 20;
}

/* There are pages for both, but what is left in the pool may be another run's. */
Test(kept, one_in_explicit_huge_pages_goes_before_the_next)
{
	const struct sm_wish wish = { .path = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", .pages = 8 };
	char old[SM_SETTING_MAX];
	struct sm_error err = { 0 };
	struct sm_case huge = a_case(0), base = a_case(0), other = a_case(1);

	if (geteuid() != 0 || sm_ledger_hold(&wish, getpid(), 0, old, &err) <= 0)
		cr_skip_test("no pool of 2 MiB pages can be made here: %s", err.text);
	fake.region_bytes = a_huge_page;
	huge.memory.pages = other.memory.pages = (struct sm_pages){ SM_PAGES_HUGETLB, 2u << 20 };
	cr_expect_eq(a_trial(&base), SM_OK);
	cr_expect_eq(a_trial(&huge), SM_OK);
	cr_expect_eq(regions.count, 2);
	cr_expect_eq(a_trial(&huge), SM_OK);
	cr_expect(kept, "its own is kept");
	cr_expect_eq(a_trial(&other), SM_OK);
	cr_expect_eq(regions.count, 2, "%u are kept", regions.count);
	cr_expect_eq(a_trial(&base), SM_OK);
	cr_expect(kept, "base pages are kept");
	sm_kept_drop(&regions);
	cr_expect_eq(sm_ledger_leave(wish.path, getpid(), sm_process_begun(getpid()), NULL, &err), 0, "%s", err.text);
}

static uint64_t ten(const struct sm_case *c)
{
	(void)c;
	return 10;
}

Test(kept, only_where_the_scenario_says_so_and_never_a_cold_one)
{
	struct sm_case c = a_case(0);

	fake.subject = SM_STEADY;
	cr_expect_eq(a_trial(&c), SM_OK);
	cr_expect_eq(regions.count, 0);
	fake.subject = SM_KEPT;
	c.memory.prefault = SM_LAZY;
	cr_expect_eq(a_trial(&c), SM_OK);
	cr_expect_eq(regions.count, 0);
	c.memory.prefault = SM_MADVISE;
	fake.subject = SM_COLD;
	fake.fixed_ops = ten;
	cr_expect_eq(a_trial(&c), SM_OK);
	cr_expect_eq(regions.count, 0);
}

Test(kept, the_oldest_go_where_there_is_no_room)
{
	struct sm_case c = a_case(0);

	regions.bytes_max = 2 << 20;
	for (unsigned i = 0; i < 3; i++) {
		c.param[0] = i;
		cr_assert_eq(a_trial(&c), SM_OK);
	}
	cr_expect_eq(regions.count, 2);
	cr_expect_eq(regions.bytes, 2 << 20);
	c.param[0] = 1;
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect(kept);
	c.param[0] = 0;
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect_not(kept, "it was the oldest");
	c.param[0] = 1;
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect(kept, "it was used after the one that went");
	regions.bytes_max = 1 << 19;
	sm_kept_drop(&regions);
	cr_assert_eq(a_trial(&c), SM_OK);
	cr_expect_eq(regions.count, 0, "larger than the room there is");
}
