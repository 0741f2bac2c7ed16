/* The values of swept parameters: a profile's, all PUs, or those of --set; and conditions on them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_private.h"

/* Most nodes that a parameter with `every_node` takes: the number of pairs grows with the square. */
static const unsigned nodes_max[] = { [SM_QUICK] = 4, [SM_STANDARD] = 8, [SM_FULL] = ~0u };

/* Most PUs or nodes of a range: more than a Linux kernel can have. */
#define RANGE_MAX 65536u

unsigned plan_params(const struct sm_scenario *scenario)
{
	unsigned count = 0;

	while (count < SM_PARAMS_MAX && scenario->params[count].name)
		count++;
	return count;
}

static int add_value(struct plan_values *values, uint64_t value, struct sm_error *err)
{
	if ((values->count & (values->count - 1)) == 0) { /* doubles at powers of two */
		unsigned room = values->count ? 2 * values->count : 1;
		uint64_t *grown = realloc(values->value, room * sizeof(*grown));

		if (!grown)
			return sm_fail(err, ENOMEM, "no memory for %u values", room);
		values->value = grown;
	}
	values->value[values->count++] = value;
	return 0;
}

void plan_values_free(struct plan_values values[SM_PARAMS_MAX])
{
	for (unsigned p = 0; p < SM_PARAMS_MAX; p++) {
		free(values[p].value);
		values[p] = (struct plan_values){ .value = NULL };
	}
}

static unsigned distinct(const unsigned *list, unsigned count)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		bool before = false;

		for (unsigned j = 0; j < i && !before; j++)
			before = list[j] == list[i];
		found += !before;
	}
	return found;
}

unsigned plan_pus(const struct sm_plan_options *options)
{
	unsigned count = 2;

	if (options->placement == SM_PLACE_LIST && options->pu_list_count > 0)
		return distinct(options->pu_list, options->pu_list_count);
	if (options->topology)
		sm_topology_pus(options->topology, &count);
	return count;
}

/* Size that is assumed where no cache is known: at least the cache of one core complex of common servers. */
#define LLC_UNKNOWN_BYTES (32u << 20)

/* Limits a value to what `--set` accepts. */
static uint64_t within(const struct sm_param *param, uint64_t value)
{
	if (value < param->min)
		return param->min;
	return param->max && value > param->max ? param->max : value;
}

/* A product, or the largest number where it is larger. */
static uint64_t multiply(uint64_t times, uint64_t value)
{
	uint64_t product;

	return __builtin_mul_overflow(times, value, &product) ? UINT64_MAX : product;
}

/* A multiple of this machine's last-level cache, rounded up to a power of two. */
static uint64_t times_llc(uint64_t times, const struct sm_topology *topology)
{
	uint64_t llc = topology ? sm_topology_llc_bytes(topology) : 0, power = 1;
	uint64_t bytes = multiply(times, llc ? llc : LLC_UNKNOWN_BYTES);

	while (power < bytes && power <= UINT64_MAX / 2)
		power *= 2;
	return power;
}

struct sm_swept sm_values_at(const struct sm_values *values, unsigned i)
{
	return i < values->plain_count ? (struct sm_swept){ .number = values->plain[i] }
				       : values->entry[i - values->plain_count];
}

const char *sm_value_text(const struct sm_param *param, struct sm_swept value, char out[SM_TEXT_MAX])
{
	static const char *const times[] = {
		[SM_VALUE_PLAIN] = "", [SM_VALUE_TIMES_PUS] = "xPU", [SM_VALUE_TIMES_LLC] = "xLLC"
	};

	if (value.kind == SM_VALUE_DOUBLING)
		snprintf(out, SM_TEXT_MAX, "...");
	else if (value.kind == SM_VALUE_PLAIN && param->labels)
		snprintf(out, SM_TEXT_MAX, "%s", param->labels[value.number]);
	else if (value.from_pus)
		snprintf(out, SM_TEXT_MAX, "%" PRIu64 " (from %u PUs)", value.number, value.from_pus);
	else
		snprintf(out, SM_TEXT_MAX, "%" PRIu64 "%s", value.number, times[value.kind]);
	return out;
}

/* Parses all of "8" or "4xPU".  Returns false for anything else. */
static bool parse_bound(const char *text, unsigned pus, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (strcmp(end, "xPU") == 0) {
		*out *= pus;
		return pus > 0 && end != text;
	}
	return end != text && *end == '\0';
}

bool sm_at_holds(const char *params, const char *word, size_t length, unsigned pus)
{
	char copy[128], *sign;
	double bound, value;
	bool less, more;

	if (sm_has_word(params, word, length))
		return true;
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, word, length);
	copy[length] = '\0';
	sign = strchr(copy, '=');
	if (!sign || sign == copy || !parse_bound(sign + 1, pus, &bound))
		return false;
	less = sign[-1] == '<';
	more = sign[-1] == '>';
	sign[less || more ? -1 : 0] = '\0';
	value = sm_param_value(params, copy); /* NaN where it is missing: then no condition is met */
	return less ? value <= bound : more ? value >= bound : value == bound;
}

static bool is_allowed(const struct sm_topology *topology, uint64_t os_index)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		if (pus[i].os_index == os_index)
			return true;
	return false;
}

static int parse_value(const struct sm_param *param, const struct sm_topology *topology, const char *text,
		       uint64_t *value, struct sm_error *err)
{
	for (unsigned i = 0; param->labels && param->labels[i]; i++)
		if (strcmp(param->labels[i], text) == 0) {
			*value = i;
			return 0;
		}
	if (param->labels)
		return sm_fail(err, EINVAL, "--set %s: \"%s\" is not one of its values; `shmeter list` shows them",
			       param->name, text);
	if (sm_parse_size(text, value, NULL) < 0)
		return sm_fail(err, EINVAL, "--set %s=%s: a whole number is expected, or one with k, M or G",
			       param->name, text);
	if (param->max && (*value < param->min || *value > param->max))
		return sm_fail(err, EINVAL, "--set %s=%s is out of range: %" PRIu64 " to %" PRIu64, param->name, text,
			       param->min, param->max);
	if (param->every_node && topology && (*value >= SM_NODES_MAX || !sm_topology_node(topology, (unsigned)*value)))
		return sm_fail(err, EINVAL,
			       "--set %s=%s: there is no NUMA node of that number here; `shmeter doctor` shows those "
			       "that are",
			       param->name, text);
	if (param->every_pu && topology && !is_allowed(topology, *value))
		return sm_fail(err, EINVAL,
			       "--set %s=%s: this PU does not exist or is not allowed here; "
			       "`shmeter doctor` shows those that are",
			       param->name, text);
	return 0;
}

/* Takes "7", or for PUs and nodes "0-7" as well. */
static int parse_entry(const struct sm_param *param, const struct sm_topology *topology, const char *text,
		       struct plan_values *out, struct sm_error *err)
{
	uint64_t value = 0;
	unsigned first, last;
	int length = 0, rc;

	if (!plan_is_every(param) || sscanf(text, "%u-%u%n", &first, &last, &length) != 2 || text[length]) {
		rc = parse_value(param, topology, text, &value, err);
		return rc < 0 ? rc : add_value(out, value, err);
	}
	if (last < first || last - first >= RANGE_MAX)
		return sm_fail(
			err, EINVAL,
			"--set %s=%s: write a range as FIRST-LAST, with the larger number last and %u numbers at "
			"most",
			param->name, text, RANGE_MAX);
	rc = 0;
	for (unsigned number = first; rc == 0 && number <= last; number++) {
		char one[16];

		snprintf(one, sizeof(one), "%u", number);
		rc = parse_value(param, topology, one, &value, err);
		if (rc == 0)
			rc = add_value(out, value, err);
	}
	return rc;
}

static int parse_values(const struct sm_param *param, const struct sm_topology *topology, const char *list,
			struct plan_values *out, struct sm_error *err)
{
	char *copy = strdup(list), *rest = copy, *one;
	int rc = copy ? 0 : sm_fail(err, ENOMEM, "no memory for --set %s", param->name);

	out->count = 0;
	while (rc == 0 && (one = strsep(&rest, ",")))
		rc = parse_entry(param, topology, one, out, err);
	out->plain = out->count;
	free(copy);
	return rc;
}

/* Takes PUs in hwloc order: those of --placement, else all.  Without a topology, 0 and 1. */
static int pu_values(const struct sm_plan_options *options, struct plan_values *out, struct sm_error *err)
{
	unsigned count = 2;
	const struct sm_pu *pus = options->topology ? sm_topology_pus(options->topology, &count) : NULL;
	int rc = 0;

	if (options->placement == SM_PLACE_LIST) {
		for (unsigned i = 0; rc == 0 && i < options->pu_list_count; i++)
			rc = add_value(out, options->pu_list[i], err);
		return rc;
	}
	for (unsigned i = 0; rc == 0 && i < count; i++)
		rc = add_value(out, pus ? pus[i].os_index : i, err);
	return rc;
}

/* Whether a parameter takes a node: in a first pass those that can be used, in a second one those that cpuset.mems
 * forbids, so that the run says so. */
static bool takes_node(const struct sm_param *param, const struct sm_node *node, bool usable)
{
	if (param->every_node == SM_NODES_WITH_PUS)
		return usable && node->pus > 0;
	return node->has_memory && node->allowed == usable;
}

static bool is_taken(const struct plan_values *values, unsigned os_index)
{
	for (unsigned i = 0; i < values->count; i++)
		if (values->value[i] == os_index)
			return true;
	return false;
}

/* Whether an earlier node is of the same kind of memory: a tier, with PUs or without. */
static bool is_like_earlier(const struct sm_node *nodes, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(nodes[k].tier, nodes[i].tier) == 0 && nodes[k].has_pus == nodes[i].has_pus)
			return true;
	return false;
}

/* Takes nodes of one pass, at most `most` values in all: one of each kind of memory first, then others spread evenly. */
static int take_nodes(const struct sm_param *param, const struct sm_topology *topology, bool usable, unsigned most,
		      struct plan_values *out, struct sm_error *err)
{
	unsigned nodes, count = 0, seen = 0, taken = 0, left;
	const struct sm_node *node = sm_topology_nodes(topology, &nodes);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < nodes && out->count < most; i++)
		if (takes_node(param, &node[i], usable) && !is_like_earlier(node, i))
			rc = add_value(out, node[i].os_index, err);
	left = most - out->count;
	for (unsigned i = 0; i < nodes; i++)
		count += takes_node(param, &node[i], usable) && !is_taken(out, node[i].os_index);
	left = count < left ? count : left;
	for (unsigned i = 0; rc == 0 && taken < left && i < nodes; i++) {
		if (!takes_node(param, &node[i], usable) || is_taken(out, node[i].os_index))
			continue;
		if ((uint64_t)taken * count / left == seen++ && taken++ < left)
			rc = add_value(out, node[i].os_index, err);
	}
	return rc;
}

/* Takes the numbers of nodes.  Without a topology, and where no node is of the sort, the case still has values, so that
 * it can say what is missing. */
static int node_values(const struct sm_param *param, const struct sm_plan_options *options, struct plan_values *out,
		       struct sm_error *err)
{
	unsigned most = nodes_max[options->profile];
	int rc = 0;

	if (param->nodes_most > 0 && param->nodes_most < most)
		most = param->nodes_most;
	if (options->topology)
		rc = take_nodes(param, options->topology, true, most, out, err);
	if (rc == 0 && options->topology && out->count < most)
		rc = take_nodes(param, options->topology, false, most, out, err);
	if (rc == 0 && out->count == 0)
		rc = add_value(out, 0, err);
	return rc;
}

/* Adds a value unless it is already in the list: a multiple of the PUs may equal a plain number. */
static int add_new(struct plan_values *values, uint64_t value, struct sm_error *err)
{
	for (unsigned i = 0; i < values->count; i++)
		if (values->value[i] == value)
			return 0;
	return add_value(values, value, err);
}

/* Adds the doubles of the previous value, or of 1 where all previous values need more PUs.  Nothing follows 0 or a
 * value whose double is too large for a number. */
static int add_doubles(struct plan_values *values, uint64_t end, struct sm_error *err)
{
	uint64_t value = values->count ? multiply(2, values->value[values->count - 1]) : 1;
	int rc = 0;

	for (; rc == 0 && value > 0 && value < end; value = multiply(2, value))
		rc = add_new(values, value, err);
	return rc;
}

/* Adds the value of entry `i` of a list on this machine. */
static int add_entry(const struct sm_param *param, const struct sm_values *list, unsigned i,
		     const struct sm_plan_options *options, struct plan_values *out, struct sm_error *err)
{
	struct sm_swept value = sm_values_at(list, i);
	unsigned pus = plan_pus(options);

	switch (value.kind) {
	case SM_VALUE_PLAIN: return pus < value.from_pus ? 0 : add_new(out, value.number, err);
	case SM_VALUE_TIMES_PUS: return add_new(out, within(param, multiply(value.number, pus)), err);
	case SM_VALUE_DOUBLING:
		return add_doubles(out, within(param, multiply(sm_values_at(list, i + 1).number, pus)), err);
	case SM_VALUE_TIMES_LLC: return add_new(out, within(param, times_llc(value.number, options->topology)), err);
	}
	return 0;
}

static int profile_values(const struct sm_param *param, const struct sm_plan_options *options, struct plan_values *out,
			  struct sm_error *err)
{
	const struct sm_values *values = &param->quick;
	int rc = 0;

	if (plan_is_every(param)) {
		rc = param->every_pu ? pu_values(options, out, err) : node_values(param, options, out, err);
		out->plain = out->count;
		return rc;
	}
	if (options->profile >= SM_STANDARD && param->standard.count)
		values = &param->standard;
	if (options->profile == SM_FULL && param->full.count)
		values = &param->full;
	for (unsigned i = 0; rc == 0 && i < values->count; i++) {
		rc = add_entry(param, values, i, options, out, err);
		if (!plan_depends_on_pus(sm_values_at(values, i)))
			out->plain = out->count;
	}
	return rc;
}

int plan_sweep(const struct sm_scenario *scenario, const struct sm_plan_options *options,
	       struct plan_values out[SM_PARAMS_MAX], bool used[SM_SETS_MAX], struct sm_error *err)
{
	memset(out, 0, SM_PARAMS_MAX * sizeof(*out));
	for (unsigned p = 0; p < plan_params(scenario); p++) {
		const struct sm_param *param = &scenario->params[p];
		int rc = profile_values(param, options, &out[p], err);

		for (unsigned s = 0; rc == 0 && s < options->set_count; s++) {
			if (strcmp(options->set[s].name, param->name) != 0)
				continue;
			used[s] = true;
			rc = parse_values(param, options->topology, options->set[s].text, &out[p], err);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}
