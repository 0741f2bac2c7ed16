/* The command that measures a scenario again as a run did. */
#include "page.h"
#include "shmeter/plan.h"
#include "words.h"

/* The number of blocks requested for the scenario's groups; 0: the profile's. */
static double blocks_asked(const struct page *page, const char *scenario)
{
	const json_t *options = json_object_get(page->results->manifest, "options"), *glob;
	const struct sm_scenario *known = words_scenario(page->options, scenario);
	size_t i;

	json_array_foreach (json_object_get(options, "longer"), i, glob) {
		const char *text = json_string_value(glob);
		const struct sm_plan_options longer = { .patterns = &text, .pattern_count = 1 };

		if (known && text && sm_plan_chooses(&longer, known))
			return words_number(page->results, "options/longer_blocks");
	}
	return words_number(page->results, "options/repeat_blocks");
}

void page_command(const struct page *page, const char *scenario, FILE *out)
{
	const json_t *options = json_object_get(page->results->manifest, "options"), *one;
	static const char *const names[] = { "placement", "kind", "backing", "pages", "prefault", "numa" };
	sm_name list = sm_name_of(sm_placement_name(SM_PLACE_LIST));
	char path[64], pus[512] = "";
	size_t i, used = 0;

	fputs("<pre tabindex=\"0\"><code>", out);
	page_text(out, "shmeter run");
	page_argument(out, scenario);
	page_plugin_options(page, sm_name_of(scenario), out);
	page_option(out, "profile", words_text(page->results, "profile"));
	page_option(out, "seed", words_text(page->results, "seed"));
	json_array_foreach (json_object_get(options, "set"), i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *values = json_string_value(json_object_get(one, "values"));
		char set[512];

		snprintf(set, sizeof(set), "%s=%s", name ? name : "", values ? values : "");
		page_option(out, "set", set);
	}
	json_array_foreach (json_object_get(options, "pus"), i, one)
		if (used < sizeof(pus) - 16)
			used += (size_t)snprintf(pus + used, sizeof(pus) - used, "%s%d", i ? "," : "",
						 (int)json_integer_value(one));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value;

		snprintf(path, sizeof(path), "options/%s", names[i]);
		value = words_text(page->results, path);
		page_option(out, names[i], sm_name_of(value) == list ? pus : value);
	}
	/* a longer time budget than the default of a standard run; a shorter one was meant for all selected
	 * scenarios */
	if (words_number(page->results, "options/budget_ns") > SM_STANDARD_BUDGET_NS)
		page_printf(out, " --budget %.0fs", words_number(page->results, "options/budget_ns") / 1e9);
	if (blocks_asked(page, scenario) > 0)
		page_printf(out, " --repeat-blocks %.0f", blocks_asked(page, scenario));
	if (words_number(page->results, "options/slice_ns") > 0)
		page_printf(out, " --slice %.0fns", words_number(page->results, "options/slice_ns"));
	if (words_number(page->results, "options/slices") > 0)
		page_printf(out, " --slices %.0f", words_number(page->results, "options/slices"));
	fputs("</code></pre>\n", out);
}
