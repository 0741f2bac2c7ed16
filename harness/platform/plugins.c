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
	const char *file;
	unsigned index;
	size_t capacity, message;
	struct shmeter_channel *pair;
	struct told *told;
};

/* The answers of bytes(), so that each question forks once. */
struct sm_plugin_answers {
	struct {
		size_t capacity, message, bytes;
		int rc;
		struct sm_error err;
	} * at;
	size_t count;
};

static void silence(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
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
			"it was built for version %u of the interface, and this shmeter has version %u: "
			"build it again",
			plugin->abi_version, SHMETER_PLUGIN_ABI);
		return NULL;
	}
	if (plugin->transport_count == 0 || plugin->transport_count > SHMETER_PLUGIN_MAX || !plugin->transport) {
		sm_fail(err, EBADMSG, "it lists %u transports; 1 to %u are possible", plugin->transport_count,
			SHMETER_PLUGIN_MAX);
		return NULL;
	}
	return plugin;
}

static const struct shmeter_transport *load_one(const char *file, unsigned index, struct sm_error *err)
{
	const struct shmeter_export *plugin = load(file, err);

	if (!plugin)
		return NULL;
	if (index >= plugin->transport_count) {
		sm_fail(err, EBADMSG, "the file has changed since it was described");
		return NULL;
	}
	return &plugin->transport[index];
}

/* In the child: copies what the plug-in says of a transport. */
static int tell_one(const struct shmeter_transport *transport, unsigned i, struct told *told, struct sm_error *err)
{
	if (transport->struct_size != sizeof(*transport))
		return sm_fail(err, EBADMSG, "the struct_size of transport %u is %zu, not %zu: build it again", i,
			       transport->struct_size, sizeof(*transport));
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
	const struct shmeter_export *plugin = load(job->file, err);
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
	const struct shmeter_transport *transport = load_one(job->file, job->index, err);

	if (!transport)
		return -err->code;
	job->told->bytes = transport->bytes(job->capacity, job->message);
	return 0;
}

static int open_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = load_one(job->file, job->index, err);
	int code;

	if (!transport)
		return -err->code;
	code = transport->open(job->pair);
	return code ? sm_fail(err, code < 0 ? EIO : code, "%s", strerror(code)) : 0;
}

static int close_here(void *argument, struct sm_error *err)
{
	struct job *job = argument;
	const struct shmeter_transport *transport = load_one(job->file, job->index, err);

	if (!transport)
		return -err->code;
	if (transport->close)
		transport->close(job->pair);
	return 0;
}

/* Has a child do the job; `what` it is, for the sentence: "open()". */
static int in_child(const struct sm_os *os, struct job *job, const char *what, sm_errand_fn fn, struct sm_error *err)
{
	const struct sm_errand errand = { .title = "plug-in", .fn = fn, .argument = job, .timeout_ns = LIMIT_NS };
	struct sm_error said = { 0 };
	int rc = sm_errand_run(os, &errand, &said);

	if (rc == -ETIMEDOUT)
		return sm_fail(err, ETIMEDOUT, "plug-in %s: %s did not return within %u s", job->file, what,
			       (unsigned)(LIMIT_NS / 1000000000u));
	return rc < 0 ? sm_fail(err, -rc, "plug-in %s: %s: %s", job->file, what, said.text) : 0;
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
	return *text && sm_is_text(text) && !strpbrk(text, "\n\r\t");
}

/* Makes the list from what the child told, which is a stranger's text. */
static int accept_list(const struct sm_os *os, const char *file, const struct told *told,
		       const struct sm_plugged **first, struct sm_error *err)
{
	struct sm_plugged *list = sm_zeroed_memory(told->count, sizeof(*list));

	for (unsigned i = 0; i < told->count; i++) {
		const char *name = told->transport[i].name, *summary = told->transport[i].summary;

		if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) || name[0] < 'a' ||
		    name[0] > 'z') {
			free(list);
			return sm_fail(err, EBADMSG,
				       "plug-in %s: the name \"%s\" of transport %u is not made of "
				       "lower-case letters, digits and \"_\" from a letter on",
				       file, name, i);
		}
		if (!is_summary(summary)) {
			free(list);
			return sm_fail(err, EBADMSG, "plug-in %s: the summary of %s is not a line of text", file, name);
		}
		list[i] = (struct sm_plugged){ .os = os,
					       .file = file,
					       .index = i,
					       .name = sm_name_of(name),
					       .summary = sm_name_of(summary),
					       .traits = told->transport[i].traits,
					       .answers = sm_zeroed_memory(1, sizeof(*list[i].answers)) };
	}
	*first = list;
	return (int)told->count;
}

int sm_plugin_describe(const struct sm_os *os, const char *path, const struct sm_plugged **first, struct sm_error *err)
{
	char file[PATH_MAX];
	struct stat status;
	struct told *told;
	struct job job;
	int rc;

	if (!realpath(path, file) || stat(file, &status) < 0)
		return sm_fail(err, errno, "plug-in %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return sm_fail(err, EBADMSG, "plug-in %s: it is no file", path);
	told = told_new(err);
	if (!told)
		return -err->code;
	job = (struct job){ .file = sm_name_of(file), .told = told };
	rc = in_child(os, &job, "its description", describe_here, err);
	if (rc == 0)
		rc = accept_list(os, job.file, told, first, err);
	munmap(told, sizeof(*told));
	return rc;
}

/* Asks the plug-in; see sm_plugin_bytes(). */
static int ask_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
		     struct sm_error *err)
{
	struct told *told = told_new(err);
	struct job job = {
		.file = plugged->file, .index = plugged->index, .capacity = capacity, .message = message, .told = told
	};
	int rc;

	if (!told)
		return -err->code;
	rc = in_child(plugged->os, &job, "bytes()", bytes_here, err);
	*bytes = told->bytes;
	munmap(told, sizeof(*told));
	if (rc == 0 && *bytes > BYTES_LIMIT)
		rc = sm_fail(err, EOVERFLOW, "plug-in %s: bytes() asks for %zu bytes", plugged->file, *bytes);
	return rc;
}

int sm_plugin_bytes(const struct sm_plugged *plugged, size_t capacity, size_t message, size_t *bytes,
		    struct sm_error *err)
{
	struct sm_plugin_answers *answers = plugged->answers;
	size_t i = 0;

	while (i < answers->count && (answers->at[i].capacity != capacity || answers->at[i].message != message))
		i++;
	if (i == answers->count) {
		void *more = realloc(answers->at, (i + 1) * sizeof(*answers->at));

		if (!more)
			return sm_fail(err, ENOMEM, "no memory for what plug-in %s answers", plugged->file);
		answers->at = more;
		memset(&answers->at[i], 0, sizeof(answers->at[i]));
		answers->at[i].capacity = capacity;
		answers->at[i].message = message;
		answers->at[i].rc = ask_bytes(plugged, capacity, message, &answers->at[i].bytes, &answers->at[i].err);
		answers->count++;
	}
	*bytes = answers->at[i].rc < 0 ? 0 : answers->at[i].bytes;
	return answers->at[i].rc < 0 ? sm_fail(err, -answers->at[i].rc, "%s", answers->at[i].err.text) : 0;
}

/* open() or close(). */
static int with_pair(const struct sm_plugged *plugged, const char *what, sm_errand_fn fn,
		     struct shmeter_channel pair[2], struct sm_error *err)
{
	struct told *told = told_new(err);
	struct job job = { .file = plugged->file, .index = plugged->index, .pair = pair, .told = told };
	int rc;

	if (!told)
		return -err->code;
	rc = in_child(plugged->os, &job, what, fn, err);
	munmap(told, sizeof(*told));
	return rc;
}

int sm_plugin_open(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	return with_pair(plugged, "open()", open_here, pair, err);
}

int sm_plugin_close(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	return with_pair(plugged, "close()", close_here, pair, err);
}

const struct shmeter_transport *sm_plugin_here(const struct sm_plugged *plugged, struct sm_error *err)
{
	return load_one(plugged->file, plugged->index, err);
}
