/* Help, man page and shell completion from the option table. */
#ifndef SHMETER_HELP_H
#define SHMETER_HELP_H

#include <stdio.h>

#include "options.h"

/* Prints the help of a command, wrapped to the terminal (80 columns where there is none).  CMD_COUNT: the list of
 * commands. */
void help_print(FILE *out, enum command command);
void help_print_man(FILE *out);
/* completion.c */
void help_print_bash_completion(FILE *out);
void help_print_zsh_completion(FILE *out);
void help_print_fish_completion(FILE *out);

#endif
