/* Names and texts of a scenario. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"
#include "shmeter/counters.h"
#include "shmeter/encode.h"

int check_wrong(const struct check_subject *on, const char *format, ...)
{
	char text[SM_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return sm_fail(on->err, EBADMSG, "internal error: scenario %s: %s%s%s%s", on->scenario->name,
		       on->claim ? "claim " : "", on->claim ? on->claim->id : "", on->claim ? ": " : "", text);
}

void check_add_name(struct check_names *names, const char *text, size_t length)
{
	if (names->count < CHECK_NAMES_MAX) {
		names->name[names->count].text = text;
		names->name[names->count++].length = length;
	}
}

void check_add_list(struct check_names *names, const char *list, const char *separator)
{
	for (size_t length; list; list = list[length] ? list + length + 1 : NULL) {
		length = strcspn(list, separator);
		check_add_name(names, list, length);
	}
}

struct check_names check_variants_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "variant", .many = "variants" };

	for (const struct sm_variant *v = s->variants; v && names.count < CHECK_NAMES_MAX && v->name; v++)
		check_add_name(&names, v->name, strlen(v->name));
	return names;
}

struct check_names check_params_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "parameter", .many = "parameters" };

	for (unsigned p = 0; p < plan_params(s); p++)
		check_add_name(&names, s->params[p].name, strlen(s->params[p].name));
	return names;
}

struct check_names check_metrics_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "metric", .many = "further metrics" };

	for (unsigned i = 0; i < SM_MORE_MAX && s->more[i].name; i++)
		check_add_name(&names, s->more[i].name, strlen(s->more[i].name));
	return names;
}

struct check_names check_claims_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "claim", .many = "claims" };

	for (const struct sm_claim *c = s->claims; c && names.count < CHECK_NAMES_MAX && c->id; c++)
		check_add_name(&names, c->id, strlen(c->id));
	return names;
}

struct check_names check_events_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "event", .many = "events" };

	check_add_list(&names, sm_events_default, ",");
	check_add_list(&names, s->events, ",");
	return names;
}

struct check_names check_placements_of(const struct sm_scenario *s)
{
	struct check_names names = { .one = "placement", .many = "placements" };

	for (unsigned i = 0; i < SM_PLACEMENTS_MAX && s->placements[i]; i++) {
		const char *name = sm_placement_name(s->placements[i]);

		check_add_name(&names, name, strlen(name));
	}
	for (int k = SM_PLACE_SMT; s->pair_params[0] && k < SM_PLACE_LIST; k++) { /* relations of pairs */
		const char *name = sm_placement_name((enum sm_placement)k);

		check_add_name(&names, name, strlen(name));
	}
	return names;
}

bool check_has(const struct check_names *names, const char *text, size_t length)
{
	for (unsigned i = 0; i < names->count; i++)
		if (names->name[i].length == length && strncmp(names->name[i].text, text, length) == 0)
			return true;
	return false;
}

int check_expect_length(const struct check_subject *on, const struct check_names *names, const char *text,
			size_t length)
{
	char list[256] = "none";
	size_t used = 0;

	if (check_has(names, text, length))
		return 0;
	for (unsigned i = 0; i < names->count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s", i ? ", " : "",
					 (int)names->name[i].length, names->name[i].text);
	return check_wrong(on, "%s \"%.*s\" does not exist (%s: %s%s)", names->one, (int)length, text, names->many,
			   list, used >= sizeof(list) ? "..." : "");
}

int check_expect(const struct check_subject *on, struct check_names names, const char *text)
{
	return text ? check_expect_length(on, &names, text, strlen(text)) : 0;
}

int check_require(const struct check_subject *on, struct check_names names, const char *what, const char *text)
{
	return text ? check_expect(on, names, text) : check_wrong(on, "the %s is missing", what);
}

bool check_is_name(const char *text)
{
	return *text && strlen(text) <= CHECK_NAME_MAX && sm_is_name(text) && strcmp(text, "-") != 0;
}

bool check_is_amount(double number)
{
	return isfinite(number) && number >= 0;
}

int check_unique(const struct check_subject *on, const struct check_names *names)
{
	char copy[128];

	if (names->count == CHECK_NAMES_MAX)
		return check_wrong(on, "the list of %s does not end, or has %d and more", names->many, CHECK_NAMES_MAX);
	for (unsigned i = 0; i < names->count; i++) {
		snprintf(copy, sizeof(copy), "%.*s", (int)names->name[i].length, names->name[i].text);
		if (!check_is_name(copy) && names->name[i].length > CHECK_NAME_MAX)
			return check_wrong(on, "%s \"%s\" is longer than %d characters", names->one, copy,
					   CHECK_NAME_MAX);
		if (!check_is_name(copy))
			return check_wrong(on, "%s \"%s\" is an invalid name: use letters, digits and _ - . +",
					   names->one, copy);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(copy, names->name[j].text) == 0)
				return check_wrong(on, "%s \"%s\" is there twice", names->one, copy);
	}
	return 0;
}

int check_text(const struct check_subject *on, const char *what, const char *text, enum check_ending ending)
{
	static const char *const wanted[] = { [CHECK_SENTENCE] = "a full stop", [CHECK_QUESTION] = "a question mark" };
	static const char marks[] = { [CHECK_SENTENCE] = '.', [CHECK_QUESTION] = '?' };
	char last;

	if (!text || !*text)
		return check_wrong(on, "the %s is missing", what);
	last = text[strlen(text) - 1];
	if (!sm_is_text(text))
		return check_wrong(on, "the %s is not UTF-8 text", what);
	if (strpbrk(text, "\n\r\t"))
		return check_wrong(on, "the %s holds a line end or a tab: write it in one line", what);
	if (ending == CHECK_PART && strchr(".,;: ", last))
		return check_wrong(on, "the %s ends with \"%c\": leave it out, as the program goes on after it", what,
				   last);
	if (ending != CHECK_PART && last != marks[ending])
		return check_wrong(on, "the %s does not end with %s: \"%s\"", what, wanted[ending], text);
	return 0;
}

int check_text_if_any(const struct check_subject *on, const char *what, const char *text, enum check_ending ending)
{
	return text ? check_text(on, what, text, ending) : 0;
}

int check_wording(const struct check_subject *on, const char *what, const char *text)
{
	if (!text || !*text)
		return check_wrong(on, "the %s is missing", what);
	if (strcmp(text, "-") == 0)
		return check_wrong(on, "the %s is \"-\", which stands for none in a run folder", what);
	return sm_is_wording(text)
		       ? 0
		       : check_wrong(on, "the %s \"%s\" has signs that a run folder cannot hold", what, text);
}
