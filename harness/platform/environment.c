/* Describes this machine as JSON.  A value that cannot be read is absent, never 0. */
#include "shmeter/environment.h"
#include "cpu_model.h"
#include "environment_private.h"
#include "shmeter/cgroup.h"
#include "shmeter/file_system.h"
#include "shmeter/text.h"
#include "tlb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPUINFO_MAX (16 * 1024)

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text));
}

static void add_cpu(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *key, *field;
	} fields[] = { { "cpu_vendor", "vendor_id" },
		       { "cpu_family", "cpu family" },
		       { "cpu_model_number", "model" },
		       { "microcode", "microcode" },
		       { "cpu_implementer", "CPU implementer" },
		       { "cpu_part", "CPU part" } };
	char *text = malloc(CPUINFO_MAX), value[256];
	const char *vendor;
	int seen;

	/* The first processor is enough; the file may be longer than what is read. */
	if (text && sm_os_read(os, text, CPUINFO_MAX, "/proc/cpuinfo") != -2) {
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (sm_find_field(text, fields[i].field, value, sizeof(value)))
				set_text(object, fields[i].key, value);
	}
	free(text);
	if (cpu_model(os, value, sizeof(value), &vendor))
		set_text(object, "cpu_model", value);
	if (vendor)
		set_text(object, "cpu_vendor", vendor);
	seen = sm_hypervisor_seen(os);
	if (seen >= 0)
		json_object_set_new(object, "virtual_machine", json_boolean(seen == 1));
}

static void add_memory(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *key, *field;
	} fields[] = { { "memory_kib", "MemTotal" }, { "swap_kib", "SwapTotal" } };
	uint64_t available = sm_memory_available(os);
	char text[8192], value[64];

	if (available != UINT64_MAX)
		json_object_set_new(object, "memory_available_kib", json_integer((json_int_t)(available / 1024)));
	if (sm_os_read(os, text, sizeof(text), "/proc/meminfo") < 0)
		return;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (sm_find_field(text, fields[i].field, value, sizeof(value)))
			json_object_set_new(object, fields[i].key, json_integer(strtoll(value, NULL, 10)));
}

static void add_topology(json_t *object, const struct sm_topology *topology)
{
	json_t *caches = json_array(), *allowed = json_array(), *places = json_array();
	struct sm_cache cache[8];
	unsigned count, levels = sm_topology_caches(topology, cache, 8);
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < levels; i++)
		json_array_append_new(caches, json_pack("{s:i, s:I, s:i, s:i}", "level", (int)cache[i].level, "bytes",
							(json_int_t)cache[i].bytes, "line_bytes",
							(int)cache[i].line_bytes, "pus", (int)cache[i].pus));
	for (unsigned i = 0; i < count; i++) {
		json_t *place = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "pu", (int)pus[i].os_index, "core",
					  (int)pus[i].core, "l3", pus[i].l3, "package", (int)pus[i].package, "node",
					  (int)pus[i].node, "kind", pus[i].kind);

		if (pus[i].core_number >= 0)
			json_object_set_new(place, "core_number", json_integer(pus[i].core_number));
		if (pus[i].package_number >= 0)
			json_object_set_new(place, "package_number", json_integer(pus[i].package_number));
		json_array_append_new(allowed, json_integer(pus[i].os_index));
		json_array_append_new(places, place);
	}
	json_object_set_new(object, "pus", json_integer(count));
	json_object_set_new(object, "allowed_pus", allowed);
	json_object_set_new(object, "pu_places", places); /* in hwloc's order */
	json_object_set_new(object, "caches", caches);
	json_object_set_new(object, "tlb_entries", json_integer(tlb_entries(false)));
	json_object_set_new(object, "tlb_entries_2m", json_integer(tlb_entries(true)));
}

/* The NUMA nodes, by the kernel's numbers. */
static void add_nodes(json_t *object, const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);
	json_t *places = json_array();
	uint64_t latency, bandwidth;

	for (unsigned i = 0; i < count; i++) {
		const struct sm_node *node = &nodes[i];
		json_t *distances = json_array();
		json_t *place = json_pack("{s:i, s:i, s:I, s:b, s:b, s:b}", "node", (int)node->os_index, "pus",
					  (int)node->pus, "bytes", (json_int_t)node->bytes, "has_memory",
					  node->has_memory, "has_pus", node->has_pus, "allowed", node->allowed);

		sm_topology_promise(topology, node->os_index, &latency, &bandwidth);
		if (latency > 0)
			json_object_set_new(place, "promised_latency_ns", json_integer((json_int_t)latency));
		if (bandwidth > 0)
			json_object_set_new(place, "promised_bandwidth_mib", json_integer((json_int_t)bandwidth));
		if (node->package >= 0)
			json_object_set_new(place, "package", json_integer(node->package));
		if (*node->tier)
			set_text(place, "tier", node->tier);
		for (unsigned k = 0; k < count; k++)
			json_array_append_new(distances, json_integer(sm_topology_distance(topology, node->os_index,
											   nodes[k].os_index)));
		json_object_set_new(place, "distances", distances); /* to each node, 0: unknown */
		json_array_append_new(places, place);
	}
	json_object_set_new(object, "nodes", json_integer(count));
	json_object_set_new(object, "node_places", places);
}

/* The kinds of cores, where there are several. */
static void add_kinds(json_t *object, const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_kind *kinds = sm_topology_kinds(topology, &count);
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:s}", "kind", kinds[i].number, "pus",
						      (int)kinds[i].pus, "list", kinds[i].list, "name", kinds[i].name));
	if (count > 0)
		json_object_set_new(object, "home_kind", json_integer(sm_topology_home_kind(topology)));
	json_object_set_new(object, "kinds", list);
}

static void add_limits(json_t *object)
{
	static const struct {
		const char *key;
		int resource;
	} limits[] = { { "memlock_bytes", RLIMIT_MEMLOCK }, { "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC } };
	struct statvfs shm;
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
			continue;
		if (limit.rlim_cur == RLIM_INFINITY)
			set_text(object, limits[i].key, "unlimited");
		else
			json_object_set_new(object, limits[i].key, json_integer((json_int_t)limit.rlim_cur));
	}
	if (statvfs("/dev/shm", &shm) == 0)
		json_object_set_new(object, "dev_shm_bytes", json_integer((json_int_t)(shm.f_blocks * shm.f_frsize)));
}

static void add_group_limits(json_t *object, const struct sm_os *os)
{
	struct sm_cgroup_limits found;
	json_t *limits = json_object();

	sm_cgroup_limits(os, &found);
	const struct {
		const char *key;
		double value;
	} entries[] = { { "memory_bytes", found.memory_bytes },
			{ "cpu_pus", found.cpu_pus },
			{ "pids", found.pids },
			{ "hugetlb_2m_bytes", found.hugetlb_2m_bytes },
			{ "hugetlb_1g_bytes", found.hugetlb_1g_bytes } };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (isfinite(entries[i].value))
			json_object_set_new(limits, entries[i].key, json_real(entries[i].value));
	json_object_set_new(object, "limits", limits);
}

/* The memory of POSIX objects, and the folder for temporary files. */
static void add_file_systems(json_t *object, const struct sm_os *os)
{
	const char *temporary = getenv("TMPDIR");
	json_t *systems = json_object();
	const struct {
		const char *key, *folder;
	} folders[] = { { "dev_shm", "/dev/shm" }, { "temporary", temporary && *temporary ? temporary : "/tmp" } };
	char name[SM_FILE_SYSTEM_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (sm_file_system_name(os, folders[i].folder, name, sizeof(name), NULL) == 0)
			set_text(systems, folders[i].key, name);
	json_object_set_new(object, "file_systems", systems);
}

json_t *sm_environment_capture(const struct sm_os *os, const struct sm_topology *topology)
{
	json_t *object = json_object();
	struct utsname name;

	if (!object)
		return NULL;
	if (uname(&name) == 0) {
		set_text(object, "host", name.nodename);
		set_text(object, "kernel", name.release);
		set_text(object, "architecture", name.machine);
	}
	json_object_set_new(object, "uid", json_integer(geteuid()));
	add_cpu(object, os);
	add_memory(object, os);
	add_topology(object, topology);
	add_nodes(object, topology);
	add_kinds(object, topology);
	environment_add_settings(object, os);
	add_limits(object);
	add_group_limits(object, os);
	add_file_systems(object, os);
	environment_add_host(object, os);
	return object;
}
