/* Text in aligned rows and columns, up to a given width. */
#ifndef SHMETER_REPORT_GRID_H
#define SHMETER_REPORT_GRID_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GRID_CELL    96
#define GRID_COLUMNS 64

struct grid {
	unsigned rows, columns;
	unsigned heads;             /* the first rows, which are headings */
	unsigned labels;            /* the first columns, which name the row: aligned left, repeated in each part */
	uint8_t drop[GRID_COLUMNS]; /* in a narrow table the highest goes first; 0: never */
	char (*cell)[GRID_CELL];    /* by row, then column; initially empty */
};

/* An empty table; columns beyond GRID_COLUMNS have drop 0.  Ends the program if there is no memory. */
struct grid grid_open(unsigned rows, unsigned columns, unsigned heads, unsigned labels);
void grid_close(struct grid *grid);
/* The text of a cell, GRID_CELL bytes, for the caller to write.  It is encoded for a terminal when it is printed. */
char *grid_cell(const struct grid *grid, unsigned row, unsigned column);
/* The width of the whole table in columns, with `indent` spaces before each line. */
unsigned grid_width(const struct grid *grid, unsigned indent);
/* Prints the table.  If it is too wide, drops columns; if it still is, prints several parts, one below the other,
 * each with the labels. */
void grid_print(const struct grid *grid, unsigned indent, unsigned width, FILE *out);

#endif
