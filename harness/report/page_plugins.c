/* The plug-ins that a run measured: as a list, and as options of a command that measures again. */
#include <time.h>

#include "page.h"
#include "words.h"

#define PLUGINS_MAX 64

static const json_t *plugins_of(const struct page *page)
{
	return json_object_get(json_object_get(page->results->manifest, "options"), "plugins");
}

static const char *file_of(const json_t *plugin)
{
	const char *file = json_string_value(json_object_get(plugin, "name"));

	return file ? file : "";
}

/* Whether a case measured the code of this file. */
static bool is_of(const struct page *page, const struct sm_case_row *row, const char *file)
{
	const char *measured = json_string_value(json_object_get(words_plugin(page->results, row), "file"));

	return measured && sm_name_of(measured) == sm_name_of(file);
}

void page_plugin_options(const struct page *page, sm_name scenario, FILE *out)
{
	const struct sm_results *r = page->results;
	const json_t *plugins = plugins_of(page);
	bool used[PLUGINS_MAX] = { false };

	for (size_t c = 0; json_array_size(plugins) > 0 && c < r->case_count; c++)
		for (size_t i = 0; r->cases[c].scenario == scenario && i < json_array_size(plugins) && i < PLUGINS_MAX;
		     i++)
			used[i] |= is_of(page, &r->cases[c], file_of(json_array_get(plugins, i)));
	for (size_t i = 0; i < PLUGINS_MAX; i++)
		if (used[i])
			page_option(out, "plugin", file_of(json_array_get(plugins, i)));
}

/* The distinct variants of a file. */
static void put_variants(const struct page *page, const char *file)
{
	const struct sm_results *r = page->results;
	bool any = false;

	for (size_t c = 0; c < r->case_count; c++) {
		bool seen = !is_of(page, &r->cases[c], file);

		for (size_t before = 0; before < c && !seen; before++)
			seen = r->cases[before].variant == r->cases[c].variant;
		if (!seen)
			page_printf(page->out, "%s%s", any ? ", " : ": ", r->cases[c].variant);
		any |= !seen;
	}
}

/* Size and time of change of the file, as sm_plugin_describe() identifies it: "20832 bytes of 1795848665.516060774". */
static void put_identity(const struct page *page, const char *identity)
{
	long long bytes, seconds;
	struct tm tm;
	time_t when;
	char day[64];

	if (!identity || sscanf(identity, "%lld bytes of %lld.", &bytes, &seconds) != 2)
		return;
	when = (time_t)seconds;
	if (gmtime_r(&when, &tm) && strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		page_printf(page->out, " (%lld bytes, changed %s)", bytes, day);
}

void page_plugins(const struct page *page)
{
	const json_t *plugins = plugins_of(page), *one;
	size_t i;

	if (json_array_size(plugins) == 0)
		return;
	fputs("<p>Plug-ins, which are code of others:</p>\n<ul>\n", page->out);
	json_array_foreach (plugins, i, one) {
		fputs("<li>", page->out);
		page_put(page->out, "code", file_of(one));
		put_identity(page, json_string_value(json_object_get(one, "values")));
		put_variants(page, file_of(one));
		fputs("</li>\n", page->out);
	}
	fputs("</ul>\n", page->out);
}
