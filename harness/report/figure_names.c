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

static unsigned words_of(sm_name params, sm_name out[FIGURE_WORDS])
{
	unsigned count = 0;

	for (const char *at = params; params != sm_none && *at && count < FIGURE_WORDS; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		out[count++] = sm_name_format("%.*s", (int)length, at);
		at += length;
	}
	return count;
}

static bool has_word(const sm_name *words, unsigned count, sm_name word)
{
	for (unsigned i = 0; i < count; i++)
		if (words[i] == word)
			return true;
	return false;
}

void figures_common(const struct sm_results *r, const struct sm_case_row *c, struct figure_common *out)
{
	sm_name words[FIGURE_WORDS];

	out->placement = true;
	out->count = words_of(c->params, out->word);
	for (size_t i = 0; i < r->case_count; i++) {
		unsigned count = words_of(r->cases[i].params, words), kept = 0;

		if (r->cases[i].scenario != c->scenario || r->cases[i].metric != c->metric)
			continue;
		out->placement &= r->cases[i].placement == c->placement;
		for (unsigned k = 0; k < out->count; k++)
			if (has_word(words, count, out->word[k]))
				out->word[kept++] = out->word[k];
		out->count = kept;
	}
}

const char *figures_common_text(const struct sm_case_row *c, const struct figure_common *common, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < common->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : ", ", common->word[i]);
	if (common->placement && used < size)
		snprintf(out + used, size - used, ", %s", sm_placement_name(c->placement));
	return out;
}

void figures_label(const struct sm_case_row *c, const struct figure_common *common, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", c->variant);
	sm_name word[FIGURE_WORDS];
	unsigned count = words_of(c->params, word), put = 0;

	for (unsigned i = 0; i < count && used < size; i++)
		if (!has_word(common->word, common->count, word[i]))
			used += (size_t)snprintf(out + used, size - used, "%s%s", put++ ? " " : "  (", word[i]);
	if (!common->placement && used < size)
		used += (size_t)snprintf(out + used, size - used, "%s%s", put++ ? ", " : "  (",
					 sm_placement_name(c->placement));
	if (put > 0 && used < size)
		snprintf(out + used, size - used, ")");
}
