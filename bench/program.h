/* The program: options, commands, exit codes. */
#ifndef SHMETER_PROGRAM_H
#define SHMETER_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>

#include "shmeter/run.h"

/* Never 2 (make's own), 77 or 99 (automake's). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUTED = 1,
	EXIT_INCONCLUSIVE = 3,
	EXIT_USAGE = 4,
	EXIT_MACHINE = 5,
	EXIT_WRONG = 6,
	EXIT_SIGNAL = 128, /* + its number */
};

/* Which commands an option belongs to, as bits of enum command_id. */
enum command_id {
	CMD_LIST,
	CMD_RUN,
	CMD_DOCTOR,
	CMD_REPORT,
	CMD_EXPORT,
	CMD_HISTORY,
	CMD_CHECK,
	CMD_AB,
	CMD_COMPARE,
	CMD_SELFTEST,
	CMD_DEMO,
	CMD_TUNE,
	CMD_HELP,
	CMD_COUNT
};

struct arguments {
	enum command_id command;
	struct sm_run_options run;
	const char *out;
	const char *resume;
	const char *format;
	const char *to; /* export format */
	const char *db; /* of the history */
	const char *color;
	const char *thresholds, *baseline, *junit, *left, *right;
	double allowed;       /* ratio: --max */
	const char *pass[64]; /* options of run, for the runs of an alternation */
	size_t pass_count;
	bool counters; /* selftest */
	bool strict, confirm, github, yes, all, list, sixel;
	bool json, apply, undo, dry_run, term, no_plots, quiet, verbose;
	const char *operand[64]; /* patterns or folders */
	size_t operands;
	unsigned pu_list[1024];
};

struct command_spec {
	const char *name, *operands, *summary;
	int (*main)(struct arguments *arguments);
};
extern const struct command_spec commands[CMD_COUNT];

/* options.c */
enum parsed { PARSED_RUN, PARSED_DONE };
/* Fills `arguments`.  PARSED_DONE where everything asked for was printed (--help, --version), else
 * PARSED_RUN; -EINVAL with the sentence. */
int arguments_parse(struct arguments *arguments, int argc, char **argv, struct sm_error *err);
void print_help(FILE *out, int command);
void print_man(FILE *out);
void print_bash_completion(FILE *out);

/* main.c */
/* Prints "shmeter: <sentence>" and returns the exit code that suits the error. */
int complain(const struct sm_error *err);
bool use_color(const struct arguments *arguments, FILE *stream);
/* The folder with the figure templates, found beside the program; "" where there is none. */
const char *plots_folder(void);
/* Raised by SIGINT, SIGTERM and SIGHUP: the signal's number. */
const volatile int *stop_flag(void);

/* The default thresholds, beside the program; "" where there are none. */
const char *default_thresholds(void);
/* Makes a new folder below results/, named by time and host, with a number behind it where another run has that name. */
int default_folder(char *out, size_t size, struct sm_error *err);
/* Makes the folder that --out names, which must not be there, or a new one below results/. */
int own_folder(const struct arguments *arguments, char *out, size_t size, struct sm_error *err);
/* Points `latest` beside a run folder below results/ to it. */
void point_latest(const char *folder);
/* Shows progress of a run on a terminal; its context is a struct progress_line of the caller. */
struct progress_line {
	uint64_t last_ns;
	bool used;
};
void show_progress(const struct sm_progress *progress, void *context);

/* demo_watch.c: segments, names and mappings, once or every second on a terminal. */
int demo_watch(const struct arguments *arguments, struct sm_error *err);

/* cmd_check.c */
struct sm_gate_report;
/* Prints verdicts as the options ask: words or JSON, JUnit, GitHub. */
int print_gates(const struct arguments *arguments, const struct sm_gate_report *report, struct sm_error *err);
int exit_of(const struct arguments *arguments, enum sm_verdict verdict);

/* show.c */
/* Says on stderr how much of a run that is not complete was left out, if any. */
void tell_left_out(const struct sm_results *results);
/* Loads a run folder and analyses it; `results` are initialised, and freed by the caller, also after an error. */
int load_run(struct sm_results *results, const char *folder, struct sm_error *err);
/* What run and report print and draw of an analysed run; returns the exit code. */
int show_results(const struct arguments *arguments, const struct sm_results *results);

int cmd_list(struct arguments *arguments);
int cmd_run(struct arguments *arguments);
int cmd_doctor(struct arguments *arguments);
int cmd_report(struct arguments *arguments);
int cmd_check(struct arguments *arguments);
int cmd_ab(struct arguments *arguments);
int cmd_compare(struct arguments *arguments);
int cmd_selftest(struct arguments *arguments);
int cmd_demo(struct arguments *arguments);
int cmd_export(struct arguments *arguments);
int cmd_history(struct arguments *arguments);
int cmd_tune(struct arguments *arguments);
int cmd_help(struct arguments *arguments);

#endif
