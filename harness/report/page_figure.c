/* A figure within the page: gnuplot's SVG, made smaller, in the page's colours, with unique ids. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page.h"

/* From this number on, equal marks in a row become one path. */
#define MARKS_MIN 12

/* What to look for, by kind of figure. */
static const char *const looks[FIGURE_KINDS] = {
	[FIGURE_FOREST] =
		"A dot is the median ratio over the blocks, the bar its 95 % interval. A bar that crosses the dashed "
		"line at 1 shows no difference, which is not the same as equal. Circle: the claim holds; triangle: "
		"it does not; square: this run cannot decide.",
	[FIGURE_FAULTS] =
		"Two marks in one row: the time of a page and the faults behind it. Where both fall together, the "
		"faults were the time.",
	[FIGURE_RUNCHART] =
		"A level line at 1 is a quiet run. A drift or a step says that the machine changed; grey bars are "
		"time that the host took away.",
	[FIGURE_PROBES] =
		"Each hill is a pair class: a distance between two cores as it was measured. More than one hill means "
		"that the cores moved, and that comparisons are made within a hill.",
	[FIGURE_SWEEP] =
		"Lower is better where the axis is a time. Bars are 95 % intervals; where two lines' bars overlap, "
		"the order is not known. A cross marks where a line passes the first one.",
	[FIGURE_CURVE] =
		"From left to right the others use more bandwidth. Where a line turns up, loads wait for each other; "
		"how far right it reaches is what the memory, or the cores, can do.",
	[FIGURE_PERCENTILES] =
		"To the right stand the rare slow operations. A line that leaves the others there has a tail that its "
		"median hides.",
	[FIGURE_FIRST_PASS] =
		"From left to right a process touches page after page. The mark at 0 is what the set-up took: cost "
		"does not vanish by prefaulting, it moves.",
	[FIGURE_DOTS] =
		"Each row is a case, its bar the 95 % interval; colours set apart what is compared with each other.",
	[FIGURE_MATRIX] =
		"Blocks of one colour are cores that share a cache. A pair that differs from its neighbours under the "
		"same outline is worth a look.",
	[FIGURE_NODES] =
		"A row is the node on which the worker ran, a column the node of its memory: on the diagonal both are "
		"the same. Outlined nodes lie in one package.",
	[FIGURE_SURFACE] = "Ridges are caches that help; each edge down is a level that the working set has outgrown.",
};

/* The length up to and including the first `mark`, or up to the text's end: a figure may be incomplete. */
static size_t through(const char *at, char mark)
{
	const char *found = strchr(at, mark);

	return found ? (size_t)(found - at) + 1 : strlen(at);
}

struct svg {
	FILE *out;
	unsigned number; /* prefix of its ids */
	bool recolour;   /* black becomes the page's text colour, white its background */
};

/* Attributes with default values, or with values that the page's style sets. */
static const char *const needless[] = { " stroke-linecap=\"butt\"",    " stroke-linejoin=\"miter\"",
					" font-family=\"sans-serif\"", " font-size=\"13.00\"",
					" class=\"gridline\"",         " id=\"gnuplot_canvas\"" };

static size_t skip_needless(const struct svg *s, const char *at)
{
	for (size_t i = 0; i < sizeof(needless) / sizeof(needless[0]); i++)
		if (strncmp(at, needless[i], strlen(needless[i])) == 0)
			return strlen(needless[i]);
	if (strncmp(at, " id=\"gnuplot_plot_", 18) == 0)
		return 18 + through(at + 18, '"');
	if (s->recolour && strncmp(at, " color=\"black\"", 14) == 0)
		return 14;
	if (s->recolour && strncmp(at, " color='rgb(  0,   0,   0)'", 27) == 0)
		return 27;
	return 0;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* "rgb(  0, 114, 178)" becomes "#0072b2"; returns how much was read. */
static size_t put_colour(const struct svg *s, const char *at)
{
	unsigned r, g, b;
	int length = 0;

	if (sscanf(at, "rgb(%u,%u,%u)%n", &r, &g, &b, &length) != 3 || length == 0)
		return 0;
	if (s->recolour && r == g && g == b && r < 0x66)
		fputs("currentColor", s->out);
	else
		fprintf(s->out, "#%02x%02x%02x", r & 255, g & 255, b & 255);
	return (size_t)length;
}

/* Makes an id unique to this figure, because gnuplot uses the same ids in every file.  The marks are shared. */
static size_t put_id(const struct svg *s, const char *at)
{
	static const char *const before[] = { " id=\"", " id='", " href=\"#", " xlink:href='#", "url(#", "url('#" };

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		if (!starts(at, before[i]))
			continue;
		fputs(starts(before[i], " xlink:") ? " href='#" : before[i], s->out);
		if (!starts(at + strlen(before[i]), "gpPt"))
			fprintf(s->out, "f%u-", s->number);
		return strlen(before[i]);
	}
	return 0;
}

/* A number with at most one decimal: a tenth of a pixel is precise enough. */
static size_t put_number(const struct svg *s, const char *at)
{
	size_t whole = strspn(at, "0123456789"), decimals;

	if (whole == 0 || at[whole] != '.')
		return 0;
	decimals = strspn(at + whole + 1, "0123456789");
	fwrite(at, 1, whole, s->out);
	if (decimals > 0 && at[whole + 1] != '0')
		fprintf(s->out, ".%c", at[whole + 1]);
	return whole + 1 + decimals;
}

/* The inside of one tag up to its '>'. */
static const char *put_tag(const struct svg *s, const char *at)
{
	char last = '<';

	fputc(*at++, s->out);
	while (*at && *at != '>') {
		size_t used = skip_needless(s, at);
		bool digit = isdigit((unsigned char)*at) && !isdigit((unsigned char)last);

		if (used == 0)
			used = put_id(s, at);
		if (used == 0 && s->recolour && (last == '"' || last == '\'') && starts(at, "black")) {
			fputs("currentColor", s->out);
			used = 5;
		}
		if (used == 0 && *at == 'r')
			used = put_colour(s, at);
		if (used == 0 && digit)
			used = put_number(s, at);
		if (used == 0 && isspace((unsigned char)*at)) {
			used = strspn(at, " \t\n");
			if (!strchr(">/'\"", at[used]))
				fputc(' ', s->out);
		}
		if (used == 0) {
			fputc(*at, s->out);
			used = 1;
		}
		at += used;
		last = at[-1];
	}
	fputc('>', s->out);
	return *at ? at + 1 : at;
}

/* A mark drawn by gnuplot: its kind, position and size. */
struct mark {
	unsigned kind;
	double x, y, scale;
	char color[32];
};

static size_t read_mark(const char *at, struct mark *m)
{
	int length = 0;

	if (sscanf(at, "<use xlink:href='#gpPt%u' transform='translate(%lf,%lf) scale(%lf)' color='%31[^']'/>%n",
		   &m->kind, &m->x, &m->y, &m->scale, m->color, &length) != 5 ||
	    length == 0)
		return 0;
	return (size_t)length + strspn(at + length, " \t\n");
}

static bool same_mark(const struct mark *a, const struct mark *b)
{
	return a->kind == b->kind && a->scale == b->scale && strcmp(a->color, b->color) == 0;
}

/* The outline of a mark around (0, 0), for a path of many marks: 3, 4 squares; 5, 6 circles; 7, 8 triangles; 9, 10
 * inverted triangles.  Returns whether the mark is one of these. */
static bool mark_outline(const struct mark *m, char *out, size_t size)
{
	double s = m->scale;

	switch (m->kind) {
	case 3:
	case 4: snprintf(out, size, "m-%.1f-%.1fh%.1fv%.1fh-%.1fz", s, s, 2 * s, 2 * s, 2 * s); return true;
	case 5:
	case 6:
		snprintf(out, size, "m-%.1f 0a%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0-%.1f 0z", s, s, s, 2 * s, s, s,
			 2 * s);
		return true;
	case 7:
	case 8: snprintf(out, size, "m0-%.1fl-%.1f %.1fh%.1fz", 1.3 * s, 1.3 * s, 2 * s, 2.6 * s); return true;
	case 9:
	case 10: snprintf(out, size, "m0 %.1fl-%.1f-%.1fh%.1fz", 1.3 * s, 1.3 * s, 2 * s, 2.6 * s); return true;
	default: return false;
	}
}

/* Writes many marks of one kind as one path.  Returns where it stopped reading, NULL if there are too few marks. */
static const char *put_marks(const struct svg *s, const char *at)
{
	struct mark first, next;
	char outline[96];
	const char *end = at;
	size_t used, count = 0;
	bool filled;

	if (read_mark(at, &first) == 0 || !mark_outline(&first, outline, sizeof(outline)))
		return NULL;
	while ((used = read_mark(end, &next)) && same_mark(&first, &next)) {
		end += used;
		count++;
	}
	if (count < MARKS_MIN)
		return NULL;
	filled = first.kind % 2 == 0;
	if (first.kind == 6) { /* a dot is a line of zero length with round ends: the shortest text */
		snprintf(outline, sizeof(outline), "h0");
		fprintf(s->out, "<path stroke-linecap='round' stroke-width='%.1f' stroke='", 2 * first.scale);
	} else {
		fprintf(s->out, "<path %s='", filled ? "fill" : "stroke-width='1' stroke");
	}
	if (put_colour(s, first.color) == 0)
		fputs("currentColor", s->out);
	if (filled && first.kind != 6)
		fputs("' stroke='none", s->out);
	fputs("' d='", s->out);
	for (; at < end && (used = read_mark(at, &next)); at += used)
		fprintf(s->out, "M%.0f %.0f%s", next.x, next.y, outline);
	fputs("'/>", s->out);
	return end;
}

/* Skips a group without content, or the title of a plot without a name. */
static size_t skip_element(const char *at)
{
	if (starts(at, "<title>gnuplot_plot_") || starts(at, "<title>Gnuplot") || starts(at, "<desc>")) {
		const char *end = strchr(at + 1, '<');

		return end ? (size_t)(end - at) + through(end, '>') : 0;
	}
	if (starts(at, "<filter id='textbox'") || starts(at, "<filter id='greybox'")) {
		const char *end = strstr(at, "</filter>");

		return end ? (size_t)(end - at) + 9 : 0;
	}
	if (starts(at, "<g fill=\"none\" color=")) {
		size_t open = through(at, '>'), space = strspn(at + open, " \t\n");

		if (starts(at + open + space, "</g>"))
			return open + space + 4;
	}
	return 0;
}

/* The shape of a mark: the page defines each once. */
static bool is_shape(const char *at)
{
	const char *end = strchr(at, '>'), *id = strstr(at, " id='gp");

	return end && id && id < end && (starts(id, " id='gpPt") || starts(id, " id='gpDot"));
}

static void put_svg(const struct svg *s, const char *at)
{
	while (*at) {
		const char *after = NULL;
		size_t used = 0;

		if (*at != '<') {
			used = strcspn(at, "<");
			if (strspn(at, " \t\n") < used)
				fwrite(at, 1, used, s->out);
			at += used;
			continue;
		}
		used = skip_element(at);
		if (used == 0 && (is_shape(at) || (s->recolour && starts(at, "<rect x=\"0\" y=\"0\""))))
			used = through(at, '>');
		if (used == 0)
			after = put_marks(s, at);
		at = used ? at + used : after ? after : put_tag(s, at);
	}
}

static void put_links(const struct page *page, const struct figure *f)
{
	fprintf(page->out,
		" <span class=\"links\">Data: <a href=\"plots/%s.dat\">%s.dat</a>; redraw with <a "
		"href=\"plots/%s.gp\">%s.gp</a>; picture as <a href=\"plots/%s.svg\">SVG</a> or <a "
		"href=\"plots/%s.png\">PNG</a>.</span>",
		f->name, f->name, f->name, f->name, f->name, f->name);
}

static void put_inline(struct page *page, const struct figure *f, const char *text, const char *size)
{
	/* the colours of these were chosen for their own background */
	bool paper = f->kind == FIGURE_MATRIX || f->kind == FIGURE_NODES || f->kind == FIGURE_SURFACE;
	struct svg svg = { page->out, ++page->figures_put, !paper };
	long before = ftell(page->out);
	double width = 900, height = 540;

	(void)sscanf(size, "viewBox=\"0 0 %lf %lf\"", &width, &height);
	fprintf(page->out, "<figure><div class=\"wide fig%s\" role=\"region\" tabindex=\"0\" aria-label=\"figure: ",
		paper ? " paper" : "");
	page_text(page->out, f->title);
	fprintf(page->out,
		"\"><svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" font-size=\"13\" role=\"img\" aria-label=\"",
		width, height, width, height);
	page_text(page->out, f->title);
	fputs("\">", page->out);
	put_svg(&svg, text);
	fputs("</div><figcaption>", page->out);
	page_text(page->out, looks[f->kind]);
	put_links(page, f);
	fputs("</figcaption></figure>\n", page->out);
	page->figure_bytes += (size_t)(ftell(page->out) - before);
}

bool page_has_data(const struct page *page, const struct figure *f)
{
	char path[4400];

	snprintf(path, sizeof(path), "%s/plots/%s.dat", page->results->out, f->name);
	return access(path, R_OK) == 0;
}

void page_figure(struct page *page, const struct figure *f)
{
	bool drawn = page->drawn && page->drawn->figure[f - page->figures];
	char path[4400], *text;
	const char *svg, *size;

	if (!page_has_data(page, f)) /* no picture was drawn: a file there is from an earlier time */
		return;
	snprintf(path, sizeof(path), "%s/plots/%s.svg", page->results->out, f->name);
	text = drawn ? figures_read(path) : NULL; /* a picture that came with the folder may contain scripts */
	svg = text ? strstr(text, "<svg") : NULL;
	size = svg ? strstr(svg, "viewBox") : NULL;
	svg = svg ? strchr(svg, '>') : NULL;
	if (!svg || !size) {
		fprintf(page->out,
			"<p class=\"note\">Not drawn: %s. Its data are in <a href=\"plots/%s.dat\">%s.dat</a>; with "
			"gnuplot installed <code>shmeter report</code> draws it.</p>\n",
			f->name, f->name, f->name);
	} else if (page->figure_bytes + strlen(svg) / 2 > page->figure_bytes_max) {
		fputs("<p class=\"note\">", page->out);
		page_text(page->out, f->title);
		fputs(": beside the page, to keep it light.", page->out);
		put_links(page, f);
		fputs("</p>\n", page->out);
	} else {
		put_inline(page, f, svg + 1, size);
	}
	free(text);
}

void page_figure_of(struct page *page, enum figure_kind kind)
{
	for (unsigned i = 0; i < page->figure_count; i++)
		if (page->figures[i].kind == kind)
			page_figure(page, &page->figures[i]);
}
