/* Texts that several parts of the report use. */
#include "words.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/scenario.h"
#include "shmeter/text.h"

static const json_t *at_path(const struct sm_results *results, const char *path)
{
	char copy[128], *rest = copy, *key;
	const json_t *object;

	snprintf(copy, sizeof(copy), "%s", path);
	key = strsep(&rest, "/");
	object =
		sm_name_of(key) == sm_name_of("analysis") ? results->analysis : json_object_get(results->manifest, key);
	while (object && (key = strsep(&rest, "/")))
		object = json_object_get(object, key);
	return object;
}

const char *words_text(const struct sm_results *results, const char *path)
{
	const char *text = json_string_value(at_path(results, path));

	return text ? text : "";
}

double words_number(const struct sm_results *results, const char *path)
{
	const json_t *value = at_path(results, path);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

bool words_true(const struct sm_results *results, const char *path)
{
	return json_is_true(at_path(results, path));
}

bool words_is_complete(const struct sm_results *results)
{
	return sm_name_of(words_text(results, "status")) == sm_name_of("complete");
}

const char *words_control(const struct sm_results *results)
{
	if (words_true(results, "analysis/aa/moved"))
		return "it moved, so no ratio of this run is believed";
	if (words_number(results, "analysis/aa/low") > 1 || words_number(results, "analysis/aa/high") < 1)
		return "outside 1 at 95 %, as one in twenty to fifty is by chance, but not at 99 %: it did not move";
	return "it did not move";
}

const char *words_missed_drift(const struct sm_results *results, char out[256])
{
	double mde = words_number(results, "analysis/aa/mde");

	out[0] = '\0';
	if (mde > 1 && !words_true(results, "analysis/aa/moved"))
		snprintf(out, 256, " A drift of under %.2g %% could go unnoticed.", 100 * (mde - 1));
	return out;
}

bool words_intervals(const struct sm_results *results, char out[256])
{
	double count = words_number(results, "analysis/intervals/count");
	double by_chance = words_number(results, "analysis/intervals/by_chance");
	double apart = words_number(results, "analysis/intervals/exclude_1");

	char expected[32] = "less than one";

	if (!(count > 0))
		return false;
	if (by_chance >= 0.5)
		snprintf(expected, sizeof(expected), "about %.0f", by_chance);
	snprintf(out, 256, "of %.0f interval%s at 95 %%, %s would exclude 1 by chance if nothing differed; %.0f %s.",
		 count, count > 1 ? "s" : "", expected, apart, apart == 1 ? "does" : "do");
	return true;
}

void words_machine(const struct sm_results *results, char *out, size_t size)
{
	const char *model = words_text(results, "environment/cpu_model");
	bool virtual = words_true(results, "environment/virtual_machine");
	double pus = words_number(results, "environment/pus");
	double nodes = words_number(results, "environment/nodes");

	snprintf(out, size, "%s, %.0f PU%s, %.0f node%s, Linux %s%s", *model ? model : "unknown CPU", pus > 0 ? pus : 0,
		 pus > 1 ? "s" : "", nodes > 0 ? nodes : 1, nodes > 1 ? "s" : "",
		 words_text(results, "environment/kernel"), virtual ? ", virtual machine" : "");
}

/* Whether the trial was started without a result: binding, memory or a process was not available, or a worker ended. */
static bool is_lost(const struct sm_sample *sample)
{
	/* a case that was skipped before has no seats */
	return sample->ended == SM_DISTURBED || sample->ended == SM_WORKER_DIED || sample->ended == SM_TIMED_OUT ||
	       (sample->ended == SM_SKIPPED && sample->pus != sm_none);
}

bool sm_report_lost(const struct sm_results *results, char out[SM_LOST_TEXT_MAX])
{
	size_t begun = 0, lost = 0, most = 0;
	const char *reason = sm_none;

	out[0] = '\0';
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];
		size_t same = 0;

		if (sample->derived || (sample->ended == SM_SKIPPED && !is_lost(sample)))
			continue;
		begun++;
		if (!is_lost(sample))
			continue;
		lost++;
		for (size_t j = 0; j <= i; j++)
			same += is_lost(&results->samples[j]) && !results->samples[j].derived &&
				results->samples[j].reason == sample->reason;
		if (same > most) {
			most = same;
			reason = sample->reason;
		}
	}
	if (2 * lost <= begun || lost == 0)
		return false;
	snprintf(out, SM_LOST_TEXT_MAX, "Most trials of this run could not be made: %zu of %zu (%.0f %%). %s: %.500s",
		 lost, begun, 100.0 * (double)lost / (double)begun,
		 most == lost ? "The reason" : "The most frequent reason", reason);
	return true;
}

void words_throttled(const struct sm_results *results, char *out, size_t size)
{
	double pus = words_number(results, "environment/limits/cpu_pus");
	double percent = words_number(results, "analysis/throttled_percent");
	double times = words_number(results, "noise/throttled_times");
	char limit[40] = "", often[40] = "";

	out[0] = '\0';
	if (!isfinite(pus) && !(percent > 0))
		return;
	if (isfinite(pus))
		snprintf(limit, sizeof(limit), " of %.3g PUs", pus);
	if (times > 0)
		snprintf(often, sizeof(often), ", in %.0f periods", times);
	if (isfinite(percent))
		snprintf(out, size, "a CPU limit%s kept the processes off the PUs for %.2f %% of the machine's time%s",
			 limit, percent, often);
	else
		snprintf(out, size, "there is a CPU limit%s, and the kernel does not say what it took", limit);
}

void words_stood(const struct sm_results *results, char *out, size_t size)
{
	double slices = words_number(results, "analysis/slices/disturbed/stood still");
	const char *reason = NULL;
	unsigned trials = 0;
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];

		if (sample->derived || !sample->stood)
			continue;
		trials++;
		if (!reason)
			reason = sample->reason + strlen(SM_STOOD_STILL);
	}
	if (reason)
		used = (size_t)snprintf(out, size, "%u trial%s (%s)", trials, trials > 1 ? "s" : "", reason);
	if (slices > 0 && used < size)
		snprintf(out + used, size - used, "%s%.0f slice%s", reason ? " and " : "", slices,
			 slices > 1 ? "s" : "");
}

/* The tours of a run, from the plan in its manifest. */
struct tours {
	unsigned count, together, apart; /* apart: company is not harmless */
	unsigned widest;
	double farthest;       /* the bound of a harmless check that is farthest from 1 */
	const json_t *example; /* the worst of those apart */
	const char *id;
	double least_visits;
};

static double bound(const json_t *company)
{
	double low = json_number_value(json_object_get(company, "low"));
	double high = json_number_value(json_object_get(company, "high"));

	return fmax(high - 1, 1 - low);
}

static void count_tour(struct tours *t, const json_t *one)
{
	const json_t *tour = json_object_get(one, "tour"), *company = json_object_get(tour, "company");
	double visits = json_number_value(json_object_get(tour, "visits"));

	if (!tour)
		return;
	t->least_visits = t->count == 0 ? visits : fmin(t->least_visits, visits);
	t->count++;
	if (!company)
		return;
	if (json_is_true(json_object_get(tour, "together"))) {
		t->together++;
		t->widest = (unsigned)fmax(t->widest, (double)json_integer_value(json_object_get(tour, "widest")));
		t->farthest = fmax(t->farthest, bound(company));
		return;
	}
	t->apart++;
	if (!t->example || bound(company) > bound(t->example)) {
		t->example = company;
		t->id = json_string_value(json_object_get(one, "id"));
	}
}

bool words_tours(const struct sm_results *results, char *out, size_t size)
{
	const json_t *cases = at_path(results, "plan/cases"), *one;
	struct tours t = { .count = 0 };
	size_t i, used = 0;

	out[0] = '\0';
	json_array_foreach (cases, i, one)
		count_tour(&t, one);
	if (t.count == 0)
		return true;
	if (t.together)
		used += (size_t)snprintf(
			out, size,
			"in %u of %u cases up to %u pairs at a time, which changes their times by %.1f %% "
			"at most",
			t.together, t.count, t.widest, 100 * t.farthest);
	if (t.apart && used < size)
		used += (size_t)snprintf(
			out + used, size - used,
			"%sin %u of %u cases one pair at a time, because company may change their times by %.2g %% or more "
			"(%.*s: %.3g times, 95 %% interval %.3g to %.3g)",
			used ? "; " : "", t.apart, t.count,
			100 * json_number_value(json_object_get(t.example, "share")),
			t.id ? (int)strcspn(t.id, "+") : 0, t.id ? t.id : "",
			json_number_value(json_object_get(t.example, "ratio")),
			json_number_value(json_object_get(t.example, "low")),
			json_number_value(json_object_get(t.example, "high")));
	if (t.together + t.apart < t.count && used < size)
		used += (size_t)snprintf(out + used, size - used,
					 "%sin %u of %u cases one pair at a time, because no two have caches of their "
					 "own",
					 used ? "; " : "", t.count - t.together - t.apart, t.count);
	if (t.least_visits < 1 && used < size)
		snprintf(out + used, size - used, "; there was time for %.0f %% of the pairs", 100 * t.least_visits);
	return t.together == 0 || t.apart == 0;
}

void words_limits(const struct sm_results *results, char *out, size_t size)
{
	static const struct {
		const char *path, *before, *after;
		bool bytes;
	} limits[] = { { "environment/limits/memory_bytes", "memory ", "", true },
		       { "environment/limits/cpu_pus", "", " PUs", false },
		       { "environment/limits/pids", "", " processes", false },
		       { "environment/limits/hugetlb_2m_bytes", "2 MiB pages ", "", true },
		       { "environment/limits/hugetlb_1g_bytes", "1 GiB pages ", "", true } };
	char text[SM_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && used < size; i++) {
		double value = words_number(results, limits[i].path);

		if (!isfinite(value))
			continue;
		if (limits[i].bytes)
			sm_format_bytes(text, value);
		else
			snprintf(text, sizeof(text), "%.4g", value);
		used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", used ? ", " : "", limits[i].before, text,
					 limits[i].after);
	}
}

/* "26.0 G" and "B/s": a prefix and its unit are one word. */
static bool joins(const char *number, const char *unit)
{
	return *unit == 'B' && isalpha((unsigned char)number[strlen(number) - 1]);
}

const char *words_value(char *out, size_t size, double value, const char *unit)
{
	enum sm_unit_kind kind = sm_unit_kind_of(unit);
	char text[SM_TEXT_MAX];

	if (kind == SM_UNIT_NS)
		snprintf(out, size, "%s", sm_format_ns(text, value));
	else if (kind == SM_UNIT_NONE)
		snprintf(out, size, "%s", sm_format_count(text, value));
	else
		snprintf(out, size, "%s%s%s", sm_format_count(text, value), joins(text, unit) ? "" : " ", unit);
	return out;
}

const char *words_range(char *out, size_t size, const struct sm_interval *interval, const char *unit)
{
	char low[64], high[64], *of_low, *of_high;

	words_value(low, sizeof(low), interval->low, unit);
	words_value(high, sizeof(high), interval->high, unit);
	of_low = strchr(low, ' ');
	of_high = strchr(high, ' ');
	if (of_low && of_high && strcmp(of_low, of_high) == 0)
		*of_low = '\0';
	snprintf(out, size, "%s to %s", low, high);
	return out;
}

void words_interval(const struct sm_interval *interval, const char *unit, char *out, size_t size)
{
	char middle[64], range[136];

	words_value(middle, sizeof(middle), interval->estimate, unit);
	if (!isfinite(interval->estimate))
		snprintf(out, size, "no value");
	else if (!isfinite(interval->low))
		snprintf(out, size, "%s (no interval: n = %zu)", middle, interval->count);
	else
		snprintf(out, size, "%s (%s)", middle, words_range(range, sizeof(range), interval, unit));
}

const char *words_in_flight(const struct sm_results *results, const struct sm_case_row *c, char *out, size_t size)
{
	sm_name id = sm_name_format("%s#" SM_IN_FLIGHT, c->id);

	out[0] = '\0';
	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_summary_row *s = &results->summaries[i];

		if (results->cases[s->case_index].id == id && isfinite(s->value.estimate))
			snprintf(out, size, "holds %.4g messages", s->value.estimate);
	}
	return out;
}

void words_scenarios(const struct sm_results *results, void (*each)(sm_name scenario, void *context), void *context)
{
	for (size_t i = 0; i < results->case_count; i++) {
		sm_name scenario = results->cases[i].scenario;
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = results->cases[j].scenario == scenario;
		if (!seen)
			each(scenario, context);
	}
}

void words_point(sm_name params, const char *placement, char *out, size_t size)
{
	if (params == sm_none)
		snprintf(out, size, "%s", placement);
	else
		snprintf(out, size, "%s, %s", params, placement);
}

unsigned words_width(const struct sm_report_options *options)
{
	return options->width ? options->width : SM_WIDTH_DEFAULT;
}

void words_heading(const struct sm_report_options *options, FILE *out, const char *of, const char *what)
{
	fputs(options->color ? "\n\033[1m" : "\n", out);
	sm_put_encoded(out, SM_TO_TERMINAL, of);
	fputs(options->color ? "\033[0m" : "", out);
	sm_print_line(out, what ? ": %s" : "%s", what ? what : "");
}

const json_t *words_plugin(const struct sm_results *results, const struct sm_case_row *row)
{
	const json_t *cases = at_path(results, "plan/cases"), *one;
	size_t i;

	if (json_array_size(at_path(results, "options/plugins")) == 0)
		return NULL;
	json_array_foreach (cases, i, one) {
		const char *id = json_string_value(json_object_get(one, "id"));

		if (id && sm_name_of(id) == row->of)
			return json_object_get(one, "plugin");
	}
	return NULL;
}

const struct sm_scenario *words_scenario(const struct sm_report_options *options, sm_name name)
{
	for (size_t i = 0; i < options->scenario_count; i++)
		if (sm_name_of(options->scenarios[i]->name) == name)
			return options->scenarios[i];
	return NULL;
}

bool words_is_calibration(const struct sm_report_options *options, sm_name scenario)
{
	const struct sm_scenario *known = words_scenario(options, scenario);

	return known && sm_name_of(known->family) == sm_name_of("calibration");
}
