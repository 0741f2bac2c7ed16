/* The actions of `shmeter plugin`.  Each returns the exit code of the program. */
#ifndef SHMETER_PLUGIN_ACTIONS_H
#define SHMETER_PLUGIN_ACTIONS_H

#include <stdio.h>
#include <sys/types.h>

#include "options.h"
#include "shmeter/proof.h"
#include "shmeter/scenario.h"

/* `new NAME`: writes a folder with a plug-in that works, and what to do with it. */
int plugin_new(const struct plugin_options *options);
/* `build FOLDER`: compiles what lies in the folder, and says what the shared object holds. */
int plugin_build(const struct plugin_options *options);
/* `check FILE.so`: tests whether it works between processes. */
int plugin_check(const struct plugin_options *options);

/* Generated into plugin_texts.c: the templates, named KIND.c, KIND.cpp, KIND.rs and KIND.md, and the headers of the
 * interface. */
struct plugin_text {
	const char *file, *text;
};
extern const struct plugin_text plugin_texts[]; /* ends with a NULL file */

/* Writes the text into a new file of the folder, `name` in place of each "my_plugin". */
SM_MUST_USE int plugin_write(const char *folder, const char *file, const char *text, const char *name,
			     struct sm_error *err);
/* Writes a path for a command that the user may copy: in quotes where the shell needs them. */
void plugin_put_path(FILE *out, const char *path);

#define PLUGIN_NOT_TRIED 2
/* Has short trials of a scenario of a plug-in done, in a folder of `scratch`, and tells a verdict for each variant.  Returns 1
 * where none failed, PLUGIN_NOT_TRIED where none could run here, 0 where one failed, or a negative errno with a sentence. */
SM_MUST_USE int plugin_try(const struct sm_scenario *scenario, const struct plugin_options *options,
			   const char *scratch, void (*tell)(void *context, const struct sm_proof_verdict *verdict),
			   void *context, struct sm_error *err);
/* Whether the folder has sources of one language.  Returns 0, or a negative errno with the sentence. */
SM_MUST_USE int plugin_has_source(const char *folder, struct sm_error *err);
/* Compiles the sources of the folder, with both ends as threads, into the program `out`, with a sanitizer such as
 * "-fsanitize=thread"; the compiler's messages go to the file `log`, and it is ended after `limit_ns`.  Returns 0;
 * -EOPNOTSUPP where there is no compiler; -EINVAL where it found errors; -ETIMEDOUT; or another negative errno with the
 * sentence. */
SM_MUST_USE int plugin_build_threads(const char *folder, const char *sanitizer, const char *out, const char *log,
				     uint64_t limit_ns, struct sm_error *err);
/* Starts a program.  `log`: in a process group of its own, with what it prints in this file; NULL: as this program.
 * Returns 0 or an errno. */
SM_MUST_USE int plugin_spawn(pid_t *pid, const char *const *argv, const char *log);
/* Waits for a program that was started with a log, kills what is left of its group, and reaps it.  Returns 0 with its status;
 * -ETIMEDOUT where it did not end within `limit_ns`, -EINTR where this program was stopped, or another negative errno. */
SM_MUST_USE int plugin_wait(pid_t pid, uint64_t limit_ns, int *status);

#endif
