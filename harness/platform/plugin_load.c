/* Loads a plug-in into this process, which is a child or a worker. */
#include "plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/intern.h"

const char *sm_plugged_kind_name(enum sm_plugged_kind kind)
{
	static const char *const name[] = { "transport", "lock", "scenario" };

	return name[kind];
}

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

bool plugin_is_null(void *const *pointer, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pointer[i])
			return false;
	return true;
}

const char *plugin_identity(const struct stat *status)
{
	return sm_name_format("%lld bytes of %lld.%09ld", (long long)status->st_size, (long long)status->st_mtim.tv_sec,
			      status->st_mtim.tv_nsec);
}

/* Whether the lists are there, and not too long. */
static int check_lists(const struct shmeter_export *plugin, struct sm_error *err)
{
	size_t transports = plugin->transport_count, locks = plugin->lock_count;

	if (!plugin_is_null(plugin->reserved, sizeof(plugin->reserved) / sizeof(plugin->reserved[0])))
		return sm_fail(err, EBADMSG, "the reserved members of its description are not NULL");
	if (transports == 0 && locks == 0 && !plugin->scenarios)
		return sm_fail(err, EBADMSG, "it lists 0 transports and 0 locks, so there is nothing to measure");
	if (transports > SHMETER_PLUGIN_MAX || locks > SHMETER_PLUGIN_MAX)
		return sm_fail(err, EBADMSG, "it lists %zu transports and %zu locks; at most %u of each are possible",
			       transports, locks, SHMETER_PLUGIN_MAX);
	if ((transports && !plugin->transport) || (locks && !plugin->lock))
		return sm_fail(err, EBADMSG, "its list of %ss is NULL",
			       sm_plugged_kind_name(transports && !plugin->transport ? SM_PLUGGED_TRANSPORT
										     : SM_PLUGGED_LOCK));
	return 0;
}

const struct shmeter_export *plugin_load(const char *file, struct sm_error *err)
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
	return check_lists(plugin, err) == 0 ? plugin : NULL;
}

const struct shmeter_export *sm_plugin_load(const struct sm_plugged *plugged, struct sm_error *err)
{
	struct stat status;

	if (stat(plugged->file, &status) < 0 || plugin_identity(&status) != plugged->identity) {
		sm_fail(err, EBADMSG, "the file has changed since it was described");
		return NULL;
	}
	return plugin_load(plugged->file, err);
}

/* Loads the file that was described.  NULL: it cannot be loaded, or is another one. */
static const struct shmeter_export *load_again(const struct sm_plugged *plugged, struct sm_error *err)
{
	const struct shmeter_export *plugin = sm_plugin_load(plugged, err);

	if (plugin &&
	    plugged->index >= (plugged->kind == SM_PLUGGED_LOCK ? plugin->lock_count : plugin->transport_count)) {
		sm_fail(err, EBADMSG, "it lists fewer %ss than when it was described",
			sm_plugged_kind_name(plugged->kind));
		return NULL;
	}
	return plugin;
}

const struct shmeter_transport *sm_plugin_here(const struct sm_plugged *plugged, struct sm_error *err)
{
	const struct shmeter_export *plugin = load_again(plugged, err);

	return plugin ? &plugin->transport[plugged->index] : NULL;
}

const struct shmeter_lock *sm_plugin_lock_here(const struct sm_plugged *plugged, struct sm_error *err)
{
	const struct shmeter_export *plugin = load_again(plugged, err);

	return plugin ? &plugin->lock[plugged->index] : NULL;
}
