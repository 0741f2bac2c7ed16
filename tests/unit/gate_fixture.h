/* Gates that are loaded from a text, and judged on the made-up run. */
#ifndef GATE_FIXTURE_H
#define GATE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/gate.h"

static struct sm_gates gates;
static struct sm_gate_row rows[16];
static struct sm_error err;

static inline void load_for(const char *text, const struct sm_scenario *const *scenarios, size_t count, int expected)
{
	char path[] = "/tmp/shmeter-gates-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	err = (struct sm_error){ 0 };
	cr_expect_eq(sm_gates_load(&gates, path, scenarios, count, &err), expected, "%s", err.text);
	unlink(path);
}

static inline void load(const char *text, int expected)
{
	load_for(text, known, 3, expected);
}

static inline void judge(struct sm_results *before)
{
	struct sm_digest *baseline = NULL;

	if (before)
		cr_assert_eq(sm_digest_make(&baseline, before, known, 3, &err), 0, "%s", err.text);
	cr_assert_eq(sm_gates_judge(&gates, &run, baseline, known, 3, rows, &err), 0, "%s", err.text);
	sm_digest_free(baseline);
}

#endif
