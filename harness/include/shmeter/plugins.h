/* Plug-ins: shared objects of other people, whose code never runs in this process (plugin.h is what they export). */
#ifndef SHMETER_PLUGINS_H
#define SHMETER_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/errand.h"
#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/plugin.h"

/* How long a function without a worker may take: plugin.h and scenario.h promise this. */
#define SM_PLUGGED_LIMIT_S 5u

enum sm_plugged_kind { SM_PLUGGED_TRANSPORT, SM_PLUGGED_LOCK, SM_PLUGGED_SCENARIO };

/* A trait of a lock that has recover(), beside those of plugin.h. */
#define SM_PLUGGED_RECOVERS ((uint64_t)1 << 63)

/* A transport or a lock of a plug-in, as its file describes it.  Lives as long as the process. */
struct sm_plugged {
	const struct sm_os *os;
	const volatile int *stop; /* non-zero: ask no more */
	const char *file;         /* the absolute path */
	const char *identity;     /* size and time of change of the file: a run never mixes two builds of it */
	enum sm_plugged_kind kind;
	unsigned index;      /* in the plug-in's list of this kind */
	const char *name;    /* as in plugin.h */
	const char *summary; /* likewise */
	uint64_t traits;     /* likewise, and SM_PLUGGED_RECOVERS */
	size_t lock_bytes;   /* a lock: its shared memory */
	size_t owner_bytes;  /* a lock: that of each owner */
	struct sm_plugin_answers *answers;
};

/* Sets file and identity of `one` from a path.  -EINVAL where there is no such file that can be read, with a sentence that
 * names it. */
SM_MUST_USE int sm_plugin_find(const char *path, struct sm_plugged *one, struct sm_error *err);

/* Has a child load the file and describe it.  Returns the number of its transports and locks (0 where it has only
 * scenarios), and sets `*first` to them, transports first; or a negative errno with a sentence that names the file: -EINVAL
 * where there is no such file that can be read, -EBADMSG where it is no plug-in of this ABI or describes something else
 * than plugin.h says, -ETIMEDOUT, -EINTR, -ECHILD where it ended the child.  `stop` is as in struct sm_plugged. */
SM_MUST_USE int sm_plugin_describe(const struct sm_os *os, const char *path, const volatile int *stop,
				   const struct sm_plugged **first, struct sm_error *err);

/* Bytes of one direction, from a child; the answer for the same arguments is kept.  Returns 0 and sets `*bytes`, or a
 * negative errno with a sentence. */
SM_MUST_USE int sm_plugin_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
				struct sm_error *err);
/* open() and close(), each in a child of its own that has the memory of this process.  -ENOTSUP: open() declines this size
 * or capacity. */
SM_MUST_USE int sm_plugin_open(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err);
SM_MUST_USE int sm_plugin_close(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err);

/* The same for init() and close() of a lock. */
SM_MUST_USE int sm_plugin_init(const struct sm_plugged *plugged, struct shmeter_owner *owner, struct sm_error *err);
SM_MUST_USE int sm_plugin_lock_close(const struct sm_plugged *plugged, struct shmeter_owner *owner,
				     struct sm_error *err);

/* In a worker alone: loads the plug-in here, with standard output and error closed to it.  NULL: not loaded, with the
 * sentence.  `plugged` is of the kind that the function returns. */
const struct shmeter_transport *sm_plugin_here(const struct sm_plugged *plugged, struct sm_error *err);
const struct shmeter_lock *sm_plugin_lock_here(const struct sm_plugged *plugged, struct sm_error *err);

/* Zeroed memory that a child shares with this process; munmap() it.  NULL: none, with the sentence. */
void *sm_plugin_shared(size_t bytes, struct sm_error *err);
/* Has a child do `fn(argument)`, which may call the plug-in.  Returns as sm_errand_run() does, with its words in `said`. */
SM_MUST_USE int sm_plugin_child(const struct sm_plugged *plugged, sm_errand_fn fn, void *argument,
				struct sm_error *said);
/* The sentence of how that ended; `what` the child did, such as "open()".  Returns `rc`. */
SM_MUST_USE int sm_plugin_child_ended(const struct sm_plugged *plugged, const char *what, int rc,
				      const struct sm_error *said, struct sm_error *err);

/* "transport", "lock" or "scenario". */
const char *sm_plugged_kind_name(enum sm_plugged_kind kind);

/* In a child alone: loads the plug-in here, likewise, and returns all that it exports.  NULL: not loaded, or the file has
 * changed, with the sentence. */
const struct shmeter_export *sm_plugin_load(const struct sm_plugged *plugged, struct sm_error *err);

#endif
