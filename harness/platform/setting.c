/* Settings of the system: files that hold one value each. */
#include "shmeter/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/text.h"

/* Times 10 ms: within this time dying processes have ended. */
#define TRIES 300

static bool is_file(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return slash && strcmp(slash + 1, name) == 0;
}

/* The number in a file of the same folder; 0 if there is none. */
static uint64_t beside(const char *path, const char *name)
{
	char other[4200], text[64];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return 0;
	snprintf(other, sizeof(other), "%.*s/%s", (int)(slash - path), path, name);
	return sm_read_file(other, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

static uint64_t surplus(const char *path)
{
	return is_file(path, "nr_hugepages") ? beside(path, "surplus_hugepages") : 0;
}

/* The kernel reports the number with the surplus pages; a write sets the number without them. */
static int read_pool(const char *path, char *out, size_t size)
{
	uint64_t more = surplus(path), before;
	int rc;

	do { /* until both numbers are consistent */
		before = more;
		rc = sm_read_file(path, out, size);
		more = surplus(path);
	} while (rc == 0 && more != before);
	if (rc == 0 && more > 0) {
		uint64_t all = strtoull(out, NULL, 10);

		snprintf(out, size, "%" PRIu64, all > more ? all - more : 0);
	}
	return rc;
}

int sm_setting_read(const char *path, char *out, size_t size)
{
	int rc = read_pool(path, out, size);
	char *open = rc < 0 ? NULL : strchr(out, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return rc;
	*close = '\0';
	memmove(out, open + 1, strlen(open + 1) + 1);
	return 0;
}

int sm_setting_put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW), rc = 0;

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

bool sm_setting_write(const char *path, const char *value)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	bool is_so = false;
	char now[SM_SETTING_MAX];

	for (int left = TRIES; left > 0; left--) {
		if (!is_so)
			(void)!sm_setting_put(path, value);
		if (sm_setting_read(path, now, sizeof(now)) < 0)
			return false;
		is_so = strcmp(now, value) == 0;
		if (is_so && surplus(path) == 0)
			return true;
		nanosleep(&nap, NULL);
	}
	return is_so;
}

uint64_t sm_setting_in_use(const char *path)
{
	char text[64];
	uint64_t total, unused, promised;

	if (is_file(path, "nr_overcommit_hugepages"))
		return beside(path, "surplus_hugepages");
	if (!is_file(path, "nr_hugepages") || sm_read_file(path, text, sizeof(text)) < 0)
		return 0;
	total = strtoull(text, NULL, 10);
	unused = beside(path, "free_hugepages");
	promised = beside(path, "resv_hugepages");
	unused -= promised < unused ? promised : unused;
	return total > unused ? total - unused : 0;
}
