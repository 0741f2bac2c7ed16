/* What plug-ins list becomes variants of the scenarios that take their kind; what a child tells of them is not believed. */
#include <stdlib.h>

#include "../../harness/platform/plugin_tell.h"
#include "scenario_fixture.h"
#include "shmeter/intern.h"

static int init(struct shmeter_owner *owner)
{
	return (int)owner->index;
}

static void unlock(struct shmeter_owner *owner)
{
	(void)owner;
}

static int recover(struct shmeter_owner *owner, uint32_t dead)
{
	return (int)(owner->index - dead);
}

static const struct shmeter_lock locks[] = {
	{ .struct_size = sizeof(locks[0]),
	  .name = "plain",
	  .summary = "a lock",
	  .bytes = 64,
	  .init = init,
	  .lock = init,
	  .unlock = unlock },
	{ .struct_size = sizeof(locks[0]),
	  .name = "named",
	  .summary = "a lock, too",
	  .traits = SHMETER_FIFO,
	  .owner_bytes = 16,
	  .init = init,
	  .lock = init,
	  .unlock = unlock,
	  .recover = recover },
};
static const struct sm_plugged one = { .file = "/locks.so" };

static void tell(struct plugin_told *told)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN_LOCKS(2, locks);
	struct sm_error err = { 0 };

	memset(told, 0, sizeof(*told));
	cr_assert_eq(plugin_tell(&plugin, told, &err), 0, "%s", err.text);
}

Test(plugged, locks_are_told_and_heard)
{
	struct plugin_told told;
	struct sm_plugged *list = NULL;
	struct sm_error err = { 0 };

	tell(&told);
	cr_assert_eq(plugin_hear(&one, &told, &list, &err), 2, "%s", err.text);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(list[i].kind, SM_PLUGGED_LOCK);
		cr_expect_eq(list[i].index, i);
		cr_expect_str_eq(list[i].name, locks[i].name);
		cr_expect_eq(list[i].lock_bytes, locks[i].bytes);
		cr_expect_eq(list[i].owner_bytes, locks[i].owner_bytes);
	}
	cr_expect_eq(list[0].traits, 0);
	cr_expect_eq(list[1].traits, SHMETER_FIFO | SM_PLUGGED_RECOVERS);
	free(list);
}

static void expect_unheard(const struct plugin_told *told, const char *sentence)
{
	struct sm_plugged *list = NULL;
	struct sm_error err = { 0 };

	cr_expect_eq(plugin_hear(&one, told, &list, &err), -EBADMSG, "not refused: %s", sentence);
	cr_expect_str_eq(err.text, sentence);
}

Test(plugged, what_a_child_tells_is_not_believed)
{
	struct plugin_told told;

	tell(&told);
	told.count = 1000;
	expect_unheard(&told, "plug-in /locks.so: its description was not told");
	tell(&told);
	memset(told.one[1].name, 'a', sizeof(told.one[1].name));
	memset(told.one[1].summary, '.', sizeof(told.one[1].summary));
	expect_unheard(&told, "plug-in /locks.so: the summary of aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is not a line of text "
			      "without a full stop");
	tell(&told);
	told.one[0].name[0] = 'P';
	expect_unheard(&told,
		       "plug-in /locks.so: the name \"Plain\" of a lock is not made of lower-case letters, digits "
		       "and \"_\", from a letter on");
	tell(&told);
	told.one[1].owner_bytes = (1 << 20) + 1;
	expect_unheard(&told, "plug-in /locks.so: lock named asks for 0 bytes, and 1048577 for each owner; at most "
			      "1048576 are possible");
}

static unsigned variants_of(const struct sm_scenario *scenario)
{
	unsigned count = 0;

	while (scenario->variants[count].name)
		count++;
	return count;
}

Test(plugged, a_scenario_takes_one_kind)
{
	static const struct sm_plug takes_locks[] = { { .takes = SM_PLUGGED_LOCK, .suffix = "", .words = "" }, { 0 } };
	static const struct sm_plug takes_deaths[] = {
		{ .takes = SM_PLUGGED_LOCK, .suffix = ".killed", .words = ", killed", .needs = SM_PLUGGED_RECOVERS },
		{ 0 }
	};
	static const struct sm_plug takes_rings[] = { { .suffix = "", .words = "" }, { 0 } };
	const struct sm_plugged plugged[] = {
		{ .kind = SM_PLUGGED_TRANSPORT,
		  .name = sm_name_of("ring"),
		  .summary = sm_name_of("a ring"),
		  .traits = SM_PLUGGED_RECOVERS },
		{ .kind = SM_PLUGGED_LOCK, .name = sm_name_of("plain"), .summary = sm_name_of("a lock") },
		{ .kind = SM_PLUGGED_LOCK,
		  .name = sm_name_of("named"),
		  .summary = sm_name_of("a lock"),
		  .traits = SM_PLUGGED_RECOVERS },
	};
	const struct sm_scenario *with;
	struct made_up m;

	make(&m);
	cr_expect_eq(sm_scenario_with_plugins(&m.scenario, plugged, 3), &m.scenario, "it takes none");
	m.scenario.plugs = takes_rings;
	with = sm_scenario_with_plugins(&m.scenario, plugged, 3);
	cr_expect_eq(variants_of(with), 4);
	cr_expect_str_eq(with->variants[3].name, "ring");
	m.scenario.plugs = takes_locks;
	with = sm_scenario_with_plugins(&m.scenario, plugged, 3);
	cr_assert_eq(variants_of(with), 5);
	cr_expect_str_eq(with->variants[3].name, "plain");
	cr_expect_str_eq(with->variants[4].name, "named");
	m.scenario.plugs = takes_deaths;
	with = sm_scenario_with_plugins(&m.scenario, plugged, 3);
	cr_assert_eq(variants_of(with), 4);
	cr_expect_str_eq(with->variants[3].name, "named.killed");
	cr_expect_str_eq(with->variants[3].summary, "a lock, killed");
}
