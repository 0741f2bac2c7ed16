/* Whether to trust the results: of the whole run, and of one scenario. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "page.h"
#include "shmeter/text.h"
#include "words.h"

/* Above these limits the analysis does not trust any ratio of the run either (docs/method.md). */
#define STEAL_PERCENT_MAX 5.0
#define DROPPED_SHARE_MAX 0.25

enum trust { TRUST_GOOD, TRUST_CARE, TRUST_BAD, TRUST_UNKNOWN };

static void put_trust(FILE *out, enum trust trust)
{
	static const char *const text[] = {
		"<span class=\"badge supported\"><span aria-hidden=\"true\">●</span> good</span>",
		"<span class=\"badge inconclusive\"><span aria-hidden=\"true\">■</span> with care</span>",
		"<span class=\"badge refuted\"><span aria-hidden=\"true\">▲</span> bad</span>",
		"<span class=\"badge not_testable\"><span aria-hidden=\"true\">◇</span> not known</span>"
	};

	fputs(text[trust], out);
}

/* One check: its name, verdict, finding, and meaning.  The caller has formatted the texts. */
static void check(FILE *out, const char *name, enum trust trust, const char *found, const char *means)
{
	fputs("<tr>", out);
	page_put(out, "th scope=\"row\"", name);
	fputs("<td>", out);
	put_trust(out, trust);
	fputs("</td>", out);
	page_put(out, "td class=\"prose\"", found);
	page_put(out, "td class=\"prose\"", means);
	fputs("</tr>\n", out);
}

/* Trials and comparisons of one scenario, or of all (NULL). */
struct tally {
	size_t ok, disturbed, failed, unsettled, saturated, used, dropped, pairs, thin, lossy;
	unsigned blocks_least, blocks_most;
	double mde[512];
	size_t mdes;
};

static void tally_up(const struct sm_results *r, sm_name scenario, struct tally *t)
{
	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < r->sample_count; i++) {
		const struct sm_sample *s = &r->samples[i];

		if (s->derived || (scenario && r->cases[s->case_index].scenario != scenario))
			continue;
		t->ok += s->found.status == SM_OK;
		t->disturbed += s->found.status == SM_DISTURBED;
		t->unsettled += s->found.status == SM_UNSETTLED;
		t->saturated += s->found.status == SM_SATURATED;
		t->failed += s->ended == SM_VERIFY_FAILED || s->ended == SM_WORKER_DIED || s->ended == SM_TIMED_OUT;
	}
	for (size_t i = 0; i < r->pair_count; i++) {
		const struct sm_pair_row *p = &r->pairs[i];
		unsigned blocks = p->blocks_used + p->blocks_dropped;

		if (!p->leading || blocks == 0 || (scenario && p->scenario != scenario))
			continue;
		t->pairs++;
		t->used += p->blocks_used;
		t->dropped += p->blocks_dropped;
		t->thin += !isfinite(p->ratio.low);
		t->lossy += p->blocks_dropped > DROPPED_SHARE_MAX * blocks;
		if (t->pairs == 1 || p->blocks_used < t->blocks_least)
			t->blocks_least = p->blocks_used;
		if (p->blocks_used > t->blocks_most)
			t->blocks_most = p->blocks_used;
		if (isfinite(p->mde) && p->mde > 1 && t->mdes < sizeof(t->mde) / sizeof(t->mde[0]))
			t->mde[t->mdes++] = p->mde;
	}
}

static double median_of(double *value, size_t count)
{
	if (count == 0)
		return NAN;
	for (size_t i = 1; i < count; i++) /* a few hundred at most */
		for (size_t j = i; j > 0 && value[j - 1] > value[j]; j--) {
			double swap = value[j];

			value[j] = value[j - 1];
			value[j - 1] = swap;
		}
	return value[count / 2];
}

/* The A/A control: its verdict, and a text. */
static enum trust control(const struct sm_results *r, char *found, size_t size)
{
	double low = words_number(r, "analysis/aa/low"), high = words_number(r, "analysis/aa/high");

	if (!isfinite(low) || !isfinite(high)) {
		snprintf(found, size, "it has no interval in this run");
		return TRUST_UNKNOWN;
	}
	snprintf(found, size, "ratio %.3f (95 %% interval %.3f to %.3f): %s", words_number(r, "analysis/aa/ratio"), low,
		 high, words_control(r));
	return words_true(r, "analysis/aa/moved") ? TRUST_BAD : TRUST_GOOD;
}

static void check_control(struct page *page)
{
	char found[600], more[256];
	enum trust trust = control(page->results, found, 280);

	snprintf(found + strlen(found), sizeof(found) - strlen(found), ".%s", words_missed_drift(page->results, more));
	check(page->out, "A/A control", trust, found,
	      trust == TRUST_GOOD  ? "The same code under two names reads the same: the instrument sees no difference "
				     "where there is none."
	      : trust == TRUST_BAD ? "It moved from 1, so no ratio of this run is believed."
				   : "Without it the noise of this run is unknown.");
}

/* Prints nothing if no comparison has an interval. */
static void check_intervals(struct page *page)
{
	char found[256];

	if (!words_intervals(page->results, found))
		return;
	found[0] = (char)toupper((unsigned char)found[0]);
	check(page->out, "Chance", TRUST_GOOD, found,
	      "An interval that excludes 1 is no finding by itself. Claims are refuted and crossings told only after the "
	      "number of comparisons is taken into account.");
}

static enum trust trust_of_share(double percent)
{
	return !isfinite(percent)            ? TRUST_UNKNOWN
	       : percent > STEAL_PERCENT_MAX ? TRUST_BAD
	       : percent > 1                 ? TRUST_CARE
					     : TRUST_GOOD;
}

/* Prints nothing if there is no CPU limit. */
static void check_throttled(struct page *page)
{
	char found[256];

	words_throttled(page->results, found, sizeof(found));
	if (!found[0])
		return;
	found[0] = (char)toupper((unsigned char)found[0]);
	check(page->out, "Throttling", trust_of_share(words_number(page->results, "analysis/throttled_percent")), found,
	      "A container's CPU limit stops its processes for a part of each period; over 5 % no ratio is believed.");
}

static void check_steal(struct page *page)
{
	double steal = words_number(page->results, "analysis/steal_percent");
	double others = words_number(page->results, "noise/others_percent");
	char found[128];

	snprintf(found, sizeof(found), "%.2f %% of the machine's time", steal);
	check(page->out, "Steal", trust_of_share(steal), isfinite(steal) ? found : "not known",
	      "Time that the host gave to others; over 5 % no ratio is believed.");
	check_throttled(page);
	if (!isfinite(others))
		return;
	snprintf(found, sizeof(found), "%.1f %% of the machine's time", others);
	check(page->out, "Other processes", others > 10 ? TRUST_CARE : TRUST_GOOD, found,
	      "What else ran here meanwhile; slices that it interrupted are left out.");
}

/* Prints nothing if no process stood still. */
static void check_stood(struct page *page)
{
	char found[512];

	words_stood(page->results, found, sizeof(found));
	if (found[0])
		check(page->out, "Standstills", TRUST_CARE, found,
		      "Time passed and nobody ran: a suspended machine, a paused container, a stopped process. They are left out.");
}

static void check_trials(struct page *page, const struct tally *t)
{
	size_t all = t->ok + t->disturbed + t->failed + t->unsettled + t->saturated;
	size_t blocks = t->used + t->dropped;
	char found[200];

	snprintf(found, sizeof(found), "%zu of %zu trials", t->disturbed, all);
	check(page->out, "Disturbed trials",
	      t->disturbed * 4 > all    ? TRUST_BAD
	      : t->disturbed * 20 > all ? TRUST_CARE
					: TRUST_GOOD,
	      found, "No slice of them was pure; they are left out by rules that do not look at the result.");
	if (t->unsettled) {
		snprintf(found, sizeof(found), "%zu of %zu trials", t->unsettled, all);
		check(page->out, "Unsettled cases", TRUST_CARE, found,
		      "Their slices still became faster or slower; their times are not used.");
	}
	if (t->saturated) {
		snprintf(found, sizeof(found), "%zu of %zu trials", t->saturated, all);
		check(page->out, "Saturated open loops", TRUST_CARE, found,
		      "Less was achieved than offered, so they have a rate and no latency.");
	}
	snprintf(found, sizeof(found), "%zu of %zu blocks, %zu of %zu comparisons lost over a quarter", t->dropped,
		 blocks, t->lossy, t->pairs);
	check(page->out, "Dropped blocks",
	      blocks == 0               ? TRUST_UNKNOWN
	      : t->lossy * 4 > t->pairs ? TRUST_BAD
	      : t->lossy                ? TRUST_CARE
					: TRUST_GOOD,
	      found,
	      "A block counts where both sides were measured in one pair class; a claim that lost over a "
	      "quarter is inconclusive.");
	snprintf(found, sizeof(found), "%zu of %zu trials", t->failed, all);
	check(page->out, "Wrong or broken work", t->failed ? TRUST_BAD : TRUST_GOOD, found,
	      "After each trial the work is checked: sums, messages, counts.");
}

static void check_instrument(struct page *page)
{
	const struct sm_results *r = page->results;
	double low = words_number(r, "counting_cost/low"), high = words_number(r, "counting_cost/high");
	double before = words_number(r, "noise/gaps_before/lost_percent");
	double after = words_number(r, "noise/gaps_after/lost_percent");
	char found[600];

	if (isfinite(before) && isfinite(after)) {
		snprintf(found, sizeof(found), "%.1f %% before the run, %.1f %% after it", before, after);
		check(page->out, "Holes in the clock", before > 10 || after > 10 ? TRUST_CARE : TRUST_GOOD, found,
		      "Time in which an empty loop did not run, in two glances of 20 ms.");
	}
	if (isfinite(low)) {
		snprintf(found, sizeof(found), "%.3f times (95 %% interval %.3f to %.3f)",
			 words_number(r, "counting_cost/ratio"), low, high);
		check(page->out, "Cost of counting", low <= 1.05 && high >= 0.95 ? TRUST_GOOD : TRUST_CARE, found,
		      "How much longer a page fault takes while it is counted.");
	}
	if (*words_text(r, "counters_note"))
		check(page->out, "Counters", TRUST_CARE, words_text(r, "counters_note"),
		      "What is not counted is empty here, never 0.");
}

/* Prints nothing if no tour visited pairs of PUs. */
static void check_tours(struct page *page)
{
	char found[800];
	bool alike = words_tours(page->results, found, sizeof(found));

	if (!found[0])
		return;
	found[0] = (char)toupper((unsigned char)found[0]);
	check(page->out, "Pairs in company", alike ? TRUST_GOOD : TRUST_CARE, found,
	      "Pairs of PUs are measured several at a time only where a check shows that company changes nothing; where "
	      "some relations had company and others not, they differ by up to that share as well.");
}

/* One of the analysis's sentences as a paragraph. */
static void put_sentence(struct page *page, const char *path)
{
	const char *sentence = words_text(page->results, path);
	char words[512];

	fputs("<p>", page->out);
	snprintf(words, sizeof(words), "%s", *sentence ? sentence : "The run did not store it");
	words[0] = (char)toupper((unsigned char)words[0]);
	page_text(page->out, words);
	fputs(words[strlen(words) - 1] == '.' ? "</p>\n" : ".</p>\n", page->out);
}

/* A round trip in ns, or the pace of single workers in cycles. */
static const char *probe_text(bool alone, const json_t *one, char text[SM_TEXT_MAX])
{
	double center = json_number_value(json_object_get(one, "center_ns"));

	if (!alone)
		return sm_format_ns(text, center);
	snprintf(text, SM_TEXT_MAX, "%.0f cycles", center);
	return text;
}

static void put_classes(struct page *page)
{
	const json_t *analysis = page->results->analysis;
	const json_t *classes = json_object_get(analysis, "classes"), *list, *one;
	sm_name solo = sm_name_of(sm_placement_name(SM_PLACE_SOLO));
	const char *relation;
	char text[SM_TEXT_MAX];
	size_t i;

	page_heading(page->out, 3, "classes", "Pair classes: did the cores move?");
	put_sentence(page, "analysis/cores_moved/sentence");
	if (words_number(page->results, "analysis/pace_changed/neighbours") > 0)
		put_sentence(page, "analysis/pace_changed/sentence");
	if (json_object_size(classes) > 0) {
		page_table_open(page->out, "pair classes");
		page_table_head(page->out, "the topology says|class|#round trip of a line; solo: pace|#probes");
		json_object_foreach ((json_t *)(uintptr_t)classes, relation, list) {
			json_array_foreach (list, i, one) {
				fputs("<tr>", page->out);
				page_put(page->out, "td", relation);
				page_put(page->out, "td", json_string_value(json_object_get(one, "name")));
				page_put(page->out, "td class=\"n\"",
					 probe_text(sm_name_of(relation) == solo, one, text));
				snprintf(text, sizeof(text), "%lld",
					 (long long)json_integer_value(json_object_get(one, "members")));
				page_put(page->out, "td class=\"n\"", text);
				fputs("</tr>\n", page->out);
			}
		}
		page_table_close(page->out);
	}
	page_figure_of(page, FIGURE_PROBES);
}

void page_trust(struct page *page)
{
	const json_t *repeated = json_object_get(page->results->manifest, "calibration_failures"), *one;
	struct tally tally;
	size_t i;

	tally_up(page->results, NULL, &tally);
	page_heading(page->out, 2, "trust", "Can it be trusted?");
	page_table_open(page->out, "checks of the whole run");
	page_table_head(page->out, "check|verdict|found|what it means");
	check_control(page);
	check_intervals(page);
	check_steal(page);
	check_stood(page);
	check_trials(page, &tally);
	check_instrument(page);
	check_tours(page);
	page_table_close(page->out);
	json_array_foreach (repeated, i, one) {
		fputs("<p>", page->out);
		page_printf(page->out, "The calibration of %s was repeated: %s.",
			    json_string_value(json_object_get(one, "case")),
			    json_string_value(json_object_get(one, "reason")));
		fputs("</p>\n", page->out);
	}
	page_figure_of(page, FIGURE_RUNCHART);
	put_classes(page);
}

/* The reasons for caution, as sentences; returns the verdict. */
static enum trust judge(const struct page *page, const struct tally *t, char *why, size_t size)
{
	double steal = words_number(page->results, "analysis/steal_percent");
	double throttled = words_number(page->results, "analysis/throttled_percent");
	char found[280];
	enum trust trust = control(page->results, found, sizeof(found));
	size_t used = 0;

	why[0] = '\0';
	if (trust == TRUST_UNKNOWN)
		used += (size_t)snprintf(why + used, size - used, " The A/A control has no interval.");
	if (trust == TRUST_BAD)
		used += (size_t)snprintf(why + used, size - used, " The A/A control: %s.", found);
	if (steal > STEAL_PERCENT_MAX)
		used += (size_t)snprintf(why + used, size - used, " The host took %.1f %% of the time.", steal);
	if (throttled > STEAL_PERCENT_MAX)
		used += (size_t)snprintf(why + used, size - used, " A CPU limit took %.1f %% of the time.", throttled);
	if (t->failed)
		used += (size_t)snprintf(why + used, size - used, " %zu trials failed.", t->failed);
	if (t->lossy)
		used += (size_t)snprintf(why + used, size - used,
					 " %zu of %zu comparisons lost over a quarter of their blocks.", t->lossy,
					 t->pairs);
	if (t->thin)
		used += (size_t)snprintf(why + used, size - used, " %zu of %zu comparisons have no interval.", t->thin,
					 t->pairs);
	if (trust == TRUST_BAD || t->failed || steal > STEAL_PERCENT_MAX || throttled > STEAL_PERCENT_MAX)
		return TRUST_BAD;
	return used ? TRUST_CARE : TRUST_GOOD;
}

void page_trust_of(struct page *page, sm_name scenario)
{
	struct tally t;
	char why[800], found[280];
	enum trust trust;
	double mde;

	tally_up(page->results, scenario, &t);
	if (t.pairs == 0 && t.ok + t.disturbed + t.failed + t.unsettled + t.saturated == 0)
		return;
	trust = judge(page, &t, why, sizeof(why));
	mde = median_of(t.mde, t.mdes);
	fputs("<p class=\"trust\"><strong>Trustworthy?</strong> ", page->out);
	put_trust(page->out, trust);
	page_text(page->out, why);
	page_printf(page->out, " Trials: %zu ok, %zu disturbed, %zu failed their check of the work", t.ok, t.disturbed,
		    t.failed);
	if (t.unsettled)
		page_printf(page->out, ", %zu unsettled", t.unsettled);
	if (t.saturated)
		page_printf(page->out, ", %zu saturated", t.saturated);
	page_printf(page->out, ".");
	if (t.pairs > 0)
		page_printf(page->out,
			    " Comparisons: %zu, over %u%s%.0u blocks each; of all blocks %zu counted and %zu did not.",
			    t.pairs, t.blocks_least, t.blocks_most > t.blocks_least ? " to " : "",
			    t.blocks_most > t.blocks_least ? t.blocks_most : 0, t.used, t.dropped);
	if (isfinite(mde))
		page_printf(page->out, " Half of them can detect a difference of %.0f %% or less.", 100 * (mde - 1));
	if (control(page->results, found, sizeof(found)) == TRUST_GOOD)
		page_printf(page->out, " The A/A control of the run: %s.", found);
	fputs(" <a href=\"#trust\">All checks</a>.</p>\n", page->out);
}
