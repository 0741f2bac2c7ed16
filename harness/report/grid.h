/* Text in rows and columns, aligned, as wide as it may be. */
#ifndef SHMETER_REPORT_GRID_H
#define SHMETER_REPORT_GRID_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GRID_CELL    96
#define GRID_COLUMNS 64

struct grid {
	unsigned rows, columns;
	unsigned heads;  /* rows of headings, the first ones */
	unsigned labels; /* columns that name their row, the first ones: aligned left, repeated where a table is cut */
	uint8_t drop[GRID_COLUMNS]; /* where the width does not do, the column with the highest goes first; 0 stays */
	char (*cell)[GRID_CELL];    /* by row, then column; empty at first */
};

/* An empty one; columns beyond GRID_COLUMNS have drop 0.  Ends the program without memory. */
struct grid grid_open(unsigned rows, unsigned columns, unsigned heads, unsigned labels);
void grid_close(struct grid *grid);
/* The text of a cell, to be written: GRID_CELL bytes.  What is in it is encoded for a terminal when it is printed. */
char *grid_cell(const struct grid *grid, unsigned row, unsigned column);
/* Columns that it takes as it is, with `indent` spaces before each line. */
unsigned grid_width(const struct grid *grid, unsigned indent);
/* Prints it: without the columns that are dropped first, and where that is not enough in several parts, one below the
 * other, each with the labels. */
void grid_print(const struct grid *grid, unsigned indent, unsigned width, FILE *out);

#endif
