/* Keeps the strings of a file of gates, and the first mistake in it. */
#include "reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"

struct text {
	struct text *next;
	char word[];
};

const char *gate_keep(struct sm_gates *gates, const char *word, size_t length)
{
	struct text *text = sm_memory(sizeof(*text) + length + 1);

	memcpy(text->word, word, length);
	text->word[length] = '\0';
	text->next = gates->strings;
	gates->strings = text;
	return text->word;
}

void sm_gates_free(struct sm_gates *gates)
{
	for (struct text *text = gates->strings, *next; text; text = next) {
		next = text->next;
		free(text);
	}
	free(gates->gate);
	*gates = (struct sm_gates){ 0 };
}

bool gate_is_text(const char *line)
{
	json_t *json = json_string(line); /* NULL: not UTF-8 */
	bool good = json && !strstr(line, "\xef\xbf\xbe") && !strstr(line, "\xef\xbf\xbf");

	for (const char *c = line; good && *c; c++)
		good = (unsigned char)*c >= ' ' || strchr("\t\r\n", *c);
	json_decref(json);
	return good;
}

int gate_wrong(struct reading *reading, const char *format, ...)
{
	char text[SM_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!reading->failed)
		(void)sm_fail(reading->err, EINVAL, "%s: %s", reading->gates->path, text);
	reading->failed = true;
	return 1; /* continue: otherwise inih reports only a line number */
}
