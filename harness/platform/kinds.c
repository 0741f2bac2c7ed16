/* The kinds of cores on hybrid machines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology_private.h"

/* Writes what the kernel tells of a kind: "IntelAtom, 3400 MHz". */
static void name_kind(const struct hwloc_info_s *infos, unsigned count, struct sm_kind *out)
{
	static const struct {
		const char *key, *before, *after;
	} told[] = { { "CoreType", "", "" }, { "FrequencyMaxMHz", "", " MHz" }, { "LinuxCapacity", "capacity ", "" } };
	size_t used = 0;

	for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++)
		for (unsigned i = 0; i < count; i++) {
			if (strcmp(infos[i].name, told[k].key) == 0 && used < sizeof(out->name))
				used += (size_t)snprintf(out->name + used, sizeof(out->name) - used, "%s%s%s%s",
							 used ? ", " : "", told[k].before, infos[i].value,
							 told[k].after);
		}
}

/* Writes the allowed PUs of a kind as ranges. */
static void list_pus(const struct sm_topology *t, struct sm_kind *kind)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	for (unsigned i = 0; set && i < t->pus; i++)
		if (t->pu[i].kind == kind->number)
			hwloc_bitmap_set(set, t->pu[i].os_index);
	if (set && hwloc_bitmap_list_snprintf(kind->list, sizeof(kind->list), set) >= (int)sizeof(kind->list))
		memcpy(kind->list + sizeof(kind->list) - 4, "...", 4);
	hwloc_bitmap_free(set);
}

static unsigned cores_of(const struct sm_topology *t, int kind)
{
	unsigned cores = 0;

	for (unsigned i = 0; i < t->pus; i++)
		cores += t->pu[i].kind == kind && (i == 0 || t->pu[i - 1].core != t->pu[i].core);
	return cores;
}

/* The fastest kind with two cores, or with a core where none has two.  Where hwloc cannot rank the kinds, the one with
 * the most cores. */
static int choose_home(const struct sm_topology *t, bool ranked)
{
	int home = -1;
	unsigned most = 0;

	for (unsigned k = 0; k < t->kinds; k++) {
		unsigned cores = cores_of(t, t->kind[k].number);

		if (ranked && cores > 2)
			cores = 2;
		if (ranked ? cores >= most : cores > most) {
			most = cores;
			home = t->kind[k].number;
		}
	}
	return home;
}

static bool are_ranked(const struct sm_topology *t)
{
	int efficiency = -1;

	return hwloc_cpukinds_get_info(t->hw, 0, NULL, &efficiency, NULL, NULL, 0) == 0 && efficiency >= 0;
}

int topology_collect_kinds(struct sm_topology *t, struct sm_error *err)
{
	int known = hwloc_cpukinds_get_nr(t->hw, 0);

	t->home_kind = -1;
	if (known < 2)
		return 0;
	t->kind = calloc((size_t)known, sizeof(*t->kind));
	if (!t->kind)
		return sm_fail(err, ENOMEM, "no memory for %d kinds of cores", known);
	for (unsigned i = 0; i < t->pus; i++) {
		hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(t->hw, t->pu[i].os_index);

		t->pu[i].kind = hwloc_cpukinds_get_by_cpuset(t->hw, pu->cpuset, 0);
	}
	for (int k = 0; k < known; k++) {
		struct sm_kind kind = { .number = k };
		struct hwloc_info_s *infos = NULL;
		unsigned count = 0;

		for (unsigned i = 0; i < t->pus; i++)
			kind.pus += t->pu[i].kind == k;
		if (kind.pus == 0)
			continue;
		(void)hwloc_cpukinds_get_info(t->hw, (unsigned)k, NULL, NULL, &count, &infos, 0);
		name_kind(infos, count, &kind);
		list_pus(t, &kind);
		t->kind[t->kinds++] = kind;
	}
	for (unsigned k = 0; k < t->kinds; k++)
		t->kind[k].rank = are_ranked(t) ? t->kinds - k : 0;
	t->home_kind = choose_home(t, are_ranked(t));
	return 0;
}

const struct sm_kind *sm_topology_kinds(const struct sm_topology *topology, unsigned *count)
{
	*count = topology->kinds;
	return topology->kind;
}

int sm_topology_home_kind(const struct sm_topology *topology)
{
	return topology->home_kind;
}

static int no_such_kind(const struct sm_topology *t, const char *kind, struct sm_error *err)
{
	char known[160] = "";
	size_t used = 0;

	for (unsigned k = 0; k < t->kinds && used < sizeof(known); k++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%d (PUs %s)", k ? ", " : "",
					 t->kind[k].number, t->kind[k].list);
	if (t->kinds == 0)
		return sm_fail(err, EINVAL,
			       "--kind %s: the cores of this machine are all of one kind: leave --kind out", kind);
	return sm_fail(err, EINVAL, "--kind %s: there is no such kind of core%s; choose %sone of %s", kind,
		       t->kind[0].rank ? "" : ", and which is faster is not known",
		       t->kind[0].rank ? "fastest, slowest or " : "", known);
}

/* The kind that a word or a number names; NULL: none. */
static const struct sm_kind *find_kind(const struct sm_topology *t, const char *kind)
{
	char number[16];

	for (unsigned k = 0; k < t->kinds; k++) {
		snprintf(number, sizeof(number), "%d", t->kind[k].number);
		if (strcmp(kind, number) == 0 || (t->kind[k].rank == t->kinds && strcmp(kind, "slowest") == 0) ||
		    (t->kind[k].rank == 1 && strcmp(kind, "fastest") == 0))
			return &t->kind[k];
	}
	return NULL;
}

int sm_topology_keep_kind(struct sm_topology *topology, const char *kind, struct sm_error *err)
{
	const struct sm_kind *wanted = find_kind(topology, kind);
	struct sm_kind only;
	unsigned kept = 0;

	if (!wanted)
		return no_such_kind(topology, kind, err);
	only = *wanted;
	for (unsigned i = 0; i < topology->pus; i++)
		if (topology->pu[i].kind == only.number)
			topology->pu[kept++] = topology->pu[i];
	topology->pus = kept;
	topology->home_kind = only.number;
	topology->kind[0] = only;
	topology->kinds = 1;
	for (unsigned n = 0; n < topology->nodes; n++) {
		topology->node[n].pus = 0;
		for (unsigned i = 0; i < kept; i++)
			topology->node[n].pus += topology->pu[i].node == topology->node[n].os_index;
	}
	return 0;
}
