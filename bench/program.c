#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "shmeter/text.h"

/* Twice the deepest stack that was observed in any command. */
#define STACK_NEEDED (256u << 10)
/* Most runs of one host that may begin in the same second. */
#define FOLDERS_MAX 1000
/* Smallest width that is readable, and the width where it is not known. */
#define WIDTH_MIN     40
#define WIDTH_DEFAULT 80
/* Longest sentence. */
#define SAID_MAX 4096

static volatile int stop;

/* The first signal asks the program to end in order.  The second ends it wherever it is, also inside a library: the
 * workers die with it, and the guard cleans up. */
static void on_signal(int number)
{
	if (stop) {
		signal(number, SIG_DFL);
		raise(number);
	}
	stop = number;
}

const volatile int *stop_flag(void)
{
	return &stop;
}

static void catch_signals(void)
{
	/* no SA_RESTART: a signal must end sleeps; no mask: the second signal must interrupt the handler of the
	 * first */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER }, before;
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		/* a signal that is ignored stays ignored: nohup, or a shell's background job */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* the write fails with EFBIG instead */
	signal(SIGCHLD, SIG_DFL); /* if it is inherited as ignored, children cannot be waited for */
}

/* Checks the size of the stack first: a stack overflow would kill the program without a message. */
static int check_stack(struct sm_error *err)
{
	struct rlimit limit;
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= STACK_NEEDED)
		return 0;
	return sm_fail(err, ENOMEM, "the stack limit is %s, but %s are needed; raise it (ulimit -s)",
		       sm_format_bytes(has, (double)limit.rlim_cur), sm_format_bytes(needs, STACK_NEEDED));
}

int program_start(struct sm_error *err)
{
	int rc = check_stack(err);

	if (rc == 0)
		catch_signals();
	return rc;
}

int complain(const struct sm_error *err)
{
	fprintf(stderr, "shmeter: %s\n", err->text[0] ? err->text : "internal error: no message (please report)");
	switch (err->code) {
	case EALREADY: return EXIT_OK; /* nothing was left to do */
	case EINVAL:
	case EEXIST:
	case ENOTDIR:
	case ENOENT: return EXIT_USAGE;
	case EACCES:
	case EPERM:
	case EROFS:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOMEM:
	case ENODEV:
	case EAGAIN:
	case EBUSY:
	case ENFILE:
	case ENOSYS:
	case EOPNOTSUPP:
	case EMFILE: return EXIT_MACHINE;
	/* without a signal it comes from a file system */
	case EINTR: return stop ? EXIT_SIGNAL + stop : EXIT_WRONG;
	default: return EXIT_WRONG;
	}
}

bool use_color(const struct common_options *common, FILE *stream)
{
	if (common->color && strcmp(common->color, "always") == 0)
		return true;
	if (common->color && strcmp(common->color, "never") == 0)
		return false;
	return isatty(fileno(stream)) && !getenv("NO_COLOR");
}

unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (columns && sm_parse_whole(columns, USHRT_MAX, &width) == 0 && width >= WIDTH_MIN)
		return (unsigned)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
		return size.ws_col;
	return WIDTH_DEFAULT;
}

void say(unsigned indent, const char *first, const char *format, ...)
{
	char text[SAID_MAX];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	sm_wrap(stdout, first, indent, terminal_width(), text);
}

void complete_run(struct sm_run_options *run, const struct common_options *common)
{
	run->command_line = common->command_line;
	run->command_line_count = common->command_line_count;
	run->plugged = common->plugins.used;
	run->plugged_count = common->plugins.used_count;
	run->version = SHMETER_VERSION;
	run->stop = &stop;
	if (!run->seed_given)
		(void)!getrandom(&run->plan.seed, sizeof(uint32_t), 0);
}

/* Finds a file where it is installed, in share/shmeter/ beside the folder of the program, or in the source tree, if the
 * program was built inside it.  Where it is in neither place, returns the first path, so that an error names it. */
static const char *beside_program(const char *installed, const char *in_tree, char found[4096])
{
	/* the path given to execve(): also known without /proc */
	const char *started_as = (const char *)(uintptr_t)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */
	char program[PATH_MAX], *slash;

	if (!realpath("/proc/self/exe", program) && (!started_as || !realpath(started_as, program)))
		snprintf(program, sizeof(program), "./bin/shmeter");
	for (unsigned i = 0; i < 2; i++) { /* the name, then its folder */
		slash = strrchr(program, '/');
		if (slash)
			*slash = '\0';
	}
	snprintf(found, 4096, "%.2000s/share/shmeter/%s", program, installed);
	if (access(found, R_OK) == 0)
		return found;
	snprintf(found, 4096, "%.2000s/%s", program, in_tree);
	if (access(found, R_OK) < 0)
		snprintf(found, 4096, "%.2000s/share/shmeter/%s", program, installed);
	return found;
}

const char *plots_folder(void)
{
	static char found[4096];

	return beside_program("plots", "plots", found);
}

int default_thresholds(const char **path, struct sm_error *err)
{
	static char found[4096];

	*path = beside_program("thresholds.ini", "results/thresholds.ini", found);
	return access(found, R_OK) == 0 ? 0
					: sm_fail(err, ENOENT,
						  "the program's own gates are not installed beside it (%s): name a "
						  "file with --thresholds FILE, or install the whole package",
						  found);
}

int64_t today(void)
{
	return (int64_t)(time(NULL) / (24 * 60 * 60));
}

static int make_default_folder(char *out, size_t size, struct sm_error *err)
{
	char host[65] = "unknown", stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (mkdir("results", 0777) < 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot create the folder results here: %s; choose another --out",
			       strerror(errno));
	snprintf(out, size, "results/%s-%s", stamp, host);
	rc = mkdir(out, 0777);
	for (unsigned number = 2; rc < 0 && errno == EEXIST && number <= FOLDERS_MAX; number++) {
		snprintf(out, size, "results/%s-%s-%u", stamp, host, number);
		rc = mkdir(out, 0777);
	}
	return rc < 0 ? sm_fail(err, errno, "cannot create the run folder %s: %s; choose another --out", out,
				strerror(errno))
		      : 0;
}

int make_run_folder(const char *out, char *made, size_t size, struct sm_error *err)
{
	if (!out)
		return make_default_folder(made, size, err);
	snprintf(made, size, "%s", out);
	return mkdir(made, 0777) < 0 ? sm_fail(err, errno, "cannot create %s: %s", made, strerror(errno)) : 0;
}

int make_scratch_folder(const char *purpose, char *made, size_t size, struct sm_error *err)
{
	const char *parent = getenv("TMPDIR");

	snprintf(made, size, "%s/shmeter-%s-XXXXXX", parent && *parent ? parent : "/tmp", purpose);
	return mkdtemp(made) ? 0
			     : sm_fail(err, errno, "cannot create %s: %s; set TMPDIR to another folder", made,
				       strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

int remove_scratch_folder(const char *folder, struct sm_error *err)
{
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0
		       ? 0
		       : sm_fail(err, errno, "cannot remove all of %s: %s; remove the folder", folder, strerror(errno));
}

/* Points `latest`, next to a run folder inside a folder named results, to it: makes a new link and renames it. */
void point_latest(const char *folder)
{
	char parent[4096], *slash, fresh[4200], link[4200];

	snprintf(parent, sizeof(parent), "%s", folder);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	slash = strrchr(parent, '/');
	if (!slash)
		return;
	*slash = '\0';
	const char *base = strrchr(parent, '/') ? strrchr(parent, '/') + 1 : parent;

	if (strcmp(base, "results") != 0)
		return;
	snprintf(fresh, sizeof(fresh), "%s/.latest.%d", parent, (int)getpid());
	snprintf(link, sizeof(link), "%s/latest", parent);
	unlink(fresh); /* a killed process with this pid may have left it */
	if (symlink(slash + 1, fresh) == 0 && rename(fresh, link) != 0)
		unlink(fresh);
}
