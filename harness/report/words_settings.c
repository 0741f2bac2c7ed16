/* The settings of the kernel that change times, in words. */
#include "words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shmeter/environment.h"
#include "shmeter/text.h"

/* Adds words after a comma. */
static void add(char *out, size_t size, const char *before, const char *text)
{
	size_t used = strlen(out);

	if (*text && used < size)
		snprintf(out + used, size - used, "%s%s%s", used ? ", " : "", before, text);
}

static const json_t *setting(const struct sm_results *results, const char *key)
{
	return json_object_get(json_object_get(results->manifest, "environment"), key);
}

static void frequency(const struct sm_results *results, char *out, size_t size)
{
	double limit = words_number(results, "environment/frequency_max_khz");
	double most = words_number(results, "environment/frequency_highest_khz");
	const json_t *boost = setting(results, "boost");
	char text[64];

	add(out, size, "governor ", words_text(results, "environment/governor"));
	add(out, size, "driver ", words_text(results, "environment/frequency_driver"));
	if (isfinite(limit) && isfinite(most)) {
		snprintf(text, sizeof(text), "%.2f GHz of %.2f GHz", limit / 1e6, most / 1e6);
		add(out, size, "at most ", text);
	}
	if (json_is_boolean(boost))
		add(out, size, "boost ", json_is_true(boost) ? "on" : "off");
}

static void idle(const struct sm_results *results, char *out, size_t size)
{
	double poll_ns = words_number(results, "environment/guest_halt_poll_ns");
	char text[64];

	add(out, size, "driver ", words_text(results, "environment/idle_driver"));
	add(out, size, "governor ", words_text(results, "environment/idle_governor"));
	if (!isfinite(poll_ns))
		return;
	snprintf(text, sizeof(text), "they poll for %.0f us before they halt", poll_ns / 1e3);
	add(out, size, "", poll_ns > 0 ? text : "they halt without polling");
}

static void isolation(const struct sm_results *results, char *out, size_t size)
{
	add(out, size, "isolated: PUs ", words_text(results, "environment/isolated_pus"));
	add(out, size, "without timer tick: PUs ", words_text(results, "environment/nohz_full_pus"));
}

static void mitigations(const struct sm_results *results, char *out, size_t size)
{
	const json_t *state;
	const char *name;
	unsigned clean = 0, mitigated = 0;
	char text[32];

	json_object_foreach ((json_t *)(uintptr_t)setting(results, "mitigations"), name, state) {
		const char *words = json_string_value(state);
		enum sm_vulnerability found = sm_vulnerability_of(words ? words : "");

		clean += found == SM_NOT_AFFECTED;
		mitigated += found == SM_MITIGATED;
		if (found == SM_VULNERABLE)
			add(out, size, *out ? "" : "vulnerable: ", name);
	}
	snprintf(text, sizeof(text), "%u mitigated", mitigated);
	add(out, size, "", mitigated ? text : "");
	snprintf(text, sizeof(text), "%u not affected", clean);
	add(out, size, "", clean ? text : "");
}

static void clearing(const struct sm_results *results, char *out, size_t size)
{
	static const char *const keys[][2] = { { "init_on_alloc", "at allocation" }, { "init_on_free", "when freed" } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *on = json_object_get(setting(results, keys[i][0]), "on");

		if (on)
			add(out, size, json_is_true(on) ? "" : "not ", keys[i][1]);
	}
}

static void balancing(const struct sm_results *results, char *out, size_t size)
{
	double on = words_number(results, "environment/numa_balancing");

	if (isfinite(on))
		add(out, size, "", on > 0 ? "on" : "off");
}

static void file_systems(const struct sm_results *results, char *out, size_t size)
{
	add(out, size, "/dev/shm ", words_text(results, "environment/file_systems/dev_shm"));
	add(out, size, "results ", words_text(results, "environment/file_systems/results"));
	add(out, size, "temporary files ", words_text(results, "environment/file_systems/temporary"));
}

void words_setting(const struct sm_results *results, unsigned number, const char **name, char *out, size_t size)
{
	static const struct {
		const char *name;
		void (*say)(const struct sm_results *results, char *out, size_t size);
	} settings[] = {
		{ "Frequency", frequency },        { "Idle PUs", idle },
		{ "Isolation", isolation },        { "CPU vulnerabilities", mitigations },
		{ "Memory is cleared", clearing }, { "NUMA balancing", balancing },
		{ "File systems", file_systems },
	};

	*out = '\0';
	*name = NULL;
	if (number >= sizeof(settings) / sizeof(settings[0]))
		return;
	*name = settings[number].name;
	settings[number].say(results, out, size);
}
