/* Describes the machine, and what was measured on it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

#define DRAWING_WIDTH 860

struct place {
	int pu, core, l3, package, node;
	int core_number, package_number; /* the kernel's, or the logical ones where it has none */
};

/* Nested boxes: the places of one group are adjacent, in hwloc's order. */
struct drawing {
	FILE *out;
	const struct place *place;
	size_t count;
	const json_t *caches;
	bool many_nodes;
	int width; /* of the whole drawing */
};

static void box(FILE *out, const char *class, int x, int y, int width, int height)
{
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>", class, x, y, width,
		height);
}

static void label(FILE *out, const char *class, int x, int y, const char *text)
{
	fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	page_text(out, text);
	fputs("</text>\n", out);
}

static double cache_bytes(const struct drawing *d, int level)
{
	const json_t *cache;
	size_t i;

	json_array_foreach (d->caches, i, cache)
		if (json_integer_value(json_object_get(cache, "level")) == level)
			return (double)json_integer_value(json_object_get(cache, "bytes"));
	return 0;
}

/* The number of places from `from` on that share a core, an L3 or a package (what: 0, 1, 2). */
static size_t alike(const struct drawing *d, size_t from, int what)
{
	const struct place *p = d->place;
	size_t n = 1;

	while (from + n < d->count && p[from + n].package == p[from].package &&
	       (what > 1 || p[from + n].l3 == p[from].l3) && (what > 0 || p[from + n].core == p[from].core))
		n++;
	return n;
}

static int draw_core(const struct drawing *d, size_t from, size_t n, int x, int y)
{
	int width = (int)n * 46 + 12;
	char text[64];

	box(d->out, "core", x, y, width, 58);
	snprintf(text, sizeof(text), "core %d", d->place[from].core_number);
	label(d->out, "small", x + 8, y + 16, text);
	for (size_t i = 0; i < n; i++) {
		box(d->out, "pu", x + 8 + (int)i * 46, y + 23, 42, 27);
		snprintf(text, sizeof(text), "PU %d", d->place[from + i].pu);
		label(d->out, "pu-name", x + 29 + (int)i * 46, y + 41, text);
	}
	return width;
}

/* The cores under one L3; returns the height. */
static int draw_l3(const struct drawing *d, size_t from, size_t n, int x, int y, int width, bool draw)
{
	int at_x = x + 10, at_y = y + 30;
	char text[128], size[SM_TEXT_MAX];
	double bytes = cache_bytes(d, 3);

	for (size_t i = 0; i < n;) {
		size_t pus = alike(d, from + i, 0);
		int wide = (int)pus * 46 + 12;

		if (at_x > x + 10 && at_x + wide > x + width - 10) {
			at_x = x + 10;
			at_y += 66;
		}
		if (draw)
			(void)draw_core(d, from + i, pus, at_x, at_y);
		at_x += wide + 8;
		i += pus;
	}
	if (!draw)
		return at_y + 68 - y;
	if (d->place[from].l3 < 0)
		snprintf(text, sizeof(text), "no common L3");
	else
		snprintf(text, sizeof(text), "L3 %d%s%s", d->place[from].l3, bytes > 0 ? ": " : "",
			 bytes > 0 ? sm_format_bytes(size, bytes) : "");
	if (d->many_nodes)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", NUMA node %d", d->place[from].node);
	label(d->out, "name", x + 10, y + 20, text);
	return at_y + 68 - y;
}

/* One package with its L3 groups; returns its height. */
static int draw_package(const struct drawing *d, size_t from, size_t n, int y)
{
	int at = y + 34, height;
	char text[128];

	for (size_t i = 0; i < n;) {
		size_t pus = alike(d, from + i, 1);

		height = draw_l3(d, from + i, pus, 20, at, d->width - 40, false);
		box(d->out, d->place[from + i].l3 < 0 ? "none" : "l3", 20, at, d->width - 40, height);
		(void)draw_l3(d, from + i, pus, 20, at, d->width - 40, true);
		at += height + 8;
		i += pus;
	}
	if (d->many_nodes)
		snprintf(text, sizeof(text), "package %d", d->place[from].package_number);
	else
		snprintf(text, sizeof(text), "package %d, NUMA node %d", d->place[from].package_number,
			 d->place[from].node);
	label(d->out, "name", 20, y + 24, text);
	return at + 6 - y;
}

/* As wide as the widest row of cores, within limits. */
static int width_of(const struct drawing *d)
{
	int width = 240;

	for (size_t i = 0; i < d->count;) {
		size_t pus = alike(d, i, 1);
		int row = 70;

		for (size_t j = 0; j < pus;) {
			size_t threads = alike(d, i + j, 0);

			row += (int)threads * 46 + 20;
			j += threads;
		}
		width = row > width ? row : width;
		i += pus;
	}
	return width < DRAWING_WIDTH ? width : DRAWING_WIDTH;
}

static int number_of(const json_t *place, const char *number, const char *otherwise)
{
	const json_t *known = json_object_get(place, number);

	return (int)json_integer_value(known ? known : json_object_get(place, otherwise));
}

static struct place *read_places(const json_t *array, size_t *count)
{
	struct place *place = calloc(json_array_size(array) + 1, sizeof(*place));
	const json_t *one;
	size_t i;

	*count = 0;
	if (!place)
		return NULL;
	json_array_foreach (array, i, one)
		place[(*count)++] = (struct place){
			(int)json_integer_value(json_object_get(one, "pu")),
			(int)json_integer_value(json_object_get(one, "core")),
			(int)json_integer_value(json_object_get(one, "l3")),
			(int)json_integer_value(json_object_get(one, "package")),
			(int)json_integer_value(json_object_get(one, "node")),
			number_of(one, "core_number", "core"),
			number_of(one, "package_number", "package"),
		};
	return place;
}

static void draw_topology(struct page *page)
{
	const json_t *machine = json_object_get(page->results->manifest, "environment");
	struct drawing d = { .caches = json_object_get(machine, "caches") };
	struct place *place = read_places(json_object_get(machine, "pu_places"), &d.count);
	struct sm_written written;
	char l1[SM_TEXT_MAX], l2[SM_TEXT_MAX];
	int y = 4;

	if (!place || d.count == 0) {
		page_put(page->out, "p", "The run did not store how its PUs lie: nothing to draw.");
		free(place);
		return;
	}
	d.place = place;
	d.out = sm_written_open(&written);
	d.width = width_of(&d);
	for (size_t i = 1; i < d.count; i++)
		d.many_nodes |= place[i].node != place[0].node && place[i].package == place[0].package;
	for (size_t i = 0; i < d.count;) {
		size_t n = alike(&d, i, 2);
		int header = y;
		int height = draw_package(&d, i, n, y);

		box(d.out, "package", 4, header, d.width - 8, height);
		y += height + 8;
		i += n;
	}
	sm_written_close(&written);
	fprintf(page->out,
		"<figure><div class=\"wide fig topology\" role=\"region\" tabindex=\"0\" "
		"aria-label=\"the machine's topology\"><svg viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" role=\"img\" aria-label=\"topology: %zu PUs\">%s</svg></div><figcaption>",
		d.width, y, d.width, y, d.count, written.text);
	fputs("The processing units (PUs) that the run was allowed to use, as hwloc sees them.", page->out);
	if (cache_bytes(&d, 2) > 0)
		page_printf(page->out, " Each core has its own L2 (%s) and L1 (%s) unless the table says otherwise.",
			    sm_format_bytes(l2, cache_bytes(&d, 2)), sm_format_bytes(l1, cache_bytes(&d, 1)));
	if (json_is_true(json_object_get(machine, "virtual_machine")))
		fputs(" This is a virtual machine: what its cores really are, and whether they move, only the "
		      "measured <a href=\"#classes\">pair classes</a> can tell.",
		      page->out);
	fputs("</figcaption></figure>\n", page->out);
	free(written.text);
	free(place);
}

/* A row of the facts; nothing for a value that the run could not read. */
static void fact(FILE *out, const char *name, const char *value)
{
	if (!*value)
		return;
	fputs("<tr>", out);
	page_put(out, "th scope=\"row\"", name);
	page_put(out, "td", value);
	fputs("</tr>\n", out);
}

static void put_caches(struct page *page)
{
	const json_t *machine = json_object_get(page->results->manifest, "environment"), *cache;
	char text[512] = "", size[SM_TEXT_MAX];
	size_t i, used = 0;

	json_array_foreach (json_object_get(machine, "caches"), i, cache) {
		int pus = (int)json_integer_value(json_object_get(cache, "pus"));

		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%sL%d %s for %d PU%s (lines of %d bytes)", i ? ", " : "",
			(int)json_integer_value(json_object_get(cache, "level")),
			sm_format_bytes(size, (double)json_integer_value(json_object_get(cache, "bytes"))), pus,
			pus == 1 ? "" : "s", (int)json_integer_value(json_object_get(cache, "line_bytes")));
		if (used >= sizeof(text))
			break;
	}
	fact(page->out, "Caches of the first core", text);
}

static int node_number(const json_t *nodes, size_t i)
{
	return (int)json_integer_value(json_object_get(json_array_get(nodes, i), "node"));
}

/* "0-3,8": the nodes at a distance; returns the length. */
static size_t put_range(const json_t *nodes, const json_t *distances, json_int_t distance, char *out, size_t size)
{
	size_t used = 0, count = json_array_size(distances), next;

	for (size_t i = 0; i < count && used < size; i = next) {
		next = i + 1;
		if (json_integer_value(json_array_get(distances, i)) != distance)
			continue;
		while (next < count && json_integer_value(json_array_get(distances, next)) == distance &&
		       node_number(nodes, next) == node_number(nodes, next - 1) + 1)
			next++;
		used += (size_t)snprintf(out + used, size - used, "%s%d", used ? "," : "", node_number(nodes, i));
		if (next - i > 1 && used < size)
			used += (size_t)snprintf(out + used, size - used, "-%d", node_number(nodes, next - 1));
	}
	return used < size ? used : size - 1;
}

/* "; distance 10 to 0, 21 to 1-3; the firmware promises 90 ns": to the nodes, where the firmware tells. */
static void put_distances(const json_t *nodes, const json_t *node, char *out, size_t size)
{
	const json_t *distances = json_object_get(node, "distances"), *distance;
	const json_t *latency = json_object_get(node, "promised_latency_ns");
	const json_t *bandwidth = json_object_get(node, "promised_bandwidth_mib");
	json_int_t last = 0, least = 1;
	size_t i, used = 0;

	out[0] = '\0';
	for (; least > 0; last = least) { /* from the nearest on */
		least = 0;
		json_array_foreach (distances, i, distance)
			if (json_integer_value(distance) > last && (least == 0 || json_integer_value(distance) < least))
				least = json_integer_value(distance);
		if (least > 0 && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s %d to ", used ? "," : "; distance",
						 (int)least);
		if (least > 0 && used < size)
			used += put_range(nodes, distances, least, out + used, size - used);
	}
	if (latency && used < size)
		used += (size_t)snprintf(out + used, size - used, "; the firmware promises %d ns",
					 (int)json_integer_value(latency));
	if (bandwidth && used < size)
		snprintf(out + used, size - used, "; the firmware promises %d MiB/s",
			 (int)json_integer_value(bandwidth));
}

/* "16 PUs, 64 GiB of DRAM" for each NUMA node, where there are several. */
static void put_nodes(struct page *page)
{
	const json_t *machine = json_object_get(page->results->manifest, "environment"), *node;
	const json_t *nodes = json_object_get(machine, "node_places");
	char name[32], text[1024], size[SM_TEXT_MAX];
	size_t i, used;

	json_array_foreach (nodes, i, node) {
		double bytes = json_number_value(json_object_get(node, "bytes"));
		const char *tier = json_string_value(json_object_get(node, "tier"));
		bool memory = json_is_true(json_object_get(node, "has_memory"));
		int pus = (int)json_integer_value(json_object_get(node, "pus"));

		if (json_array_size(nodes) < 2)
			return;
		snprintf(name, sizeof(name), "NUMA node %d", (int)json_integer_value(json_object_get(node, "node")));
		used = (size_t)snprintf(
			text, sizeof(text), "%d PU%s, %s%s%.32s%s", pus, pus == 1 ? "" : "s",
			memory && bytes > 0 ? sm_format_bytes(size, bytes)
			: memory            ? "memory"
					    : "no memory",
			tier ? " of " : "", tier ? tier : "",
			json_is_false(json_object_get(node, "allowed")) ? ", not allowed to this process" : "");
		put_distances(nodes, node, text + used, sizeof(text) - used);
		fact(page->out, name, text);
	}
}

/* On which kind of core single workers and pairs ran, on hybrid machines. */
static void put_kinds(struct page *page)
{
	const json_t *machine = json_object_get(page->results->manifest, "environment"), *kind;
	char name[64], text[256];
	size_t i;

	json_array_foreach (json_object_get(machine, "kinds"), i, kind) {
		json_int_t number = json_integer_value(json_object_get(kind, "kind"));
		const char *told = json_string_value(json_object_get(kind, "name"));
		const char *list = json_string_value(json_object_get(kind, "list"));
		bool home = number == json_integer_value(json_object_get(machine, "home_kind"));

		snprintf(name, sizeof(name), "Cores of kind %d", (int)number);
		snprintf(text, sizeof(text), "PUs %s%s%s%s%s", list ? list : "?", told && *told ? " (" : "",
			 told ? told : "", told && *told ? ")" : "",
			 home ? "; single workers and pairs ran on them, and teams for which they have a core each"
			      : "");
		fact(page->out, name, text);
	}
}

static void put_memory(struct page *page)
{
	double kib = words_number(page->results, "environment/memory_kib");
	double small = words_number(page->results, "environment/hugepages_2m");
	double large = words_number(page->results, "environment/hugepages_1g");
	double base = words_number(page->results, "environment/page_bytes");
	char text[256], size[SM_TEXT_MAX];

	if (isfinite(kib))
		fact(page->out, "Memory", sm_format_bytes(size, kib * 1024));
	if (isfinite(base))
		fact(page->out, "Base pages", sm_format_bytes(size, base));
	if (isfinite(small) || isfinite(large)) {
		snprintf(text, sizeof(text), "%.0f of 2 MiB, %.0f of 1 GiB", isfinite(small) ? small : 0,
			 isfinite(large) ? large : 0);
		fact(page->out, "Huge pages in pools", text);
	}
	if (*words_text(page->results, "environment/thp")) {
		snprintf(text, sizeof(text), "%s; in shared memory: %s%s%s",
			 words_text(page->results, "environment/thp"),
			 words_text(page->results, "environment/thp_shmem"),
			 *words_text(page->results, "environment/thp_defrag") ? "; defrag: " : "",
			 words_text(page->results, "environment/thp_defrag"));
		fact(page->out, "Transparent huge pages", text);
	}
}

void page_machine(struct page *page)
{
	const struct sm_results *r = page->results;
	const json_t *machine = json_object_get(r->manifest, "environment"), *virtual_machine;
	const char *name;
	char text[512];

	page_heading(page->out, 2, "machine", "Which machine");
	draw_topology(page);
	page_table_open(page->out, "facts about the machine");
	fputs("<tbody>\n", page->out);
	snprintf(text, sizeof(text), "%s%s%s", words_text(r, "environment/cpu_model"),
		 *words_text(r, "environment/microcode") ? ", microcode " : "", words_text(r, "environment/microcode"));
	fact(page->out, "CPU", text);
	virtual_machine = json_object_get(machine, "virtual_machine");
	snprintf(text, sizeof(text), "%s%s%s",
		 json_is_true(virtual_machine)    ? "virtual machine"
		 : json_is_false(virtual_machine) ? "no hypervisor is seen"
						  : "whether a hypervisor runs it cannot be seen",
		 *words_text(r, "environment/container") ? ", in a container: " : "",
		 words_text(r, "environment/container"));
	fact(page->out, "Kind", text);
	put_caches(page);
	put_nodes(page);
	put_kinds(page);
	put_memory(page);
	snprintf(text, sizeof(text), "Linux %s%s%s", words_text(r, "environment/kernel"),
		 *words_text(r, "environment/architecture") ? ", " : "", words_text(r, "environment/architecture"));
	fact(page->out, "System", text);
	words_limits(r, text, sizeof(text));
	fact(page->out, "Limits of its control group", text);
	words_setting(r, 0, &name, text, sizeof(text));
	for (unsigned i = 0; name; words_setting(r, ++i, &name, text, sizeof(text)))
		fact(page->out, name, text);
	fact(page->out, "Clock", words_text(r, "environment/clock_source"));
	fact(page->out, "Host", words_text(r, "environment/host"));
	page_table_close(page->out);
	fputs("<p class=\"note\">Every limit and setting that was read is in <a href=\"manifest.json\">"
	      "manifest.json</a>.</p>\n",
	      page->out);
}

/* What could not be measured: each reason once, with its cases. */
static void put_skipped(struct page *page)
{
	const struct sm_results *r = page->results;
	bool any = false;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct sm_sample *s = &r->samples[i];
		const char *comma = "";
		bool seen = s->ended != SM_SKIPPED || s->derived;

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->samples[j].ended == SM_SKIPPED && !r->samples[j].derived &&
			       r->samples[j].reason == s->reason;
		if (seen)
			continue;
		if (!any)
			fputs("<h3 id=\"skipped\">What could not run here</h3>\n<ul>\n", page->out);
		any = true;
		fputs("<li>", page->out);
		for (size_t j = i; j < r->sample_count; j++) {
			const struct sm_case_row *c = &r->cases[r->samples[j].case_index];

			if (r->samples[j].ended != SM_SKIPPED || r->samples[j].derived ||
			    r->samples[j].reason != s->reason)
				continue;
			fprintf(page->out, "%s<b>", comma);
			page_printf(page->out, "%s/%s", c->scenario, c->variant);
			fputs("</b>", page->out);
			comma = ", ";
		}
		fputs(": ", page->out);
		page_text(page->out, s->reason);
		fputs("</li>\n", page->out);
	}
	if (any)
		fputs("</ul>\n", page->out);
}

static void count_scenario(const char *scenario, void *count)
{
	(void)scenario;
	++*(unsigned *)count;
}

static void put_command_line(struct page *page)
{
	const json_t *line = json_object_get(page->results->manifest, "command_line"), *word;
	size_t i;

	if (json_array_size(line) == 0)
		return;
	fputs("<p>It was started as</p>\n<pre tabindex=\"0\"><code>", page->out);
	json_array_foreach (line, i, word)
		page_printf(page->out, "%s%s", i ? " " : "", json_string_value(word));
	fputs("</code></pre>\n", page->out);
}

void page_measured(struct page *page)
{
	const struct sm_results *r = page->results;
	double wall = words_number(r, "wall_s"), timed = words_number(r, "timed_share");
	size_t trials = 0, cases = 0;
	unsigned scenarios = 0;

	for (size_t i = 0; i < r->sample_count; i++)
		trials += !r->samples[i].derived && r->samples[i].ended != SM_SKIPPED;
	for (size_t i = 0; i < r->case_count; i++)
		cases += !r->cases[i].derived;
	words_scenarios(r, count_scenario, &scenarios);
	page_heading(page->out, 2, "measured", "What was measured");
	fputs("<p>", page->out);
	page_printf(page->out, "%u scenario%s with %zu cases, in %zu trials of fresh processes: profile %s, seed %s",
		    scenarios, scenarios == 1 ? "" : "s", cases, trials, words_text(r, "profile"),
		    words_text(r, "seed"));
	if (isfinite(wall))
		page_printf(page->out, ", %.0f seconds", wall);
	if (isfinite(timed))
		page_printf(page->out, ", %.0f %% of them inside timed sections", 100 * timed);
	if (*words_text(r, "started_utc"))
		page_printf(page->out, "; begun %s", words_text(r, "started_utc"));
	if (*words_text(r, "tool/version"))
		page_printf(page->out, ", with shmeter %s", words_text(r, "tool/version"));
	fputs(".", page->out);
	if (!words_is_complete(r))
		fputs(" <strong>The run was interrupted; these are its results so far.</strong>", page->out);
	fputs(" The same seed gives the same plan in the same order.</p>\n", page->out);
	put_command_line(page);
	page_plugins(page);
	put_skipped(page);
}
