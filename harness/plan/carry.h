/* Carries a scenario, with all that it points to, out of the process that loaded its plug-in. */
#ifndef SHMETER_PLAN_CARRY_H
#define SHMETER_PLAN_CARRY_H

#include "shmeter/scenario.h"

/* Where a scenario comes from, and where its copy goes. */
struct carry {
	char *to; /* the copy, with all its texts and lists; at a multiple of 16 */
	size_t room, used;
	/* The source lies in this memory, which is a copy of what was at `base`: a pointer to anything else is refused.
	 * NULL: it lies anywhere, as in the process that loaded the plug-in. */
	const char *from;
	const char *base;
	size_t bytes;
	struct sm_error *err;
	const char *name; /* of the scenario, for the sentence; set by carry_scenario() */
};

/* Copies the scenario.  Functions are copied as they are: they mean something only where the plug-in is loaded.  Returns
 * the copy, or NULL with a sentence where a list does not end, a text is longer than 4000 characters, a number is none of
 * its kind, there is no room, or it has what no scenario of a plug-in may have.  Names, texts and values are left to
 * sm_scenario_check(). */
struct sm_scenario *carry_scenario(struct carry *carry, const struct sm_scenario *source);

#endif
