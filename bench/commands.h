/* The commands.  Each returns the exit code of the program. */
#ifndef SHMETER_COMMANDS_H
#define SHMETER_COMMANDS_H

#include "options.h"

int cmd_list(const struct list_options *options);
int cmd_run(const struct run_options *options);
int cmd_choose(const struct choose_options *options);
int cmd_doctor(const struct doctor_options *options);
int cmd_report(const struct report_options *options);
int cmd_check(const struct check_options *options);
int cmd_ab(const struct ab_options *options);
int cmd_compare(const struct compare_options *options);
int cmd_selftest(const struct selftest_options *options);
int cmd_demo(const struct demo_options *options);
int cmd_look(const struct look_options *options);
int cmd_export(const struct export_options *options);
int cmd_history(const struct history_options *options);
int cmd_tune(const struct tune_options *options);
int cmd_plugin(const struct plugin_options *options);
int cmd_help(const struct help_options *options);

#endif
