/* The variants of one point of a scenario, best first, and which of them are ties. */
#include "ranking.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

static const struct sm_interval unknown = { NAN, NAN, NAN, NAN, 0 };

static bool turn(const struct sm_pair_row *pair, sm_name left, sm_name right, struct sm_interval *out)
{
	const struct sm_interval *ratio = &pair->ratio;

	if (!isfinite(ratio->estimate))
		return false;
	*out = *ratio;
	if (pair->left == left && pair->right == right)
		return true;
	out->estimate = 1 / ratio->estimate;
	out->low = 1 / ratio->high;
	out->high = 1 / ratio->low;
	return pair->left == right && pair->right == left;
}

bool ranking_ratio(const struct sm_results *results, sm_name group, sm_name left, sm_name right,
		   struct sm_interval *out)
{
	for (size_t i = 0; i < results->pair_count; i++)
		if (results->pairs[i].leading && results->pairs[i].group == group &&
		    turn(&results->pairs[i], left, right, out))
			return true;
	*out = unknown;
	return false;
}

static bool ratio_of(const struct ranking *ranking, const struct ranked *left, const struct ranked *right,
		     struct sm_interval *out)
{
	for (size_t i = 0; i < ranking->pair_count; i++)
		if (turn(ranking->pair[i], left->c->variant, right->c->variant, out))
			return true;
	*out = unknown;
	return false;
}

bool ranking_is_better(const struct ranking *ranking, const struct ranked *one, const struct ranked *other)
{
	struct sm_interval ratio;

	if (ranking->paired && ratio_of(ranking, one, other, &ratio) && isfinite(ratio.low))
		return ratio.high < 1;
	return one->figure.high < other->figure.low; /* false if either is unknown */
}

static bool has_interval(const struct ranked *row)
{
	return isfinite(row->figure.low);
}

/* Those without a rank last. */
static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	unsigned first = x->rank ? x->rank : UINT_MAX, second = y->rank ? y->rank : UINT_MAX;

	if (first != second)
		return first < second ? -1 : 1;
	return (x->figure.estimate > y->figure.estimate) - (x->figure.estimate < y->figure.estimate);
}

void ranking_order(struct ranking *ranking)
{
	struct ranked *row = ranking->row;

	for (size_t i = 0; i < ranking->count; i++) {
		row[i].rank = has_interval(&row[i]);
		for (size_t j = 0; j < ranking->count && row[i].rank; j++)
			row[i].rank += ranking_is_better(ranking, &row[j], &row[i]);
	}
	for (size_t i = 0; i < ranking->count; i++) {
		row[i].tied = false;
		for (size_t j = 0; j < ranking->count; j++)
			row[i].tied |= j != i && row[i].rank && row[j].rank == row[i].rank;
	}
	qsort(row, ranking->count, sizeof(*row), by_rank);
}

struct ranking ranking_open(const struct sm_results *results, sm_name group)
{
	struct ranking ranking = { .results = results, .paired = true };

	ranking.row = sm_zeroed_memory(results->summary_count + 1, sizeof(*ranking.row));
	ranking.pair = sm_zeroed_memory(results->pair_count + 1, sizeof(*ranking.pair));
	for (size_t i = 0; i < results->pair_count; i++)
		if (results->pairs[i].leading && results->pairs[i].group == group)
			ranking.pair[ranking.pair_count++] = &results->pairs[i];
	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_summary_row *summary = &results->summaries[i];
		const struct sm_case_row *c = &results->cases[summary->case_index];

		if (c->group != group)
			continue;
		ranking.metric = c->metric;
		if (summary->value.count > 0 && isfinite(summary->value.estimate))
			ranking.row[ranking.count++] =
				(struct ranked){ .c = c, .summary = summary, .figure = summary->value };
	}
	for (size_t i = 0; i < ranking.count; i++)
		ratio_of(&ranking, &ranking.row[i], &ranking.row[0], &ranking.row[i].ratio);
	ranking.baseline = ranking.count > 0 ? ranking.row[0].c->variant : NULL;
	ranking_order(&ranking);
	return ranking;
}

void ranking_close(struct ranking *ranking)
{
	free(ranking->row);
	free((void *)ranking->pair);
}

/* The columns.  If the terminal is too narrow, columns that follow from others are dropped first. */
enum column { RANK, VARIANT, MEDIAN, INTERVAL, RATIO, RATIO_INTERVAL, CPU, RATE, BYTES, ONE_WAY, SWITCHES, COLUMNS };
static const uint8_t drop[COLUMNS] = { [RATIO_INTERVAL] = 5, [ONE_WAY] = 4, [SWITCHES] = 3, [BYTES] = 2, [RATE] = 1 };

/* Whether messages follow one another, so that the time gives the number per second. */
static bool has_messages(const struct sm_case_row *c)
{
	return c->transfers_per_op > 0 && c->bytes_per_op > 0;
}

/* The same for operations; bandwidth, if there is any, says more, and latencies may overlap. */
static bool has_rate(const struct sm_case_row *c)
{
	return !(c->transfers_per_op > 0) && !(c->bytes_per_op > 0);
}

static void head(const struct ranking *ranking, const struct grid *grid)
{
	const struct sm_case_row *c = ranking->row[0].c;

	snprintf(grid_cell(grid, 0, VARIANT), GRID_CELL, "variant");
	snprintf(grid_cell(grid, 0, MEDIAN), GRID_CELL, "%s", ranking->paired ? "median" : ranking->metric);
	snprintf(grid_cell(grid, 0, INTERVAL), GRID_CELL, "95 %% interval");
	snprintf(grid_cell(grid, 0, CPU), GRID_CELL, "CPU");
	snprintf(grid_cell(grid, 0, SWITCHES), GRID_CELL, "switches");
	if (ranking->baseline && ranking->paired) {
		/* a longer name would need the space of a column */
		snprintf(grid_cell(grid, 0, RATIO), GRID_CELL, strlen(ranking->baseline) > 8 ? "ratio" : "x %s",
			 ranking->baseline);
		snprintf(grid_cell(grid, 0, RATIO_INTERVAL), GRID_CELL, "95 %% interval");
	}
	if (!ranking->paired)
		return;
	if (has_messages(c) || has_rate(c))
		snprintf(grid_cell(grid, 0, RATE), GRID_CELL, has_messages(c) ? "messages" : "rate");
	if (c->transfers_per_op > 1)
		snprintf(grid_cell(grid, 0, ONE_WAY), GRID_CELL, "one way");
	if (c->bytes_per_op > 0)
		snprintf(grid_cell(grid, 0, BYTES), GRID_CELL, "bytes");
}

/* Values that follow from the time: messages and bytes per second, one way. */
static void derive(const struct grid *grid, unsigned line, const struct ranked *row)
{
	const struct sm_case_row *c = row->c;
	double time = row->summary->value.estimate;
	char text[SM_TEXT_MAX];

	if (!(time > 0))
		return;
	if (has_messages(c) || has_rate(c))
		snprintf(grid_cell(grid, line, RATE), GRID_CELL, "%s",
			 sm_format_rate(text, (has_messages(c) ? c->transfers_per_op : 1) * 1e9 / time));
	if (c->transfers_per_op > 1)
		snprintf(grid_cell(grid, line, ONE_WAY), GRID_CELL, "%s",
			 sm_format_ns(text, time / c->transfers_per_op));
	if (c->bytes_per_op > 0)
		snprintf(grid_cell(grid, line, BYTES), GRID_CELL, "%.3g GB/s", c->bytes_per_op / time);
}

static void fill(const struct ranking *ranking, const struct grid *grid, unsigned line, const struct ranked *row)
{
	const struct sm_summary_row *s = row->summary;
	bool is_baseline = ranking->baseline && row->c->variant == ranking->baseline;
	char text[SM_TEXT_MAX];

	if (row->rank)
		snprintf(grid_cell(grid, line, RANK), GRID_CELL, "%u%s", row->rank, row->tied ? "=" : "");
	else
		snprintf(grid_cell(grid, line, RANK), GRID_CELL, "-");
	snprintf(grid_cell(grid, line, VARIANT), GRID_CELL, "%.60s", row->c->variant);
	words_value(grid_cell(grid, line, MEDIAN), GRID_CELL, row->figure.estimate, row->c->unit);
	if (has_interval(row))
		words_range(grid_cell(grid, line, INTERVAL), GRID_CELL, &row->figure, row->c->unit);
	else
		snprintf(grid_cell(grid, line, INTERVAL), GRID_CELL, "none, n = %zu", row->figure.count);
	if (is_baseline && ranking->paired)
		snprintf(grid_cell(grid, line, RATIO), GRID_CELL, "1");
	else if (ranking->paired && isfinite(row->ratio.estimate))
		snprintf(grid_cell(grid, line, RATIO), GRID_CELL, "%.3g", row->ratio.estimate);
	if (!is_baseline && ranking->paired && isfinite(row->ratio.low))
		snprintf(grid_cell(grid, line, RATIO_INTERVAL), GRID_CELL, "%.3g to %.3g", row->ratio.low,
			 row->ratio.high);
	if (isfinite(s->cpu_ns_per_op))
		snprintf(grid_cell(grid, line, CPU), GRID_CELL, "%s", sm_format_ns(text, s->cpu_ns_per_op));
	if (isfinite(s->switches_per_op))
		snprintf(grid_cell(grid, line, SWITCHES), GRID_CELL, "%.2f", s->switches_per_op);
	if (ranking->paired)
		derive(grid, line, row);
}

void ranking_print(const struct ranking *ranking, unsigned width, FILE *out)
{
	struct grid grid;

	if (ranking->count == 0)
		return;
	grid = grid_open((unsigned)ranking->count + 1, COLUMNS, 1, VARIANT + 1);
	memcpy(grid.drop, drop, sizeof(drop));
	head(ranking, &grid);
	for (size_t i = 0; i < ranking->count; i++)
		fill(ranking, &grid, (unsigned)i + 1, &ranking->row[i]);
	grid_print(&grid, 2, width, out);
	grid_close(&grid);
}
