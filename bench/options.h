/* The commands, and the options of each. */
#ifndef SHMETER_OPTIONS_H
#define SHMETER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/choose.h"
#include "shmeter/gate.h"
#include "shmeter/run.h"

#define OPERANDS_MAX 64 /* patterns or folders */
#define OPTIONS_MAX  96 /* rows of the table */
#define PASSED_MAX   32 /* options that `ab` passes on */
#define PLUGINS_MAX  16

enum command {
	CMD_LIST,
	CMD_RUN,
	CMD_CHOOSE,
	CMD_DOCTOR,
	CMD_REPORT,
	CMD_EXPORT,
	CMD_HISTORY,
	CMD_CHECK,
	CMD_AB,
	CMD_COMPARE,
	CMD_SELFTEST,
	CMD_DEMO,
	CMD_LOOK,
	CMD_TUNE,
	CMD_PLUGIN,
	CMD_HELP,
	CMD_COUNT
};

/* Options of every command; the first member of each command's options. */
struct common_options {
	const char *const *command_line;
	size_t command_line_count;
	const char *operand[OPERANDS_MAX];
	size_t operands;
	struct plugins {
		const char *file[PLUGINS_MAX];
		unsigned count;
		const struct sm_plugged *used[PLUGINS_MAX]; /* the first transport of each file that is not left out */
		unsigned used_count;
	} plugins;
	const char *color; /* NULL: "auto" */
	bool quiet, verbose, help, version;
};

/* Options for showing an analysed run. */
struct show_options {
	bool no_plots, term;
};

/* Options for where verdicts go and how they set the exit code. */
struct gate_options {
	const char *junit;
	bool json, strict, github;
};

struct list_options {
	struct common_options common;
	const char *format;
	bool json;
	bool sentences;
};

struct run_options {
	struct common_options common;
	struct sm_run_options run;
	struct show_options show;
	const char *out, *resume, *thresholds;
	bool dry_run;
};

struct choose_options {
	struct common_options common;
	struct sm_question question;
	struct sm_run_options run; /* further options of its runs */
	const char *from, *out;
};

struct doctor_options {
	struct common_options common;
	const char *events;
	bool json;
};

struct report_options {
	struct common_options common;
	struct show_options show;
	const char *out;
};

struct export_options {
	struct common_options common;
	const char *out, *to, *like;
};

struct history_options {
	struct common_options common;
	const char *out, *db;
	bool same_type;
};

/* The values of an option that may be given several times. */
struct folders {
	const char *folder[SM_BASELINE_RUNS_MAX];
	size_t count;
};

struct check_options {
	struct common_options common;
	struct gate_options gate;
	const char *thresholds, *store;
	const char *accept, *reason, *until;
	struct folders baseline;
	bool confirm, same_type;
};

/* An option for the runs of an alternation. */
struct setting {
	char option[32]; /* "--pages" */
	const char *value;
};

struct ab_options {
	struct common_options common;
	struct sm_run_options run; /* only its plan is used: the runs of the sides are other processes */
	struct gate_options gate;
	const char *out, *left, *right;
	double allowed;                    /* allowed ratio; 0: not given */
	struct setting passed[PASSED_MAX]; /* passed to both sides */
	size_t passed_count;
};

struct compare_options {
	struct common_options common;
	bool json;
};

struct selftest_options {
	struct common_options common;
	const char *out;
	unsigned blocks; /* 0: not given */
	bool counters;
};

struct demo_options {
	struct common_options common;
	bool yes, all, list, sixel;
};

struct look_options {
	struct common_options common;
	bool tree, json, no_counters;
	uint64_t every_ns, interval_ns; /* 0: once; 0: LOOK_INTERVAL_NS */
	const char *run;                /* NULL: results/latest, if it is there */
};

struct tune_options {
	struct common_options common;
	bool apply, undo;
};

struct plugin_options {
	struct common_options common;
	const char *kind, *lang;     /* new */
	const char *out;             /* new: the folder; build: the file; NULL: not given */
	uint64_t messages, check_ns; /* check; 0: not given */
	const char *source;          /* check: a folder; NULL: not given */
	bool json;                   /* check */
};

struct help_options {
	struct common_options common;
};

union options {
	struct common_options common;
	struct list_options list;
	struct run_options run;
	struct choose_options choose;
	struct doctor_options doctor;
	struct report_options report;
	struct export_options export;
	struct history_options history;
	struct check_options check;
	struct ab_options ab;
	struct compare_options compare;
	struct selftest_options selftest;
	struct demo_options demo;
	struct look_options look;
	struct tune_options tune;
	struct plugin_options plugin;
	struct help_options help;
};

struct command_spec {
	const char *name, *operands, *summary;
};
extern const struct command_spec command_specs[CMD_COUNT];

/* A row of the option table.  The parser, --help, the man page and the completion all use it. */
struct option_spec {
	const char *name, *argument; /* argument NULL: it takes none */
	const char *summary;         /* where it ends in a colon, the choices follow */
	/* Stores `text` in the member of the command's options. */
	int (*take)(const struct option_spec *spec, void *member, char *text, struct sm_error *err);
	const char *choices;  /* separated by spaces; also for the completion */
	char letter;          /* 0: none */
	bool varies;          /* the sides of `ab` may have different ones */
	size_t in_common;     /* offset of the member in struct common_options; 0: not a common option */
	size_t in[CMD_COUNT]; /* offset of the member in that command's options; 0: the command does not take it */
};
extern const struct option_spec option_specs[];
extern const size_t option_count;

bool option_is_taken(const struct option_spec *spec, enum command command);
/* Whether `name` is an option of `run` that the sides of `ab` may set. */
bool option_varies(const char *name);

/* Parses the options of the command in argv[1].  Parsing stops at --help or --version, and sets its flag; `command` is
 * CMD_COUNT where either comes first.  -EINVAL with the sentence. */
SM_MUST_USE int options_parse(union options *options, enum command *command, int argc, char **argv,
			      struct sm_error *err);

#endif
