/* Escaping by the grammars of the formats. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "view.h"

/* Characters that separate fields: Unicode's White_Space. */
static bool is_space(unsigned c)
{
	return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

enum escaping { PLAIN, FIELD, UNIT, QUOTED };

static size_t percent_bytes(char *out, const char *bytes, unsigned count)
{
	size_t used = 0;

	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(out + used, "%%%02X", (unsigned char)bytes[i]);
	return used;
}

static char *escape(const char *text, enum escaping how)
{
	/* At most five characters per byte. */
	char *copy = sm_zeroed_memory(5 * strlen(text) + 1, 1);
	size_t used = 0;

	while (*text) {
		unsigned c, length = sm_decode_utf8(text, &c), bytes = length ? length : 1;

		if (how == UNIT && c == ' ')
			copy[used++] = '_';
		else if ((how == FIELD || how == UNIT) &&
			 (length == 0 || sm_is_control(c) || is_space(c) || (c == '%' && how == FIELD)))
			used += percent_bytes(copy + used, text, bytes);
		else if (length == 0)
			used += (size_t)sprintf(copy + used, how == QUOTED ? "\\\\x%02x" : "\\x%02x",
						(unsigned char)*text);
		else if (how == QUOTED && (c == '\\' || c == '"' || c == '\n'))
			used += (size_t)sprintf(copy + used, "\\%c", c == '\n' ? 'n' : (char)c);
		else if (sm_is_control(c) && c != '\n' && c != '\t') /* the export may go to a terminal */
			copy[used++] = '?';
		else {
			memcpy(copy + used, text, length);
			used += length;
		}
		text += bytes;
	}
	copy[used] = '\0';
	return copy;
}

char *export_utf8(const char *text)
{
	return escape(text, PLAIN);
}

char *export_field(const char *text)
{
	return escape(text, FIELD);
}

char *export_unit(const char *text)
{
	return escape(text, UNIT);
}

char *export_quoted(const char *text)
{
	return escape(text, QUOTED);
}

json_t *export_json_string(const char *text)
{
	char *valid = export_utf8(text);
	json_t *string = json_string(valid);

	free(valid);
	return string;
}

void export_json_set(json_t *object, const char *key, json_t *value)
{
	char *valid = export_utf8(key);

	if (value)
		json_object_set_new(object, valid, value);
	free(valid);
}

json_t *export_json_real(double value)
{
	return isfinite(value) ? json_real(value) : NULL;
}

int export_json_write(json_t *document, FILE *out, struct sm_error *err)
{
	/* Nine digits, as in the files of a run. */
	int rc = json_dumpf(document, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));

	json_decref(document);
	if (rc < 0 || fputc('\n', out) == EOF)
		return sm_fail(err, ENOMEM, "no memory for the JSON document");
	return 0;
}
