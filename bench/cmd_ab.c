/* shmeter ab: two programs, or two settings of this one, alternated block by block.
 *
 * A block is one run of each side, which itself has one block; the side that goes first alternates as ABBA.  Slow drift
 * of the machine affects both sides alike, which a comparison of two whole runs cannot guarantee.  A side may be several
 * builds with other layouts of one code; then each block runs another pair of them, and the pairs are compared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "program.h"
#include "shmeter/clock.h"
#include "shmeter/encode.h"
#include "shmeter/gate.h"
#include "shmeter/memory.h"
#include "sides.h"
#include "verdicts.h"

#define BLOCKS_STANDARD 24
/* Default threshold: a short alternation of a steady case can detect this ratio. */
#define ALLOWED_DEFAULT 1.02
/* Without a budget, all blocks together may take this many times as long as the first ones. */
#define LOOKED_TIMES 3

static void settle(struct alternation *ab, sm_name group)
{
	struct settled *more = realloc(ab->settled, (ab->settled_count + 1) * sizeof(*more));

	if (!more)
		sm_no_memory();
	ab->settled = more;
	ab->settled[ab->settled_count++] = (struct settled){ group, ab->done };
}

static unsigned settled_at(const struct alternation *ab, sm_name group)
{
	for (size_t i = 0; i < ab->settled_count; i++)
		if (ab->settled[i].group == group)
			return ab->settled[i].blocks;
	return 0;
}

/* Loads the blocks from `first` on, and makes a gate of each case.  `looked`: their values decided how many there are. */
static int load_blocks(struct alternation *ab, unsigned first, bool looked, struct sm_results *results,
		       struct sm_gates *gates, struct sm_error *err)
{
	double allowed = ab->options->allowed > 1 ? ab->options->allowed : ALLOWED_DEFAULT;
	int rc = sm_alternation_load(results, (const char *const *)&ab->side[0].folder[first],
				     (const char *const *)&ab->side[1].folder[first], ab->done - first, &ab->differ,
				     err);

	if (rc == 0)
		rc = sm_alternation_gates(gates, results, allowed, err);
	if (rc == 0 && ab->interrupted)
		json_object_set_new(results->manifest, "status", json_string("interrupted"));
	if (rc == 0 && looked) {
		json_object_set_new(results->manifest, "looked", json_true());
		gates->least = sm_gates_blocks_needed(gates->count, true);
		for (size_t i = 0; i < gates->count; i++)
			gates->gate[i].settled = settled_at(ab, gates->gate[i].group);
	}
	gates->layouts = ab->layouts;
	gates->layout_of_block = &ab->layout[first];
	return rc;
}

static int judge(struct sm_results *results, struct sm_gates *gates, struct sm_gate_row **rows, struct sm_error *err)
{
	*rows = calloc(gates->count + 1, sizeof(**rows));
	if (!*rows)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", gates->count);
	return sm_alternation_judge(gates, results, *rows, err);
}

static void put_programs(FILE *out, const struct alternation *ab, const struct side *side)
{
	struct sm_written written;
	FILE *list = sm_written_open(&written);

	for (unsigned i = 0; i < ab->layouts; i++)
		fprintf(list, "%s%s", i ? "," : "", side->program[i]);
	sm_written_close(&written);
	fputc(' ', out);
	sm_put_quoted(out, written.text);
	free(written.text);
}

/* Writes the command that repeats the alternation for one case.  A script that builds the sides can set its own command
 * in SHMETER_AGAIN. */
static void put_again(FILE *out, const struct alternation *ab, const char *group)
{
	const struct ab_options *a = ab->options;
	const char *script = getenv("SHMETER_AGAIN");
	char *name = strndup(group, strcspn(group, "?"));

	if (script && *script) {
		fputs(script, out);
	} else if (a->left || a->right) {
		fputs("shmeter ab", out);
		for (unsigned i = 0; i < 2; i++) {
			const char *text = i ? a->right : a->left;

			if (text) {
				fputs(i ? " --right " : " --left ", out);
				sm_put_quoted(out, text);
			}
		}
	} else {
		fputs("shmeter ab", out);
		put_programs(out, ab, &ab->side[0]);
		put_programs(out, ab, &ab->side[1]);
	}
	fputc(' ', out);
	sm_put_quoted(out, name ? name : "*");
	free(name);
	for (size_t i = 0; i < a->passed_count; i++) {
		fprintf(out, " %s ", a->passed[i].option);
		sm_put_quoted(out, a->passed[i].value);
	}
	if (a->allowed > 1 && !(script && *script))
		fprintf(out, " --max %.6g", a->allowed);
}

static void name_again(const struct alternation *ab, struct sm_results *results, struct sm_gate_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sm_written written;

		put_again(sm_written_open(&written), ab, rows[i].gate->name);
		sm_written_close(&written);
		rows[i].again = sm_results_copy(results, written.text);
		free(written.text);
	}
}

/* Rounds a number of blocks up so that each layout has equally many, and at least two: else their scatter would not be
 * known apart from that of the blocks. */
static unsigned full_rounds(unsigned blocks, unsigned layouts)
{
	unsigned rounds = (blocks + layouts - 1) / layouts;

	return layouts == 1 ? blocks : layouts * (rounds > 2 ? rounds : 2);
}

/* Number of blocks of each side, or of those before the first look: as asked for, else what a FAIL among so many cases
 * needs.  The first block shows how many cases there are. */
static int choose_blocks(struct alternation *ab, unsigned *blocks, struct sm_error *err)
{
	const struct sm_plan_options *plan = &ab->options->run.plan;
	struct sm_results results;
	struct sm_gates gates = { 0 };
	int rc;

	*blocks = plan->repeat_blocks;
	if (*blocks > BLOCKS_MAX)
		return sm_fail(err, EINVAL, "--repeat-blocks is over %d, the most for `shmeter ab`", BLOCKS_MAX);
	rc = sides_alternate(ab, 1, err);
	if (rc < 0 || *blocks)
		return rc;
	sm_results_init(&results);
	rc = load_blocks(ab, 0, false, &results, &gates, err);
	*blocks = ab->looks ? sm_gates_first_blocks(gates.count) : sm_gates_blocks(gates.count);
	if (!ab->looks && plan->profile != SM_QUICK && *blocks < BLOCKS_STANDARD)
		*blocks = BLOCKS_STANDARD;
	*blocks = full_rounds(*blocks, ab->layouts);
	sm_gates_free(&gates);
	sm_results_free(&results);
	return rc;
}

/* One look: restricts the next blocks to the cases that are open, and notes which of the others are settled: those that
 * pass or fail.  `*any`: whether one is open. */
static int look(struct alternation *ab, bool *any, struct sm_error *err)
{
	struct sm_results results;
	struct sm_gates gates = { 0 };
	struct sm_gate_row *rows = NULL;
	bool *open = NULL;
	int rc;

	sm_results_init(&results);
	rc = load_blocks(ab, 0, true, &results, &gates, err);
	if (rc == 0)
		rc = judge(&results, &gates, &rows, err);
	if (rc == 0) {
		open = calloc(gates.count, sizeof(*open));
		rc = open ? sm_alternation_open(&gates, &results, open, err)
			  : sm_fail(err, ENOMEM, "no memory for %zu gates", gates.count);
	}
	*any = false;
	for (size_t i = 0; rc == 0 && i < gates.count; i++) {
		bool decided = rows[i].verdict == SM_SUPPORTED || rows[i].verdict == SM_REFUTED;

		*any |= open[i];
		if (decided && !open[i] && !gates.gate[i].settled)
			settle(ab, gates.gate[i].group);
	}
	if (*any)
		sides_narrow(ab, &gates, open);
	free(open);
	free(rows);
	sm_gates_free(&gates);
	sm_results_free(&results);
	return rc;
}

/* Adds blocks of the cases that are open.  A signal ends this: what was measured before is judged.  Where the time is
 * over before the first look, there is none: then only the clock ended the alternation, and its tests are those for one
 * look. */
static int look_and_add(struct alternation *ab, struct sm_error *err)
{
	bool any = true;
	int rc = 0;

	if (!ab->budget_ns)
		ab->budget_ns = LOOKED_TIMES * (sm_clock_ns() - ab->start_ns);
	while (rc == 0 && any && ab->done < SM_LOOKED_MOST && !sides_out_of_time(ab)) {
		ab->looked = true;
		rc = look(ab, &any, err);
		if (rc == 0 && any)
			rc = sides_alternate(ab, SM_LOOK_BLOCKS, err);
	}
	ab->interrupted = rc == -EINTR;
	return ab->interrupted ? 0 : rc;
}

/* Number of blocks that confirm.  They are fresh, and their number is fixed before the first: nobody looks.  An
 * alternation that adds blocks repeats only what failed, with as many blocks as that had. */
static int choose_fresh_blocks(struct alternation *ab, const struct sm_gates *gates, const struct sm_gate_row *rows,
			       unsigned *blocks, struct sm_error *err)
{
	bool *failed = calloc(gates->count, sizeof(*failed));
	size_t count = 0;
	unsigned most = 0;

	if (!failed)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", gates->count);
	for (size_t i = 0; i < gates->count; i++) {
		failed[i] = rows[i].verdict == SM_REFUTED;
		count += failed[i];
		if (failed[i] && rows[i].blocks > most)
			most = rows[i].blocks;
	}
	*blocks = ab->first;
	if (ab->looks) {
		*blocks = sm_gates_blocks(count);
		*blocks = most > *blocks ? most : *blocks;
		sides_narrow(ab, gates, failed);
	}
	free(failed);
	return 0;
}

/* Leaves only the gates that failed: whatever else the fresh blocks measured is not their question. */
static void keep_failed(struct sm_gates *fresh, const struct sm_gates *gates, const struct sm_gate_row *rows)
{
	size_t kept = 0;

	for (size_t k = 0; k < fresh->count; k++)
		for (size_t i = 0; i < gates->count; i++)
			if (rows[i].verdict == SM_REFUTED && gates->gate[i].group == fresh->gate[k].group) {
				fresh->gate[kept++] = fresh->gate[k];
				break;
			}
	fresh->count = kept;
}

/* Measures again what failed, and judges it by these blocks alone. */
static int confirm(struct alternation *ab, struct sm_results results[2], struct sm_gates gates[2],
		   struct sm_gate_row *rows[2], struct sm_error *err)
{
	unsigned blocks = 0;
	int rc = choose_fresh_blocks(ab, &gates[0], rows[0], &blocks, err);

	ab->budget_ns = 0; /* the budget does not limit the confirmation */
	if (rc == 0)
		rc = sides_alternate(ab, blocks, err);
	if (rc == 0)
		rc = load_blocks(ab, ab->first, false, &results[1], &gates[1], err);
	if (rc < 0)
		return rc;
	keep_failed(&gates[1], &gates[0], rows[0]);
	rc = judge(&results[1], &gates[1], &rows[1], err);
	if (rc == 0)
		sm_gates_confirm(rows[0], gates[0].count, rows[1], gates[1].count);
	return rc;
}

/* Measures the alternation, and again where it fails: a FAIL about a time must be reproduced. */
static int measure(struct alternation *ab, struct sm_results results[2], struct sm_gates gates[2],
		   struct sm_gate_row *rows[2], struct sm_error *err)
{
	unsigned blocks;
	int rc;

	/* more blocks of a pair of layouts are no further pair */
	ab->looks = ab->options->run.plan.repeat_blocks == 0 && ab->layouts == 1;
	rc = choose_blocks(ab, &blocks, err);
	if (rc == 0)
		rc = sides_alternate(ab, blocks - 1, err);
	if (rc == 0 && ab->looks)
		rc = look_and_add(ab, err);
	if (rc == 0)
		rc = load_blocks(ab, 0, ab->looked, &results[0], &gates[0], err);
	if (rc == 0)
		rc = judge(&results[0], &gates[0], &rows[0], err);
	ab->first = ab->done;
	if (rc == 0 && !ab->interrupted && sm_gates_overall(rows[0], gates[0].count) == SM_REFUTED)
		rc = confirm(ab, results, gates, rows, err);
	return rc;
}

/* The exit code.  Where no failure could be detected, or with a wrong instrument, a PASS does not count. */
static int exit_of_alternation(const struct ab_options *options, const struct sm_results *results,
			       const struct sm_gate_row *rows, size_t count, const char *doubt)
{
	const char *wrong = sm_alternation_wrong(results);

	if (sm_gates_overall(rows, count) == SM_REFUTED)
		return EXIT_REFUTED;
	if (wrong) {
		sm_print_line(stderr, "shmeter: %s: wrong data, and no gate checks this case", wrong);
		return EXIT_WRONG;
	}
	if (!doubt)
		return exit_of_verdict(&options->gate, sm_gates_strictly(rows, count));
	sm_print_line(stderr, "shmeter: %s", doubt);
	return EXIT_INCONCLUSIVE;
}

static void say_only_new(const struct sm_results *results)
{
	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *row = &results->cases[i];

		if (sm_alternation_only_new(results, row))
			sm_print_line(stderr, "shmeter: %s: not compared, because the old side does not have it",
				      row->group);
	}
}

/* Says which settings the two sides of a finding have: two plug-ins may hold the same names. */
static void say_settings(const struct ab_options *a)
{
	if (a->left || a->right) {
		say(4, "", "old: %s", a->left ? a->left : "nothing set");
		say(4, "", "new: %s", a->right ? a->right : "nothing set");
		putchar('\n');
	}
}

/* Says where the runs are, and what one build of each side cannot show. */
static void say_blocks(const struct alternation *ab)
{
	bool builds = !ab->options->left && !ab->options->right;

	sm_print_line(stdout, "%u blocks of each side are in %s%s", ab->done, ab->out,
		      ab->narrowed ? "; the later ones are of open or failing cases only" : "");
	if (builds && ab->layouts == 1)
		sm_print_line(stdout, "One build is one layout of its code: a difference of a few per cent may be the "
				      "layout's (scripts/compare-revisions --layouts)");
}

int cmd_ab(const struct ab_options *options)
{
	static struct alternation ab;
	struct sm_results results[2];
	struct sm_gates gates[2] = { { 0 } };
	struct sm_gate_row *rows[2] = { NULL, NULL };
	struct sm_error err = { 0 };
	const char *doubt = NULL;
	int rc;

	ab.options = options;
	ab.start_ns = sm_clock_ns();
	ab.budget_ns = options->run.plan.budget_ns;
	progress_open(&ab.progress, options->common.quiet);
	for (unsigned i = 0; i < 2; i++)
		sm_results_init(&results[i]);
	rc = sides_read(&ab, &err);
	if (rc == 0)
		rc = make_run_folder(options->out, ab.out, sizeof(ab.out), &err);
	if (rc == 0)
		rc = measure(&ab, results, gates, rows, &err);
	if (rc == 0) {
		struct sm_gate_report report = { .gates = &gates[0],
						 .rows = rows[0],
						 .run = &results[0],
						 .color = use_color(&options->common, stdout),
						 .width = terminal_width() };

		say_only_new(&results[0]);
		name_again(&ab, &results[0], rows[0], gates[0].count);
		doubt = sm_alternation_doubt(&gates[0], rows[0], &results[0],
					     ab.layouts > 1 && ab.layouts < ab.first ? ab.layouts : ab.first);
		if (!options->gate.json)
			say_settings(options);
		rc = print_gates(&options->gate, &report, &err);
		if (!options->gate.json)
			say_blocks(&ab);
	}
	if (rc < 0 || ab.interrupted) /* `err` is then the signal */
		rc = complain(&err);
	else
		rc = exit_of_alternation(options, &results[0], rows[0], gates[0].count, doubt);
	free(ab.settled);
	for (unsigned i = 0; i < 2; i++) {
		free(rows[i]);
		sm_gates_free(&gates[i]);
		sm_results_free(&results[i]);
		for (unsigned b = 0; b < 2 * BLOCKS_MAX; b++)
			free(ab.side[i].folder[b]);
	}
	return rc;
}
