/* What a plug-in lists, from the child that loaded it to the process that did not. */
#include "plugin_tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_load.h"
#include "shmeter/encode.h"
#include "shmeter/intern.h"
#include "shmeter/memory.h"
#include "shmeter/plugin_stamp.h"

#define LOCK_LIMIT ((size_t)1 << 20) /* plugin.h says this */

/* What every kind has. */
static int tell_words(struct plugin_told_one *one, const char *name, const char *summary, struct sm_error *err)
{
	const char *kind = sm_plugged_kind_name(one->kind);

	if (!name || !summary)
		return sm_fail(err, EBADMSG, "%s %u has no %s", kind, one->index, name ? "summary" : "name");
	if (strnlen(name, sizeof(one->name)) == sizeof(one->name))
		return sm_fail(err, EBADMSG, "the name of %s %u is too long: at most %d characters", kind, one->index,
			       PLUGIN_NAME_SIZE - 1);
	if (strnlen(summary, sizeof(one->summary)) == sizeof(one->summary))
		return sm_fail(err, EBADMSG, "the summary of %s %u is too long: at most %d characters", kind,
			       one->index, PLUGIN_WORDS_SIZE - 1);
	snprintf(one->name, sizeof(one->name), "%s", name);
	snprintf(one->summary, sizeof(one->summary), "%s", summary);
	return 0;
}

static int check_struct(const struct plugin_told_one *one, size_t size, size_t expected, uint64_t strange,
			bool reserved, struct sm_error *err)
{
	const char *kind = sm_plugged_kind_name(one->kind);

	if (size != expected)
		return sm_fail(err, EBADMSG, "the struct_size of %s %u is %zu, not %zu: build it again", kind,
			       one->index, size, expected);
	if (strange || reserved)
		return sm_fail(err, EBADMSG, "%s %u has traits or reserved members that this shmeter does not know",
			       kind, one->index);
	return 0;
}

static bool is_stamped(const struct shmeter_stamped *loops)
{
	return loops->struct_size == sizeof(*loops) && loops->send && loops->receive && loops->ask && loops->answer &&
	       plugin_is_null(loops->reserved, sizeof(loops->reserved) / sizeof(loops->reserved[0]));
}

static int tell_transport(const struct shmeter_transport *transport, struct plugin_told_one *one, struct sm_error *err)
{
	int rc = check_struct(
		one, transport->struct_size, sizeof(*transport),
		transport->traits & ~(uint64_t)(SHMETER_SPINS | SHMETER_MANY | SHMETER_FRAGILE),
		!plugin_is_null(transport->reserved + 1, sizeof(transport->reserved) / sizeof(void *) - 1), err);

	if (rc == 0 && transport->stamped && !is_stamped(transport->stamped))
		rc = sm_fail(err, EBADMSG,
			     "the stamped loops of transport %u are not what SHMETER_STAMP() of this shmeter makes",
			     one->index);
	if (rc == 0)
		rc = tell_words(one, transport->name, transport->summary, err);
	if (rc == 0 && (!transport->bytes || !transport->open || !transport->send || !transport->receive))
		rc = sm_fail(err, EBADMSG, "transport %u lacks a function; bytes, open, send and receive must be there",
			     one->index);
	one->traits = transport->traits;
	return rc;
}

static int tell_lock(const struct shmeter_lock *lock, struct plugin_told_one *one, struct sm_error *err)
{
	int rc = check_struct(one, lock->struct_size, sizeof(*lock),
			      lock->traits & ~(uint64_t)(SHMETER_SPINS | SHMETER_FIFO),
			      !plugin_is_null(lock->reserved, sizeof(lock->reserved) / sizeof(void *)), err);

	if (rc == 0)
		rc = tell_words(one, lock->name, lock->summary, err);
	if (rc == 0 && (!lock->init || !lock->lock || !lock->unlock))
		rc = sm_fail(err, EBADMSG, "lock %u lacks a function; init, lock and unlock must be there", one->index);
	one->traits = lock->traits | (lock->recover ? SM_PLUGGED_RECOVERS : 0);
	one->lock_bytes = lock->bytes;
	one->owner_bytes = lock->owner_bytes;
	return rc;
}

int plugin_tell(const struct shmeter_export *plugin, struct plugin_told *told, struct sm_error *err)
{
	struct plugin_told_one *one = told->one;
	int rc = 0;

	for (unsigned i = 0; i < plugin->transport_count && rc == 0; i++, one++) {
		one->kind = SM_PLUGGED_TRANSPORT;
		one->index = i;
		rc = tell_transport(&plugin->transport[i], one, err);
	}
	for (unsigned i = 0; i < plugin->lock_count && rc == 0; i++, one++) {
		one->kind = SM_PLUGGED_LOCK;
		one->index = i;
		rc = tell_lock(&plugin->lock[i], one, err);
	}
	told->count = (unsigned)(one - told->one);
	told->scenarios = plugin->scenarios != NULL;
	return rc;
}

static bool is_summary(const char *text)
{
	return *text && sm_is_text(text) && !strpbrk(text, "\n\r\t") && !strchr(".,;: ", text[strlen(text) - 1]);
}

/* Checks what the child told: a plug-in could write to that memory. */
static int check_told(const char *file, const struct plugin_told_one *one, struct sm_error *err)
{
	const char *kind = sm_plugged_kind_name(one->kind);

	if (strspn(one->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(one->name) || one->name[0] < 'a' ||
	    one->name[0] > 'z')
		return sm_fail(err, EBADMSG,
			       "plug-in %s: the name \"%s\" of a %s is not made of lower-case letters, digits and "
			       "\"_\", from a letter on",
			       file, one->name, kind);
	if (!is_summary(one->summary))
		return sm_fail(err, EBADMSG, "plug-in %s: the summary of %s is not a line of text without a full stop",
			       file, one->name);
	if (one->lock_bytes > LOCK_LIMIT || one->owner_bytes > LOCK_LIMIT)
		return sm_fail(err, EBADMSG,
			       "plug-in %s: lock %s asks for %zu bytes, and %zu for each owner; at most %zu are "
			       "possible",
			       file, one->name, one->lock_bytes, one->owner_bytes, LOCK_LIMIT);
	return 0;
}

int plugin_hear(const struct sm_plugged *one, const struct plugin_told *told, struct sm_plugged **first,
		struct sm_error *err)
{
	unsigned count = told->count;
	struct sm_plugged *list;

	if ((count == 0 && !told->scenarios) || count > sizeof(told->one) / sizeof(told->one[0]))
		return sm_fail(err, EBADMSG, "plug-in %s: its description was not told", one->file);
	list = sm_zeroed_memory(count, sizeof(*list));
	for (unsigned i = 0; i < count; i++) {
		struct plugin_told_one now = told->one[i];

		now.name[PLUGIN_NAME_SIZE - 1] = now.summary[PLUGIN_WORDS_SIZE - 1] = '\0';
		if (check_told(one->file, &now, err) < 0) {
			free(list);
			return -EBADMSG;
		}
		list[i] = *one;
		list[i].kind = now.kind == SM_PLUGGED_LOCK ? SM_PLUGGED_LOCK : SM_PLUGGED_TRANSPORT;
		list[i].index = now.index;
		list[i].name = sm_name_of(now.name);
		list[i].summary = sm_name_of(now.summary);
		list[i].traits = now.traits;
		list[i].lock_bytes = now.lock_bytes;
		list[i].owner_bytes = now.owner_bytes;
	}
	*first = list;
	return (int)count;
}
