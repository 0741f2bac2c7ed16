/* Escaped text and small elements of the page. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shmeter/memory.h"

void page_text(FILE *out, const char *text)
{
	sm_put_encoded(out, SM_TO_MARKUP, text);
}

void page_printf(FILE *out, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		sm_no_memory();
	page_text(out, text);
	va_end(list);
	free(text);
}

void page_put(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	page_text(out, text);
	fprintf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_heading(FILE *out, unsigned level, const char *id, const char *text)
{
	fprintf(out, "<h%u id=\"%s\">", level, id);
	page_text(out, text);
	fprintf(out, "</h%u>\n", level);
}

/* "not testable" */
static const char *verdict_words(enum sm_verdict verdict)
{
	return verdict == SM_NOT_TESTABLE ? "not testable" : sm_verdict_name(verdict);
}

void page_badge(FILE *out, enum sm_verdict verdict)
{
	static const char *const shape[] = { "·", "●", "▲", "■", "◇" };

	fprintf(out, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
		sm_verdict_name(verdict), shape[verdict], verdict_words(verdict));
}

void page_table_open(FILE *out, const char *what)
{
	fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
	page_text(out, what);
	fputs("\"><table>\n", out);
}

void page_table_close(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

void page_table_head(FILE *out, const char *columns)
{
	fputs("<thead><tr>", out);
	while (*columns) {
		size_t length = strcspn(columns, "|");
		bool number = *columns == '#';
		char *name = strndup(columns + number, length - number);

		fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
		page_text(out, name ? name : "");
		fputs("</th>", out);
		free(name);
		columns += length + (columns[length] == '|');
	}
	fputs("</tr></thead><tbody>\n", out);
}

const char *page_anchor(const char *text, char out[128])
{
	size_t i = 0;

	for (; text[i] && i < 127; i++)
		out[i] = (char)(isalnum((unsigned char)text[i]) || text[i] == '_' ? text[i] : '-');
	out[i] = '\0';
	return out;
}

void page_argument(FILE *out, const char *text)
{
	char quoted[1024];

	if (*text && !text[strcspn(text, " !\"#$&'()*;<>?[\\]^`{|}~")])
		page_printf(out, " %s", text);
	else
		page_printf(out, " '%s'", sm_encode(SM_TO_SHELL, text, quoted, sizeof(quoted)));
}

void page_option(FILE *out, const char *option, const char *value)
{
	if (!*value)
		return;
	page_printf(out, " --%s", option);
	page_argument(out, value);
}
