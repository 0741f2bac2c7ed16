/* Text in aligned rows and columns, up to a given width. */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/memory.h"

#define GAP 2u

struct grid grid_open(unsigned rows, unsigned columns, unsigned heads, unsigned labels)
{
	struct grid grid = { .rows = rows, .columns = columns, .heads = heads, .labels = labels };

	grid.cell = sm_zeroed_memory((size_t)rows * columns + 1, sizeof(*grid.cell));
	return grid;
}

void grid_close(struct grid *grid)
{
	free(grid->cell);
	grid->cell = NULL;
}

char *grid_cell(const struct grid *grid, unsigned row, unsigned column)
{
	return grid->cell[(size_t)row * grid->columns + column];
}

static unsigned width_of(const struct grid *grid, unsigned column)
{
	unsigned width = 0;

	for (unsigned row = 0; row < grid->rows; row++) {
		unsigned length = (unsigned)strlen(grid_cell(grid, row, column));

		width = length > width ? length : width;
	}
	return width;
}

/* The width of the shown columns from `first` on; the label columns are always included. */
static unsigned total(const struct grid *grid, const bool *shown, unsigned indent)
{
	unsigned width = indent;

	for (unsigned column = 0; column < grid->columns; column++)
		if (shown[column])
			width += width_of(grid, column) + (width > indent ? GAP : 0);
	return width;
}

/* The columns that are not empty. */
static bool *all_shown(const struct grid *grid)
{
	bool *shown = sm_memory(grid->columns + 1);

	for (unsigned column = 0; column < grid->columns; column++)
		shown[column] = width_of(grid, column) > 0;
	return shown;
}

unsigned grid_width(const struct grid *grid, unsigned indent)
{
	bool *shown = all_shown(grid);
	unsigned width = total(grid, shown, indent);

	free(shown);
	return width;
}

static uint8_t drop_of(const struct grid *grid, unsigned column)
{
	return column < GRID_COLUMNS ? grid->drop[column] : 0;
}

/* Hides the column that is dropped first; false: no further column may be dropped. */
static bool drop_one(const struct grid *grid, bool *shown)
{
	unsigned worst = grid->columns;

	for (unsigned column = 0; column < grid->columns; column++)
		if (shown[column] && drop_of(grid, column) > (worst < grid->columns ? drop_of(grid, worst) : 0))
			worst = column;
	if (worst == grid->columns)
		return false;
	shown[worst] = false;
	return true;
}

/* Prints pending spaces before the next text, so that no line ends in spaces. */
static void print_row(const struct grid *grid, unsigned row, const bool *shown, unsigned indent, FILE *out)
{
	unsigned due = indent;

	for (unsigned column = 0; column < grid->columns; column++) {
		const char *text = grid_cell(grid, row, column);
		unsigned length = (unsigned)strlen(text), fill;

		if (!shown[column])
			continue;
		fill = width_of(grid, column) - length;
		due += column < grid->labels ? 0 : fill;
		while (length > 0 && text[length - 1] == ' ')
			length--;
		if (length > 0) {
			fprintf(out, "%*s", (int)due, "");
			sm_put_encoded_part(out, SM_TO_TERMINAL, text, length);
			due = 0;
		}
		due += GAP + (unsigned)strlen(text) - length + (column < grid->labels ? fill : 0);
	}
	fputc('\n', out);
}

void grid_print(const struct grid *grid, unsigned indent, unsigned width, FILE *out)
{
	bool *kept = all_shown(grid), *shown = all_shown(grid);
	unsigned next = grid->labels;

	while (total(grid, kept, indent) > width && drop_one(grid, kept))
		;
	do {
		bool any = false;

		for (unsigned column = grid->labels; column < grid->columns; column++)
			shown[column] = false;
		for (; next < grid->columns; next++) {
			shown[next] = kept[next];
			if (any && total(grid, shown, indent) > width) {
				shown[next] = false;
				break;
			}
			any |= kept[next];
		}
		for (unsigned row = 0; row < grid->rows; row++)
			print_row(grid, row, shown, indent, out);
	} while (next < grid->columns);
	free(kept);
	free(shown);
}
