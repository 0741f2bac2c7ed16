/* gnuplot is kept from starting programs and from writing elsewhere, has a limit, and each way to fail has its sentence. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/clock.h"
#include "shmeter/gnuplot.h"

static char folder[] = "/tmp/shmeter-gnuplot-XXXXXX";
static struct sm_gnuplot gnuplot;
static struct sm_error err;
static volatile int stop;

static void write_text(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(path, mode), 0);
}

static bool is_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void set_up(void)
{
	gnuplot = (struct sm_gnuplot){ .limit_ms = 20000 };
	cr_assert(mkdtemp(folder));
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

TestSuite(gnuplot, .init = set_up, .fini = tear_down, .timeout = 60);

/* Whether a process has the stand-in's folder open as its own. */
static bool is_running(void)
{
	char command[256];

	snprintf(command, sizeof(command), "ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -q '%s$'", folder);
	/* what was killed a moment ago may still end */
	for (unsigned tries = 0; tries < 20; tries++) {
		if (system(command) != 0)
			return false;
		usleep(100000);
	}
	return true;
}

/* The first gnuplot of PATH is this one, and what it needs comes after it. */
static void take_stand_in(const char *script)
{
	char path[8192];

	write_text("gnuplot", script, 0755);
	snprintf(path, sizeof(path), "%s:%s", folder, getenv("PATH"));
	setenv("PATH", path, 1);
	cr_assert_eq(sm_gnuplot_find(&gnuplot, &err), 0, "%s", err.text);
}

/* Whatever a script says: each way of gnuplot's to start a program, after it has shown that it runs.  `exec`: a shell that
 * was started would need no further process. */
Test(gnuplot, a_script_starts_no_program)
{
	static const char *const ways[] = { "system('exec touch ran')",
					    "x = system('exec touch ran')",
					    "!exec touch ran",
					    "plot '< exec touch ran'",
					    "x = `exec touch ran`",
					    "set output '|exec touch ran'\nset print '|exec touch ran'\nprint 1",
					    "shell" };
	char script[256];

	cr_assert_eq(sm_gnuplot_find(&gnuplot, &err), 0, "%s", err.text);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(script, sizeof(script), "set print 'began'\nprint 1\nunset print\n%s\n", ways[i]);
		write_text("s.gp", script, 0644);
		(void)!sm_gnuplot_run(&gnuplot, folder, "s.gp", &err);
		cr_expect(is_there("began"), "%s", ways[i]);
		cr_expect_not(is_there("ran"), "a program was started by: %s", ways[i]);
		cr_expect_str_eq(gnuplot.note, "");
		snprintf(script, sizeof(script), "%s/began", folder);
		unlink(script);
	}
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Whatever a script says: it writes in its folder, and nowhere else, neither by name nor through a link. */
Test(gnuplot, a_script_writes_in_its_folder_alone)
{
	static const char *const ways[] = { "set print at.'/new'\nprint 1", "set print at.'/old'\nprint 1",
					    "set print 'link'\nprint 1",
					    "set terminal svg\nset output at.'/new'\nplot x" };
	char outside[] = "/tmp/shmeter-outside-XXXXXX", path[128], script[512];
	FILE *kept;

	if (!has_landlock())
		cr_skip_test("this kernel has no Landlock");
	cr_assert_eq(sm_gnuplot_find(&gnuplot, &err), 0, "%s", err.text);
	cr_assert(mkdtemp(outside));
	snprintf(path, sizeof(path), "%s/old", outside);
	kept = fopen(path, "we");
	cr_assert(kept && fputs("kept", kept) > 0 && fclose(kept) == 0);
	snprintf(script, sizeof(script), "%s/link", folder);
	cr_assert_eq(symlink(path, script), 0);
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct stat status;

		snprintf(script, sizeof(script), "set print 'began'\nprint 1\nunset print\nat = '%s'\n%s\n", outside,
			 ways[way]);
		write_text("s.gp", script, 0644);
		(void)!sm_gnuplot_run(&gnuplot, folder, "s.gp", &err);
		cr_expect(is_there("began"), "%s", ways[way]);
		cr_expect(stat(path, &status) == 0 && status.st_size == 4, "written to by: %s", ways[way]);
		snprintf(script, sizeof(script), "%s/new", outside);
		cr_expect_neq(access(script, F_OK), 0, "made by: %s", ways[way]);
		snprintf(script, sizeof(script), "%s/began", folder);
		unlink(script);
	}
	snprintf(script, sizeof(script), "rm -rf %s", outside);
	cr_expect_eq(system(script), 0);
}

/* Neither the user's start-up file nor the environment has a say. */
Test(gnuplot, starts_without_the_users_files_and_variables)
{
	write_text(".gnuplot", "set print 'startup'\nprint 1\n", 0644);
	write_text("s.gp", "set print GNUTERM eq 'dumb' ? 'variable' : 'plain'\nprint 1\n", 0644);
	setenv("HOME", folder, 1);
	setenv("GNUTERM", "dumb", 1);
	setenv("GNUPLOT_LIB", folder, 1);
	cr_assert_eq(sm_gnuplot_find(&gnuplot, &err), 0);
	(void)!sm_gnuplot_run(&gnuplot, folder, "s.gp", &err);
	cr_expect_not(is_there("startup"));
	cr_expect_not(is_there("variable"));
}

Test(gnuplot, that_is_missing_is_named)
{
	setenv("PATH", folder, 1);
	cr_expect_eq(sm_gnuplot_find(&gnuplot, &err), -ENOENT);
	cr_expect(strstr(err.text, "apt-get install gnuplot-nox"), "%s", err.text);
	setenv("PATH", "/usr/bin:/bin", 1);
}

Test(gnuplot, that_hangs_is_ended_after_its_limit)
{
	uint64_t begin = sm_clock_ns();

	take_stand_in("#!/bin/sh\nsleep 1000 >/dev/null\n");
	gnuplot.limit_ms = 300;
	cr_expect_eq(sm_gnuplot_run(&gnuplot, folder, "s.gp", &err), -ETIMEDOUT);
	cr_expect(strstr(err.text, "did not end within 1 s"), "%s", err.text);
	cr_expect_lt(sm_clock_ns() - begin, 10000000000u);
	cr_expect_not(is_running(), "what it started goes on");
	cr_expect(strstr(gnuplot.note, "is a script"), "a script has no filter, and says so: %s", gnuplot.note);
}

/* It closed the stream that tells of its end, and floods it. */
Test(gnuplot, that_hangs_with_or_without_words_is_ended)
{
	take_stand_in("#!/bin/sh\nexec 2>&-\nsleep 1000 >/dev/null\n");
	gnuplot.limit_ms = 300;
	cr_expect_eq(sm_gnuplot_run(&gnuplot, folder, "s.gp", &err), -ETIMEDOUT);
	take_stand_in("#!/bin/sh\nexec yes error: >&2\n");
	cr_expect_eq(sm_gnuplot_run(&gnuplot, folder, "s.gp", &err), -ETIMEDOUT);
}

static void raise_stop(int number)
{
	stop = number;
}

Test(gnuplot, ends_at_once_when_it_is_to_stop)
{
	uint64_t begin = sm_clock_ns();

	take_stand_in("#!/bin/sh\nsleep 1000 >/dev/null\n");
	gnuplot.stop = &stop;
	signal(SIGALRM, raise_stop);
	alarm(1);
	cr_expect_eq(sm_gnuplot_run(&gnuplot, folder, "s.gp", &err), -EINTR);
	cr_expect_lt(sm_clock_ns() - begin, 5000000000u);
	cr_expect(strstr(err.text, "stopped while gnuplot drew"), "%s", err.text);
}

Test(gnuplot, that_fails_says_how)
{
	static const struct {
		const char *script, *words;
	} ways[] = {
		{ "#!/bin/sh\nkill -SEGV $$\n", "crashed over" },
		{ "#!/bin/sh\nexit 3\n", "(exit code 3): it gave no reason" },
		{ "#!/bin/sh\necho 'line 3: no such thing' >&2\nexit 1\n", "(exit code 1): line 3: no such thing" },
		{ "#!/bin/sh\nprintf 'a: \\033[2Jb\\n' >&2\nexit 1\n", "a: ?[2Jb" },
		{ "#!/nonexistent\n", "cannot be started: No such file or directory" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		take_stand_in(ways[i].script);
		cr_expect_eq(sm_gnuplot_run(&gnuplot, folder, "s.gp", &err), -EIO);
		cr_expect(strstr(err.text, ways[i].words), "%s", err.text);
	}
}
