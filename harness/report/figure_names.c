/* The file names of figures: only letters, digits, _ and -; no two are the same. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "figures.h"

void figures_file_name(char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-')
			*name = '_';
}

void figures_stem(const struct sm_case_row *c, char *out, size_t size)
{
	size_t scenario = strlen(c->scenario);

	snprintf(out, size, "%s%s%s", c->scenario, c->derived ? "-" : "", c->derived ? c->metric : "");
	/* special characters in a metric's name are no separators */
	for (size_t i = scenario + 1; scenario < size && out[scenario] && out[i]; i++)
		if (out[i] == '-')
			out[i] = '_';
	figures_file_name(out);
}

void figures_settle_names(struct figure *figures, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char *name = figures[i].name;

		figures_file_name(name);
		for (unsigned j = 0; j < i; j++)
			if (sm_name_of(figures[j].name) == sm_name_of(name)) {
				/* no other name ends like this: the number is unique */
				snprintf(name + strnlen(name, sizeof(figures[i].name) - 8), 8, "--%u", i);
				break;
			}
	}
}
