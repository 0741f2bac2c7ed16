/* Four variants that differ in two properties (struct sm_corners) as one small table: as text and on the page. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "grid.h"
#include "page.h"
#include "ranking.h"
#include "shmeter/text.h"
#include "words.h"

struct table {
	char heading[256], at[320];
	char cell[3][3]
		 [96]; /* [row][column]; the last column is the ratio to the right, the last row the ratio downwards */
};

static const struct sm_summary_row *summary_of(const struct sm_results *r, sm_name scenario, sm_name group,
					       sm_name variant)
{
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];

		if (!c->derived && c->scenario == scenario && c->variant == variant && c->group == group &&
		    r->summaries[i].value.count > 0)
			return &r->summaries[i];
	}
	return NULL;
}

static void ratio_text(const struct sm_results *r, sm_name group, const char *left, const char *right, char *out,
		       size_t size)
{
	struct sm_interval ratio;

	if (!ranking_ratio(r, group, sm_name_of(left), sm_name_of(right), &ratio))
		snprintf(out, size, "-");
	else if (!isfinite(ratio.low))
		snprintf(out, size, "%.3g x (no interval)", ratio.estimate);
	else
		snprintf(out, size, "%.3g x (%.3g to %.3g)", ratio.estimate, ratio.low, ratio.high);
}

/* The first point at which a scenario has a value for all four; false: there is none. */
static bool fill(const struct sm_results *r, const struct sm_scenario *scenario, struct table *t)
{
	const struct sm_corners *corners = scenario->corners;
	sm_name group = NULL, name = sm_name_of(scenario->name), variant[4];

	for (unsigned k = 0; k < 4; k++)
		variant[k] = sm_name_of(corners->variant[k / 2][k % 2]);

	for (size_t i = 0; i < r->case_count && !group; i++) {
		bool all = !r->cases[i].derived && r->cases[i].scenario == name;

		for (unsigned k = 0; k < 4 && all; k++)
			all = summary_of(r, name, r->cases[i].group, variant[k]);
		group = all ? r->cases[i].group : NULL;
	}
	if (!group)
		return false;
	for (unsigned k = 0; k < 4; k++) {
		const struct sm_summary_row *s = summary_of(r, name, group, variant[k]);
		const struct sm_case_row *c = &r->cases[s->case_index];
		char point[192];

		words_interval(&s->value, c->unit, t->cell[k / 2][k % 2], sizeof(t->cell[0][0]));
		words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
		snprintf(t->at, sizeof(t->at), "%s: %s (95 %% interval), %s", scenario->name, c->metric, point);
	}
	for (unsigned i = 0; i < 2; i++) {
		ratio_text(r, group, corners->variant[i][1], corners->variant[i][0], t->cell[i][2],
			   sizeof(t->cell[0][0]));
		ratio_text(r, group, corners->variant[1][i], corners->variant[0][i], t->cell[2][i],
			   sizeof(t->cell[0][0]));
	}
	t->cell[2][2][0] = '\0';
	snprintf(t->heading, sizeof(t->heading), "%s or %s, %s or %s", corners->row[0], corners->row[1],
		 corners->column[0], corners->column[1]);
	t->heading[0] = (char)toupper((unsigned char)t->heading[0]);
	return true;
}

static void row_name(const struct sm_corners *corners, unsigned row, char *out, size_t size)
{
	if (row < 2)
		snprintf(out, size, "%s", corners->row[row]);
	else
		snprintf(out, size, "%s / %s", corners->row[1], corners->row[0]);
}

static void print_one(const struct sm_results *r, const struct sm_report_options *options,
		      const struct sm_scenario *scenario, FILE *out)
{
	const struct sm_corners *corners = scenario->corners;
	struct grid grid;
	struct table t;
	char right[96];

	if (!fill(r, scenario, &t))
		return;
	snprintf(right, sizeof(right), "%s / %s", corners->column[1], corners->column[0]);
	fprintf(out, "\n%s%s%s\n", options->color ? "\033[1m" : "", t.heading, options->color ? "\033[0m" : "");
	sm_wrap(out, "  ", 2, words_width(options), t.at);
	grid = grid_open(4, 4, 1, 1);
	for (unsigned column = 0; column < 3; column++)
		snprintf(grid_cell(&grid, 0, column + 1), GRID_CELL, "%s",
			 column < 2 ? corners->column[column] : right);
	for (unsigned row = 0; row < 3; row++) {
		row_name(corners, row, grid_cell(&grid, row + 1, 0), GRID_CELL);
		for (unsigned column = 0; column < 3; column++)
			snprintf(grid_cell(&grid, row + 1, column + 1), GRID_CELL, "%s", t.cell[row][column]);
	}
	grid_print(&grid, 2, words_width(options), out);
	grid_close(&grid);
}

void corners_print(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	for (size_t i = 0; i < options->scenario_count; i++)
		if (options->scenarios[i]->corners)
			print_one(results, options, options->scenarios[i], out);
}

void page_corners(struct page *page, sm_name scenario)
{
	const struct sm_scenario *registered = words_scenario(page->options, scenario);
	char name[64], head[256];
	struct table t;

	if (!registered || !registered->corners || !fill(page->results, registered, &t))
		return;
	snprintf(head, sizeof(head), "|#%s|#%s|#%s / %s", registered->corners->column[0],
		 registered->corners->column[1], registered->corners->column[1], registered->corners->column[0]);
	page_table_open(page->out, t.heading);
	fputs("<caption><span>", page->out);
	page_printf(page->out, "%s: %s", t.heading, t.at);
	fputs("</span></caption>", page->out);
	page_table_head(page->out, head);
	for (unsigned row = 0; row < 3; row++) {
		row_name(registered->corners, row, name, sizeof(name));
		fputs("<tr>", page->out);
		page_put(page->out, "th scope=\"row\"", name);
		for (unsigned column = 0; column < 3; column++)
			page_put(page->out, "td class=\"n\"", t.cell[row][column]);
		fputs("</tr>\n", page->out);
	}
	page_table_close(page->out);
}
