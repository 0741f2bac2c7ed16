/* How a child tells what a plug-in lists, and how the parent, which does not trust it, hears that. */
#ifndef SHMETER_PLATFORM_PLUGIN_TELL_H
#define SHMETER_PLATFORM_PLUGIN_TELL_H

#include "shmeter/plugins.h"

#define PLUGIN_NAME_SIZE  32
#define PLUGIN_WORDS_SIZE 80

/* In memory that the child shares with its parent. */
struct plugin_told {
	unsigned count;
	struct plugin_told_one {
		enum sm_plugged_kind kind;
		unsigned index;
		char name[PLUGIN_NAME_SIZE], summary[PLUGIN_WORDS_SIZE];
		uint64_t traits;
		size_t lock_bytes, owner_bytes;
	} one[2 * SHMETER_PLUGIN_MAX];
	bool scenarios; /* it has some, which are told elsewhere */
	size_t bytes;   /* what bytes() answered */
};

/* In the child: checks what it lists and copies it.  Returns 0, or -EBADMSG with the sentence. */
SM_MUST_USE int plugin_tell(const struct shmeter_export *plugin, struct plugin_told *told, struct sm_error *err);

/* In the parent: checks what was told and makes a list of it.  `one` has what all its entries share;
 * they have no `answers` yet.  Returns their number
 * and sets `*first`, or -EBADMSG with a sentence that names the file. */
SM_MUST_USE int plugin_hear(const struct sm_plugged *one, const struct plugin_told *told, struct sm_plugged **first,
			    struct sm_error *err);

#endif
