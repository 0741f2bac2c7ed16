/* shmeter demo: asks a question, takes a guess, draws the measurement as it runs, gives the answer with its evidence,
 * and explains the mechanism, the code that ran and what to try next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "demo_picture.h"
#include "demo_watch.h"
#include "demos.h"
#include "program.h"
#include "registry.h"
#include "shmeter/clock.h"
#include "shmeter/gnuplot.h"
#include "shmeter/guard.h"
#include "shmeter/report.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

#define BLOCKS        10            /* some blocks may be lost */
#define WIDTH_MAX     100           /* columns: more cannot be read on a projector */
#define BUDGET_NS     9000000000u   /* for measuring: a demonstration takes at most 15 seconds */
#define BUDGET_ALL_NS 270000000000u /* for measuring all of them, which together take at most six minutes */
#define FRAME_NS      700000000u
#define CODE_LINES    40

struct stage {
	const struct demo_options *options;
	const struct demo *demo;
	char folder[4096];
	uint64_t budget_ns;
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

static unsigned width(void)
{
	return terminal_width() < WIDTH_MAX ? terminal_width() : WIDTH_MAX;
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

	for (unsigned i = 0; i < DEMO_CHOICES && stage->demo->choice[i]; i++) {
		snprintf(line, sizeof(line), "  %u  ", i + 1);
		sm_wrap(stdout, line, 5, width(), stage->demo->choice[i]);
	}
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

static void wipe(struct stage *stage)
{
	if (stage->moving && stage->rows > 0)
		printf("\033[%uA\033[J", stage->rows);
	stage->rows = 0;
}

/* Draws one frame with gnuplot, over the previous one.  Without gnuplot there is only text. */
static void draw(struct stage *stage)
{
	struct sm_error why = { 0 };
	char path[4200];
	FILE *frame;
	int bars, c;

	if (!stage->gnuplot.path[0])
		return;
	bars = demo_picture(&stage->gnuplot, stage->demo, &stage->run, stage->folder, stage->options->sixel, &why);
	if (bars == 0 && stage->run.analysis) /* the previous frame would show what was set aside */
		wipe(stage);
	if (bars < 0)
		stage->gnuplot.path[0] = '\0'; /* do not try again: the next frame could take as long to fail */
	if (bars <= 0)
		return;
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
	run.plan.budget_ns = stage->budget_ns;
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

/* Prints how the variants compare with the first one, for a demonstration about which nothing is claimed. */
static void compare(const struct stage *stage)
{
	const struct sm_results *run = &stage->run;
	char text[512];

	for (size_t i = 0; i < run->pair_count; i++) {
		const struct sm_pair_row *pair = &run->pairs[i];

		if (!pair->leading || pair->control || run->cases[pair->left_case].derived ||
		    !isfinite(pair->ratio.estimate))
			continue;
		if (isfinite(pair->ratio.low))
			snprintf(text, sizeof(text),
				 "%s takes %.3g times as long as %s (95 %% interval %.3g to %.3g, n = %u)", pair->left,
				 pair->ratio.estimate, pair->right, pair->ratio.low, pair->ratio.high,
				 pair->blocks_used);
		else
			snprintf(text, sizeof(text), "%s takes %.3g times as long as %s (no interval: n = %u)",
				 pair->left, pair->ratio.estimate, pair->right, pair->blocks_used);
		sm_wrap(stdout, "  ", 4, width(), text);
	}
}

/* Prints the claims about what was shown, with their evidence, and what could not run, with the reason. */
static void tell(const struct stage *stage)
{
	const struct sm_results *run = &stage->run;
	char scenario[128], verdict[32];
	const char *last = "";
	bool told = false, judged = false;

	for (size_t i = 0; i < run->claim_count; i++) {
		const struct sm_claim_row *claim = &run->claims[i];

		if (claim->unmeasured || strcmp(claim->scenario, scenario_of(stage->demo, scenario)) != 0)
			continue;
		told = true;
		judged |= !claim->expected;
		snprintf(verdict, sizeof(verdict), "  %s: ", sm_verdict_name(claim->verdict));
		sm_wrap(stdout, verdict, 4, width(), claim->sentence);
		if (strcmp(claim->evidence, "-") != 0)
			sm_wrap(stdout, "     ", 5, width(), claim->evidence);
		if (strcmp(claim->reason, "-") != 0)
			sm_wrap(stdout, "     Why: ", 5, width(), claim->reason);
	}
	if (!judged)
		compare(stage);
	for (size_t i = 0; i < run->sample_count; i++) {
		const struct sm_sample *sample = &run->samples[i];

		if (sample->ended != SM_SKIPPED || sample->derived || strcmp(last, sample->reason) == 0)
			continue;
		last = sample->reason;
		told = true;
		printf("  cannot run here: %s/%s\n", run->cases[sample->case_index].scenario,
		       run->cases[sample->case_index].variant);
		sm_wrap(stdout, "     ", 5, width(), sample->reason);
	}
	if (!told)
		printf("  Nothing: no trial ended within the %u s of a demonstration. Stop what else runs\n"
		       "    here and try again, or give it the time it needs: shmeter run %s\n",
		       (unsigned)((stage->budget_ns + 500000000u) / 1000000000u), scenario_of(stage->demo, scenario));
}

/* Prints a line of code with tabs of four columns; what is too long for the terminal goes on in further rows. */
static void put_code(const char *code, size_t length)
{
	char line[512];
	size_t count = 0, room = width() - 4;

	for (size_t i = 0; i < length && count + 4 < sizeof(line); i++)
		if (code[i] == '\t')
			count += (size_t)snprintf(line + count, 5, "    ");
		else
			line[count++] = code[i];
	for (size_t at = 0, first = 1; first || at < count; first = 0) {
		size_t indent = first ? 0 : 12, part = count - at;

		if (part > room - indent)
			for (part = room - indent; part > room / 2 && line[at + part] != ' ';)
				part--;
		printf("  | %*s%.*s\n", (int)indent, "", (int)part, line + at);
		for (at += part; at < count && line[at] == ' ';)
			at++;
	}
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
			put_code(at, length);
		if (inside && *at == '}')
			break;
		at += length + (at[length] == '\n');
	}
	if (shown > CODE_LINES)
		printf("  | ... %u more lines\n", shown - CODE_LINES);
}

/* Lines that begin with a space are a drawing, and printed as they are; the others are text. */
static void show_mechanism(const char *text)
{
	char line[1024];

	for (size_t length; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (*line == ' ')
			puts(line);
		else
			sm_wrap(stdout, "", 0, width(), line);
	}
}

static int show(const struct demo_options *options, const struct demo *demo, uint64_t budget_ns, struct sm_error *err)
{
	struct stage stage = { .options = options, .demo = demo, .budget_ns = budget_ns };
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
	sm_wrap(stdout, "  ", 2, width(), demo->question);
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
		show_mechanism(demo->mechanism);
		heading(&stage, "The code that ran");
		show_code(&stage);
		heading(&stage, "What to try next");
		sm_wrap(stdout, "  ", 2, width(), demo->next);
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
	uint64_t count = 0;
	int rc = 0;

	while (demos[count].name)
		count++;
	for (const struct demo *demo = demos; rc == 0 && demo->name; demo++)
		rc = show(options, demo, count * BUDGET_NS > BUDGET_ALL_NS ? BUDGET_ALL_NS / count : BUDGET_NS, err);
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
		rc = show(options, demo, BUDGET_NS, &err);
	else
		rc = sm_fail(&err, EINVAL, "there is no demonstration \"%s\"; `shmeter demo` lists them", name);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
