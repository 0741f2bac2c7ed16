/* Notes on settings of the kernel: one line for each that changes times, none for the rest. */
#include "checkup_settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct notes {
	const json_t *environment;
	struct sm_checkup *item;
	unsigned count, max;
};

static void note(struct notes *notes, const char *topic, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void note(struct notes *notes, const char *topic, const char *remedy, const char *format, ...)
{
	struct sm_checkup *item;
	va_list arguments;

	if (notes->count == notes->max)
		return;
	item = &notes->item[notes->count++];
	*item = (struct sm_checkup){ .topic = topic, .level = SM_WARN };
	snprintf(item->remedy, sizeof(item->remedy), "%s", remedy);
	va_start(arguments, format);
	vsnprintf(item->finding, sizeof(item->finding), format, arguments);
	va_end(arguments);
}

static const char *text_of(const struct notes *notes, const char *key)
{
	const char *text = json_string_value(json_object_get(notes->environment, key));

	return text ? text : "";
}

static void note_frequency(struct notes *notes)
{
	json_int_t limit = json_integer_value(json_object_get(notes->environment, "frequency_max_khz"));
	json_int_t most = json_integer_value(json_object_get(notes->environment, "frequency_highest_khz"));

	if (limit > 0 && limit < most)
		note(notes, "frequency", "cpupower frequency-set --max raises the limit",
		     "limited to %.2f GHz, and the CPU can do %.2f GHz", (double)limit / 1e6, (double)most / 1e6);
	if (json_is_true(json_object_get(notes->environment, "boost")))
		note(notes, "frequency",
		     "write 1 to /sys/devices/system/cpu/intel_pstate/no_turbo, or 0 to "
		     "/sys/devices/system/cpu/cpufreq/boost",
		     "boost is on: how fast a core runs depends on what the others do");
}

static void note_isolation(struct notes *notes)
{
	const char *isolated = text_of(notes, "isolated_pus"), *tickless = text_of(notes, "nohz_full_pus");

	if (*isolated)
		note(notes, "isolation", "start shmeter with taskset -c and these PUs to measure on them",
		     "PUs %.64s are isolated (isolcpus): the scheduler moves no work to or from them", isolated);
	if (*tickless)
		note(notes, "isolation", "",
		     "PUs %.64s have no timer tick while one process runs (nohz_full): entering the kernel takes longer "
		     "there",
		     tickless);
}

static void note_mitigations(struct notes *notes)
{
	const json_t *state;
	const char *name;
	char names[256] = "";
	size_t used = 0;

	json_object_foreach ((json_t *)(uintptr_t)json_object_get(notes->environment, "mitigations"), name, state) {
		const char *text = json_string_value(state);

		if (text && sm_vulnerability_of(text) == SM_VULNERABLE && used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", name);
	}
	if (used)
		note(notes, "mitigations", "",
		     "none for %s: system calls and context switches may take less time than elsewhere", names);
}

static void note_clearing(struct notes *notes)
{
	static const struct {
		const char *key, *when, *remedy;
	} settings[] = {
		{ "init_on_alloc", "allocates",
		  "boot with init_on_alloc=0 where the times are compared with a kernel that does not" },
		{ "init_on_free", "frees",
		  "boot with init_on_free=0 where the times are compared with a kernel that does not" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const json_t *found = json_object_get(notes->environment, settings[i].key);

		if (json_is_true(json_object_get(found, "on")))
			note(notes, "memory", settings[i].remedy,
			     "the kernel clears memory when it %s it (%s, by %.100s)", settings[i].when,
			     settings[i].key, json_string_value(json_object_get(found, "from")));
	}
}

static void note_dev_shm(struct notes *notes)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(notes->environment, "file_systems"), "dev_shm"));

	if (name && strcmp(name, "tmpfs") != 0)
		note(notes, "/dev/shm", "mount -t tmpfs tmpfs /dev/shm",
		     "it is on %.48s, not on a tmpfs: POSIX shared memory is a file there", name);
}

unsigned checkup_settings(const json_t *environment, struct sm_checkup *out, unsigned max)
{
	struct notes notes = { .environment = environment, .item = out, .max = max };

	note_frequency(&notes);
	note_isolation(&notes);
	note_mitigations(&notes);
	note_clearing(&notes);
	note_dev_shm(&notes);
	return notes.count;
}
