/* The program around its commands: messages, exit codes, signals, the terminal, folders. */
#ifndef SHMETER_PROGRAM_H
#define SHMETER_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>

#include "options.h"

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

/* Checks the stack and catches signals: before anything else.  -ENOMEM where the stack is too small. */
SM_MUST_USE int program_start(struct sm_error *err);
/* Raised by SIGINT, SIGTERM and SIGHUP: the signal's number. */
const volatile int *stop_flag(void);
/* Prints "shmeter: <sentence>" and returns the exit code that suits the error. */
int complain(const struct sm_error *err);

bool use_color(const struct common_options *common, FILE *stream);
/* Columns of standard output: COLUMNS, or the terminal's; 80 where neither is known. */
unsigned terminal_width(void);
/* Prints a sentence to standard output, in lines of that width, control characters made visible: `first` before it, the
 * other lines indented by `indent` spaces. */
void say(unsigned indent, const char *first, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fills in what each run of this program has: its command line, its version, what stops it, and a seed where none was
 * given. */
void complete_run(struct sm_run_options *run, const struct common_options *common);

/* The folder with the figure templates, found beside the program. */
const char *plots_folder(void);
/* The default thresholds, beside the program. */
const char *default_thresholds(void);
/* Makes the run folder `out`, which must not be there; NULL: a new one below results/, named by time and host, with a
 * number behind it where another run has that name. */
SM_MUST_USE int make_run_folder(const char *out, char *made, size_t size, struct sm_error *err);
/* Makes a folder for what a command measures and does not keep, below TMPDIR or /tmp: shmeter-PURPOSE-XXXXXX. */
SM_MUST_USE int make_scratch_folder(const char *purpose, char *made, size_t size, struct sm_error *err);
/* Removes it with all that is in it.  Where it cannot: -errno, and the sentence names what is left. */
SM_MUST_USE int remove_scratch_folder(const char *folder, struct sm_error *err);
/* Points `latest` beside a run folder below results/ to it. */
void point_latest(const char *folder);

#endif
