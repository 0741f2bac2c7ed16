/* shmeter demo: asks a question, takes a guess, draws the measurement as it runs, gives the answer with its evidence,
 * and explains the mechanism, the code that ran and what to try next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "demo_watch.h"
#include "demos.h"
#include "program.h"
#include "registry.h"
#include "shmeter/clock.h"
#include "shmeter/encode.h"
#include "shmeter/gnuplot.h"
#include "shmeter/guard.h"
#include "shmeter/report.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

#define BLOCKS        10          /* some blocks may be lost */
#define WIDTH         100         /* columns: more cannot be read on a projector */
#define BUDGET_NS     9000000000u /* for measuring: a demonstration takes at most 15 seconds */
#define FRAME_NS      700000000u
#define CODE_LINES    40
#define PICTURE_ROWS  20
#define PICTURE_WIDTH 78u

struct stage {
	const struct demo_options *options;
	const struct demo *demo;
	char folder[4096];
	struct sm_results run; /* filled during the measurement */
	uint64_t last_frame_ns;
	bool moving;               /* the picture is redrawn in place */
	unsigned rows;             /* rows of the picture on the screen */
	struct sm_gnuplot gnuplot; /* no path: draw nothing */
};

static void heading(const struct stage *stage, const char *text)
{
	bool color = use_color(&stage->options->common, stdout);

	printf("\n%s%s%s\n", color ? "\033[1m" : "", text, color ? "\033[0m" : "");
}

static void print_list(void)
{
	const char *chapter = "";

	for (const struct demo *demo = demos; demo->name; demo++) {
		if (strcmp(chapter, demo->chapter) != 0)
			printf("%s%s\n", *chapter ? "\n" : "", demo->chapter);
		chapter = demo->chapter;
		printf("  %-16s %s\n", demo->name, demo->title);
	}
	printf("\n`shmeter demo NAME` shows one demonstration, `shmeter demo --all --yes` all without prompts,\n"
	       "`shmeter demo watch` the shared memory that exists now.\n");
}

static const struct demo *find_demo(const char *name)
{
	for (const struct demo *demo = demos; demo->name; demo++)
		if (strcmp(demo->name, name) == 0)
			return demo;
	return NULL;
}

/* Asks what the viewer expects; 0: no question, or no answer. */
static unsigned ask(const struct stage *stage)
{
	char line[32];
	unsigned guess;

	for (unsigned i = 0; i < DEMO_CHOICES && stage->demo->choice[i]; i++)
		printf("  %u  %s\n", i + 1, stage->demo->choice[i]);
	if (stage->options->yes || !isatty(STDIN_FILENO))
		return 0;
	printf("What do you expect (1 to %d, or just Enter)? ", DEMO_CHOICES);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	guess = (unsigned)strtoul(line, NULL, 10);
	return guess <= DEMO_CHOICES ? guess : 0;
}

static const char *scenario_of(const struct demo *demo, char out[128])
{
	snprintf(out, 128, "%.*s", (int)strcspn(demo->pattern[0], "/"), demo->pattern[0]);
	return out;
}

/* A bar of the picture. */
struct bar {
	const char *variant, *params;
	double value;
	double *values;
	size_t count;
};

/* A further metric of a trial; NaN where it is not known. */
static double metric_of(const struct sm_results *run, unsigned trial, const char *metric)
{
	for (size_t i = run->metric_count; i-- > 0;)
		if (run->metrics[i].trial == trial && strcmp(run->metrics[i].metric, metric) == 0)
			return run->metrics[i].value;
	return NAN;
}

/* Makes the bars from the measured samples: there is no analysis during a run. */
static size_t gather(const struct sm_results *run, const struct demo *demo, struct bar *bars, size_t room)
{
	size_t count = 0;

	for (size_t c = 0; c < run->case_count && count < room; c++) {
		const struct sm_case_row *row = &run->cases[c];
		struct bar *bar = &bars[count];

		if (row->control || row->derived)
			continue;
		*bar = (struct bar){ .variant = row->variant,
				     .params = row->params,
				     .values = calloc(run->sample_count + 1, sizeof(double)) };
		for (size_t i = 0; bar->values && i < run->sample_count; i++) {
			const struct sm_sample *sample = &run->samples[i];

			if (sample->case_index != c || sample->ended != SM_OK)
				continue;
			double value = demo->metric  ? metric_of(run, sample->trial, demo->metric)
				       : sample->ops ? (double)sample->elapsed_ns / (double)sample->ops
						     : (double)NAN;

			if (isfinite(value))
				bar->values[bar->count++] = value;
		}
		bar->value = sm_median(bar->values, bar->count);
		free(bar->values);
		bar->values = NULL;
		if (bar->count > 0)
			count++;
	}
	return count;
}

/* Makes the bars from the analysis, so that they agree with the text: it may have set trials aside. */
static size_t gather_figures(const struct sm_results *run, const struct demo *demo, struct bar *bars, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < run->summary_count && count < room; i++) {
		const struct sm_summary_row *row = &run->summaries[i];
		const struct sm_case_row *c = &run->cases[row->case_index];
		bool shown = demo->metric ? c->derived && strcmp(c->metric, demo->metric) == 0 : !c->derived;

		if (shown && !c->control && isfinite(row->value.estimate))
			bars[count++] = (struct bar){ .variant = c->variant,
						      .params = c->params,
						      .value = row->value.estimate };
	}
	return count;
}

struct picture {
	const struct stage *stage;
	const struct bar *bars;
	size_t count;
};

/* The picture's data: row, label, value. */
static int write_bars(FILE *out, void *context)
{
	const struct picture *picture = context;

	for (size_t i = 0; i < picture->count; i++) {
		const struct bar *bar = &picture->bars[i];
		bool point = strcmp(bar->params, "-") != 0;

		fprintf(out, "%zu \"", picture->count - i);
		sm_print_encoded(out, SM_TO_GNUPLOT_DATA, "%s%s%s", bar->variant, point ? " " : "",
				 point ? bar->params : "");
		fprintf(out, "\" %.6g\n", bar->value);
	}
	return ferror(out) ? -EIO : 0;
}

static int write_script(FILE *out, void *context)
{
	const struct picture *picture = context;
	const struct demo *demo = picture->stage->demo;

	if (picture->stage->options->sixel)
		fprintf(out, "set terminal sixelgd size 800,%zu font 'sans,11'\n", 120 + 24 * picture->count);
	else
		fprintf(out, "set terminal dumb noenhanced size %u,%zu\n", PICTURE_WIDTH, 2 * picture->count + 5);
	fprintf(out, "set output 'demo.txt'\ndatafile = 'demo.dat'\nbars = %zu\nx_label = '%s'\nload '", picture->count,
		demo->metric ? demo->metric : "ns per operation");
	sm_put_encoded(out, SM_TO_GNUPLOT, plots_folder());
	fputs("/demo.gp'\n", out);
	return ferror(out) ? -EIO : 0;
}

/* Draws into demo.txt of the stage's folder. */
static int draw_frame(struct stage *stage, struct picture *picture, struct sm_error *err)
{
	char path[4200];
	int rc;

	snprintf(path, sizeof(path), "%s/demo.dat", stage->folder);
	rc = sm_store_write_file(path, write_bars, picture, err);
	snprintf(path, sizeof(path), "%s/demo.gp", stage->folder);
	if (rc == 0)
		rc = sm_store_write_file(path, write_script, picture, err);
	return rc == 0 ? sm_gnuplot_run(&stage->gnuplot, stage->folder, "demo.gp", err) : rc;
}

static void wipe(struct stage *stage)
{
	if (stage->moving && stage->rows > 0)
		printf("\033[%uA\033[J", stage->rows);
	stage->rows = 0;
}

/* Draws one frame with gnuplot, over the previous one.  Without gnuplot there is only text. */
static void draw(struct stage *stage)
{
	struct bar bars[PICTURE_ROWS];
	const struct sm_results *run = &stage->run;
	struct picture picture = { stage, bars,
				   run->analysis ? gather_figures(run, stage->demo, bars, PICTURE_ROWS)
						 : gather(run, stage->demo, bars, PICTURE_ROWS) };
	struct sm_error why = { 0 };
	char path[4200];
	FILE *frame;
	int c;

	if (!stage->gnuplot.path[0])
		return;
	if (picture.count == 0) { /* the previous frame would show what was set aside */
		if (run->analysis)
			wipe(stage);
		return;
	}
	if (draw_frame(stage, &picture, &why) < 0) {
		stage->gnuplot.path[0] = '\0'; /* do not try again: the next frame could take as long to fail */
		return;
	}
	snprintf(path, sizeof(path), "%s/demo.txt", stage->folder);
	frame = fopen(path, "re");
	wipe(stage);
	while (frame && (c = fgetc(frame)) != EOF) {
		if (c == '\f')
			continue;
		stage->rows += c == '\n';
		putchar(c);
	}
	if (frame)
		fclose(frame);
	fflush(stdout);
}

/* Called only between trials, never during a timed one. */
static void watch(const struct sm_progress *progress, void *context)
{
	struct stage *stage = context;
	uint64_t now = sm_clock_ns();

	if (strcmp(progress->phase, "measuring") != 0 || now - stage->last_frame_ns < FRAME_NS)
		return;
	draw(stage);
	stage->last_frame_ns = sm_clock_ns();
}

static int measure(struct stage *stage, struct sm_error *err)
{
	struct sm_run_options run = { 0 };
	const struct demo *demo = stage->demo;
	int rc;

	run.plan.patterns = demo->pattern;
	while (run.plan.pattern_count < DEMO_PATTERNS && demo->pattern[run.plan.pattern_count])
		run.plan.pattern_count++;
	for (unsigned i = 0; i < DEMO_SETS && demo->set[i][0]; i++) {
		run.plan.set[i].name = demo->set[i][0];
		run.plan.set[i].text = demo->set[i][1];
		run.plan.set_count++;
	}
	run.plan.repeat_blocks = BLOCKS;
	run.plan.budget_ns = BUDGET_NS;
	run.folder = stage->folder;
	complete_run(&run, &stage->options->common);
	if (stage->moving) {
		run.progress = watch;
		run.progress_context = stage;
	}
	rc = sm_guard_start(err);
	if (rc == 0)
		rc = sm_run(&run, sm_scenarios, sm_scenario_count, &stage->run, err);
	(void)!sm_guard_stop(NULL); /* no settings were changed */
	return rc;
}

/* Prints the claims about what was shown, with their evidence, and what could not run, with the reason. */
static void tell(const struct stage *stage)
{
	const struct sm_results *run = &stage->run;
	char scenario[128], verdict[32];
	const char *last = "";
	bool told = false;

	for (size_t i = 0; i < run->claim_count; i++) {
		const struct sm_claim_row *claim = &run->claims[i];

		if (claim->unmeasured || strcmp(claim->scenario, scenario_of(stage->demo, scenario)) != 0)
			continue;
		told = true;
		snprintf(verdict, sizeof(verdict), "  %s: ", sm_verdict_name(claim->verdict));
		sm_wrap(stdout, verdict, 4, WIDTH, claim->sentence);
		if (strcmp(claim->evidence, "-") != 0)
			sm_wrap(stdout, "     ", 5, WIDTH, claim->evidence);
		if (strcmp(claim->reason, "-") != 0)
			sm_wrap(stdout, "     Why: ", 5, WIDTH, claim->reason);
	}
	for (size_t i = 0; i < run->sample_count; i++) {
		const struct sm_sample *sample = &run->samples[i];

		if (sample->ended != SM_SKIPPED || sample->derived || strcmp(last, sample->reason) == 0)
			continue;
		last = sample->reason;
		told = true;
		printf("  cannot run here: %s/%s\n", run->cases[sample->case_index].scenario,
		       run->cases[sample->case_index].variant);
		sm_wrap(stdout, "     ", 5, WIDTH, sample->reason);
	}
	if (!told)
		printf("  Nothing: no trial ended within the %u s of a demonstration. Stop what else runs\n"
		       "    here and try again, or give it the time it needs: shmeter run %s\n",
		       (unsigned)(BUDGET_NS / 1000000000u), scenario_of(stage->demo, scenario));
}

/* Prints the lines of the function from the scenario's source file as it was compiled. */
static void show_code(const struct stage *stage)
{
	const struct demo_source *source = demo_sources;
	char call[128];
	unsigned line = 1, shown = 0;
	bool inside = false;

	while (source->file && strcmp(source->file, stage->demo->source) != 0)
		source++;
	snprintf(call, sizeof(call), "%s(", stage->demo->function);
	for (const char *at = source->text; at && *at; line++) {
		size_t length = strcspn(at, "\n");
		const char *found = memmem(at, length, call, strlen(call));

		/* a definition begins at the margin and is not a prototype */
		if (!inside && found && *at != '\t' && *at != ' ' && *at != '#' && at[length - 1] != ';' &&
		    (found == at || found[-1] == ' ' || found[-1] == '*')) {
			printf("  scenarios/%s, from line %u:\n", source->file, line);
			inside = true;
		}
		if (inside && shown++ < CODE_LINES)
			printf("  | %.*s\n", (int)length, at);
		if (inside && *at == '}')
			break;
		at += length + (at[length] == '\n');
	}
	if (shown > CODE_LINES)
		printf("  | ... %u more lines\n", shown - CODE_LINES);
}

static int show(const struct demo_options *options, const struct demo *demo, struct sm_error *err)
{
	struct stage stage = { .options = options, .demo = demo };
	struct sm_error missing, left = { 0 };
	unsigned guess;
	int rc, rc_left;

	stage.gnuplot.stop = stop_flag();
	if (sm_gnuplot_find(&stage.gnuplot, &missing) < 0)
		stage.gnuplot.path[0] = '\0';
	stage.moving = isatty(STDOUT_FILENO) && !options->common.quiet;
	rc = make_scratch_folder("demo", stage.folder, sizeof(stage.folder), err);
	if (rc < 0)
		return rc;
	sm_results_init(&stage.run);
	heading(&stage, demo->title);
	sm_wrap(stdout, "  ", 2, WIDTH, demo->question);
	guess = ask(&stage);
	printf("\n");
	rc = measure(&stage, err);
	if (rc == 0) {
		draw(&stage);
		heading(&stage, "What was measured here");
		if (guess > 0)
			printf("  You expected: %s\n", demo->choice[guess - 1]);
		tell(&stage);
		heading(&stage, "Why");
		printf("%s\n", demo->mechanism);
		heading(&stage, "The code that ran");
		show_code(&stage);
		heading(&stage, "What to try next");
		printf("  %s\n", demo->next);
	}
	rc_left = remove_scratch_folder(stage.folder, &left);
	sm_results_free(&stage.run);
	if (rc == 0 && rc_left < 0) {
		*err = left;
		rc = rc_left;
	}
	return rc;
}

static int show_all(const struct demo_options *options, struct sm_error *err)
{
	int rc = 0;

	for (const struct demo *demo = demos; rc == 0 && demo->name; demo++)
		rc = show(options, demo, err);
	return rc;
}

int cmd_demo(const struct demo_options *options)
{
	const char *name = options->common.operands ? options->common.operand[0] : NULL;
	const struct demo *demo = name ? find_demo(name) : NULL;
	struct sm_error err = { 0 };
	int rc;

	if (options->list || (!name && !options->all)) {
		if (options->list)
			for (demo = demos; demo->name; demo++)
				printf("%s\t%s\t%s\n", demo->name, demo->chapter, demo->title);
		else
			print_list();
		return EXIT_OK;
	}
	if (name && strcmp(name, "watch") == 0)
		rc = demo_watch(options, &err);
	else if (options->all)
		rc = show_all(options, &err);
	else if (demo)
		rc = show(options, demo, &err);
	else
		rc = sm_fail(&err, EINVAL, "there is no demonstration \"%s\"; `shmeter demo` lists them", name);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
