/* What is typed: sizes, times, lists, names of ways and places, values of parameters; and lines of /proc, whose names come
 * from anybody. */
#include <string.h>

#include "fuzz_file.h"
#include "registry.h"
#include "shmeter/maps.h"
#include "shmeter/plan.h"
#include "shmeter/region.h"
#include "shmeter/text.h"

static void parse_words(char *text)
{
	unsigned list[256];
	uint64_t number;
	struct sm_memory memory = { 0 };
	struct sm_error err = { 0 };

	(void)!sm_parse_size(text, &number, &err);
	(void)!sm_parse_duration(text, &number, &err);
	(void)!sm_parse_list(text, list, 256, &err);
	(void)!sm_backing_parse(text, &memory.backing, &err);
	(void)!sm_prefault_parse(text, &memory.prefault, &err);
	(void)!sm_pages_parse(&sm_os_linux, text, &memory.pages, &err);
	(void)!sm_numa_parse(text, &memory, &err);
	(void)sm_placement_parse(text);
	(void)sm_param_value(text, "message");
	(void)sm_has_word(text, "message=64", 10);
}

static void parse_proc(const char *text)
{
	const struct sm_shm_device shm = { true, 0, 1 };
	struct sm_mapped mapped = { 0 };
	struct sm_map_line map;
	struct sm_stat_line stat;
	uint64_t number, bytes[4] = { 0 };
	char words[64];
	bool own;

	if (sm_map_parse(text, &map)) {
		must(map.low < map.high && map.name >= text && map.name <= text + strlen(text), "a mapping");
		for (int huge = 0; huge < 2; huge++)
			sm_shared_words(sm_map_kind(&map, &shm, huge), map.name, map.inode, words, sizeof(words));
	}
	(void)sm_smaps_take(&mapped, text);
	(void)sm_numa_maps_parse(text, 4096, &number, bytes, 4);
	(void)sm_futex_parse(text, text, &number, &own);
	(void)sm_stat_parse(text, &stat);
}

/* The text as a pattern, and its part after an equals sign as a parameter's values. */
static void plan(char *text)
{
	const char *patterns[] = { text };
	struct sm_plan_options options = { .patterns = patterns, .pattern_count = 1 };
	struct sm_error err = { 0 };
	struct sm_plan made = { 0 };
	char *equals = strchr(text, '=');

	options.inject = text;
	if (sm_plan_expand(&made, &options, sm_scenarios, sm_scenario_count, &err) == 0) {
		double share;

		(void)!sm_plan_injected(&options, &made.cases[0].c, &share, &err);
		sm_plan_free(&made);
	}
	if (!equals)
		return;
	*equals = '\0';
	patterns[0] = "transport_latency/pipe";
	options.set[0].name = text;
	options.set[0].text = equals + 1;
	options.set_count = 1;
	if (sm_plan_expand(&made, &options, sm_scenarios, sm_scenario_count, &err) == 0)
		sm_plan_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL, "memory");
	memcpy(text, data, size);
	text[size] = '\0';
	parse_words(text);
	parse_proc(text);
	plan(text);
	free(text);
	return 0;
}
