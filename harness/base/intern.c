/* Interned text: an open-addressing table that doubles when it is three quarters full. */
#include "shmeter/intern.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"

const char sm_none[] = "-";

static size_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return (size_t)h;
}

static char **find_slot(const struct sm_strings *strings, const char *text)
{
	size_t i = hash(text) & (strings->room - 1);

	while (strings->slot[i] && strcmp(strings->slot[i], text) != 0)
		i = (i + 1) & (strings->room - 1);
	return &strings->slot[i];
}

static void grow(struct sm_strings *strings)
{
	struct sm_strings bigger = { .room = strings->room ? 2 * strings->room : 256, .count = strings->count };

	bigger.slot = sm_zeroed_memory(bigger.room, sizeof(*bigger.slot));
	for (size_t i = 0; i < strings->room; i++)
		if (strings->slot[i])
			*find_slot(&bigger, strings->slot[i]) = strings->slot[i];
	free(strings->slot);
	*strings = bigger;
}

static bool is_none(const char *text)
{
	return strcmp(text, sm_none) == 0;
}

/* The slot for a text; if its content is NULL, the caller fills it. */
static char **slot_for(struct sm_strings *strings, const char *text)
{
	char **slot;

	if (4 * (strings->count + 1) > 3 * strings->room)
		grow(strings);
	slot = find_slot(strings, text);
	strings->count += !*slot;
	return slot;
}

const char *sm_strings_copy(struct sm_strings *strings, const char *text)
{
	char **slot;

	if (is_none(text))
		return sm_none;
	slot = slot_for(strings, text);
	if (!*slot && !(*slot = strdup(text)))
		sm_no_memory();
	return *slot;
}

/* The same for a malloc'ed text, which then belongs to the table. */
static const char *take(struct sm_strings *strings, char *text)
{
	char **slot = is_none(text) ? NULL : slot_for(strings, text);

	if (!slot || *slot)
		free(text);
	else
		*slot = text;
	return slot ? *slot : sm_none;
}

const char *sm_strings_format(struct sm_strings *strings, const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		sm_no_memory();
	return take(strings, text);
}

void sm_strings_free(struct sm_strings *strings)
{
	for (size_t i = 0; i < strings->room; i++)
		free(strings->slot[i]);
	free(strings->slot);
	*strings = (struct sm_strings){ 0 };
}

/* One table per process.  It only grows, by the distinct names in the loaded results. */
static struct sm_strings names;

sm_name sm_name_of(const char *text)
{
	return text ? sm_strings_copy(&names, text) : NULL;
}

sm_name sm_name_format(const char *format, ...)
{
	va_list arguments;
	sm_name name;

	va_start(arguments, format);
	name = sm_strings_format(&names, format, arguments);
	va_end(arguments);
	return name;
}

sm_name sm_event_key(const char *event)
{
	static const char prefix[] = "perf::";
	char key[256];
	size_t length = 0;

	if (strncasecmp(event, prefix, sizeof(prefix) - 1) == 0)
		event += sizeof(prefix) - 1;
	if (strlen(event) >= sizeof(key))
		return sm_name_of(event);
	for (; *event; event++)
		key[length++] = *event == '_' ? '-' : (char)tolower((unsigned char)*event);
	key[length] = '\0';
	return sm_name_of(key);
}

sm_name sm_params_but(const char *params, const char *name)
{
	size_t used = 0, length = strlen(name);
	char *rest = sm_memory(strlen(params) + 1);

	for (size_t word; *params; params += word + strspn(params + word, " ")) {
		word = strcspn(params, " ");
		if (strncmp(params, name, length) == 0 && params[length] == '=')
			continue;
		if (used > 0)
			rest[used++] = ' ';
		memcpy(rest + used, params, word);
		used += word;
	}
	rest[used] = '\0';
	if (used > 0)
		return take(&names, rest);
	free(rest);
	return sm_none;
}
