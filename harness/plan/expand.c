/* Expands scenarios and options into cases and groups. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_private.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"

static const struct sm_memory memory_default = {
	.backing = SM_MEMFD,
	.pages = { SM_PAGES_BASE, 0 },
	.prefault = SM_MADVISE,
	.numa = SM_FIRST_TOUCH,
};

const char *sm_profile_name(enum sm_profile profile)
{
	static const char *const name[] = { "quick", "standard", "full" };

	return name[profile];
}

int sm_profile_parse(const char *name, enum sm_profile *out, struct sm_error *err)
{
	for (int i = SM_QUICK; i <= SM_FULL; i++)
		if (strcmp(name, sm_profile_name((enum sm_profile)i)) == 0) {
			*out = (enum sm_profile)i;
			return 0;
		}
	return sm_fail(err, EINVAL, "--profile \"%s\" is not known: choose quick, standard or full", name);
}

unsigned sm_profile_blocks(enum sm_profile profile)
{
	/* quick: six blocks are the fewest that give a confidence interval, and class changes may lose two more. */
	static const unsigned blocks[] = { 8, 16, 30 };

	return blocks[profile];
}

/* Fills the fields of `memory` that are unset. */
static void fill(struct sm_memory *memory, const struct sm_memory *from)
{
	if (!memory->backing)
		memory->backing = from->backing;
	if (!memory->pages.kind)
		memory->pages = from->pages;
	if (!memory->prefault)
		memory->prefault = from->prefault;
	if (!memory->numa) {
		memory->numa = from->numa;
		memory->node = from->node;
	}
}

static struct sm_memory resolve(const struct sm_memory *variant, const struct sm_plan_options *options,
				const struct sm_case *point)
{
	struct sm_memory memory = variant ? *variant : (struct sm_memory){ 0 };
	const struct sm_scenario *scenario = point->scenario;

	fill(&memory, &options->memory);
	fill(&memory, &scenario->memory);
	fill(&memory, &memory_default);
	if (memory.numa == SM_BIND_FIRST || memory.numa == SM_BIND_SECOND) {
		memory.node =
			(unsigned)sm_case_param(point, scenario->node_params[memory.numa == SM_BIND_FIRST ? 0 : 1]);
		memory.numa = SM_BIND;
	}
	if (memory.pages.kind == SM_PAGES_BASE && memory.pages.bytes == 0)
		memory.pages.bytes = sm_os_page_bytes(&sm_os_linux);
	return memory;
}

static void name_value(const struct sm_param *param, uint64_t value, char *out, size_t size)
{
	if (param->labels)
		snprintf(out, size, "%s=%s", param->name, param->labels[value]);
	else
		snprintf(out, size, "%s=%" PRIu64, param->name, value);
}

void sm_case_params(const struct sm_case *c, char separator, char *out, size_t size)
{
	size_t used = 0;

	snprintf(out, size, "-");
	for (unsigned p = 0; p < plan_params(c->scenario) && used < size; p++) {
		char one[96];

		if (c->scenario->params[p].every_pu) /* a choice, not a point */
			continue;
		name_value(&c->scenario->params[p], c->param[p], one, sizeof(one));
		if (used > 0)
			used += (size_t)snprintf(out + used, size - used, "%c", separator);
		if (used < size)
			used += (size_t)snprintf(out + used, size - used, "%s", one);
	}
}

bool sm_case_has_region(const struct sm_case *c)
{
	return c->scenario->region_bytes && c->scenario->region_bytes(c) > 0;
}

static void name_memory(const struct sm_memory *memory, char *out, size_t size)
{
	char pages[16], numa[24];

	snprintf(out, size, "%s,%s,%s,%s", sm_backing_name(memory->backing), sm_pages_name(memory->pages, pages),
		 sm_prefault_name(memory->prefault), sm_numa_name(*memory, numa));
}

/* Adds ":0.2.4" after `before` characters, cut where there is no room; returns the new length. */
static size_t name_pus(const unsigned *list, unsigned count, char sign, char *out, size_t size, size_t before)
{
	for (unsigned i = 0; i < count && before < size; i++)
		before += (size_t)snprintf(out + before, size - before, "%c%u", i ? '.' : sign, list[i]);
	return before;
}

/* "near", "list:0.2", "smt", or for pairs from chosen PUs to others "shared-l3:0.1-8.9". */
static void name_place(const struct sm_case *c, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", sm_placement_name(c->placement));

	if (c->pairs && !c->pairs->all) {
		used = name_pus(c->pairs->from, c->pairs->from_count, ':', out, size, used);
		name_pus(c->pairs->to, c->pairs->to_count, '-', out, size, used);
	} else if (!c->pairs && c->placement == SM_PLACE_LIST) {
		name_pus(c->pu_list, c->pu_list_count, ':', out, size, used);
	}
}

static void name_case(struct sm_planned_case *planned, const struct sm_memory *group_memory)
{
	const struct sm_case *c = &planned->c;
	char params[160], place[64], memory[64];

	sm_case_params(c, ',', params, sizeof(params));
	name_place(c, place, sizeof(place));
	name_memory(group_memory, memory, sizeof(memory));
	planned->group_id = sm_name_format("%s?%s@%s+%s", c->scenario->name, params, place, memory);
	if (sm_case_has_region(c))
		name_memory(&c->memory, memory, sizeof(memory));
	else
		snprintf(memory, sizeof(memory), "none");
	planned->id =
		sm_name_format("%s/%s?%s@%s+%s", c->scenario->name, sm_case_variant(c)->name, params, place, memory);
}

/* The sum of the parameters of "producers+consumers". */
static unsigned sum_of(const struct sm_case *c, const char *names)
{
	char copy[128], *rest = copy, *one;
	unsigned sum = 0;

	snprintf(copy, sizeof(copy), "%s", names);
	while ((one = strsep(&rest, "+")))
		sum += (unsigned)sm_case_param(c, one);
	return sum;
}

static unsigned workers_of(const struct sm_case *c)
{
	const struct sm_variant *variant = sm_case_variant(c);

	return c->scenario->workers_param ? sum_of(c, c->scenario->workers_param)
	       : variant->workers         ? variant->workers
					  : c->scenario->workers;
}

static void *grow(void *array, size_t count, size_t size)
{
	/* The array doubles at powers of two.  Plans are small; without memory for one the program ends. */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array)
		sm_no_memory();
	return array;
}

/* Adds the group of one point: every variant that the patterns choose there. */
static void add_group(struct sm_plan *plan, const struct sm_plan_options *options, const struct sm_case *point)
{
	const struct sm_scenario *scenario = point->scenario;
	struct sm_memory group_memory = resolve(NULL, options, point);
	struct sm_planned_group group = { .first = (unsigned)plan->case_count,
					  .blocks = options->repeat_blocks ? options->repeat_blocks
									   : sm_profile_blocks(options->profile),
					  .scenario = scenario };
	char params[160];

	sm_case_params(point, ' ', params, sizeof(params));
	for (unsigned v = 0; scenario->variants[v].name; v++) {
		if (!plan_chooses_variant(options, scenario, &scenario->variants[v], params))
			continue;
		plan->cases = grow(plan->cases, plan->case_count, sizeof(*plan->cases));
		struct sm_planned_case *planned = &plan->cases[plan->case_count++];

		*planned = (struct sm_planned_case){ .c = *point, .reason = "", .failure = "" };
		planned->c.variant = v;
		planned->c.workers = workers_of(&planned->c);
		planned->c.memory = resolve(&scenario->variants[v].memory, options, point);
		planned->group = (unsigned)plan->group_count;
		name_case(planned, &group_memory);
		group.count++;
		if (plan_is_longer(options, scenario, &scenario->variants[v], params))
			group.blocks = options->longer_blocks;
	}
	if (group.count == 0)
		return;
	plan->groups = grow(plan->groups, plan->group_count, sizeof(*plan->groups));
	plan->groups[plan->group_count++] = group;
}

/* Whether a variant of the point has a number of workers that meets a condition. */
static bool has_workers(const struct sm_case *point, const struct sm_condition *condition, unsigned pus)
{
	struct sm_case one = *point;
	char workers[32];

	for (one.variant = 0; sm_case_variant(&one)->name; one.variant++) {
		snprintf(workers, sizeof(workers), "workers=%u", workers_of(&one));
		if (sm_condition_holds(condition, workers, pus))
			return true;
	}
	return false;
}

/* Whether a claim's `at` names the placement and does not contradict the point.  Only the run itself can tell whether
 * the other conditions are met: which cores the workers got, and which memory. */
static bool names_point(const char *at, const struct sm_case *point, enum sm_placement placement, unsigned pus)
{
	sm_name wanted = sm_name_of(sm_placement_name(placement));
	struct sm_condition one;
	char params[160];
	bool named = false;

	sm_case_params(point, ' ', params, sizeof(params));
	while (sm_condition_next(&at, &one)) {
		if (one.of == SM_OF_PLACEMENT && one.value == wanted)
			named = true;
		else if (one.of == SM_OF_PLACEMENT ||
			 (one.of == SM_OF_PARAM && !sm_condition_holds(&one, params, pus)) ||
			 (one.of == SM_OF_WORKERS && !has_workers(point, &one, pus)))
			return false;
	}
	return named;
}

/* At placements after the first, a standard run takes only the points that a claim is about. */
static bool claimed(const struct sm_case *point, const struct sm_plan_options *options, enum sm_placement placement)
{
	for (const struct sm_claim *claim = point->scenario->claims; claim && claim->id; claim++)
		if (names_point(claim->at, point, placement, plan_pus(options)))
			return true;
	return false;
}

/* Lists the placements at which a point of a scenario runs under these options; returns how many. */
static unsigned placements(const struct sm_case *point, const struct sm_plan_options *options,
			   enum sm_placement out[SM_PLACEMENTS_MAX])
{
	const struct sm_scenario *scenario = point->scenario;
	unsigned count = 0, workers = point->workers;

	if (scenario->node_params[0]) { /* its parameters set the nodes */
		out[0] = workers > 1 ? SM_PLACE_CROSS_NODE : SM_PLACE_NEAR;
		return 1;
	}
	if (workers <= 1 || options->placement || !scenario->placements[0]) {
		out[0] = options->placement && (workers > 1 || options->placement == SM_PLACE_LIST) ? options->placement
												    : SM_PLACE_NEAR;
		return 1;
	}
	for (unsigned i = 0; i < SM_PLACEMENTS_MAX && scenario->placements[i]; i++)
		if (i == 0 || options->profile == SM_FULL ||
		    (options->profile == SM_STANDARD && claimed(point, options, scenario->placements[i])))
			out[count++] = scenario->placements[i];
	return count;
}

/* Whether the parameters that name two nodes name the same one twice. */
static bool is_no_pair(const struct sm_case *point)
{
	const char *const *names = point->scenario->node_params;

	return names[0] && sm_case_param(point, names[0]) == sm_case_param(point, names[1]);
}

/* A number of workers that is a multiple of the PUs needs all PUs.  A placement that seats workers on only some PUs
 * could put hundreds on one PU of a large machine. */
static bool takes_all_pus(enum sm_placement placement)
{
	return placement == SM_PLACE_NEAR || placement == SM_PLACE_LIST;
}

static void add_points(struct sm_plan *plan, const struct sm_plan_options *options, const struct sm_scenario *scenario,
		       const struct plan_values *values)
{
	unsigned index[SM_PARAMS_MAX] = { 0 }, params = plan_params(scenario), p;
	size_t groups = plan->group_count;

	do {
		struct sm_case point = { .scenario = scenario };
		enum sm_placement places[SM_PLACEMENTS_MAX];

		bool plain = true;

		for (p = 0; p < params; p++) {
			point.param[p] = values[p].value[index[p]];
			plain &= index[p] < values[p].plain;
		}
		point.workers = workers_of(&point);
		point.pu_list = options->pu_list;
		point.pu_list_count = options->pu_list_count;
		unsigned count = placements(&point, options, places);
		bool last = true;

		for (p = 0; p < params; p++)
			last &= index[p] + 1 == values[p].count;
		/* A node with itself is not a pair.  Where there is no other, the case stays, so that it can say so. */
		if (is_no_pair(&point) && !(last && plan->group_count == groups))
			count = 0;
		for (unsigned i = 0; i < count; i++) {
			point.placement = places[i];
			if (!plain && !takes_all_pus(places[i]))
				continue;
			add_group(plan, options, &point);
		}
		for (p = 0; p < params && ++index[p] == values[p].count; p++)
			index[p] = 0;
	} while (p < params);
}

/* The values of one of the parameters that choose PUs, without repetitions; the caller frees them. */
static unsigned *chosen_pus(const struct sm_scenario *scenario, const struct plan_values *values, unsigned which,
			    unsigned *count)
{
	unsigned p = 0, *list;

	while (strcmp(scenario->params[p].name, scenario->pair_params[which]) != 0)
		p++;
	list = sm_zeroed_memory(values[p].count + 1, sizeof(*list));
	*count = 0;
	for (unsigned i = 0; i < values[p].count; i++) {
		unsigned k = 0;

		while (k < *count && list[k] != values[p].value[i])
			k++;
		if (k == *count)
			list[(*count)++] = (unsigned)values[p].value[i];
	}
	return list;
}

static struct sm_pair_sets *add_pair_sets(struct sm_plan *plan, const struct sm_plan_options *options,
					  const struct sm_scenario *scenario, const struct plan_values *values)
{
	struct sm_pair_sets *sets = sm_zeroed_memory(1, sizeof(*sets));
	unsigned pus = 2;

	if (options->topology)
		sm_topology_pus(options->topology, &pus);
	sets->from = chosen_pus(scenario, values, 0, &sets->from_count);
	sets->to = chosen_pus(scenario, values, 1, &sets->to_count);
	sets->all = sets->from_count == pus && sets->to_count == pus;
	plan->pair_sets = grow(plan->pair_sets, plan->pair_set_count, sizeof(*plan->pair_sets));
	plan->pair_sets[plan->pair_set_count++] = sets;
	return sets;
}

/* A group for each relation that the chosen PUs have, or for the one of --placement.  Where there is no pair, one group
 * stays, so that it can say so. */
static void add_relations(struct sm_plan *plan, const struct sm_plan_options *options,
			  const struct sm_scenario *scenario, const struct plan_values *values)
{
	struct sm_pair_sets *sets = add_pair_sets(plan, options, scenario, values);
	struct sm_case point = { .scenario = scenario, .workers = scenario->workers, .pairs = sets };
	unsigned found = options->topology ? sm_tour_relations(options->topology, sets) : 1u << SM_PLACE_NEAR;

	if (options->placement >= SM_PLACE_SMT && options->placement < SM_PLACE_LIST)
		found = 1u << options->placement;
	if (found == 0)
		found = 1u << SM_PLACE_NEAR;
	for (unsigned k = SM_PLACE_NEAR; k < SM_PLACE_COUNT; k++)
		if (found & 1u << k) {
			point.placement = (enum sm_placement)k;
			add_group(plan, options, &point);
		}
}

int sm_plan_expand(struct sm_plan *plan, const struct sm_plan_options *options,
		   const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_error *err)
{
	bool used[SM_SETS_MAX] = { false };
	int rc;

	memset(plan, 0, sizeof(*plan));
	plan->profile = options->profile;
	plan->seed = options->seed;
	rc = sm_plan_check_patterns(options, scenarios, scenario_count, err);
	for (size_t s = 0; rc == 0 && s < scenario_count; s++) {
		struct plan_values values[SM_PARAMS_MAX];
		bool chosen = false;

		for (const struct sm_variant *v = scenarios[s]->variants; v->name; v++)
			chosen |= plan_chooses_variant(options, scenarios[s], v, NULL);
		if (!chosen)
			continue;
		rc = plan_sweep(scenarios[s], options, values, used, err);
		if (rc == 0 && scenarios[s]->pair_params[0])
			add_relations(plan, options, scenarios[s], values);
		else if (rc == 0)
			add_points(plan, options, scenarios[s], values);
		plan_values_free(values);
	}
	for (unsigned i = 0; rc == 0 && i < options->set_count; i++)
		if (!used[i])
			rc = sm_fail(err, EINVAL, "--set %s: no chosen scenario has a parameter of that name",
				     options->set[i].name);
	if (rc < 0)
		sm_plan_free(plan);
	return rc;
}

void sm_plan_free(struct sm_plan *plan)
{
	free(plan->cases);
	free(plan->groups);
	free(plan->steps);
	for (size_t i = 0; i < plan->pair_set_count; i++) {
		free(plan->pair_sets[i]->from);
		free(plan->pair_sets[i]->to);
		free(plan->pair_sets[i]);
	}
	free((void *)plan->pair_sets);
	memset(plan, 0, sizeof(*plan));
}
