/* shmeter demo watch: shows shared memory as the kernel sees it: names, segments, and which process maps what with
 * which pages. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "demo_watch.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/look.h"
#include "shmeter/text.h"

#define LISTED_MAX 12

static void print_rest(unsigned count)
{
	if (count > LISTED_MAX)
		printf("  and %u more\n", count - LISTED_MAX);
	else if (count == 0)
		printf("  none\n");
}

/* Lists the POSIX names in /dev/shm. */
static void list_names(void)
{
	DIR *folder = opendir("/dev/shm");
	struct dirent *entry;
	unsigned count = 0;

	printf("POSIX names in /dev/shm (removed with shm_unlink, or rm)\n");
	while (folder && (entry = readdir(folder))) {
		struct stat status;
		char size[SM_TEXT_MAX];

		if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
			continue;
		if (count++ < LISTED_MAX)
			sm_print_line(stdout, "  %-40.40s %10s  mode %04o  uid %u", entry->d_name,
				      sm_format_bytes(size, (double)status.st_size), status.st_mode & 07777,
				      status.st_uid);
	}
	if (folder)
		closedir(folder);
	print_rest(count);
}

/* Lists the segments in /proc/sysvipc/shm; its first line names the columns (proc(5)). */
static void list_segments(void)
{
	FILE *file = fopen("/proc/sysvipc/shm", "re");
	char line[512], size[SM_TEXT_MAX];
	unsigned count = 0;

	printf("System V segments (removed with ipcrm -m ID; attached 0: may be an orphan)\n");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		int key, id, cpid, lpid;
		unsigned perms, attached;
		unsigned long bytes;

		if (sscanf(line, "%d %d %o %lu %d %d %u", &key, &id, &perms, &bytes, &cpid, &lpid, &attached) != 7)
			continue;
		if (count++ < LISTED_MAX)
			printf("  id %-8d key 0x%08x %10s  mode %04o  attached %u  created by process %d\n", id,
			       (unsigned)key, sm_format_bytes(size, (double)bytes), perms & 0777, attached, cpid);
	}
	if (file)
		fclose(file);
	print_rest(count);
}

static void print_use(const struct sm_look_object *object, const struct sm_mapped *m)
{
	char size[SM_TEXT_MAX], rss[SM_TEXT_MAX], page[SM_TEXT_MAX], huge[SM_TEXT_MAX], pages[80], words[4096];

	snprintf(pages, sizeof(pages), "%s pages", sm_format_bytes(page, (double)m->page_low));
	if (m->thp)
		snprintf(pages, sizeof(pages), "%s pages, %s in huge ones", page,
			 sm_format_bytes(huge, (double)m->thp));
	sm_print_line(stdout, "    %-34.34s %10s, %10s resident, %s",
		      sm_shared_words(object->kind, object->name, object->inode, words, sizeof(words)),
		      sm_format_bytes(size, (double)m->bytes), sm_format_bytes(rss, (double)m->resident), pages);
}

/* Lists the shared memory of a process. */
static bool list_process(const char *text)
{
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	struct sm_error ended;
	struct sm_look look;
	size_t count = 0;

	if (sm_look_begin(&look, &sm_os_linux, &pid, NULL, 1, false, &ended) == 0) {
		sm_look_mappings(&look);
		count = look.use_count;
	}
	if (count > 0)
		sm_print_line(stdout, "  process %s (%s)", text, look.process[0].name);
	for (size_t i = 0; i < count && i < LISTED_MAX; i++)
		print_use(&look.object[look.use[i].object], &look.use[i].mapped);
	if (count > LISTED_MAX)
		printf("    and %zu more\n", count - LISTED_MAX);
	sm_look_free(&look);
	return count > 0;
}

/* Lists the given processes, or every shmeter. */
static void list_processes(const struct demo_options *options)
{
	DIR *folder = options->common.operands > 1 ? NULL : opendir("/proc");
	struct dirent *entry;
	bool any = false;

	printf("Shared mappings of %s (from smaps: Rss, KernelPageSize, ShmemPmdMapped)\n",
	       options->common.operands > 1 ? "the given processes" : "every running shmeter");
	for (size_t i = 1; i < options->common.operands; i++) {
		bool there = list_process(options->common.operand[i]);

		if (!there)
			printf("  process %s: no shared mappings, not running, or owned by another user\n",
			       options->common.operand[i]);
		any = true;
	}
	while (folder && (entry = readdir(folder))) {
		char path[64], name[64];

		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || sm_read_file(path, name, sizeof(name)) < 0 ||
		    strncmp(name, "shmeter", 7) != 0 || strtol(entry->d_name, NULL, 10) == getpid())
			continue;
		any |= list_process(entry->d_name);
	}
	if (folder)
		closedir(folder);
	if (!any)
		printf("  none; start a run in another terminal, or name processes: shmeter demo watch PID...\n");
}

static void total(void)
{
	char text[8192];
	const char *line;

	if (sm_read_file("/proc/meminfo", text, sizeof(text)) < 0 || !(line = strstr(text, "Shmem:")))
		return;
	printf("Total shared memory in use: %.*s kB (Shmem in /proc/meminfo).\n",
	       (int)strcspn(line + 6 + strspn(line + 6, " "), " "), line + 6 + strspn(line + 6, " "));
}

int demo_watch(const struct demo_options *options, struct sm_error *err)
{
	const struct timespec second = { .tv_sec = 1 };
	bool live = isatty(STDOUT_FILENO) && !options->yes;

	for (size_t i = 1; i < options->common.operands; i++)
		if (strspn(options->common.operand[i], "0123456789") != strlen(options->common.operand[i]))
			return sm_fail(err, EINVAL, "\"%s\" is not a process ID", options->common.operand[i]);
	do {
		if (live)
			printf("\033[H\033[J");
		list_names();
		list_segments();
		list_processes(options);
		total();
		if (live)
			printf("\nUpdated every second; Ctrl-C ends it.\n");
		fflush(stdout);
	} while (live && !*stop_flag() && nanosleep(&second, NULL) == 0);
	return 0;
}
