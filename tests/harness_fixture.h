/* What tests of the harness share: a context on this machine, and a look for what was left behind. */
#ifndef SHMETER_TESTS_HARNESS_FIXTURE_H
#define SHMETER_TESTS_HARNESS_FIXTURE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "shmeter/trial.h"

static inline void context_open(struct sm_trial_context *context)
{
	static struct sm_topology *topology;
	struct sm_error err = { 0 };

	if (!topology)
		cr_assert_eq(sm_topology_open(&topology, NULL, &err), 0, "%s", err.text);
	*context = (struct sm_trial_context){
		.os = &sm_os_linux,
		.topology = topology,
		.file_folder = "/tmp",
		.slice_ns = 200000,
	};
}

static inline unsigned entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline unsigned lines(const char *path, const char *with)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	unsigned count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += !with || strstr(line, with) != NULL;
	if (file)
		fclose(file);
	return count;
}

/* Everything that a trial could leave: descriptors, shared mappings, named objects, System V segments,
 * children. */
struct left {
	unsigned descriptors, mappings, names, segments;
};

static inline struct left look(void)
{
	return (struct left){
		.descriptors = entries("/proc/self/fd"),
		.mappings = lines("/proc/self/maps", "rw-s"),
		.names = entries("/dev/shm"),
		.segments = lines("/proc/sysvipc/shm", NULL),
	};
}

static inline void assert_nothing_left(const struct left *before)
{
	struct left after = look();

	cr_expect_eq(after.descriptors, before->descriptors, "%u descriptors were %u", after.descriptors,
		     before->descriptors);
	cr_expect_eq(after.mappings, before->mappings, "%u shared mappings were %u", after.mappings, before->mappings);
	cr_expect_eq(after.names, before->names, "%u names in /dev/shm were %u", after.names, before->names);
	cr_expect_eq(after.segments, before->segments);
	errno = 0;
	cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a child is left");
}

/* One trial of a variant with a process of its own and memory in a memfd, after which nothing is left.  `request` says how
 * many operations and how long. */
static inline void try_variant(const struct sm_scenario *scenario, const char *name, struct sm_trial_request request,
			       struct sm_trial_result *result)
{
	struct sm_trial_context context;
	struct sm_case c = {
		.scenario = scenario,
		.workers = 1,
		.placement = SM_PLACE_NEAR,
		.memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 },
	};
	struct sm_error err = { 0 };
	struct left before;

	while (strcmp(scenario->variants[c.variant].name, name) != 0)
		c.variant++;
	request.c = &c;
	request.slices = 1;
	context_open(&context);
	before = look();
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s", err.text);
	sm_trial_result_free(result);
	assert_nothing_left(&before);
}

#endif
