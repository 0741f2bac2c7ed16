/* Post-processes gnuplot's SVG: labels under the pointer become <title> elements, which need no script. */
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "shmeter/store.h"

/* gnuplot's markup around a hypertext label. */
#define HOVER_BEGIN "<g onmousemove=\"gnuplot_svg.showHypertext(evt,'"
#define HOVER_END   "')\" onmouseout=\"gnuplot_svg.hideHypertext()\"><title> </title>"

char *figures_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) <= 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static int put_tidy(FILE *out, void *context)
{
	const char *text = context, *begin;

	while ((begin = strstr(text, HOVER_BEGIN))) {
		const char *value = begin + strlen(HOVER_BEGIN);
		const char *end = strstr(value, HOVER_END);

		if (!end)
			break;
		fwrite(text, 1, (size_t)(begin - text), out);
		fputs("<g class=\"h\"><title>", out);
		for (; value < end; value++)
			if (*value == '>')
				fputs("&gt;", out);
			else
				fputc(*value, out);
		fputs("</title>", out);
		text = end + strlen(HOVER_END);
	}
	fputs(text, out);
	return 0;
}

int figures_tidy(const char *path, struct sm_error *err)
{
	char *text = figures_read(path);
	int rc = 0;

	if (text && strstr(text, HOVER_BEGIN))
		rc = sm_store_write_file(path, put_tidy, text, err);
	free(text);
	return rc;
}
