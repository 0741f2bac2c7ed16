/* Describes this machine as JSON.  A value that cannot be read is absent, never 0. */
#include "shmeter/environment.h"
#include "shmeter/cgroup.h"
#include "tlb.h"

#include <inttypes.h>
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

/* A one-line file as text; for a setting with choices, the chosen one. */
static void set_file(json_t *object, const char *key, const struct sm_os *os, const char *path)
{
	char text[512], *open, *close;

	if (sm_os_read(os, text, sizeof(text), "%s", path) < 0)
		return;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (close)
		*close = '\0';
	set_text(object, key, close ? open + 1 : text);
}

static void set_number(json_t *object, const char *key, const struct sm_os *os, const char *path)
{
	char text[64], *end;
	long long value;

	if (sm_os_read(os, text, sizeof(text), "%s", path) < 0)
		return;
	value = strtoll(text, &end, 10);
	if (end != text && (*end == '\0' || *end == '\t' || *end == ' '))
		json_object_set_new(object, key, json_integer(value));
}

/* "key : value" lines of /proc/cpuinfo and /proc/meminfo. */
static bool find_field(const char *text, const char *key, char *out, size_t size)
{
	size_t length = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		const char *colon;

		if (strncmp(at, key, length) != 0)
			continue;
		colon = at + length + strspn(at + length, " \t");
		if (*colon != ':')
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		return true;
	}
	return false;
}

/* Whether the firmware names a virtual machine.  These are the names that the vendors' products write into DMI;
 * Amazon's bare-metal machines have Amazon's name, too. */
static bool firmware_is_virtual(const char *vendor, const char *product)
{
	static const char *const vendors[] = {
		"QEMU", "VMware", "innotek", "Xen", "Bochs", "Parallels", "Apple Virtualization"
	};

	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (strncmp(vendor, vendors[i], strlen(vendors[i])) == 0)
			return true;
	return strstr(product, "Virtual Machine") || strstr(product, "KVM") ||
	       strcmp(product, "Google Compute Engine") == 0 ||
	       (strcmp(vendor, "Amazon EC2") == 0 && !strstr(product, ".metal"));
}

int sm_hypervisor_seen(const struct sm_os *os)
{
	char *text = malloc(CPUINFO_MAX), flags[CPUINFO_MAX / 4], vendor[128], product[128] = "";
	int seen = -1;

	/* The flags of the first processor are near the start of the file, however long it is. */
	if (text && sm_os_read(os, text, CPUINFO_MAX, "/proc/cpuinfo") != -2 &&
	    find_field(text, "flags", flags, sizeof(flags)))
		seen = strstr(flags, " hypervisor") != NULL;
	free(text);
	if (seen == 1 || sm_os_read(os, vendor, sizeof(vendor), "/sys/hypervisor/type") >= 0 ||
	    sm_os_read(os, vendor, sizeof(vendor), "/proc/device-tree/hypervisor/compatible") >= 0)
		return 1;
	/* The board of QEMU and others for virtual machines without a hardware model.  The file has several names,
	 * each ended by a zero byte; the first one is the board's own. */
	if (sm_os_read(os, vendor, sizeof(vendor), "/proc/device-tree/compatible") >= 0 &&
	    strcmp(vendor, "linux,dummy-virt") == 0)
		return 1;
	if (sm_os_read(os, vendor, sizeof(vendor), "/sys/class/dmi/id/sys_vendor") < 0)
		return seen;
	(void)!sm_os_read(os, product, sizeof(product), "/sys/class/dmi/id/product_name");
	return firmware_is_virtual(vendor, product);
}

static void add_cpu(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *key, *field;
	} fields[] = { { "cpu_model", "model name" },  { "cpu_vendor", "vendor_id" },
		       { "cpu_family", "cpu family" }, { "cpu_model_number", "model" },
		       { "microcode", "microcode" },   { "cpu_implementer", "CPU implementer" } };
	char *text = malloc(CPUINFO_MAX), value[256];

	/* The first processor is enough; the file may be longer than what is read. */
	if (text && sm_os_read(os, text, CPUINFO_MAX, "/proc/cpuinfo") != -2) {
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (find_field(text, fields[i].field, value, sizeof(value)))
				set_text(object, fields[i].key, value);
	}
	free(text);
	if (sm_hypervisor_seen(os) >= 0)
		json_object_set_new(object, "virtual_machine", json_boolean(sm_hypervisor_seen(os) == 1));
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
		if (find_field(text, fields[i].field, value, sizeof(value)))
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
		json_array_append_new(allowed, json_integer(pus[i].os_index));
		json_array_append_new(places,
				      json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "pu", (int)pus[i].os_index, "core",
						(int)pus[i].core, "l3", pus[i].l3, "package", (int)pus[i].package,
						"node", (int)pus[i].node, "kind", pus[i].kind));
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

static void add_pages(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *key, *path;
	} numbers[] = {
		{ "hugepages_2m", "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" },
		{ "hugepages_2m_free", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages" },
		{ "hugepages_1g", "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages" },
		{ "hugepages_1g_free", "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages" },
		{ "perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid" },
		{ "numa_balancing", "/proc/sys/kernel/numa_balancing" },
		{ "pipe_max_size", "/proc/sys/fs/pipe-max-size" },
		{ "msgmax", "/proc/sys/kernel/msgmax" },
		{ "msgmnb", "/proc/sys/kernel/msgmnb" },
		{ "mqueue_msg_max", "/proc/sys/fs/mqueue/msg_max" },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		set_number(object, numbers[i].key, os, numbers[i].path);
	json_object_set_new(object, "page_bytes", json_integer(sysconf(_SC_PAGESIZE)));
	/* 64 bits wide, so text */
	set_file(object, "shmmax", os, "/proc/sys/kernel/shmmax");
	set_file(object, "thp", os, "/sys/kernel/mm/transparent_hugepage/enabled");
	set_file(object, "thp_shmem", os, "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	set_file(object, "governor", os, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	set_file(object, "smt", os, "/sys/devices/system/cpu/smt/control");
	set_file(object, "clock_source", os, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	set_file(object, "hypervisor", os, "/sys/hypervisor/type");
	set_file(object, "machine", os, "/sys/class/dmi/id/product_name");
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

static void add_container(json_t *object, const struct sm_os *os)
{
	char text[4096];

	if (sm_os_read(os, text, sizeof(text), "/run/.containerenv") >= 0)
		set_text(object, "container", "podman");
	else if (sm_os_read(os, text, sizeof(text), "/.dockerenv") >= 0)
		set_text(object, "container", "docker");
	else if (sm_os_read(os, text, sizeof(text), "/proc/1/cgroup") >= 0 &&
		 (strstr(text, "docker") || strstr(text, "kubepods") || strstr(text, "lxc")))
		set_text(object, "container", "yes");
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (hash ^ '|') * 0x100000001b3u;
}

#define FNV_START 0xcbf29ce484222325u

/* Distinguishes this host from others of its type: the id of the installation, hashed with a word of our own, as
 * machine-id(5) asks; or the host name. */
static void add_host_id(json_t *object, const struct sm_os *os)
{
	const char *name = json_string_value(json_object_get(object, "host"));
	char text[256], hash[17];
	bool known = sm_os_read(os, text, sizeof(text), "/etc/machine-id") >= 0;

	snprintf(hash, sizeof(hash), "%016" PRIx64, mix(mix(FNV_START, "shmeter"), known ? text : name ? name : "-"));
	set_text(object, "host_id", hash);
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
	add_pages(object, os);
	add_limits(object);
	add_group_limits(object, os);
	add_container(object, os);
	add_host_id(object, os);
	return object;
}

static void hash_type(const json_t *environment, char out[17])
{
	static const char *const keys[] = {
		"architecture", "cpu_model", "cpu_family", "cpu_model_number", "pus",
		"nodes",        "caches",    "machine",    "virtual_machine",  "page_bytes"
	};
	const char *kernel = json_string_value(json_object_get(environment, "kernel"));
	json_int_t memory_kib = json_integer_value(json_object_get(environment, "memory_kib"));
	uint64_t hash = FNV_START;
	char text[64];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(environment, keys[i]);
		char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT) : NULL;

		hash = mix(hash, dump ? dump : "-");
		free(dump);
	}
	/* The kernel's major.minor, and memory rounded to 2 GiB, because the firmware reserves a varying amount. */
	if (kernel) {
		const char *dot = strchr(kernel, '.');

		snprintf(text, sizeof(text), "%.*s",
			 (int)(dot ? dot - kernel + 1 + (long)strspn(dot + 1, "0123456789") : 0), kernel);
		hash = mix(hash, text);
	}
	snprintf(text, sizeof(text), "%lld", (long long)((memory_kib + (1 << 20)) >> 21));
	hash = mix(hash, text);
	snprintf(out, 17, "%016" PRIx64, hash);
}

void sm_environment_identify(const json_t *environment, struct sm_identity *out)
{
	const char *host = json_string_value(json_object_get(environment, "host_id"));

	hash_type(environment, out->type);
	snprintf(out->host, sizeof(out->host), "%s", host ? host : "-");
}
