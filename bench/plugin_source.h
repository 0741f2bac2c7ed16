/* `plugin check` with the source: both ends as threads of one program, under sanitizers. */
#ifndef SHMETER_PLUGIN_SOURCE_H
#define SHMETER_PLUGIN_SOURCE_H

#include "shmeter/proof.h"

struct plugin_source;

/* The source of a plug-in: `folder`; NULL: the one that lies beside `file` as `plugin build` puts it there, or none.
 * Returns NULL with the sentence where `folder` has none.  Lives as long as the program. */
struct plugin_source *plugin_source_find(const char *file, const char *folder, struct sm_error *err);
/* Tells the verdicts `memory_errors` and `data_races` of one transport or lock; the first call compiles, in TMPDIR.  Returns 1 where
 * none failed, 0, or a negative errno with the sentence: -EINTR. */
SM_MUST_USE int plugin_source_check(struct plugin_source *source, const struct sm_proof *proof,
				    const struct sm_plugged *plugged, struct sm_error *err);

#endif
