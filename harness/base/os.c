/* struct sm_os on the real kernel. */
#include "shmeter/os.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shmeter/memory.h"
#include "shmeter/text.h"

static int linux_perf_open(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, pu, group, flags);
}

static int linux_perf_ioctl(int fd, unsigned long request, unsigned long argument)
{
	return ioctl(fd, request, argument);
}

static ssize_t linux_perf_read(int fd, void *buffer, size_t size)
{
	return read(fd, buffer, size);
}

const struct sm_os sm_os_linux = {
	.root = "",
	.perf_open = linux_perf_open,
	.perf_ioctl = linux_perf_ioctl,
	.perf_read = linux_perf_read,
};

uint64_t sm_os_page_bytes(const struct sm_os *os)
{
	return os->page_bytes ? os->page_bytes : (uint64_t)sysconf(_SC_PAGESIZE);
}

static const struct sm_os_file *remember(struct sm_os_files *files, sm_name path, size_t size)
{
	struct sm_os_file one = { .path = path, .size = size, .text = sm_memory(size) };

	if ((files->count & (files->count - 1)) == 0) { /* doubles at powers of two */
		files->at = realloc(files->at, (files->count ? 2 * files->count : 1) * sizeof(*files->at));
		if (!files->at)
			sm_no_memory();
	}
	one.text[0] = '\0';
	one.rc = sm_read_file(path, one.text, size);
	files->at[files->count] = one;
	return &files->at[files->count++];
}

static int read_once(struct sm_os_files *files, sm_name path, char *out, size_t size)
{
	const struct sm_os_file *known = NULL;

	for (size_t i = 0; i < files->count && !known; i++)
		if (files->at[i].path == path && files->at[i].size == size)
			known = &files->at[i];
	if (!known)
		known = remember(files, path, size);
	snprintf(out, size, "%s", known->text);
	return known->rc;
}

void sm_os_forget(struct sm_os_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->at[i].text);
	free(files->at);
	*files = (struct sm_os_files){ .at = NULL };
}

int sm_os_read(const struct sm_os *os, char *out, size_t size, const char *format, ...)
{
	char path[4096];
	va_list arguments;
	int used = snprintf(path, sizeof(path), "%s", os->root), more;

	if (used < 0 || (size_t)used >= sizeof(path))
		return -ENAMETOOLONG;
	va_start(arguments, format);
	more = vsnprintf(path + used, sizeof(path) - (size_t)used, format, arguments);
	va_end(arguments);
	if (more < 0 || (size_t)(used + more) >= sizeof(path))
		return -ENAMETOOLONG;
	return os->files ? read_once(os->files, sm_name_of(path), out, size) : sm_read_file(path, out, size);
}

bool sm_os_has(const struct sm_os *os, const char *path)
{
	char full[4096];
	int used = snprintf(full, sizeof(full), "%s%s", os->root, path);

	return used > 0 && (size_t)used < sizeof(full) && access(full, F_OK) == 0;
}
