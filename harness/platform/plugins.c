/* Other people's code, in processes of its own. */
#include "shmeter/plugins.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin_load.h"
#include "plugin_tell.h"
#include "shmeter/encode.h"
#include "shmeter/errand.h"
#include "shmeter/intern.h"
#include "shmeter/memory.h"

#define BYTES_LIMIT ((size_t)1 << 46) /* half of the addresses of a process on x86-64 */

/* What a child is to do. */
struct job {
	const struct sm_plugged *plugged;
	size_t capacity, message;
	struct shmeter_channel *pair;
	struct shmeter_owner *owner;
	struct plugin_told *told;
};

/* The answers of bytes(), so that each question forks once. */
struct sm_plugin_answers {
	struct answer {
		size_t capacity, message, bytes;
		int rc;
		struct sm_error err;
	} * at;
	size_t count;
	struct sm_error hung; /* after one question that was not answered in time nobody asks again */
};

static int describe_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_export *plugin = plugin_load(job->plugged->file, err);

	return plugin ? plugin_tell(plugin, job->told, err) : -err->code;
}

static int bytes_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = sm_plugin_here(job->plugged, err);

	if (!transport)
		return -err->code;
	job->told->bytes = transport->bytes(job->capacity, job->message);
	return 0;
}

static int open_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = sm_plugin_here(job->plugged, err);
	int code;

	if (!transport)
		return -err->code;
	code = transport->open(job->pair);
	/* EIO: what the plug-in calls EINTR or ETIMEDOUT is neither a signal to this program nor its deadline */
	return code ? sm_fail(err, code == ENOTSUP ? ENOTSUP : EIO, "%s", strerror(code)) : 0;
}

static int close_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = sm_plugin_here(job->plugged, err);

	if (!transport)
		return -err->code;
	if (transport->close)
		transport->close(job->pair);
	return 0;
}

static int init_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_lock *lock = sm_plugin_lock_here(job->plugged, err);
	int code;

	if (!lock)
		return -err->code;
	code = lock->init(job->owner);
	return code ? sm_fail(err, EIO, "%s", strerror(code)) : 0; /* EIO: as for open() */
}

static int lock_close_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_lock *lock = sm_plugin_lock_here(job->plugged, err);

	if (!lock)
		return -err->code;
	if (lock->close)
		lock->close(job->owner);
	return 0;
}

int sm_plugin_child(const struct sm_plugged *plugged, sm_errand_fn fn, void *argument, struct sm_error *said)
{
	const struct sm_errand errand = { .title = "plug-in",
					  .fn = fn,
					  .argument = argument,
					  .timeout_ns = SM_PLUGGED_LIMIT_S * (uint64_t)1000000000u,
					  .stop = plugged->stop };

	return sm_errand_run(plugged->os, &errand, said);
}

int sm_plugin_child_ended(const struct sm_plugged *plugged, const char *what, int rc, const struct sm_error *said,
			  struct sm_error *err)
{
	if (rc == -ETIMEDOUT)
		return sm_fail(err, ETIMEDOUT, "plug-in %s: %s did not return within %u s", plugged->file, what,
			       SM_PLUGGED_LIMIT_S);
	if (rc == -EINTR)
		return sm_fail(err, EINTR, "%s", said->text);
	if (rc == -EAGAIN || rc == -EMFILE || rc == -ENFILE)
		return sm_fail(err, -rc, "no process for plug-in %s (%s): %s", plugged->file, what, said->text);
	return rc < 0 ? sm_fail(err, -rc, "plug-in %s: %s: %s", plugged->file, what, said->text) : 0;
}

/* Has a child do the job; `what` it is, for the sentence: "open()". */
static int in_child(struct job *job, const char *what, sm_errand_fn fn, struct sm_error *err)
{
	struct sm_error said = { 0 };
	int rc = sm_plugin_child(job->plugged, fn, job, &said);

	return sm_plugin_child_ended(job->plugged, what, rc, &said, err);
}

void *sm_plugin_shared(size_t bytes, struct sm_error *err)
{
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared != MAP_FAILED)
		return shared;
	sm_fail(err, errno, "no memory to hear from a child: %s", strerror(errno));
	return NULL;
}

int sm_plugin_find(const char *path, struct sm_plugged *one, struct sm_error *err)
{
	char file[PATH_MAX];
	struct stat status;

	if (!realpath(path, file) || stat(file, &status) < 0 || access(file, R_OK) < 0)
		return sm_fail(err, EINVAL, "plug-in %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return sm_fail(err, EINVAL, "plug-in %s: not a regular file", path);
	if (!sm_is_text(file))
		return sm_fail(err, EINVAL, "plug-in %s: its path is not UTF-8 text, so no run could record it", file);
	one->file = sm_name_of(file);
	one->identity = plugin_identity(&status);
	return 0;
}

int sm_plugin_describe(const struct sm_os *os, const char *path, const volatile int *stop,
		       const struct sm_plugged **first, struct sm_error *err)
{
	struct sm_plugged one = { .os = os, .stop = stop };
	struct plugin_told *told, mine;
	struct sm_plugged *list;
	struct job job = { .plugged = &one };
	int rc = sm_plugin_find(path, &one, err);

	if (rc < 0)
		return rc;
	told = job.told = sm_plugin_shared(sizeof(*told), err);
	if (!told)
		return -err->code;
	rc = in_child(&job, "its description", describe_here, err);
	mine = *told; /* the plug-in may have left a process that still writes to it */
	munmap(told, sizeof(*told));
	if (rc == 0)
		rc = plugin_hear(&one, &mine, &list, err);
	for (int i = 0; i < rc; i++)
		list[i].answers = sm_zeroed_memory(1, sizeof(*list[i].answers));
	if (rc > 0)
		*first = list;
	return rc;
}

/* Asks the plug-in; see sm_plugin_bytes(). */
static int ask_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
		     struct sm_error *err)
{
	struct sm_error *hung = &plugged->answers->hung;
	struct plugin_told *told;
	struct job job = { .plugged = plugged, .capacity = capacity, .message = message };
	int rc;

	if (hung->code)
		return sm_fail(err, hung->code, "%s", hung->text);
	told = job.told = sm_plugin_shared(sizeof(*told), err);
	if (!told)
		return -err->code;
	rc = in_child(&job, "bytes()", bytes_here, err);
	*bytes = told->bytes;
	munmap(told, sizeof(*told));
	if (rc == -ETIMEDOUT)
		*hung = *err;
	if (rc == 0 && *bytes > BYTES_LIMIT)
		rc = sm_fail(err, EOVERFLOW, "plug-in %s: bytes() asks for %zu bytes", plugged->file, *bytes);
	return rc;
}

int sm_plugin_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
		    struct sm_error *err)
{
	struct sm_plugin_answers *answers = plugged->answers;
	struct answer *answer = answers->at, *end = answers->at + answers->count;
	void *more;

	*bytes = 0;
	while (answer < end && (answer->capacity != capacity || answer->message != message))
		answer++;
	if (answer == end) {
		struct answer now = { .capacity = capacity, .message = message };

		now.rc = ask_bytes(plugged, capacity, message, &now.bytes, &now.err);
		if (now.rc == -EINTR)
			return sm_fail(err, EINTR, "%s", now.err.text);
		more = realloc(answers->at, (answers->count + 1) * sizeof(*answers->at));
		if (!more)
			return sm_fail(err, ENOMEM, "no memory for what plug-in %s answers", plugged->file);
		answers->at = more;
		answer = &answers->at[answers->count++];
		*answer = now;
	}
	if (answer->rc < 0)
		return sm_fail(err, -answer->rc, "%s", answer->err.text);
	*bytes = answer->bytes;
	return 0;
}

int sm_plugin_open(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	struct job job = { .plugged = plugged, .pair = pair };

	return in_child(&job, "open()", open_here, err);
}

int sm_plugin_close(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	struct job job = { .plugged = plugged, .pair = pair };

	return in_child(&job, "close()", close_here, err);
}

int sm_plugin_init(const struct sm_plugged *plugged, struct shmeter_owner *owner, struct sm_error *err)
{
	struct job job = { .plugged = plugged, .owner = owner };

	return in_child(&job, "init()", init_here, err);
}

int sm_plugin_lock_close(const struct sm_plugged *plugged, struct shmeter_owner *owner, struct sm_error *err)
{
	struct job job = { .plugged = plugged, .owner = owner };

	return in_child(&job, "close()", lock_close_here, err);
}
