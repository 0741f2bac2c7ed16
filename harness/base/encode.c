/* Encodes text for each of its targets. */
#include "shmeter/encode.h"
#include "shmeter/memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

unsigned sm_decode_utf8(const char *text, unsigned *code_point)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (const unsigned char *)text;
	unsigned length = at[0] < 0x80   ? 1
			  : at[0] < 0xc0 ? 0
			  : at[0] < 0xe0 ? 2
			  : at[0] < 0xf0 ? 3
			  : at[0] < 0xf8 ? 4
					 : 0;

	*code_point = length == 1 ? at[0] : length ? at[0] & (0x7fu >> length) : 0;
	for (unsigned i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code_point = *code_point << 6 | (at[i] & 0x3f);
	}
	/* Not longer than needed, no half of a UTF-16 pair, not beyond Unicode. */
	if (length == 0 || *code_point < least[length] || *code_point > 0x10ffff ||
	    (*code_point >= 0xd800 && *code_point < 0xe000))
		return 0;
	return length;
}

/* Unicode's Cc, Bidi_Control, LINE and PARAGRAPH SEPARATOR, and the two characters that XML 1.0 excludes. */
bool sm_is_control(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfffe || c == 0xffff;
}

/* The length in bytes of the next character; of a part that becomes '?', if `*good` is false. */
static unsigned next_unit(const char *text, size_t left, bool *good)
{
	unsigned c, length;

	if ((unsigned char)*text >= ' ' && (unsigned char)*text < 0x7f) {
		*good = true; /* the most frequent case */
		return 1;
	}
	length = sm_decode_utf8(text, &c);
	*good = length > 0 && length <= left && !sm_is_control(c);
	return length > 0 && length <= left ? length : 1;
}

bool sm_is_text(const char *text)
{
	bool good = true;

	for (size_t left = strlen(text); good && left > 0;) {
		unsigned length = next_unit(text, left, &good);

		good = good || *text == '\n' || *text == '\t';
		text += length;
		left -= length;
	}
	return good;
}

/* Whether a text consists of letters, digits and these signs, without two dots in a row.  Names are ASCII; the
 * program never calls setlocale(). */
static bool is_made_of(const char *text, const char *signs)
{
	const char *c = text;

	while (isalnum((unsigned char)*c) || (*c && strchr(signs, *c)))
		c++;
	return !*c && !strstr(text, "..");
}

#define NAME_SIGNS "_-.+"

bool sm_is_name(const char *text)
{
	return is_made_of(text, NAME_SIGNS);
}

bool sm_is_wording(const char *text)
{
	return is_made_of(text, NAME_SIGNS " ,:/=?@#%()'");
}

/* The encoding of line ends and tabs, if the target has one; NULL: the target does not allow them. */
static const char *blank(enum sm_target target, char c)
{
	switch (target) {
	case SM_TO_CSV: return c == '\n' ? "\n" : "\t";
	case SM_TO_MARKUP: return c == '\n' ? "&#10;" : "&#9;";
	case SM_TO_GITHUB_MESSAGE: return c == '\n' ? "%0A" : "\t";
	default: return NULL;
	}
}

/* The encoding of a character; NULL: it stays as it is. */
static const char *markup(char c)
{
	switch (c) {
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '&': return "&amp;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* The result must not end a table cell or start a tag, a link, code, or a picture, which would be fetched.  At most
 * five bytes per character. */
static const char *markdown(char c)
{
	switch (c) {
	case '|': return "\\|";
	case '<': return "&lt;";
	case '&': return "&amp;";
	case '[': return "\\[";
	case ']': return "\\]";
	case '`': return "\\`";
	case '\\': return "\\\\";
	default: return NULL;
	}
}

static const char *escaped(enum sm_target target, char c)
{
	switch (target) {
	case SM_TO_TERMINAL: return NULL;
	case SM_TO_MARKUP: return markup(c);
	case SM_TO_MARKDOWN: return markdown(c);
	case SM_TO_GITHUB_PROPERTY:
		if (c == ':' || c == ',')
			return c == ':' ? "%3A" : "%2C";
		return c == '%' ? "%25" : NULL;
	case SM_TO_GITHUB_MESSAGE: return c == '%' ? "%25" : NULL;
	case SM_TO_GNUPLOT: return c == '\'' ? "''" : NULL;
	/* gnuplot's data fields accept "\\", but no quotation mark in a way that all of its versions understand */
	case SM_TO_GNUPLOT_DATA: return c == '"' ? "'" : c == '\\' ? "\\\\" : NULL;
	case SM_TO_SHELL: return c == '\'' ? "'\\''" : NULL;
	case SM_TO_CSV: return c == '"' ? "\"\"" : NULL;
	}
	return NULL;
}

/* The encoding of the next `*length` bytes; it has `*bytes` bytes. */
static const char *encode_next(enum sm_target target, const char *text, size_t left, unsigned *length, size_t *bytes)
{
	bool good;
	const char *instead;

	*length = next_unit(text, left, &good);
	instead = good && *length == 1 ? escaped(target, *text) : NULL;
	if (*text == '\n' || *text == '\t')
		instead = blank(target, *text);
	if (!good && !instead)
		instead = "?";
	*bytes = instead ? strlen(instead) : *length;
	return instead ? instead : text;
}

void sm_put_encoded_part(FILE *out, enum sm_target target, const char *text, size_t length)
{
	while (length > 0) {
		unsigned taken;
		size_t bytes;
		const char *what = encode_next(target, text, length, &taken, &bytes);

		fwrite(what, 1, bytes, out);
		text += taken;
		length -= taken;
	}
}

void sm_put_encoded(FILE *out, enum sm_target target, const char *text)
{
	sm_put_encoded_part(out, target, text, strlen(text));
}

const char *sm_encode(enum sm_target target, const char *text, char *out, size_t size)
{
	size_t used = 0, left = strlen(text);

	while (left > 0) {
		unsigned taken;
		size_t bytes;
		const char *what = encode_next(target, text, left, &taken, &bytes);

		if (used + bytes >= size)
			break;
		memcpy(out + used, what, bytes);
		used += bytes;
		text += taken;
		left -= taken;
	}
	out[used] = '\0';
	return out;
}

static void print(FILE *out, enum sm_target target, const char *format, va_list list)
	__attribute__((format(printf, 3, 0)));
static void print(FILE *out, enum sm_target target, const char *format, va_list list)
{
	char room[1024], *text = room; /* short texts need no memory, as this is also called while a file is printed */
	va_list again;
	int length;

	va_copy(again, list);
	length = vsnprintf(room, sizeof(room), format, list);
	if (length < 0 || ((size_t)length >= sizeof(room) && vasprintf(&text, format, again) < 0))
		sm_no_memory();
	va_end(again);
	sm_put_encoded(out, target, text);
	if (text != room)
		free(text);
}

void sm_print_encoded(FILE *out, enum sm_target target, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print(out, target, format, list);
	va_end(list);
}

void sm_print_line(FILE *out, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print(out, SM_TO_TERMINAL, format, list);
	va_end(list);
	fputc('\n', out);
}

void sm_clean(char *text)
{
	char *to = text;

	for (size_t left = strlen(text); left > 0;) {
		unsigned taken;
		size_t bytes;
		const char *what = encode_next(SM_TO_TERMINAL, text, left, &taken, &bytes);

		memmove(to, what, bytes);
		to += bytes;
		text += taken;
		left -= taken;
	}
	*to = '\0';
}

void sm_put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	sm_put_encoded(out, SM_TO_SHELL, text);
	fputc('\'', out);
}
