/* Running gnuplot. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

extern char **environ;

/* The first line that gnuplot complained with. */
static void first_complaint(const char *folder, char *out, size_t size)
{
	char path[4200], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/.gnuplot.log", folder);
	out[0] = '\0';
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strchr(line, ':') && !out[0])
			snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
	unlink(path);
}

int gnuplot_run(const char *folder, const char *script, struct sm_error *err)
{
	char *argv[] = { (char *)(uintptr_t) "gnuplot", (char *)(uintptr_t)script, NULL };
	posix_spawn_file_actions_t actions;
	char complaint[256];
	int status = 0, rc;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, folder);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, ".gnuplot.log",
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	rc = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return sm_fail(err, rc,
			       rc == ENOENT
				       ? "no figure was drawn, because gnuplot is missing: "
					 "apt-get install gnuplot-nox, then `shmeter report %s/..`"
				       : "gnuplot cannot be started in %s",
			       folder);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			status = -1; /* nobody knows how it ended */
			break;
		}
	first_complaint(folder, complaint, sizeof(complaint));
	if (status != 0)
		return sm_fail(err, EIO, "gnuplot cannot draw %s/%s: %s", folder, script,
			       complaint);
	return 0;
}
