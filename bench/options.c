/* The one option table: parsing, --help, the man page and the completion come from it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "shmeter/export.h"
#include "shmeter/text.h"

#define FOR(command) (1u << (command))
#define FOR_ALL      (FOR(CMD_COUNT) - 1)

/* Slices that can be asked for: a thousand times the clock at least, and short enough for some in a trial. */
#define SLICE_LEAST_NS 100000u
#define SLICE_MOST_NS  1000000000u

enum option_id {
	OPT_PROFILE = 256,
	OPT_BUDGET,
	OPT_SEED,
	OPT_OUT,
	OPT_PLACEMENT,
	OPT_BACKING,
	OPT_PAGES,
	OPT_PREFAULT,
	OPT_NUMA,
	OPT_SET,
	OPT_EVENTS,
	OPT_NO_COUNTERS,
	OPT_COUNTERS,
	OPT_BLOCKS,
	OPT_SLICE,
	OPT_SLICES,
	OPT_DRY_RUN,
	OPT_RESUME,
	OPT_TUNE,
	OPT_APPLY,
	OPT_UNDO,
	OPT_FILE_FOLDER,
	OPT_FORMAT,
	OPT_THRESHOLDS,
	OPT_BASELINE,
	OPT_STRICT,
	OPT_CONFIRM,
	OPT_JUNIT,
	OPT_GITHUB,
	OPT_LEFT,
	OPT_RIGHT,
	OPT_MAX,
	OPT_INJECT,
	OPT_TO,
	OPT_YES,
	OPT_ALL,
	OPT_LIST,
	OPT_SIXEL,
	OPT_DB,
	OPT_JSON,
	OPT_TERM,
	OPT_NO_PLOTS,
	OPT_COLOR,
	OPT_VERSION,
};

struct option_spec {
	int id;
	const char *name, *argument, *summary, *choices; /* choices: for the completion */
	unsigned commands;
};

static const struct option_spec specs[] = {
	{ OPT_PROFILE, "profile", "NAME",
	  "quick (8 blocks, a minute), standard (16, ten minutes of run at most) or full (30)", "quick standard full",
	  FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_BUDGET, "budget", "TIME", "measure no longer than this (90s, 5m)", NULL, FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_SEED, "seed", "N",
	  "order of the plan; run: default a new one, printed and stored; ab: block B takes N + B, default N is 0",
	  NULL, FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_OUT, "out", "PATH",
	  "run: the run folder, default results/<UTC time>-<host>; report: the folder of what it writes, default the "
	  "run folder; export: the file, default standard output",
	  NULL, FOR(CMD_RUN) | FOR(CMD_AB) | FOR(CMD_SELFTEST) | FOR(CMD_REPORT) | FOR(CMD_EXPORT) | FOR(CMD_HISTORY) },
	{ OPT_PLACEMENT, "placement", "WHERE",
	  "near, same-core, smt, shared-l2, shared-l3, same-node, cross-node, or PUs such as 0,2",
	  "near same-core smt shared-l2 shared-l3 same-node cross-node", FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_BACKING, "backing", "KIND", "anon, memfd, posix, sysv or file", "anon memfd posix sysv file",
	  FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_PAGES, "pages", "SIZE", "4k, thp, 2m, 1g", "4k thp 2m 1g", FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_PREFAULT, "prefault", "WAY", "lazy, touch, populate, madvise or mlock",
	  "lazy touch populate madvise mlock", FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_NUMA, "numa", "POLICY", "first-touch, interleave or bind:NODE", "first-touch interleave bind:0",
	  FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_SET, "set", "NAME=V1,V2", "values of a parameter (repeatable): --set message=64,4k", NULL,
	  FOR(CMD_RUN) | FOR(CMD_AB) },
	{ OPT_EVENTS, "events", "LIST", "events to count, in libpfm4's syntax", NULL, FOR(CMD_RUN) | FOR(CMD_DOCTOR) },
	{ OPT_NO_COUNTERS, "no-counters", NULL, "count nothing", NULL, FOR(CMD_RUN) },
	{ OPT_COUNTERS, "counters", NULL, "test the hardware counters on work whose counts are known", NULL,
	  FOR(CMD_SELFTEST) },
	{ OPT_BLOCKS, "repeat-blocks", "N", "blocks of each group, instead of the profile's", NULL,
	  FOR(CMD_RUN) | FOR(CMD_AB) | FOR(CMD_SELFTEST) },
	{ OPT_SLICE, "slice", "TIME", "length of a slice, instead of 1ms (longer where workers share PUs)", NULL,
	  FOR(CMD_RUN) },
	{ OPT_SLICES, "slices", "N", "slices of each trial after its warm-up, instead of the profile's", NULL,
	  FOR(CMD_RUN) },
	{ OPT_DRY_RUN, "dry-run", NULL, "print the plan with its time, measure nothing", NULL, FOR(CMD_RUN) },
	{ OPT_RESUME, "resume", "DIR", "go on with an interrupted run", NULL, FOR(CMD_RUN) },
	{ OPT_TUNE, "tune", NULL, "reserve the huge pages that the run needs and put them back", NULL, FOR(CMD_RUN) },
	{ OPT_APPLY, "apply", NULL, "change what the list says, until --undo", NULL, FOR(CMD_TUNE) },
	{ OPT_UNDO, "undo", NULL, "put back every setting that shmeter changed and did not put back itself", NULL,
	  FOR(CMD_TUNE) },
	{ OPT_FILE_FOLDER, "file-folder", "DIR", "where file-backed regions live; default the run folder", NULL,
	  FOR(CMD_RUN) },
	{ OPT_NO_PLOTS, "no-plots", NULL, "draw no figures", NULL, FOR(CMD_RUN) | FOR(CMD_REPORT) },
	{ OPT_TERM, "term", NULL, "draw the ratios in the terminal too", NULL, FOR(CMD_RUN) | FOR(CMD_REPORT) },
	{ OPT_THRESHOLDS, "thresholds", "FILE",
	  "an ini file of gates; default results/thresholds.ini; `run` measures what they name", NULL,
	  FOR(CMD_RUN) | FOR(CMD_CHECK) },
	{ OPT_BASELINE, "baseline", "DIR", "an earlier run of this machine", NULL, FOR(CMD_CHECK) },
	{ OPT_STRICT, "strict", NULL, "exit 3 where nothing fails but something is inconclusive or not testable", NULL,
	  FOR(CMD_CHECK) | FOR(CMD_AB) },
	{ OPT_CONFIRM, "confirm", NULL,
	  "a FAIL of a time counts only if fresh trials repeat it; wrong data always does", NULL, FOR(CMD_CHECK) },
	{ OPT_JUNIT, "junit", "FILE", "write the verdicts as JUnit XML", NULL, FOR(CMD_CHECK) | FOR(CMD_AB) },
	{ OPT_GITHUB, "github", NULL, "annotate the workflow and append to $GITHUB_STEP_SUMMARY", NULL,
	  FOR(CMD_CHECK) | FOR(CMD_AB) },
	{ OPT_LEFT, "left", "KEY=VALUE,...",
	  "settings of the old side (pages=4k): profile, placement, backing, pages, prefault, numa, inject, or a parameter",
	  NULL, FOR(CMD_AB) },
	{ OPT_RIGHT, "right", "KEY=VALUE,...", "settings of the new side", NULL, FOR(CMD_AB) },
	{ OPT_MAX, "max", "RATIO", "how much longer the new side may take; default 1.02", NULL, FOR(CMD_AB) },
	{ OPT_INJECT, "inject", "CASE=PERCENT", "slow cases (SCENARIO/VARIANT, globs) down by so much, to try a gate",
	  NULL, FOR(CMD_RUN) },
	{ OPT_YES, "yes", NULL, "ask nothing", NULL, FOR(CMD_DEMO) },
	{ OPT_ALL, "all", NULL, "every demonstration, one after the other", NULL, FOR(CMD_DEMO) },
	{ OPT_LIST, "list", NULL, "one demonstration a line: name, chapter, title", NULL, FOR(CMD_DEMO) },
	{ OPT_SIXEL, "sixel", NULL, "draw with pixels, in a terminal that shows sixels", NULL, FOR(CMD_DEMO) },
	{ OPT_DB, "db", "FILE", "the history; default history.sqlite in the user's data folder", NULL,
	  FOR(CMD_HISTORY) },
	{ OPT_TO, "to", "FORMAT", "the format; it must be given", SM_EXPORT_NAMES, FOR(CMD_EXPORT) },
	{ OPT_FORMAT, "format", "FORMAT", "table, json or csv", "table json csv", FOR(CMD_LIST) },
	{ OPT_JSON, "json", NULL, "for machines", NULL,
	  FOR(CMD_LIST) | FOR(CMD_DOCTOR) | FOR(CMD_CHECK) | FOR(CMD_AB) | FOR(CMD_COMPARE) },
	{ OPT_COLOR, "color", "WHEN", "auto, always or never; NO_COLOR is honoured", "auto always never", FOR_ALL },
	{ 'q', "quiet", NULL, "no progress, no tables", NULL, FOR_ALL },
	{ 'v', "verbose", NULL, "say more", NULL, FOR_ALL },
	{ 'h', "help", NULL, "this help", NULL, FOR_ALL },
	{ OPT_VERSION, "version", NULL, "the version", NULL, FOR_ALL },
};
#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

static const char exit_codes[] =
	"0 ok, 1 regression or refuted gate, 3 (--strict) inconclusive or not testable, (ab) a FAIL was not possible, 4 usage, "
	"5 this machine cannot run it, 6 wrong data or an internal error, 128+n a signal (partial results are saved)";

static const struct option_spec *find_spec(int id)
{
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (specs[i].id == id)
			return &specs[i];
	return NULL;
}

static void print_formats(FILE *out, bool man)
{
	size_t count;
	const struct sm_export_format *formats = sm_export_formats(&count);

	for (size_t i = 0; i < count; i++)
		if (man)
			fprintf(out, ".TP\n.B %s\n%s\n", formats[i].name, formats[i].summary);
		else
			fprintf(out, "  %-26s %s\n", formats[i].name, formats[i].summary);
}

void print_help(FILE *out, int command)
{
	if (command == CMD_COUNT) {
		fprintf(out, "shmeter: what sharing memory between processes costs on this machine\n\n");
		for (int i = 0; i < CMD_COUNT; i++)
			fprintf(out, "  shmeter %-6s %-13s %s\n", commands[i].name, commands[i].operands,
				commands[i].summary);
		fprintf(out, "\n`shmeter COMMAND --help` lists a command's options.\nExit codes: %s.\n", exit_codes);
		return;
	}
	fprintf(out, "shmeter %s [OPTION...] %s\n%s\n\n", commands[command].name, commands[command].operands,
		commands[command].summary);
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		char left[48], dash[8] = "    ";

		if (!(specs[i].commands & FOR(command)))
			continue;
		if (specs[i].id < 256)
			snprintf(dash, sizeof(dash), "-%c, ", specs[i].id);
		snprintf(left, sizeof(left), "%s--%s%s%s", dash, specs[i].name, specs[i].argument ? " " : "",
			 specs[i].argument ? specs[i].argument : "");
		fprintf(out, "  %-26s %s\n", left, specs[i].summary);
	}
	if (command == CMD_EXPORT) {
		fprintf(out, "\nFormats:\n");
		print_formats(out, false);
	}
}

void print_man(FILE *out)
{
	fprintf(out,
		".TH SHMETER 1 \"\" \"shmeter %s\"\n.SH NAME\nshmeter \\- what sharing memory "
		"between processes costs on this machine\n.SH SYNOPSIS\n",
		SHMETER_VERSION);
	for (int i = 0; i < CMD_COUNT; i++)
		fprintf(out, ".B shmeter %s\n[\\fIOPTION\\fR...] %s\n.br\n", commands[i].name, commands[i].operands);
	fprintf(out, ".SH DESCRIPTION\nForks processes, pins them, runs scenarios over shared memory, "
		     "and says what it found with its interval and its cause.\n.SH COMMANDS\n");
	for (int i = 0; i < CMD_COUNT; i++)
		fprintf(out, ".TP\n.B %s\n%s\n", commands[i].name, commands[i].summary);
	fprintf(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		fprintf(out, ".TP\n.B \\-\\-%s %s\n%s", specs[i].name, specs[i].argument ? specs[i].argument : "",
			specs[i].summary);
		fprintf(out, " (");
		if (specs[i].commands == FOR_ALL)
			fprintf(out, "all commands");
		for (int c = 0, first = 1; specs[i].commands != FOR_ALL && c < CMD_COUNT; c++)
			if (specs[i].commands & FOR(c)) {
				fprintf(out, "%s%s", first ? "" : ", ", commands[c].name);
				first = 0;
			}
		fprintf(out, ")\n");
	}
	fprintf(out, ".SH EXPORT FORMATS\n");
	print_formats(out, true);
	fprintf(out,
		".SH EXIT STATUS\n%s.\n.SH FILES\nA run folder holds manifest.json, samples.csv, "
		"slices.csv, counters.csv, summary.csv, pairs.csv, claims.csv, histograms/, plots/ "
		"and report.html.\n",
		exit_codes);
}

void print_bash_completion(FILE *out)
{
	fprintf(out, "_shmeter() {\n  local cur=${COMP_WORDS[COMP_CWORD]} "
		     "prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}\n  case $prev in\n");
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (specs[i].choices)
			fprintf(out, "  --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", specs[i].name,
				specs[i].choices);
	fprintf(out, "  --resume|--file-folder) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n"
		     "  --out) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
		     "  esac\n  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W '");
	for (int i = 0; i < CMD_COUNT; i++)
		fprintf(out, "%s ", commands[i].name);
	fprintf(out, "' -- \"$cur\")); return\n  fi\n  case $cmd in\n");
	for (int c = 0; c < CMD_COUNT; c++) {
		fprintf(out, "  %s) COMPREPLY=($(compgen -W '", commands[c].name);
		for (size_t i = 0; i < SPEC_COUNT; i++)
			if (specs[i].commands & FOR(c))
				fprintf(out, "--%s ", specs[i].name);
		fprintf(out, "' -- \"$cur\")) ;;\n");
	}
	fprintf(out, "  esac\n  [[ \"$cmd\" = @(report|export) ]] && COMPREPLY+=($(compgen -d -- \"$cur\"))\n"
		     "}\ncomplete -F _shmeter shmeter\n");
}

static int parse_number(const char *name, const char *text, uint64_t max, uint64_t *value, struct sm_error *err)
{
	if (sm_parse_whole(text, max, value) < 0)
		return sm_fail(err, EINVAL, "--%s \"%s\": a whole number from 0 to %" PRIu64 " is expected", name, text,
			       max);
	return 0;
}

static int parse_placement(struct arguments *a, const char *text, struct sm_error *err)
{
	struct sm_plan_options *plan = &a->run.plan;

	plan->placement = sm_placement_parse(text);
	if (plan->placement)
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return sm_fail(err, EINVAL, "--placement \"%s\" is not known: choose %s, or list PUs such as 0,2", text,
			       "near, same-core, smt, shared-l2, shared-l3, same-node, cross-node");
	int count = sm_parse_list(text, a->pu_list, 1024, err);

	if (count < 0)
		return count;
	plan->placement = SM_PLACE_LIST;
	plan->pu_list = a->pu_list;
	plan->pu_list_count = (unsigned)count;
	return 0;
}

static int parse_set(struct sm_plan_options *plan, char *text, struct sm_error *err)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1])
		return sm_fail(err, EINVAL, "--set \"%s\": NAME=VALUE[,VALUE...] is expected", text);
	if (plan->set_count == SM_SETS_MAX)
		return sm_fail(err, EINVAL, "--set can be given at most %d times", SM_SETS_MAX);
	*equals = '\0';
	plan->set[plan->set_count].name = text;
	plan->set[plan->set_count++].text = equals + 1;
	return 0;
}

static int parse_choice(const struct option_spec *spec, const char *text, const char **out, struct sm_error *err)
{
	char choices[256], *rest = choices, *one;

	snprintf(choices, sizeof(choices), "%s", spec->choices);
	while ((one = strsep(&rest, " ")))
		if (strcmp(one, text) == 0) {
			*out = text;
			return 0;
		}
	return sm_fail(err, EINVAL, "--%s \"%s\" is not known: choose one of %s", spec->name, text, spec->choices);
}

static int apply_run(struct arguments *a, int id, char *text, struct sm_error *err)
{
	struct sm_plan_options *plan = &a->run.plan;
	uint64_t number;
	int rc = 0;

	switch (id) {
	case OPT_PROFILE: a->run.profile_given = true; return sm_profile_parse(text, &plan->profile, err);
	case OPT_BUDGET:
		if (sm_parse_duration(text, &plan->budget_ns, NULL) < 0)
			return sm_fail(err, EINVAL, "--budget \"%s\" is not a time: write it like 90s, 2m or 500ms",
				       text);
		return 0;
	case OPT_SEED: a->run.seed_given = true; return parse_number("seed", text, UINT64_MAX, &plan->seed, err);
	case OPT_BLOCKS:
		rc = parse_number("repeat-blocks", text, 10000, &number, err);
		plan->repeat_blocks = rc ? 0 : (unsigned)number;
		if (rc == 0 && number == 0)
			return sm_fail(err, EINVAL, "--repeat-blocks 0 would measure nothing");
		return rc;
	case OPT_SLICE:
		if (sm_parse_duration(text, &plan->slice_ns, NULL) < 0 || plan->slice_ns < SLICE_LEAST_NS ||
		    plan->slice_ns > SLICE_MOST_NS)
			return sm_fail(err, EINVAL, "--slice \"%s\" is no time from 100us to 1s: write it like 10ms",
				       text);
		return 0;
	case OPT_SLICES:
		rc = parse_number("slices", text, SM_SLICES_MAX, &number, err);
		plan->slices = rc ? 0 : (unsigned)number;
		if (rc == 0 && number < SM_SLICES_LEAST)
			return sm_fail(err, EINVAL, "--slices %u: a trial counts from %d slices on", plan->slices,
				       SM_SLICES_LEAST);
		return rc;
	case OPT_PLACEMENT: return parse_placement(a, text, err);
	case OPT_BACKING: return sm_backing_parse(text, &plan->memory.backing, err);
	case OPT_PAGES: return sm_pages_parse(text, &plan->memory.pages, err);
	case OPT_PREFAULT: return sm_prefault_parse(text, &plan->memory.prefault, err);
	case OPT_NUMA: return sm_numa_parse(text, &plan->memory, err);
	case OPT_SET: return parse_set(plan, text, err);
	case OPT_OUT: a->out = text; break;
	case OPT_RESUME: a->resume = text; break;
	case OPT_EVENTS: a->run.events = text; break;
	case OPT_NO_COUNTERS: a->run.no_counters = true; break;
	case OPT_DRY_RUN: a->dry_run = true; break;
	case OPT_TUNE: a->run.tune = true; break;
	case OPT_FILE_FOLDER: a->run.file_folder = text; break;
	case OPT_INJECT: plan->inject = text; break;
	}
	return 0;
}

static int parse_ratio(const char *text, double *out, struct sm_error *err)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out > 1 && *out < 1000))
		return sm_fail(err, EINVAL, "--max \"%s\": a ratio over 1 is expected, such as 1.05", text);
	return 0;
}

static int apply(struct arguments *a, int id, char *text, struct sm_error *err)
{
	switch (id) {
	case OPT_FORMAT: return parse_choice(find_spec(id), text, &a->format, err);
	case OPT_DB: a->db = text; break;
	case OPT_COUNTERS: a->counters = true; break;
	case OPT_YES: a->yes = true; break;
	case OPT_ALL: a->all = true; break;
	case OPT_LIST: a->list = true; break;
	case OPT_SIXEL: a->sixel = true; break;
	case OPT_TO: return parse_choice(find_spec(id), text, &a->to, err);
	case OPT_COLOR: return parse_choice(find_spec(id), text, &a->color, err);
	case OPT_THRESHOLDS: a->thresholds = text; break;
	case OPT_BASELINE: a->baseline = text; break;
	case OPT_STRICT: a->strict = true; break;
	case OPT_CONFIRM: a->confirm = true; break;
	case OPT_JUNIT: a->junit = text; break;
	case OPT_GITHUB: a->github = true; break;
	case OPT_LEFT: a->left = text; break;
	case OPT_RIGHT: a->right = text; break;
	case OPT_MAX: return parse_ratio(text, &a->allowed, err);
	case OPT_JSON: a->json = true; break;
	case OPT_APPLY: a->apply = true; break;
	case OPT_UNDO: a->undo = true; break;
	case OPT_TERM: a->term = true; break;
	case OPT_NO_PLOTS: a->no_plots = true; break;
	case 'q': a->quiet = true; break;
	case 'v': a->verbose = true; break;
	default: return apply_run(a, id, text, err);
	}
	return 0;
}

static int find_command(const char *name, struct sm_error *err)
{
	for (int i = 0; i < CMD_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return i;
	return sm_fail(err, EINVAL, "\"%s\" is not a command: `shmeter help` lists them", name);
}

/* What the runs of an alternation are told, too: the point that they measure. */
static int pass_on(struct arguments *a, const struct option_spec *spec, char *text, struct sm_error *err)
{
	static const int passed[] = { OPT_PROFILE, OPT_PLACEMENT, OPT_BACKING, OPT_PAGES, OPT_PREFAULT, OPT_NUMA };
	static char option[SPEC_COUNT][32];
	const size_t room = sizeof(a->pass) / sizeof(a->pass[0]);
	bool wanted = spec->id == OPT_SET;

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		wanted |= spec->id == passed[i];
	if (!wanted)
		return 0;
	if (a->pass_count + 2 > room)
		return sm_fail(err, EINVAL, "too many options: at most %zu", room / 2);
	if (spec->id == OPT_SET) /* was cut in two at the equals sign */
		text[strlen(text)] = '=';
	snprintf(option[spec - specs], sizeof(option[0]), "--%s", spec->name);
	a->pass[a->pass_count++] = option[spec - specs];
	a->pass[a->pass_count++] = text;
	return 0;
}

static int parse_options(struct arguments *a, int argc, char **argv, struct sm_error *err)
{
	struct option table[SPEC_COUNT + 1] = { { 0 } };
	int id;

	for (size_t i = 0; i < SPEC_COUNT; i++)
		table[i] = (struct option){ specs[i].name, specs[i].argument ? required_argument : no_argument, NULL,
					    specs[i].id };
	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, ":qvh", table, NULL)) != -1) {
		const struct option_spec *spec = find_spec(id);

		if (id == ':')
			return sm_fail(err, EINVAL, "%s needs a value; see `shmeter %s --help`", argv[optind - 1],
				       commands[a->command].name);
		if (!spec || !(spec->commands & FOR(a->command)))
			return sm_fail(err, EINVAL, "`shmeter %s` has no option %s; see `shmeter %s --help`",
				       commands[a->command].name, argv[optind - 1], commands[a->command].name);
		if (id == 'h') {
			print_help(stdout, (int)a->command);
			return PARSED_DONE;
		}
		if (id == OPT_VERSION) {
			puts("shmeter " SHMETER_VERSION);
			return PARSED_DONE;
		}
		int rc = apply(a, id, optarg, err);

		if (rc == 0 && a->command == CMD_AB)
			rc = pass_on(a, spec, optarg, err);
		if (rc < 0)
			return rc;
	}
	for (; optind < argc; optind++) {
		if (a->operands == sizeof(a->operand) / sizeof(a->operand[0]))
			return sm_fail(err, EINVAL, "too many arguments: at most %zu", a->operands);
		a->operand[a->operands++] = argv[optind];
	}
	return PARSED_RUN;
}

int arguments_parse(struct arguments *arguments, int argc, char **argv, struct sm_error *err)
{
	int command;

	memset(arguments, 0, sizeof(*arguments));
	arguments->run.command_line = (const char *const *)argv;
	arguments->run.command_line_count = (size_t)argc;
	arguments->run.version = SHMETER_VERSION;
	if (argc < 2)
		return sm_fail(err, EINVAL, "a command is missing: list, run, doctor, report, export, tune or help");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout, CMD_COUNT);
		return PARSED_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("shmeter " SHMETER_VERSION);
		return PARSED_DONE;
	}
	command = find_command(argv[1], err);
	if (command < 0)
		return command;
	arguments->command = (enum command_id)command;
	return parse_options(arguments, argc - 1, argv + 1, err);
}
