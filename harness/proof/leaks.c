/* What has a name on this machine and outlives processes. */
#include "leaks.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/memory.h"

/* What processes have open or mapped: paths, one a line. */
static char *list_held(void)
{
	struct sm_written written;
	FILE *out = sm_written_open(&written);
	DIR *all = opendir("/proc");
	struct dirent *entry;
	char path[300], line[4200];

	while (all && (entry = readdir(all))) {
		DIR *open_files;
		FILE *maps;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/maps", entry->d_name);
		maps = fopen(path, "re");
		while (maps && fgets(line, sizeof(line), maps))
			if (strchr(line, '/'))
				fputs(strchr(line, '/'), out);
		if (maps)
			fclose(maps);
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		open_files = opendir(path);
		for (struct dirent *one; open_files && (one = readdir(open_files));) {
			ssize_t length = readlinkat(dirfd(open_files), one->d_name, line, sizeof(line) - 1);

			if (length > 0 && line[0] == '/')
				fprintf(out, "%.*s\n", (int)length, line);
		}
		if (open_files)
			closedir(open_files);
	}
	if (all)
		closedir(all);
	sm_written_close(&written);
	return written.text;
}

static int has_line(const char *text, const char *line, size_t length)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strcspn(text, "\n") == length && strncmp(text, line, length) == 0)
			return 1;
	return 0;
}

/* `held`: leave out what is in this list; NULL: nothing.  `root`: how paths in it begin. */
static void list_folder(FILE *out, const char *folder, const char *kind, const char *held, const char *root)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	struct stat status;
	char path[4400];

	while (stream && (entry = readdir(stream))) {
		int length = snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    status.st_uid == geteuid() && !(held && has_line(held, path, (size_t)length)))
			fprintf(out, "%s %s\n", kind, entry->d_name);
	}
	if (stream)
		closedir(stream);
}

/* Lines of key, id, and further numbers (proc_sysvipc(5)); the user's number is the first after `skip` of them.  The one
 * before it counts the processes that have a segment, where `counts`. */
static void list_sysv(FILE *out, const char *path, const char *kind, unsigned skip, bool counts)
{
	char line[512];
	FILE *file = fopen(path, "re");
	int rest;
	long key, id;
	unsigned long uid, users = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *at = line;

		if (sscanf(line, "%ld %ld%n", &key, &id, &rest) != 2)
			continue; /* the heading */
		at += rest;
		for (unsigned i = 0; i < skip; i++)
			users = strtoul(at, &at, 10);
		uid = strtoul(at, NULL, 10);
		if (uid == geteuid() && !(counts && users))
			fprintf(out, "%s %ld (key 0x%lx)\n", kind, id, (unsigned long)key & 0xffffffffu);
	}
	if (file)
		fclose(file);
}

char *leaks_list(const char *scratch, bool idle)
{
	struct sm_written written;
	FILE *out = sm_written_open(&written);
	char *held = idle ? list_held() : NULL;

	list_folder(out, "/dev/shm", "POSIX shared memory", held, "/dev/shm");
	list_folder(out, "/dev/mqueue", "POSIX message queue", held, "");
	list_sysv(out, "/proc/sysvipc/shm", "System V segment", 5, idle);
	list_sysv(out, "/proc/sysvipc/sem", "System V semaphores", 2, false);
	list_sysv(out, "/proc/sysvipc/msg", "System V message queue", 5, false);
	if (scratch)
		list_folder(out, scratch, "the file in TMPDIR", NULL, "");
	free(held);
	sm_written_close(&written);
	return written.text;
}

unsigned leaks_compare(const char *before, const char *after, char *out, size_t size)
{
	unsigned count = 0;
	size_t used = 0;

	out[0] = '\0';
	for (; *after; after += strcspn(after, "\n") + 1) {
		size_t length = strcspn(after, "\n");

		if (has_line(before, after, length))
			continue;
		if (used + length + 3 < size)
			used += (size_t)snprintf(out + used, size - used, "%s%.*s", count ? ", " : "", (int)length,
						 after);
		count++;
	}
	return count;
}

unsigned leaks_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	unsigned count = 0;

	while (stream && readdir(stream))
		count++;
	if (stream)
		closedir(stream);
	return count;
}

/* The parent of a process (proc_pid_stat(5): after the name, which ends with the last ")"); 0: unknown. */
static int parent_of(const char *pid, char *name, size_t size)
{
	char path[300], line[512] = "", *end;
	FILE *file;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file) && strchr(line, '(') && (end = strrchr(line, ')'))) {
		*end = '\0';
		snprintf(name, size, "%s", strchr(line, '(') + 1);
		if (sscanf(end + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

static unsigned count_sockets(const char *pid, unsigned *all)
{
	char path[300], target[64];
	unsigned sockets = 0;
	DIR *stream;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	stream = opendir(path);
	*all = 0;
	for (struct dirent *one; stream && (one = readdir(stream));) {
		ssize_t length = readlinkat(dirfd(stream), one->d_name, target, sizeof(target) - 1);

		*all += length > 0;
		sockets += length > 7 && strncmp(target, "socket:", 7) == 0;
	}
	if (stream)
		closedir(stream);
	return sockets;
}

unsigned leaks_processes(char *out, size_t size)
{
	DIR *all = opendir("/proc");
	unsigned count = 0, descriptors, sockets;
	char name[64];

	while (waitpid(-1, NULL, WNOHANG) > 0) /* those that have ended are no more */
		;
	for (struct dirent *entry; all && (entry = readdir(all));) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || parent_of(entry->d_name, name, sizeof(name)) != getpid())
			continue;
		sockets = count_sockets(entry->d_name, &descriptors);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (count++ == 0)
			snprintf(out, size, "a process (%s) with %u sockets and %u other descriptors", name, sockets,
				 descriptors - sockets);
	}
	if (all)
		closedir(all);
	return count;
}
