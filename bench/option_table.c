/* The table of all commands and options, and the functions that parse each value. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "shmeter/error.h"
#include "shmeter/export.h"
#include "shmeter/text.h"

/* Limits of --slice: at least 1000 times the cost of reading the clock, and short enough for several slices in a
 * trial. */
#define SLICE_LEAST_NS 100000u
#define SLICE_MOST_NS  1000000000u
#define BLOCKS_MOST    10000
#define PUS_MAX        1024
#define PROCESSES_MOST 4096
#define MESSAGES_MOST  10000000000u

const struct command_spec command_specs[CMD_COUNT] = {
	[CMD_LIST] = { "list", "[PATTERN...]", "list scenarios, claims, and what cannot run here" },
	[CMD_RUN] = { "run", "[PATTERN...]", "measure, write a run folder, print the findings" },
	[CMD_CHOOSE] = { "choose", "", "pick a transport, page size or lock by measurement" },
	[CMD_DOCTOR] = { "doctor", "", "check what this machine has and lacks" },
	[CMD_REPORT] = { "report", "DIR", "print findings and tables of a run, draw figures" },
	[CMD_EXPORT] = { "export", "DIR", "convert a run to another tool's format" },
	[CMD_HISTORY] = { "history", "add DIR... | show [CASE]", "collect runs in one file, find lasting changes" },
	[CMD_CHECK] = { "check", "DIR | --accept GATE", "test a run against thresholds and an earlier run" },
	[CMD_AB] = { "ab", "[OLD,... NEW,...] [PATTERN...]", "alternate two builds or settings, find slowdowns" },
	[CMD_COMPARE] = { "compare", "OLD-DIR NEW-DIR", "compare two runs, with the smallest detectable difference" },
	[CMD_SELFTEST] = { "selftest", "[PATTERN...]", "verify the instrument, measure noise floors" },
	[CMD_DEMO] = { "demo", "[NAME | watch [PID...]]", "demonstrate shared memory, measured live" },
	[CMD_LOOK] = { "look", "PID...", "show the shared memory of running processes" },
	[CMD_TUNE] = { "tune", "", "list, apply or undo helpful system settings" },
	[CMD_PLUGIN] = { "plugin", "new|build|check WHAT", "make, build or check a plug-in of your own" },
	[CMD_HELP] = { "help", "[man|bash|zsh|fish]", "print this help, the man page or a completion" },
};

static int take_flag(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	(void)text;
	(void)err;
	*(bool *)member = true;
	return 0;
}

static int take_text(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	(void)err;
	*(const char **)member = text;
	return 0;
}

static int take_folder(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct folders *folders = member;

	if (folders->count == SM_BASELINE_RUNS_MAX)
		return sm_fail(err, EINVAL, "--%s: at most %d folders", spec->name, SM_BASELINE_RUNS_MAX);
	folders->folder[folders->count++] = text;
	return 0;
}

static int take_plugin(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct plugins *plugins = member;

	if (plugins->count == PLUGINS_MAX)
		return sm_fail(err, EINVAL, "--%s: at most %d files", spec->name, PLUGINS_MAX);
	plugins->file[plugins->count++] = text;
	return 0;
}

static int take_choice(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	if (!sm_has_word(spec->choices, text, strlen(text)))
		return sm_fail(err, EINVAL, "--%s \"%s\" is not known; choose one of %s", spec->name, text,
			       spec->choices);
	*(const char **)member = text;
	return 0;
}

static int read_number(const struct option_spec *spec, const char *text, uint64_t max, uint64_t *value,
		       struct sm_error *err)
{
	if (sm_parse_whole(text, max, value) < 0)
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a whole number from 0 to %" PRIu64, spec->name, text,
			       max);
	return 0;
}

static int take_blocks(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	uint64_t number = 0;
	int rc = read_number(spec, text, BLOCKS_MOST, &number, err);

	if (rc == 0 && number == 0)
		return sm_fail(err, EINVAL, "--%s 0 would measure nothing; give at least 1", spec->name);
	*(unsigned *)member = (unsigned)number;
	return rc;
}

static int take_slices(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	uint64_t number = 0;
	int rc = read_number(spec, text, SM_SLICES_MAX, &number, err);

	if (rc == 0 && number < SM_SLICES_LEAST)
		return sm_fail(err, EINVAL, "--%s %s is too few; a trial needs at least %d slices", spec->name, text,
			       SM_SLICES_LEAST);
	*(unsigned *)member = (unsigned)number;
	return rc;
}

static int take_budget(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	if (sm_parse_duration(text, member, NULL) < 0)
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a time; write it like 90s, 2m or 500ms", spec->name,
			       text);
	return 0;
}

static int take_slice(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	uint64_t *slice_ns = member;

	if (sm_parse_duration(text, slice_ns, NULL) < 0 || *slice_ns < SLICE_LEAST_NS || *slice_ns > SLICE_MOST_NS)
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a time from 100us to 1s; write it like 10ms",
			       spec->name, text);
	return 0;
}

static int take_ratio(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	double ratio;
	char *end;

	ratio = strtod(text, &end);
	if (end == text || *end || !(ratio > 1 && ratio < 1000))
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a ratio over 1; write it like 1.05", spec->name, text);
	*(double *)member = ratio;
	return 0;
}

static int take_profile(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct sm_run_options *run = member;

	(void)spec;
	run->profile_given = true;
	return sm_profile_parse(text, &run->plan.profile, err);
}

static int take_seed(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct sm_run_options *run = member;

	run->seed_given = true;
	return read_number(spec, text, UINT64_MAX, &run->plan.seed, err);
}

static int take_placement(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	static unsigned pus[PUS_MAX]; /* of the last option */
	struct sm_plan_options *plan = member;
	int count;

	plan->placement = sm_placement_parse(text);
	if (plan->placement)
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return sm_fail(err, EINVAL, "--%s \"%s\" is not known; choose one of %s, or list PUs such as 0,2",
			       spec->name, text, spec->choices);
	count = sm_parse_list(text, pus, PUS_MAX, err);
	if (count < 0)
		return count;
	plan->placement = SM_PLACE_LIST;
	plan->pu_list = pus;
	plan->pu_list_count = (unsigned)count;
	return 0;
}

static int take_backing(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	return sm_backing_parse(text, &((struct sm_memory *)member)->backing, err);
}

static int take_pages(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	return sm_pages_parse(&sm_os_linux, text, &((struct sm_memory *)member)->pages, err);
}

static int take_prefault(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	return sm_prefault_parse(text, &((struct sm_memory *)member)->prefault, err);
}

static int take_numa(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)spec;
	return sm_numa_parse(text, member, err);
}

static int take_set(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct sm_plan_options *plan = member;
	char *equals = strchr(text, '='), *name;

	if (!equals || equals == text || !equals[1])
		return sm_fail(err, EINVAL, "--%s \"%s\" is not NAME=VALUE[,VALUE...]", spec->name, text);
	if (plan->set_count == SM_SETS_MAX)
		return sm_fail(err, EINVAL, "--%s is given more than %d times", spec->name, SM_SETS_MAX);
	name = strndup(text, (size_t)(equals - text)); /* lives as long as the program */
	if (!name)
		return sm_fail(err, ENOMEM, "no memory for --%s", spec->name);
	plan->set[plan->set_count].name = name;
	plan->set[plan->set_count++].text = equals + 1;
	return 0;
}

/* Only one thing at a time can be chosen. */
static int take_choice_of(const struct option_spec *spec, struct sm_question *question, enum sm_choice choice,
			  struct sm_error *err)
{
	if (question->choice != SM_CHOOSE_NOTHING && question->choice != choice)
		return sm_fail(err, EINVAL,
			       "--%s: choose one thing at a time: --message, --memory and --lock exclude each other",
			       spec->name);
	question->choice = choice;
	return 0;
}

static int take_message(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct sm_question *question = member;
	int rc = sm_parse_size(text, &question->message, err);

	return rc < 0 ? rc : take_choice_of(spec, question, SM_CHOOSE_TRANSPORT, err);
}

static int take_memory(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	struct sm_question *question = member;
	int rc = sm_parse_size(text, &question->memory, err);

	return rc < 0 ? rc : take_choice_of(spec, question, SM_CHOOSE_PAGES, err);
}

static int take_lock(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)text;
	return take_choice_of(spec, member, SM_CHOOSE_LOCK, err);
}

/* "50k/s": thousands and millions, with or without the "/s". */
static int take_rate(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	const char *rest = "?";
	double rate = 0, times = 1;
	bool number = sm_parse_number(text, &rate, &rest);

	if (number && (*rest == 'k' || *rest == 'M'))
		times = *rest++ == 'k' ? 1e3 : 1e6;
	if (!number || !(rate > 0) || (*rest && strcmp(rest, "/s") != 0))
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a number of messages a second; write it like 50k/s",
			       spec->name, text);
	*(double *)member = rate * times;
	return 0;
}

static int take_percent(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	const char *rest = "";
	double percent = 0;

	if (!sm_parse_number(text, &percent, &rest) || !(percent > 0) || strcmp(rest, "%") != 0)
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a share of a PU; write it like 50%%", spec->name, text);
	*(double *)member = percent / 100;
	return 0;
}

static int take_access(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	const char *access = "";
	int rc = take_choice(spec, &access, text, err);

	*(enum sm_access *)member = rc == 0 && strcmp(access, "stream") == 0 ? SM_ACCESS_STREAM : SM_ACCESS_RANDOM;
	return rc;
}

static int take_processes(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	uint64_t number = 0;
	int rc = read_number(spec, text, PROCESSES_MOST, &number, err);

	if (rc == 0 && number == 0)
		return sm_fail(err, EINVAL, "--%s 0 would want no lock; give at least 1", spec->name);
	*(unsigned *)member = (unsigned)number;
	return rc;
}

static int take_section(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	uint64_t ns = 0;

	if (sm_parse_duration(text, &ns, NULL) < 0)
		return sm_fail(err, EINVAL, "--%s \"%s\" is not a time; write it like 200ns or 5us", spec->name, text);
	*(double *)member = (double)ns;
	return 0;
}

static int take_messages(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	int rc = read_number(spec, text, MESSAGES_MOST, member, err);

	return rc == 0 && *(uint64_t *)member == 0 ? sm_fail(err, EINVAL, "--%s 0 would check nothing", spec->name)
						   : rc;
}

/* An option whose name is a placement. */
static int take_its_name(const struct option_spec *spec, void *member, char *text, struct sm_error *err)
{
	(void)text;
	(void)err;
	*(enum sm_placement *)member = sm_placement_parse(spec->name);
	return 0;
}

/* The member of a command's options that takes the value. */
#define IN(COMMAND, command, member) [CMD_##COMMAND] = offsetof(struct command##_options, member)
#define IN_BOTH(member)              .in = { IN(RUN, run, member), IN(AB, ab, member) }
#define IN_GATES(member)             IN(CHECK, check, gate.member), IN(AB, ab, gate.member)
#define IN_CHOOSE(member)            .in = { IN(CHOOSE, choose, member) }
#define IN_PLUGIN(member)            .in = { IN(PLUGIN, plugin, member) }
#define AT(distance, where)                                                                                            \
	{                                                                                                              \
		distance, NULL, where, take_its_name, IN_CHOOSE(question.placement)                                    \
	}
#define EVERYWHERE(member) .in_common = offsetof(struct common_options, member)

const struct option_spec option_specs[] = {
	/* what is measured */
	{ "profile", "NAME", "choose quick (1 minute), standard (10 minutes) or full", take_profile,
	  "quick standard full", .varies = true, IN_BOTH(run) },
	{ "budget", "TIME", "measure no longer than TIME, such as 90s or 5m", take_budget,
	  IN_BOTH(run.plan.budget_ns) },
	{ "seed", "N", "order the trials by seed N (default: a new seed, stored)", take_seed,
	  .in = { IN(RUN, run, run), IN(CHOOSE, choose, run) } },
	{ "seed", "N", "order the trials of block B by seed N + B (default 0)", take_seed, .in = { IN(AB, ab, run) } },
	{ "placement", "WHERE", "place workers on PUs such as 0,2, or by distance:", take_placement,
	  "near same-core smt shared-l2 shared-l3 same-node cross-node cross-package farthest-node", .varies = true,
	  IN_BOTH(run.plan) },
	{ "kind", "KIND", "use one kind of core: fastest, slowest or its number", take_text, .varies = true,
	  IN_BOTH(run.plan.kind) },
	{ "backing", "KIND", "back shared memory by:", take_backing, "anon memfd posix sysv file", .varies = true,
	  IN_BOTH(run.plan.memory) },
	{ "pages", "SIZE", "use pages of size:", take_pages, "4k thp 2m 1g", .varies = true, IN_BOTH(run.plan.memory) },
	{ "prefault", "WAY", "fault pages in before the measurement:", take_prefault,
	  "lazy touch populate madvise mlock", .varies = true, IN_BOTH(run.plan.memory) },
	{ "numa", "POLICY", "set the NUMA policy (bind: to a node):", take_numa,
	  "first-touch interleave weighted-interleave bind:0", .varies = true, IN_BOTH(run.plan.memory) },
	{ "set", "NAME=V1,V2", "set a parameter (repeatable), such as message=64,4k", take_set, .varies = true,
	  IN_BOTH(run.plan) },
	{ "plugin", "FILE.so", "also take what a plug-in holds (repeatable)", take_plugin, .varies = true,
	  .in = { IN(LIST, list, common.plugins), IN(RUN, run, common.plugins), IN(AB, ab, common.plugins),
		  IN(CHECK, check, common.plugins), IN(REPORT, report, common.plugins),
		  IN(CHOOSE, choose, common.plugins) } },
	{ "repeat-blocks", "N", "measure N blocks (quick 8, standard 16, full 30)", take_blocks,
	  .in = { IN(RUN, run, run.plan.repeat_blocks) } },
	{ "repeat-blocks", "N", "measure exactly N blocks (default: until clear; layouts: enough for a FAIL)",
	  take_blocks, .in = { IN(AB, ab, run.plan.repeat_blocks) } },
	{ "repeat-blocks", "N", "measure N blocks per slowdown (default 320)", take_blocks,
	  .in = { IN(SELFTEST, selftest, blocks) } },
	{ "slice", "TIME", "set the slice length (default 1ms, longer on shared PUs)", take_slice,
	  .in = { IN(RUN, run, run.plan.slice_ns) } },
	{ "slices", "N", "take N slices per trial after the warm-up", take_slices,
	  .in = { IN(RUN, run, run.plan.slices) } },
	{ "events", "LIST", "count these hardware events, in the syntax of libpfm4", take_text,
	  .in = { IN(RUN, run, run.events), IN(DOCTOR, doctor, events) } },
	{ "no-counters", NULL, "use no hardware counters", take_flag,
	  .in = { IN(RUN, run, run.no_counters), IN(LOOK, look, no_counters) } },
	{ "counters", NULL, "test hardware counters on work whose counts are known", take_flag,
	  .in = { IN(SELFTEST, selftest, counters) } },
	{ "inject", "CASE=PERCENT", "slow the cases that match down, to try a gate", take_text, .varies = true,
	  .in = { IN(RUN, run, run.plan.inject) } },
	/* what is chosen */
	{ "message", "SIZE", "choose a transport for messages of SIZE, such as 4k", take_message, IN_CHOOSE(question) },
	{ "rate", "RATE", "accept transports that sustain RATE, such as 50k/s", take_rate, IN_CHOOSE(question.rate) },
	{ "cpu-budget", "PERCENT", "accept those within PERCENT of a PU at that rate", take_percent,
	  IN_CHOOSE(question.cpu_budget) },
	{ "may-spin", NULL, "accept those that burn a PU while they wait", take_flag, IN_CHOOSE(question.may_spin) },
	{ "p99", NULL, "rank by the 99 % quantile of the round trips", take_flag, IN_CHOOSE(question.tail) },
	AT("near", "measure on the two nearest PUs that suit (default)"),
	AT("same-core", "measure on one PU, taking turns"),
	AT("smt", "measure on two hardware threads of a core"),
	AT("shared-l2", "measure on two cores of one L2 cache"),
	AT("shared-l3", "measure on two cores of one L3 cache"),
	AT("same-node", "measure on two cores of one NUMA node"),
	AT("cross-node", "measure on two NUMA nodes"),
	AT("cross-package", "measure on two packages"),
	AT("farthest-node", "measure on the two NUMA nodes farthest apart"),
	{ "memory", "SIZE", "choose pages for SIZE of memory, such as 8g", take_memory, IN_CHOOSE(question) },
	{ "access", "ORDER", "set the access pattern (stream: sequential):", take_access, "random stream",
	  IN_CHOOSE(question.access) },
	{ "lock", NULL, "choose a lock", take_lock, IN_CHOOSE(question) },
	{ "processes", "N", "let N processes want the lock (default 2)", take_processes,
	  IN_CHOOSE(question.processes) },
	{ "critical-section", "TIME", "hold the lock for TIME, such as 200ns (default 0)", take_section,
	  IN_CHOOSE(question.section_ns) },
	{ "from", "DIR", "answer from this run instead of measuring", take_text, IN_CHOOSE(from) },
	/* how */
	{ "dry-run", NULL, "print the plan and its duration without measuring", take_flag,
	  .in = { IN(RUN, run, dry_run) } },
	{ "resume", "DIR", "continue an interrupted run", take_text, .in = { IN(RUN, run, resume) } },
	{ "tune", NULL, "reserve the huge pages that the run needs, then restore", take_flag,
	  .in = { IN(RUN, run, run.tune) } },
	{ "apply", NULL, "apply the settings that are listed, until --undo", take_flag,
	  .in = { IN(TUNE, tune, apply) } },
	{ "undo", NULL, "restore all settings that shmeter changed", take_flag, .in = { IN(TUNE, tune, undo) } },
	/* the sides of an alternation, and gates */
	{ "left", "KEY=VALUE,...", "set options of run or parameters of the old side", take_text,
	  .in = { IN(AB, ab, left) } },
	{ "right", "KEY=VALUE,...", "set those of the new side, such as pages=2m,message=64", take_text,
	  .in = { IN(AB, ab, right) } },
	{ "max", "RATIO", "accept a ratio new/old of at most RATIO (default 1.02)", take_ratio,
	  .in = { IN(AB, ab, allowed) } },
	{ "thresholds", "FILE", "measure what the gates in FILE need", take_text, .in = { IN(RUN, run, thresholds) } },
	{ "thresholds", "FILE", "read gates from FILE (default results/thresholds.ini)", take_text,
	  .in = { IN(CHECK, check, thresholds) } },
	{ "baseline", "DIR", "compare with earlier runs of this host (one or more)", take_folder,
	  .in = { IN(CHECK, check, baseline) } },
	{ "baseline-store", "DIR", "compare with the runs of this type in DIR, add this one", take_text,
	  .in = { IN(CHECK, check, store) } },
	{ "same-type", NULL, "compare times of other hosts of the same type, too", take_flag,
	  .in = { IN(CHECK, check, same_type) } },
	{ "same-type", NULL, "show the runs of all hosts of the latest run's type", take_flag,
	  .in = { IN(HISTORY, history, same_type) } },
	{ "confirm", NULL, "re-measure timing failures; fail only if reproduced", take_flag,
	  .in = { IN(CHECK, check, confirm) } },
	{ "accept", "GATE", "write that a FAIL of GATE is accepted until a day", take_text,
	  .in = { IN(CHECK, check, accept) } },
	{ "reason", "TEXT", "say why (--accept)", take_text, .in = { IN(CHECK, check, reason) } },
	{ "until", "DATE", "name the last day, as 2026-12-31 in UTC (--accept)", take_text,
	  .in = { IN(CHECK, check, until) } },
	{ "strict", NULL, "exit 3 if a verdict is inconclusive or not testable", take_flag,
	  .in = { IN_GATES(strict) } },
	{ "junit", "FILE", "write the verdicts to FILE as JUnit XML", take_text, .in = { IN_GATES(junit) } },
	{ "github", NULL, "annotate the workflow, append to $GITHUB_STEP_SUMMARY", take_flag,
	  .in = { IN_GATES(github) } },
	/* demonstrations */
	{ "yes", NULL, "skip prompts", take_flag, .in = { IN(DEMO, demo, yes) } },
	{ "all", NULL, "show all demonstrations in turn", take_flag, .in = { IN(DEMO, demo, all) } },
	{ "list", NULL, "print one line per demonstration: name, chapter, title", take_flag,
	  .in = { IN(DEMO, demo, list) } },
	{ "sixel", NULL, "draw with pixels, in a terminal that supports sixel", take_flag,
	  .in = { IN(DEMO, demo, sixel) } },
	/* running processes */
	{ "tree", NULL, "look at their child processes, too", take_flag, .in = { IN(LOOK, look, tree) } },
	{ "every", "TIME", "look again every TIME, such as 2s, until Ctrl-C", take_budget,
	  .in = { IN(LOOK, look, every_ns) } },
	{ "interval", "TIME", "count faults over TIME (default 1s)", take_budget,
	  .in = { IN(LOOK, look, interval_ns) } },
	{ "run", "DIR", "take the figures of this run (default results/latest)", take_text,
	  .in = { IN(LOOK, look, run) } },
	/* plug-ins */
	{ "kind", "KIND", "choose what to make (new):", take_choice, "transport lock scenario", IN_PLUGIN(kind) },
	{ "lang", "LANG", "choose the language (new):", take_choice, "c c++ rust", IN_PLUGIN(lang) },
	{ "messages", "N", "pass at most N messages in each test (check)", take_messages, IN_PLUGIN(messages) },
	{ "seconds", "S", "pass messages for at most S seconds (check)", take_budget, IN_PLUGIN(check_ns) },
	{ "source", "DIR", "also build DIR under sanitizers (check)", take_text, IN_PLUGIN(source) },
	/* what is written, and where to */
	{ "out", "DIR", "write to the new folder DIR (default results/TIME-HOST)", take_text,
	  .in = { IN(RUN, run, out), IN(AB, ab, out), IN(SELFTEST, selftest, out) } },
	{ "out", "DIR", "write to DIR (default: the run folder)", take_text, .in = { IN(REPORT, report, out) } },
	{ "out", "DIR", "keep the runs in DIR (default: keep none)", take_text, IN_CHOOSE(out) },
	{ "out", "FILE", "write to FILE (default: standard output)", take_text, .in = { IN(EXPORT, export, out) } },
	{ "out", "PATH", "make this folder (new) or this file (build)", take_text, IN_PLUGIN(out) },
	{ "out", "DIR", "draw one figure per case in DIR", take_text, .in = { IN(HISTORY, history, out) } },
	{ "file-folder", "DIR", "keep file-backed regions in DIR (default: the run folder)", take_text,
	  .in = { IN(RUN, run, run.file_folder) } },
	{ "no-plots", NULL, "draw no figures", take_flag,
	  .in = { IN(RUN, run, show.no_plots), IN(REPORT, report, show.no_plots) } },
	{ "term", NULL, "also draw the ratios in the terminal", take_flag,
	  .in = { IN(RUN, run, show.term), IN(REPORT, report, show.term) } },
	{ "db", "FILE", "use FILE (default: history.sqlite in the data folder)", take_text,
	  .in = { IN(HISTORY, history, db) } },
	{ "to", "FORMAT", "choose one of the formats below (required)", take_choice, SM_EXPORT_NAMES,
	  .in = { IN(EXPORT, export, to) } },
	{ "like", "DIR", "name pair classes as the run in DIR does (go-bench)", take_text,
	  .in = { IN(EXPORT, export, like) } },
	{ "sentences", NULL, "print what people say, and the claims that test it", take_flag,
	  .in = { IN(LIST, list, sentences) } },
	{ "format", "FORMAT", "choose a format:", take_choice, "table json csv", .in = { IN(LIST, list, format) } },
	{ "json", NULL, "print JSON", take_flag,
	  .in = { IN(LIST, list, json), IN(DOCTOR, doctor, json), IN(COMPARE, compare, json), IN(PLUGIN, plugin, json),
		  IN(LOOK, look, json), IN_GATES(json) } },
	{ "color", "WHEN", "use color auto, always or never; NO_COLOR is honoured", take_choice, "auto always never",
	  EVERYWHERE(color) },
	{ "quiet", NULL, "print neither progress nor tables", take_flag, .letter = 'q', EVERYWHERE(quiet) },
	{ "verbose", NULL, "print each point (run), sources (list), all rows (look)", take_flag, .letter = 'v',
	  EVERYWHERE(verbose) },
	{ "help", NULL, "print this help", take_flag, .letter = 'h', EVERYWHERE(help) },
	{ "version", NULL, "print the version", take_flag, EVERYWHERE(version) },
};
_Static_assert(sizeof(option_specs) / sizeof(option_specs[0]) <= OPTIONS_MAX, "OPTIONS_MAX is too small");
const size_t option_count = sizeof(option_specs) / sizeof(option_specs[0]);
