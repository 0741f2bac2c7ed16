/* Settings of the kernel that change times: pages, frequency, idle PUs, isolation, mitigations, clearing of memory. */
#include "environment_private.h"
#include "shmeter/environment.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define CONFIG_MAX  (1024 * 1024)
#define CMDLINE_MAX 8192
#define CPUS        "/sys/devices/system/cpu"
#define THP         "/sys/kernel/mm/transparent_hugepage"

/* Reads a one-line file as text; of a setting with choices, the chosen one. */
static bool read_choice(const struct sm_os *os, const char *path, char *out, size_t size)
{
	char text[512], *open, *close;

	if (sm_os_read(os, text, sizeof(text), "%s", path) < 0)
		return false;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (close)
		*close = '\0';
	snprintf(out, size, "%s", close ? open + 1 : text);
	return true;
}

static void set_file(json_t *object, const char *key, const struct sm_os *os, const char *path)
{
	char text[512];

	if (read_choice(os, path, text, sizeof(text)))
		json_object_set_new(object, key, json_string(text));
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

static void add_numbers(json_t *object, const struct sm_os *os)
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
		/* the limits that are set, and those of the hardware */
		{ "frequency_min_khz", CPUS "/cpu0/cpufreq/scaling_min_freq" },
		{ "frequency_max_khz", CPUS "/cpu0/cpufreq/scaling_max_freq" },
		{ "frequency_lowest_khz", CPUS "/cpu0/cpufreq/cpuinfo_min_freq" },
		{ "frequency_highest_khz", CPUS "/cpu0/cpufreq/cpuinfo_max_freq" },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		set_number(object, numbers[i].key, os, numbers[i].path);
	json_object_set_new(object, "page_bytes", json_integer((json_int_t)sm_os_page_bytes(os)));
	set_number(object, "thp_bytes", os, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
}

static void add_texts(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *key, *path;
	} texts[] = {
		{ "shmmax", "/proc/sys/kernel/shmmax" }, /* 64 bits wide, so text */
		{ "thp", THP "/enabled" },
		{ "thp_shmem", THP "/shmem_enabled" },
		{ "thp_defrag", THP "/defrag" },
		{ "governor", CPUS "/cpu0/cpufreq/scaling_governor" },
		{ "frequency_driver", CPUS "/cpu0/cpufreq/scaling_driver" },
		{ "idle_driver", CPUS "/cpuidle/current_driver" },
		{ "idle_governor", CPUS "/cpuidle/current_governor_ro" },
		{ "smt", CPUS "/smt/control" },
		{ "clock_source", "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
		{ "hypervisor", "/sys/hypervisor/type" },
		{ "machine", "/sys/class/dmi/id/product_name" },
	};
	/* lists of PUs; "" is none.  The kernel writes "(null)" for a list that was never made. */
	static const struct {
		const char *key, *path;
	} lists[] = { { "isolated_pus", CPUS "/isolated" }, { "nohz_full_pus", CPUS "/nohz_full" } };
	char text[512];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		set_file(object, texts[i].key, os, texts[i].path);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (read_choice(os, lists[i].path, text, sizeof(text)))
			json_object_set_new(object, lists[i].key, json_string(strstr(text, "(null)") ? "" : text));
}

/* Only the governor haltpoll, of guests, polls for a time before it halts; what it would do elsewhere is of no interest. */
static void add_polling(json_t *object, const struct sm_os *os)
{
	const char *governor = json_string_value(json_object_get(object, "idle_governor"));

	if (governor && strcmp(governor, "haltpoll") == 0)
		set_number(object, "guest_halt_poll_ns", os, "/sys/module/haltpoll/parameters/guest_halt_poll_ns");
}

/* Sets `key` to the texts of all files that match, each under its last folder's or its own name. */
static void add_files(json_t *object, const char *key, const struct sm_os *os, const char *matching)
{
	json_t *all = json_object();
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s%s", os->root, matching);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *path = found.gl_pathv[i];

			set_file(all, strrchr(path, '/') + 1, os, path + strlen(os->root));
		}
		globfree(&found);
	}
	if (json_object_size(all) > 0)
		json_object_set(object, key, all);
	json_decref(all);
}

/* The sizes of transparent huge pages that have settings of their own (Linux 6.8):
 * {"64kB": {"enabled": "inherit", "shmem_enabled": "never"}}. */
static void add_thp_sizes(json_t *object, const struct sm_os *os)
{
	json_t *sizes = json_object();
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s" THP "/hugepages-*", os->root);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *folder = found.gl_pathv[i] + strlen(os->root);
			char matching[512];

			snprintf(matching, sizeof(matching), "%s/*enabled", folder);
			add_files(sizes, strchr(strrchr(folder, '/'), '-') + 1, os, matching);
		}
		globfree(&found);
	}
	if (json_object_size(sizes) > 0)
		json_object_set(object, "thp_sizes", sizes);
	json_decref(sizes);
}

/* Whether the cores may run above their base frequency. */
static void add_boost(json_t *object, const struct sm_os *os)
{
	char text[16];

	if (sm_os_read(os, text, sizeof(text), CPUS "/intel_pstate/no_turbo") >= 0)
		json_object_set_new(object, "boost", json_boolean(strcmp(text, "0") == 0));
	else if (sm_os_read(os, text, sizeof(text), CPUS "/cpufreq/boost") >= 0)
		json_object_set_new(object, "boost", json_boolean(strcmp(text, "1") == 0));
}

/* The last "name=value" of the kernel's command line, as the kernel's kstrtobool() reads it; -1: none. */
static int on_command_line(const char *line, const char *name)
{
	size_t length = strlen(name);
	int value = -1;

	for (const char *at = line; (at = strstr(at, name)); at += length) {
		const char *text = at + length + 1;

		if ((at != line && at[-1] != ' ') || at[length] != '=')
			continue;
		if (strchr("1yYtT", *text) || strncasecmp(text, "on", 2) == 0)
			value = 1;
		else if (strchr("0nNfF", *text) || strncasecmp(text, "of", 2) == 0)
			value = 0;
	}
	return value;
}

/* Whether the kernel clears memory when it is allocated or freed: from its command line, else from the configuration that
 * it was built with, where that is installed. */
static void add_init(json_t *object, const struct sm_os *os)
{
	static const struct {
		const char *name, *built_on, *built_off;
	} settings[] = {
		{ "init_on_alloc", "\nCONFIG_INIT_ON_ALLOC_DEFAULT_ON=y",
		  "\n# CONFIG_INIT_ON_ALLOC_DEFAULT_ON is not set" },
		{ "init_on_free", "\nCONFIG_INIT_ON_FREE_DEFAULT_ON=y",
		  "\n# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set" },
	};
	char *config = calloc(1, CONFIG_MAX), line[CMDLINE_MAX], path[512] = "";
	const char *release = json_string_value(json_object_get(object, "kernel"));

	if (sm_os_read(os, line, sizeof(line), "/proc/cmdline") < 0)
		line[0] = '\0';
	snprintf(path, sizeof(path), "/boot/config-%s", release ? release : "");
	if (!config || sm_os_read(os, config, CONFIG_MAX, "%s", path) < 0)
		path[0] = '\0';
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int on = on_command_line(line, settings[i].name);
		const char *from = "/proc/cmdline";

		if (on < 0 && path[0]) {
			from = path;
			on = strstr(config, settings[i].built_on) ? 1 : strstr(config, settings[i].built_off) ? 0 : -1;
		}
		if (on >= 0)
			json_object_set_new(object, settings[i].name, json_pack("{s:b, s:s}", "on", on, "from", from));
	}
	free(config);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum sm_vulnerability sm_vulnerability_of(const char *state)
{
	if (begins(state, "Not affected"))
		return SM_NOT_AFFECTED;
	return begins(state, "Vulnerable") || begins(state, "KVM: Vulnerable") ? SM_VULNERABLE : SM_MITIGATED;
}

void environment_add_settings(json_t *object, const struct sm_os *os)
{
	add_numbers(object, os);
	add_texts(object, os);
	add_polling(object, os);
	add_thp_sizes(object, os);
	add_boost(object, os);
	add_init(object, os);
	add_files(object, "mitigations", os, CPUS "/vulnerabilities/*");
}
