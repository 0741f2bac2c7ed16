/* Other people's code, in processes of its own. */
#include "shmeter/plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/encode.h"
#include "shmeter/errand.h"
#include "shmeter/intern.h"
#include "shmeter/memory.h"
#include "shmeter/plugin_stamp.h"

#define LIMIT_NS    5000000000u /* plugin.h promises this */
#define NAME_SIZE   32
#define WORDS_SIZE  80
#define BYTES_LIMIT ((size_t)1 << 46) /* half of the addresses of a process on x86-64 */

/* What a child tells of a plug-in, in memory that it shares with this process. */
struct told {
	unsigned count;
	struct {
		char name[NAME_SIZE], summary[WORDS_SIZE];
		uint64_t traits;
	} transport[SHMETER_PLUGIN_MAX];
	size_t bytes;
};

/* What a child is to do. */
struct job {
	const struct sm_plugged *plugged;
	size_t capacity, message;
	struct shmeter_channel *pair;
	struct told *told;
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

static void silence(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static bool is_null(void *const *pointer, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pointer[i])
			return false;
	return true;
}

/* Size and time of change, so that a file that is built anew in the middle of a run is noticed. */
static const char *identity_of(const struct stat *status)
{
	return sm_name_format("%lld bytes of %lld.%09ld", (long long)status->st_size, (long long)status->st_mtim.tv_sec,
			      status->st_mtim.tv_nsec);
}

/* Loads the file here.  NULL: it is no plug-in of this ABI. */
static const struct shmeter_export *load(const char *file, struct sm_error *err)
{
	const struct shmeter_export *(*entry)(void);
	const struct shmeter_export *plugin;
	void *object, *symbol;

	silence();
	object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		sm_fail(err, EBADMSG, "it cannot be loaded: %s", dlerror());
		return NULL;
	}
	symbol = dlsym(object, "shmeter_plugin");
	if (!symbol) {
		sm_fail(err, EBADMSG, "it has no function shmeter_plugin()");
		return NULL;
	}
	memcpy(&entry, &symbol, sizeof(entry)); /* POSIX.1-2017, dlsym(): the way without a cast */
	plugin = entry();
	if (!plugin || plugin->magic != SHMETER_PLUGIN_MAGIC) {
		sm_fail(err, EBADMSG,
			"shmeter_plugin() returns no description: its `magic` is not SHMETER_PLUGIN_MAGIC");
		return NULL;
	}
	if (plugin->abi_version != SHMETER_PLUGIN_ABI || plugin->struct_size != sizeof(*plugin)) {
		sm_fail(err, EBADMSG,
			"it was built for version %u of the interface (%zu bytes), and this shmeter has version %u "
			"(%zu): build it again",
			plugin->abi_version, plugin->struct_size, SHMETER_PLUGIN_ABI, sizeof(*plugin));
		return NULL;
	}
	if (!is_null(plugin->reserved, sizeof(plugin->reserved) / sizeof(plugin->reserved[0]))) {
		sm_fail(err, EBADMSG, "the reserved members of its description are not NULL");
		return NULL;
	}
	if (plugin->transport_count == 0 || plugin->transport_count > SHMETER_PLUGIN_MAX || !plugin->transport) {
		sm_fail(err, EBADMSG, "it lists %u transports; 1 to %u are possible", plugin->transport_count,
			SHMETER_PLUGIN_MAX);
		return NULL;
	}
	return plugin;
}

static const struct shmeter_transport *load_one(const struct sm_plugged *plugged, struct sm_error *err)
{
	const struct shmeter_export *plugin;
	struct stat status;

	if (stat(plugged->file, &status) < 0 || identity_of(&status) != plugged->identity) {
		sm_fail(err, EBADMSG, "the file has changed since it was described");
		return NULL;
	}
	plugin = load(plugged->file, err);
	if (!plugin)
		return NULL;
	if (plugged->index >= plugin->transport_count) {
		sm_fail(err, EBADMSG, "it lists fewer transports than when it was described");
		return NULL;
	}
	return &plugin->transport[plugged->index];
}

static bool is_stamped(const struct shmeter_stamped *loops)
{
	return loops->struct_size == sizeof(*loops) && loops->send && loops->receive && loops->ask && loops->answer &&
	       is_null(loops->reserved, sizeof(loops->reserved) / sizeof(loops->reserved[0]));
}

/* In the child: copies what the plug-in says of a transport. */
static int tell_one(const struct shmeter_transport *transport, unsigned i, struct told *told, struct sm_error *err)
{
	if (transport->struct_size != sizeof(*transport))
		return sm_fail(err, EBADMSG, "the struct_size of transport %u is %zu, not %zu: build it again", i,
			       transport->struct_size, sizeof(*transport));
	if ((transport->traits & ~(uint64_t)(SHMETER_SPINS | SHMETER_MANY)) ||
	    !is_null(transport->reserved + 1, sizeof(transport->reserved) / sizeof(transport->reserved[0]) - 1))
		return sm_fail(err, EBADMSG,
			       "transport %u has traits or reserved members that this shmeter does not know", i);
	if (transport->stamped && !is_stamped(transport->stamped))
		return sm_fail(err, EBADMSG,
			       "the stamped loops of transport %u are not what SHMETER_STAMP() of this shmeter makes",
			       i);
	if (!transport->name || !transport->summary)
		return sm_fail(err, EBADMSG, "transport %u has no %s", i, transport->name ? "summary" : "name");
	if (!transport->bytes || !transport->open || !transport->send || !transport->receive)
		return sm_fail(err, EBADMSG,
			       "transport %u lacks a function; bytes, open, send and receive must be there", i);
	if (strnlen(transport->name, NAME_SIZE) == NAME_SIZE || strnlen(transport->summary, WORDS_SIZE) == WORDS_SIZE)
		return sm_fail(err, EBADMSG, "the %s of transport %u is too long: at most %d characters",
			       strnlen(transport->name, NAME_SIZE) == NAME_SIZE ? "name" : "summary", i,
			       (strnlen(transport->name, NAME_SIZE) == NAME_SIZE ? NAME_SIZE : WORDS_SIZE) - 1);
	snprintf(told->transport[i].name, NAME_SIZE, "%s", transport->name);
	snprintf(told->transport[i].summary, WORDS_SIZE, "%s", transport->summary);
	told->transport[i].traits = transport->traits;
	return 0;
}

static int describe_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_export *plugin = load(job->plugged->file, err);
	int rc = 0;

	if (!plugin)
		return -err->code;
	for (unsigned i = 0; i < plugin->transport_count && rc == 0; i++)
		rc = tell_one(&plugin->transport[i], i, job->told, err);
	job->told->count = plugin->transport_count;
	return rc;
}

static int bytes_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = load_one(job->plugged, err);

	if (!transport)
		return -err->code;
	job->told->bytes = transport->bytes(job->capacity, job->message);
	return 0;
}

static int open_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = load_one(job->plugged, err);
	int code;

	if (!transport)
		return -err->code;
	code = transport->open(job->pair);
	/* EIO: what the plug-in calls EINTR or ETIMEDOUT is neither a signal to this program nor its deadline */
	return code ? sm_fail(err, EIO, "%s", strerror(code)) : 0;
}

static int close_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = load_one(job->plugged, err);

	if (!transport)
		return -err->code;
	if (transport->close)
		transport->close(job->pair);
	return 0;
}

/* Has a child do the job; `what` it is, for the sentence: "open()". */
static int in_child(struct job *job, const char *what, sm_errand_fn fn, struct sm_error *err)
{
	const struct sm_plugged *plugged = job->plugged;
	const struct sm_errand errand = {
		.title = "plug-in", .fn = fn, .argument = job, .timeout_ns = LIMIT_NS, .stop = plugged->stop
	};
	struct sm_error said = { 0 };
	int rc = sm_errand_run(plugged->os, &errand, &said);

	if (rc == -ETIMEDOUT)
		return sm_fail(err, ETIMEDOUT, "plug-in %s: %s did not return within %u s", plugged->file, what,
			       (unsigned)(LIMIT_NS / 1000000000u));
	if (rc == -EINTR)
		return sm_fail(err, EINTR, "%s", said.text);
	return rc < 0 ? sm_fail(err, -rc, "plug-in %s: %s: %s", plugged->file, what, said.text) : 0;
}

static struct told *told_new(struct sm_error *err)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (told == MAP_FAILED) {
		sm_fail(err, errno, "no memory to hear from a child: %s", strerror(errno));
		return NULL;
	}
	return told;
}

static bool is_summary(const char *text)
{
	return *text && sm_is_text(text) && !strpbrk(text, "\n\r\t") && !strchr(".,;: ", text[strlen(text) - 1]);
}

static int check_words(const char *file, const char *name, const char *summary, struct sm_error *err)
{
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) || name[0] < 'a' || name[0] > 'z')
		return sm_fail(
			err, EBADMSG,
			"plug-in %s: the name \"%s\" of a transport is not made of lower-case letters, digits and "
			"\"_\", from a letter on",
			file, name);
	if (!is_summary(summary))
		return sm_fail(err, EBADMSG, "plug-in %s: the summary of %s is not a line of text without a full stop",
			       file, name);
	return 0;
}

/* Makes the list from what the child told, which is a stranger's.  `one` has what all transports share. */
static int accept_list(const struct sm_plugged *one, const struct told *told, const struct sm_plugged **first,
		       struct sm_error *err)
{
	struct sm_plugged *list;

	if (told->count == 0 || told->count > SHMETER_PLUGIN_MAX)
		return sm_fail(err, EBADMSG, "plug-in %s: its description was not told", one->file);
	list = sm_zeroed_memory(told->count, sizeof(*list));
	for (unsigned i = 0; i < told->count; i++) {
		char name[NAME_SIZE], summary[WORDS_SIZE];

		snprintf(name, sizeof(name), "%.*s", NAME_SIZE - 1, told->transport[i].name);
		snprintf(summary, sizeof(summary), "%.*s", WORDS_SIZE - 1, told->transport[i].summary);
		if (check_words(one->file, name, summary, err) < 0) {
			free(list);
			return -EBADMSG;
		}
		list[i] = *one;
		list[i].index = i;
		list[i].name = sm_name_of(name);
		list[i].summary = sm_name_of(summary);
		list[i].traits = told->transport[i].traits;
		list[i].answers = sm_zeroed_memory(1, sizeof(*list[i].answers));
	}
	*first = list;
	return (int)told->count;
}

int sm_plugin_describe(const struct sm_os *os, const char *path, const volatile int *stop,
		       const struct sm_plugged **first, struct sm_error *err)
{
	struct sm_plugged one = { .os = os, .stop = stop };
	char file[PATH_MAX];
	struct stat status;
	struct told *told, mine;
	struct job job = { .plugged = &one };
	int rc;

	if (!realpath(path, file) || stat(file, &status) < 0 || access(file, R_OK) < 0)
		return sm_fail(err, EINVAL, "plug-in %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return sm_fail(err, EINVAL, "plug-in %s: not a regular file", path);
	if (!sm_is_text(file))
		return sm_fail(err, EINVAL, "plug-in %s: its path is not UTF-8 text, so no run could record it", file);
	one.file = sm_name_of(file);
	one.identity = identity_of(&status);
	told = job.told = told_new(err);
	if (!told)
		return -err->code;
	rc = in_child(&job, "its description", describe_here, err);
	mine = *told; /* the plug-in may have left a process that still writes to it */
	munmap(told, sizeof(*told));
	return rc == 0 ? accept_list(&one, &mine, first, err) : rc;
}

/* Asks the plug-in; see sm_plugin_bytes(). */
static int ask_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
		     struct sm_error *err)
{
	struct sm_error *hung = &plugged->answers->hung;
	struct told *told;
	struct job job = { .plugged = plugged, .capacity = capacity, .message = message };
	int rc;

	if (hung->code)
		return sm_fail(err, hung->code, "%s", hung->text);
	told = job.told = told_new(err);
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

const struct shmeter_transport *sm_plugin_here(const struct sm_plugged *plugged, struct sm_error *err)
{
	return load_one(plugged, err);
}
