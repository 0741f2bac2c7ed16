/* The two sides of `ab`: each is measured in separate runs, which are other processes. */
#ifndef SHMETER_SIDES_H
#define SHMETER_SIDES_H

#include "options.h"
#include "progress.h"
#include "shmeter/compare.h"

#define BLOCKS_MAX   500
#define LAYOUTS_MAX  64
#define SETTINGS_MAX (SM_ALTERNATION_KEYS_MAX / 2)

struct side {
	char *program[LAYOUTS_MAX]; /* builds that differ in where their code lies; each block runs one */
	char text[512];             /* text of the settings, split into keys and values */
	struct setting setting[SETTINGS_MAX];
	unsigned settings;
	char *folder[2 * BLOCKS_MAX];
	bool told; /* a failure of its runs was already reported */
};

/* A case whose verdict stays, and the number of blocks that it is of. */
struct settled {
	sm_name group;
	unsigned blocks;
};

struct alternation {
	const struct ab_options *options;
	char out[4096];
	const char *const *patterns; /* what the next blocks measure */
	size_t pattern_count;
	sm_name open[OPERANDS_MAX]; /* the patterns of blocks of some cases only */
	bool narrow, narrowed;      /* the next blocks are of some cases only; there were such blocks */
	struct side side[2];        /* old, new */
	unsigned layouts;           /* programs of each side */
	/* The program of each side that a block runs, as an index; both sides run the same one, so that layouts that
	 * were made alike meet. */
	unsigned layout[2 * BLOCKS_MAX];
	struct sm_alternation_keys differ; /* what --left and --right set */
	unsigned done, first;              /* blocks so far; blocks before the confirmation */
	uint64_t start_ns, budget_ns;      /* budget_ns 0: none */
	uint64_t block_ns;                 /* duration of the last block */
	bool looks, looked;                /* may add blocks where a gate is open (docs/adr/0029); has looked for one */
	bool interrupted;                  /* a signal ended the adding */
	struct settled *settled;           /* at the looks so far */
	size_t settled_count;
	struct progress progress;
};

/* Finds the programs and settings of both sides; the other operands are patterns. */
SM_MUST_USE int sides_read(struct alternation *ab, struct sm_error *err);
/* Measures up to `count` more blocks, fewer where the budget ends. */
SM_MUST_USE int sides_alternate(struct alternation *ab, unsigned count, struct sm_error *err);
/* Whether the budget ends before another block that takes as long as the last one. */
bool sides_out_of_time(const struct alternation *ab);
/* Restricts the following blocks to the variants of these gates.  They are of all cases where these are more than one
 * run takes as patterns, where --set is given with several scenarios, and where a pattern has conditions. */
void sides_narrow(struct alternation *ab, const struct sm_gates *gates, const bool *chosen);

#endif
