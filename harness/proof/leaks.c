/* What has a name on this machine and outlives processes. */
#include "leaks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/memory.h"

static void list_folder(FILE *out, const char *folder, const char *kind)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	struct stat status;

	while (stream && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    status.st_uid == geteuid())
			fprintf(out, "%s %s\n", kind, entry->d_name);
	if (stream)
		closedir(stream);
}

/* Lines of key, id, and further numbers (proc_sysvipc(5)); the user's number is the first after `skip` of them. */
static void list_sysv(FILE *out, const char *path, const char *kind, unsigned skip)
{
	char line[512];
	FILE *file = fopen(path, "re");
	int rest;
	long key, id;
	unsigned long uid;

	while (file && fgets(line, sizeof(line), file)) {
		char *at = line;

		if (sscanf(line, "%ld %ld%n", &key, &id, &rest) != 2)
			continue; /* the heading */
		at += rest;
		for (unsigned i = 0; i < skip; i++)
			(void)strtoul(at, &at, 10);
		uid = strtoul(at, NULL, 10);
		if (uid == geteuid())
			fprintf(out, "%s %ld (key 0x%lx)\n", kind, id, (unsigned long)key & 0xffffffffu);
	}
	if (file)
		fclose(file);
}

char *leaks_list(const char *scratch)
{
	struct sm_written written;
	FILE *out = sm_written_open(&written);

	list_folder(out, "/dev/shm", "POSIX shared memory");
	list_folder(out, "/dev/mqueue", "POSIX message queue");
	list_sysv(out, "/proc/sysvipc/shm", "System V segment", 5);
	list_sysv(out, "/proc/sysvipc/sem", "System V semaphores", 2);
	list_sysv(out, "/proc/sysvipc/msg", "System V message queue", 5);
	if (scratch)
		list_folder(out, scratch, "the file in TMPDIR");
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
