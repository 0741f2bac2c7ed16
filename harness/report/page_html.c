/* Escaped text and small elements of the page. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shmeter/memory.h"
#include "shmeter/plan.h"
#include "words.h"

void page_text(FILE *out, const char *text)
{
	sm_put_encoded(out, SM_TO_MARKUP, text);
}

void page_printf(FILE *out, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		sm_no_memory();
	page_text(out, text);
	va_end(list);
	free(text);
}

void page_put(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	page_text(out, text);
	fprintf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_heading(FILE *out, unsigned level, const char *id, const char *text)
{
	fprintf(out, "<h%u id=\"%s\">", level, id);
	page_text(out, text);
	fprintf(out, "</h%u>\n", level);
}

/* "not testable" */
static const char *verdict_words(enum sm_verdict verdict)
{
	return verdict == SM_NOT_TESTABLE ? "not testable" : sm_verdict_name(verdict);
}

void page_badge(FILE *out, enum sm_verdict verdict)
{
	static const char *const shape[] = { "·", "●", "▲", "■", "◇" };

	fprintf(out, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
		sm_verdict_name(verdict), shape[verdict], verdict_words(verdict));
}

void page_table_open(FILE *out, const char *what)
{
	fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
	page_text(out, what);
	fputs("\"><table>\n", out);
}

void page_table_close(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

void page_table_head(FILE *out, const char *columns)
{
	fputs("<thead><tr>", out);
	while (*columns) {
		size_t length = strcspn(columns, "|");
		bool number = *columns == '#';
		char *name = strndup(columns + number, length - number);

		fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
		page_text(out, name ? name : "");
		fputs("</th>", out);
		free(name);
		columns += length + (columns[length] == '|');
	}
	fputs("</tr></thead><tbody>\n", out);
}

const char *page_anchor(const char *text, char out[128])
{
	size_t i = 0;

	for (; text[i] && i < 127; i++)
		out[i] = (char)(isalnum((unsigned char)text[i]) || text[i] == '_' ? text[i] : '-');
	out[i] = '\0';
	return out;
}

/* A shell argument for the reader to copy: quoted unless it is a plain word. */
static void put_argument(FILE *out, const char *text)
{
	char quoted[1024];

	if (*text && !text[strcspn(text, " !\"#$&'()*;<>?[\\]^`{|}~")])
		page_printf(out, " %s", text);
	else
		page_printf(out, " '%s'", sm_encode(SM_TO_SHELL, text, quoted, sizeof(quoted)));
}

void page_option(FILE *out, const char *option, const char *value)
{
	if (!*value)
		return;
	page_printf(out, " --%s", option);
	put_argument(out, value);
}

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
	put_argument(out, scenario);
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
