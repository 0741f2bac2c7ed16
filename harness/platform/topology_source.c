/* Checks the description that hwloc's environment variables name.  hwloc itself takes this machine's topology, without
 * a word, where it cannot use one, or says only "Invalid argument". */
#include "topology_source.h"

#include <errno.h>
#include <hwloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/text.h"

/* The first element is near the beginning. */
#define HEAD_MAX 4096

/* "<topology version="2.0">"; hwloc 1 wrote no version, and hwloc 2 reads that. */
static int check_version(const char *path, const char *head, struct sm_error *err)
{
	const char *element = strstr(head, "<topology"), *version;
	unsigned long major = 2, known = hwloc_get_api_version() >> 16;
	size_t length;

	if (!element)
		return sm_fail(err, EINVAL,
			       "HWLOC_XMLFILE: %s is no hwloc XML file (it has no <topology>): make one with lstopo",
			       path);
	length = strcspn(element, ">");
	version = strstr(element, "version=\"");
	if (version && version < element + length)
		major = strtoul(version + strlen("version=\""), NULL, 10);
	if (major > known)
		return sm_fail(
			err, EINVAL,
			"HWLOC_XMLFILE: %s was written by hwloc %lu, and this program has hwloc %lu: export it for that "
			"one with lstopo",
			path, major, known);
	return 0;
}

/* Whether hwloc takes a source: where it comes from the environment, some backends fall back to this machine. */
static int check_taken(int (*set)(hwloc_topology_t, const char *), const char *source, bool *taken,
		       struct sm_error *err)
{
	hwloc_topology_t hw;

	if (hwloc_topology_init(&hw) < 0)
		return sm_fail(err, ENOMEM, "no memory for the topology");
	*taken = set(hw, source) == 0;
	hwloc_topology_destroy(hw);
	return 0;
}

static int check_file(const char *path, struct sm_error *err)
{
	char head[HEAD_MAX];
	bool taken = true;
	int rc = sm_read_file(path, head, sizeof(head)); /* what fits is enough */

	if (rc < 0 && rc != -EFBIG)
		return sm_fail(err, -rc, "HWLOC_XMLFILE: %s cannot be read: %s", path, strerror(-rc));
	rc = check_version(path, head, err);
	if (rc == 0)
		rc = check_taken(hwloc_topology_set_xml, path, &taken, err);
	return taken ? rc : topology_cannot_load(path, 0, err);
}

static int check_synthetic(const char *text, struct sm_error *err)
{
	bool taken = true;
	int rc = check_taken(hwloc_topology_set_synthetic, text, &taken, err);

	if (rc == 0 && !taken)
		rc = sm_fail(err, EINVAL, "HWLOC_SYNTHETIC: \"%.200s\" is no synthetic topology of hwloc", text);
	return rc;
}

static const char *variable(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

int topology_check_source(struct sm_error *err)
{
	const char *file = variable("HWLOC_XMLFILE"), *synthetic = variable("HWLOC_SYNTHETIC");
	int rc = synthetic ? check_synthetic(synthetic, err) : 0;

	return rc == 0 && file && strcmp(file, "-") != 0 /* standard input */ ? check_file(file, err) : rc;
}

int topology_cannot_load(const char *source, int error, struct sm_error *err)
{
	const char *file = source ? source : variable("HWLOC_XMLFILE");

	if (file)
		return sm_fail(err, EINVAL, "hwloc cannot read the topology in %s: it is damaged or cut short", file);
	return sm_fail(err, EINVAL, "hwloc cannot load this machine's topology: %s", strerror(error));
}
