/* The program around its commands: messages, exit codes, signals, the terminal, folders. */
#ifndef SHMETER_PROGRAM_H
#define SHMETER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"

/* Never 2 (used by make), 77 or 99 (used by automake). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUTED = 1,
	EXIT_INCONCLUSIVE = 3,
	EXIT_USAGE = 4,
	EXIT_MACHINE = 5,
	EXIT_WRONG = 6,
	EXIT_SIGNAL = 128, /* plus the signal's number */
};

/* Checks the stack and installs signal handlers; call it before anything else.  -ENOMEM where the stack is too
 * small. */
SM_MUST_USE int program_start(struct sm_error *err);
/* The stop flag: 0, or the number of the signal that set it (SIGINT, SIGTERM, SIGHUP). */
const volatile int *stop_flag(void);
/* Prints the error and returns the exit code for it. */
int complain(const struct sm_error *err);

bool use_color(const struct common_options *common, FILE *stream);
/* Columns of standard output: COLUMNS, or the terminal's; 80 where neither is known. */
unsigned terminal_width(void);
/* Prints a sentence to standard output, wrapped to that width and encoded for a terminal: `first` before it, the other
 * lines indented by `indent` spaces. */
void say(unsigned indent, const char *first, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fills in the options that all runs of this program share: its command line, its version, the stop flag, and a seed
 * where none was given. */
void complete_run(struct sm_run_options *run, const struct common_options *common);

/* The day in UTC, in days since 1970-01-01. */
int64_t today(void);

/* The folder with the figure templates, found relative to the program. */
const char *plots_folder(void);
/* The file of default thresholds, found relative to the program.  -ENOENT where the program was copied alone. */
SM_MUST_USE int default_thresholds(const char **path, struct sm_error *err);
/* Makes the run folder `out`, which must not exist.  NULL: makes a new one below results/, named by time and host, with
 * a number appended where another run has that name. */
SM_MUST_USE int make_run_folder(const char *out, char *made, size_t size, struct sm_error *err);
/* Makes a temporary folder below TMPDIR or /tmp: shmeter-PURPOSE-XXXXXX. */
SM_MUST_USE int make_scratch_folder(const char *purpose, char *made, size_t size, struct sm_error *err);
/* Removes a temporary folder with its contents.  -errno where it cannot; the sentence names what is left. */
SM_MUST_USE int remove_scratch_folder(const char *folder, struct sm_error *err);
/* Makes the link `latest` in results/ point to this run folder. */
void point_latest(const char *folder);

#endif
