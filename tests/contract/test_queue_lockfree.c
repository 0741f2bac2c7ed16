/* Two items of a queue are exchanged while they wait in it: their sums are right, their order is not. */
#include <criterion/criterion.h>

#define sm_scenario_queue_lockfree queue_lockfree
#include "sync/queue_lockfree.c"

#define ITEMS 8

/* A trial without its harness: a producer, then a consumer. */
struct play {
	struct sm_case c;
	struct sm_trial trial;
	struct sm_worker worker[2];
	struct sm_outcome outcome[2];
	const struct sm_outcome *outcomes[2];
	struct own own[2];
	_Atomic uint32_t abort;
};

static void begin(struct play *play, unsigned variant)
{
	struct sm_error err = { 0 };

	*play = (struct play){
		.c = { .scenario = &queue_lockfree, .variant = variant, .param = { 1, 1 }, .workers = 2 },
	};
	play->trial = (struct sm_trial){ .c = &play->c,
					 .region_bytes = queue_lockfree.region_bytes(&play->c),
					 .outcome = play->outcomes };
	size_t bytes = (play->trial.region_bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;

	play->trial.region = aligned_alloc(SM_LINE_PAIR, bytes);
	cr_assert_not_null(play->trial.region);
	memset(play->trial.region, 0, bytes);
	cr_assert_eq(queue_lockfree.setup(&play->trial, &err), 0, "%s", err.text);
	for (unsigned i = 0; i < 2; i++) {
		play->outcomes[i] = &play->outcome[i];
		play->worker[i] = (struct sm_worker){ .c = &play->c,
						      .index = i,
						      .region = play->trial.region,
						      .state = &play->own[i],
						      .op_count = ITEMS,
						      .abort = &play->abort,
						      .outcome = &play->outcome[i] };
		cr_assert_eq(queue_lockfree.warm_up(&play->worker[i]), 0);
	}
}

/* The places of two items that wait in the queue. */
static void *place_of(const struct play *play, unsigned number)
{
	struct locked_queue *locked = play->trial.region;
	struct spsc *spsc = play->trial.region;
	struct mpmc *mpmc = play->trial.region;
	struct ck_queue *ck = play->trial.region;

	switch ((enum way)sm_case_variant(&play->c)->arg) {
	case MUTEX_COND: return &locked->item[number];
	case SPSC: return spsc->data + number * ITEM;
	case MPMC: return &mpmc->cell[number].item;
	case CK_RING: return &ck->buffer[number].value;
	}
	return NULL;
}

static void exchange(const struct play *play)
{
	uint64_t one, other;

	memcpy(&one, place_of(play, 2), sizeof(one));
	memcpy(&other, place_of(play, 5), sizeof(other));
	memcpy(place_of(play, 2), &other, sizeof(other));
	memcpy(place_of(play, 5), &one, sizeof(one));
}

static int play_out(unsigned variant, bool exchanged, struct sm_error *err)
{
	struct play play;
	int rc;

	begin(&play, variant);
	for (unsigned i = 0; i < 2; i++) {
		play.outcome[i].ops = queue_lockfree.run(&play.worker[i]);
		if (i == 0 && exchanged)
			exchange(&play);
	}
	rc = queue_lockfree.verify(&play.trial, err);
	free(play.trial.region);
	for (unsigned i = 0; i < 2; i++)
		free(play.own[i].expected);
	return rc;
}

TestSuite(queue_lockfree, .timeout = 10);

Test(queue_lockfree, items_that_overtake_each_other_are_seen)
{
	for (unsigned v = 0; variants[v].name; v++) {
		struct sm_error err = { 0 };

		cr_expect_eq(play_out(v, false, &err), 0, "%s: %s", variants[v].name, err.text);
		cr_expect_eq(play_out(v, true, &err), -EILSEQ, "%s: the order was not looked at", variants[v].name);
		cr_expect(strstr(err.text, "after later ones"), "%s: %s", variants[v].name, err.text);
	}
}
