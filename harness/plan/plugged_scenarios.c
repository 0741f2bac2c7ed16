/* Describes the scenarios of a plug-in, and answers what they say of a case. */
#include "shmeter/plugged_scenarios.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "carry.h"
#include "shmeter/intern.h"
#include "shmeter/memory.h"

#define TOLD_BYTES  ((size_t)4 << 20)   /* texts and lists of all scenarios of a plug-in */
#define BYTES_LIMIT ((uint64_t)1 << 46) /* half of the addresses of a process on x86-64 */

/* What a child tells of a plug-in, in memory that it shares with this process. */
struct told {
	unsigned count;
	size_t used;
	const struct sm_scenario *scenario[SHMETER_PLUGIN_MAX]; /* in `bytes` */
	_Alignas(16) char bytes[TOLD_BYTES];
};

/* What the plug-in says of a case. */
struct facts {
	uint64_t region_bytes, own_bytes, bytes_per_op, fixed_ops;
	int rc; /* of supported() */
	struct sm_error why;
	unsigned asked; /* how many questions were begun: the last one is that which a child died of */
};

static const char *const question[] = { "the loading",    "region_bytes()", "own_bytes()",
					"bytes_per_op()", "fixed_ops()",    "supported()" };
#define QUESTIONS (sizeof(question) / sizeof(question[0]))

/* A scenario of a plug-in, as this process has it. */
struct guest {
	struct sm_scenario scenario;
	struct sm_plugged plugged;
	struct answer {
		struct sm_case c;
		struct facts facts;
	} * answer;
	size_t answers;
	struct sm_error hung;
};

struct job {
	const struct sm_plugged *plugged;
	struct told *told;
	const struct sm_case *c;
	struct facts *facts;
};

/* In a child: the list of scenarios that the plug-in exports; `*list` is NULL where it has none. */
static int load(const struct sm_plugged *plugged, const struct shmeter_scenarios **list, struct sm_error *err)
{
	static const size_t sizes[] = SM_CONTRACT_SIZES;
	const struct shmeter_export *plugin = sm_plugin_load(plugged, err);

	if (!plugin)
		return -err->code;
	*list = plugin->scenarios;
	if (!*list)
		return 0;
	if ((*list)->contract != SM_CONTRACT || memcmp((*list)->sizes, sizes, sizeof(sizes)) != 0)
		return sm_fail(err, EBADMSG, "it was built with another scenario.h than this shmeter: build it again");
	if ((*list)->count == 0 || (*list)->count > SHMETER_PLUGIN_MAX || !(*list)->scenario)
		return sm_fail(err, EBADMSG, "it lists %u scenarios; 1 to %u are possible", (*list)->count,
			       SHMETER_PLUGIN_MAX);
	return 0;
}

static int describe_here(void *argument, struct sm_error *err)
{
	const struct job *job = argument;
	struct carry carry = { .to = job->told->bytes, .room = TOLD_BYTES, .err = err };
	const struct shmeter_scenarios *list;
	int rc = load(job->plugged, &list, err);

	if (rc < 0 || !list)
		return rc;
	for (unsigned i = 0; i < list->count; i++) {
		job->told->scenario[i] = carry_scenario(&carry, list->scenario[i]);
		if (!job->told->scenario[i])
			return -err->code;
	}
	job->told->used = carry.used;
	job->told->count = list->count;
	return 0;
}

static int in_child(struct job *job, const char *what, sm_errand_fn fn, struct sm_error *err)
{
	struct sm_error said = { 0 };
	int rc = sm_plugin_child(job->plugged, fn, job, &said);
	/* which the child could write to again */
	unsigned asked = job->facts ? *(const volatile unsigned *)&job->facts->asked : 0;

	if (what == question[0] && asked < QUESTIONS)
		what = question[asked];
	return sm_plugin_child_ended(job->plugged, what, rc, &said, err);
}

int sm_plugged_scenario_here(const struct sm_scenario *scenario, struct sm_scenario *out, struct sm_error *err)
{
	const struct shmeter_scenarios *list;
	const struct sm_scenario *theirs;
	unsigned variants = 0;
	int rc = load(scenario->plugged, &list, err);

	if (rc < 0)
		return rc;
	if (!list || scenario->plugged->index >= list->count)
		return sm_fail(err, EBADMSG, "it lists fewer scenarios than when it was described");
	theirs = list->scenario[scenario->plugged->index];
	while (scenario->variants[variants].name && theirs->variants[variants].name)
		variants++;
	if (scenario->variants[variants].name)
		return sm_fail(err, EBADMSG, "it has fewer variants than when it was described");
	*out = *scenario;
	out->plugged = NULL;
	out->variants = theirs->variants; /* whose `arg` may be an address in this process */
	out->region_bytes = theirs->region_bytes;
	out->own_bytes = theirs->own_bytes;
	out->bytes_per_op = theirs->bytes_per_op;
	out->fixed_ops = theirs->fixed_ops;
	out->supported = theirs->supported;
	out->setup = theirs->setup;
	out->warm_up = theirs->warm_up;
	out->run = theirs->run;
	out->trace = theirs->trace;
	out->visit = theirs->visit;
	out->verify = theirs->verify;
	out->measure = theirs->measure;
	out->teardown = theirs->teardown;
	return 0;
}

static int ask_here(void *argument, struct sm_error *err)
{
	const struct job *job = argument;
	struct facts *facts = job->facts;
	struct sm_scenario here;
	struct sm_case c = *job->c;
	int rc = sm_plugged_scenario_here(c.scenario, &here, err);

	if (rc < 0)
		return rc;
	c.scenario = &here;
	facts->asked++;
	facts->region_bytes = here.region_bytes ? here.region_bytes(&c) : 0;
	facts->asked++;
	facts->own_bytes = here.own_bytes ? here.own_bytes(&c) : 0;
	facts->asked++;
	facts->bytes_per_op = here.bytes_per_op ? here.bytes_per_op(&c) : 0;
	facts->asked++;
	facts->fixed_ops = here.fixed_ops ? here.fixed_ops(&c) : 0;
	facts->asked++;
	facts->rc = here.supported ? here.supported(&c, &facts->why) : 0;
	return 0;
}

/* Checks what was told, which is a stranger's. */
static void judge_facts(const struct sm_plugged *plugged, struct facts *facts)
{
	uint64_t most = facts->region_bytes > facts->own_bytes ? facts->region_bytes : facts->own_bytes;
	char said[SM_ERROR_TEXT_MAX];

	memcpy(said, facts->why.text, sizeof(said) - 1);
	said[sizeof(said) - 1] = '\0';
	if (facts->rc < 0)
		facts->rc = sm_fail(&facts->why, ENOTSUP, "%s", said[0] ? said : "supported() gives no reason");
	else if (most > BYTES_LIMIT)
		facts->rc = sm_fail(&facts->why, EOVERFLOW, "plug-in %s: %s asks for %llu bytes", plugged->file,
				    question[most == facts->region_bytes ? 1 : 2], (unsigned long long)most);
	else
		facts->rc = 0;
	if (facts->rc < 0 && most > BYTES_LIMIT)
		facts->region_bytes = facts->own_bytes = 0;
}

/* Asks the plug-in about a case. */
static void ask(struct guest *guest, const struct sm_case *c, struct facts *out)
{
	struct job job = { .plugged = &guest->plugged, .c = c };
	struct sm_error err = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	if (guest->hung.code) {
		out->rc = -guest->hung.code;
		out->why = guest->hung;
		return;
	}
	job.facts = sm_plugin_shared(sizeof(*job.facts), &err);
	rc = job.facts ? in_child(&job, question[0], ask_here, &err) : -err.code;
	if (rc == 0) {
		*out = *job.facts;
		judge_facts(&guest->plugged, out);
	} else {
		out->rc = rc;
		out->why = err;
	}
	if (rc == -ETIMEDOUT)
		guest->hung = err;
	if (job.facts)
		munmap(job.facts, sizeof(*job.facts));
}

/* Whether two cases have the same answers. */
static bool is_same(const struct sm_case *a, const struct sm_case *b)
{
	return a->variant == b->variant && memcmp(a->param, b->param, sizeof(a->param)) == 0 &&
	       a->placement == b->placement && a->pu_list == b->pu_list && a->pairs == b->pairs &&
	       a->memory.backing == b->memory.backing && a->memory.pages.kind == b->memory.pages.kind &&
	       a->memory.pages.bytes == b->memory.pages.bytes && a->memory.prefault == b->memory.prefault &&
	       a->memory.numa == b->memory.numa && a->memory.node == b->memory.node && a->workers == b->workers &&
	       a->shared_pu == b->shared_pu && a->pus == b->pus;
}

static struct guest *guest_of(const struct sm_scenario *scenario)
{
	const char *plugged = (const char *)scenario->plugged;

	return (struct guest *)(uintptr_t)(plugged - offsetof(struct guest, plugged));
}

static const struct facts *facts_of(const struct sm_case *c)
{
	struct guest *guest = guest_of(c->scenario);
	struct answer *answer = guest->answer, *end = guest->answer + guest->answers;

	while (answer < end && !is_same(&answer->c, c))
		answer++;
	if (answer < end)
		return &answer->facts;
	guest->answer = realloc(guest->answer, (guest->answers + 1) * sizeof(*guest->answer));
	if (!guest->answer)
		sm_no_memory();
	answer = &guest->answer[guest->answers++];
	answer->c = *c;
	ask(guest, c, &answer->facts);
	return &answer->facts;
}

static size_t region_bytes(const struct sm_case *c)
{
	return facts_of(c)->region_bytes;
}

static size_t own_bytes(const struct sm_case *c)
{
	return facts_of(c)->own_bytes;
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return facts_of(c)->bytes_per_op;
}

static uint64_t fixed_ops(const struct sm_case *c)
{
	return facts_of(c)->fixed_ops;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	const struct facts *facts = facts_of(c);

	return facts->rc < 0 ? sm_fail(why, facts->why.code, "%s", facts->why.text) : 0;
}

struct sm_error *sm_plugged_scenario_hung(const struct sm_scenario *scenario)
{
	return &guest_of(scenario)->hung;
}

/* Makes a scenario of this process from one that was told. */
static const struct sm_scenario *invite(const struct sm_plugged *one, unsigned index, const struct sm_scenario *told)
{
	struct guest *guest = sm_zeroed_memory(1, sizeof(*guest));
	struct sm_scenario *s = &guest->scenario;

	*s = *told;
	guest->plugged = *one;
	guest->plugged.kind = SM_PLUGGED_SCENARIO;
	guest->plugged.index = index;
	guest->plugged.name = s->name ? sm_name_of(s->name) : NULL;
	s->plugged = &guest->plugged;
	s->region_bytes = s->region_bytes ? region_bytes : NULL;
	s->own_bytes = s->own_bytes ? own_bytes : NULL;
	s->bytes_per_op = s->bytes_per_op ? bytes_per_op : NULL;
	s->fixed_ops = s->fixed_ops ? fixed_ops : NULL;
	s->supported = supported;
	return s;
}

/* Copies what was told out of the memory that the child shared: the plug-in may have left a process that still writes to
 * it. */
static int hear(const struct sm_plugged *one, const struct told *told, const struct sm_scenario **list,
		struct sm_error *err)
{
	struct sm_error said = { 0 };
	unsigned count = told->count;
	size_t used = told->used;
	struct carry carry = { .base = told->bytes, .bytes = used, .room = used + 4096, .err = &said };
	char *from;
	int rc = 0;

	if (count > SHMETER_PLUGIN_MAX || used > TOLD_BYTES)
		return sm_fail(err, EBADMSG, "plug-in %s: its description was not told", one->file);
	if (count == 0)
		return 0;
	from = sm_memory(used);
	memcpy(from, told->bytes, used);
	carry.from = from;
	carry.to = sm_memory(carry.room); /* lives as long as the process */
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		const struct sm_scenario *heard = carry_scenario(&carry, told->scenario[i]);

		if (heard)
			list[i] = invite(one, i, heard);
		else
			rc = sm_fail(err, EBADMSG, "plug-in %s: its description: %s", one->file, said.text);
	}
	free(from);
	return rc < 0 ? rc : (int)count;
}

int sm_plugin_scenarios(const struct sm_os *os, const char *path, const volatile int *stop,
			const struct sm_scenario *list[SHMETER_PLUGIN_MAX], struct sm_error *err)
{
	struct sm_plugged one = { .os = os, .stop = stop, .kind = SM_PLUGGED_SCENARIO };
	struct job job = { .plugged = &one };
	int rc = sm_plugin_find(path, &one, err);

	if (rc < 0)
		return rc;
	job.told = sm_plugin_shared(sizeof(*job.told), err);
	if (!job.told)
		return -err->code;
	rc = in_child(&job, "its description", describe_here, err);
	if (rc == 0)
		rc = hear(&one, job.told, list, err);
	munmap(job.told, sizeof(*job.told));
	return rc;
}
