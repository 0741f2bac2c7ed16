/* report.html: one file with everything, for a reader who did not start the run. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page.h"
#include "shmeter/matrix.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "words.h"

/* The files of a run, with their contents; results/README.md describes every column. */
static const struct {
	const char *name, *what;
} files[] = {
	{ "manifest.json", "machine, options, plan, seed, analysis of the whole run" },
	{ "claims.csv", "one row per claim: verdict, evidence, reason" },
	{ "pairs.csv", "one row per comparison: ratio, interval, smallest detectable difference, blocks" },
	{ "crossings.csv", "one row per size at which one variant overtakes another" },
	{ "summary.csv", "one row per case: median, interval, CPU time, quantiles" },
	{ "samples.csv", "one row per trial" },
	{ "slices.csv", "one row per millisecond of timed work, with the probes around it" },
	{ "counters.csv", "one row per trial and event" },
	{ "metrics.csv", "one row per trial and further metric" },
	{ "visits.csv", "one row per visit of a pair of PUs in a tour" },
	{ "pu_pairs.csv", "one row per pair of PUs: time of one transfer, interval, visits" },
	{ "core_to_core.csv", "the matrix of pairs of PUs" },
};

/* The marks of all figures, defined once: by gnuplot's numbers, drawn around (0, 0) with radius 1. */
#define OPEN   " stroke=\"currentColor\" stroke-width=\".2\" fill=\"none\" "
#define FILLED " stroke=\"none\" fill=\"currentColor\" "
static const char marks[] = "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
			    "<path id=\"gpPt0\"" OPEN "d=\"M-1 0H1M0-1V1\"/>"
			    "<path id=\"gpPt1\"" OPEN "d=\"M-1-1 1 1M1-1-1 1\"/>"
			    "<path id=\"gpPt2\"" OPEN "d=\"M-1 0H1M0-1V1M-1-1 1 1M1-1-1 1\"/>"
			    "<path id=\"gpPt3\"" OPEN "d=\"M-1-1H1V1H-1z\"/>"
			    "<path id=\"gpPt4\"" FILLED "d=\"M-1-1H1V1H-1z\"/>"
			    "<circle id=\"gpPt5\"" OPEN "r=\"1\"/>"
			    "<circle id=\"gpPt6\"" FILLED "r=\"1\"/>"
			    "<path id=\"gpPt7\"" OPEN "d=\"M0-1.3-1.3.7H1.3z\"/>"
			    "<path id=\"gpPt8\"" FILLED "d=\"M0-1.3-1.3.7H1.3z\"/>"
			    "<path id=\"gpPt9\"" OPEN "d=\"M0 1.3-1.3-.7H1.3z\"/>"
			    "<path id=\"gpPt10\"" FILLED "d=\"M0 1.3-1.3-.7H1.3z\"/>"
			    "<path id=\"gpPt11\"" OPEN "d=\"M0-1.4 1.4 0 0 1.4-1.4 0z\"/>"
			    "<path id=\"gpPt12\"" FILLED "d=\"M0-1.4 1.4 0 0 1.4-1.4 0z\"/>"
			    "<path id=\"gpPt13\"" OPEN "d=\"M0-1.3 1.3-.4.8 1.1-.8 1.1-1.3-.4z\"/>"
			    "<path id=\"gpPt14\"" FILLED "d=\"M0-1.3 1.3-.4.8 1.1-.8 1.1-1.3-.4z\"/>"
			    "</defs></svg>\n";

static void put_head(const struct page *page)
{
	char machine[256];

	words_machine(page->results, machine, sizeof(machine));
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      /* whatever a text might contain: the page loads nothing from outside */
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n<title>",
	      page->out);
	page_text(page->out, "shmeter: ");
	page_text(page->out, machine);
	fprintf(page->out, "</title>\n<style>\n%s</style>\n</head>\n<body id=\"top\">\n%s", page_style, marks);
	fputs("<a class=\"skip\" href=\"#short\">To the findings</a>\n<header>\n"
	      "<h1>What sharing memory costs here</h1>\n",
	      page->out);
	page_put(page->out, "p", machine);
	fputs("<p class=\"note\">Written by shmeter, which measures what sharing memory between processes costs on "
	      "one machine. Times are medians over repeated fresh processes with 95 % intervals; nothing here "
	      "speaks for another machine. New words are explained under <a href=\"#method\">the "
	      "method</a>.</p>\n</header>\n",
	      page->out);
}

static void put_entry(const char *scenario, void *context)
{
	const struct page *page = context;
	const struct sm_scenario *registered = words_scenario(page->options, scenario);
	char anchor[128];

	fprintf(page->out, "<li><a href=\"#s-%s\">", page_anchor(scenario, anchor));
	page_text(page->out, scenario);
	fputs("</a>", page->out);
	if (registered && registered->question) {
		fputs(" <small>", page->out);
		page_text(page->out, registered->question);
		fputs("</small>", page->out);
	}
	fputs("</li>\n", page->out);
}

static void put_contents(struct page *page)
{
	fputs("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ul>\n"
	      "<li><a href=\"#short\">In short</a></li>\n"
	      "<li><a href=\"#machine\">Which machine</a></li>\n"
	      "<li><a href=\"#measured\">What was measured</a></li>\n"
	      "<li><a href=\"#trust\">Can it be trusted?</a></li>\n"
	      "<li><a href=\"#ratios\">All ratios</a></li>\n"
	      "<li><a href=\"#method\">The method, and words</a></li>\n"
	      "<li><a href=\"#files\">Files</a></li>\n"
	      "<li>Scenarios\n<ul>\n",
	      page->out);
	words_scenarios(page->results, put_entry, page);
	fputs("</ul></li>\n</ul>\n</nav>\n", page->out);
}

static void put_strip(const struct page *page)
{
	static const enum sm_verdict order[] = { SM_SUPPORTED, SM_REFUTED, SM_INCONCLUSIVE, SM_NOT_TESTABLE };
	static const char *const means[] = { "the claim holds here", "the claim does not hold here",
					     "this run cannot decide", "this machine or run lacks what it needs" };

	fputs("<ul class=\"strip\">\n", page->out);
	for (size_t v = 0; v < 4; v++) {
		size_t count = 0;

		for (size_t i = 0; i < page->results->claim_count; i++)
			count += page->results->claims[i].verdict == order[v];
		fprintf(page->out, "<li class=\"%s\"><b>%zu</b> ", sm_verdict_name(order[v]), count);
		page_badge(page->out, order[v]);
		fprintf(page->out, " <small>%s</small></li>\n", means[v]);
	}
	fputs("</ul>\n", page->out);
}

/* The size from which on to leave the baseline, for scenarios that sweep the message size. */
static void put_leave(sm_name scenario, void *context)
{
	struct page *page = context;
	struct ladder *ladder = calloc(LADDERS_MAX, sizeof(*ladder));
	unsigned count = ladder ? ladder_find(page, scenario, ladder) : 0;
	char anchor[128], id[160];

	if (count > 0 && ladder->param->message) {
		page_anchor(scenario, anchor);
		snprintf(id, sizeof(id), "leave-%s", anchor);
		fprintf(page->out, "<section class=\"answer\" aria-labelledby=\"%s\"><h3 id=\"%s\">", id, id);
		page_printf(page->out, "At which message size should you leave %s? (%s)", ladder->baseline,
			    ladder->metric);
		fputs("</h3>\n", page->out);
		ladder_words(page, ladder);
		fprintf(page->out,
			"<p><a href=\"#sizes-%s\">Every ratio by size</a>, <a href=\"#why-%s\">CPU time and "
			"counters beside it</a></p></section>\n",
			anchor, anchor);
	}
	free(ladder);
}

static void put_questions(struct page *page)
{
	const struct sm_results *r = page->results;

	for (size_t i = 0; i < r->claim_count; i++) {
		sm_name question = r->claims[i].question;
		bool seen = question == sm_none;
		char id[32];

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->claims[j].question == question;
		if (seen)
			continue;
		snprintf(id, sizeof(id), "q%zu", i);
		fprintf(page->out, "<section class=\"answer\" aria-labelledby=\"%s\">", id);
		page_heading(page->out, 3, id, question);
		page_claims(page, NULL, question);
		fputs("</section>\n", page->out);
	}
	words_scenarios(r, put_leave, page);
}

static void put_short(struct page *page)
{
	char lost[SM_LOST_TEXT_MAX];

	page_heading(page->out, 2, "short", "In short");
	if (sm_report_lost(page->results, lost))
		page_put(page->out, "p class=\"warn\" role=\"note\"", lost);
	put_strip(page);
	fputs("<p>A <em>claim</em> is a belief about shared memory with a threshold, judged by this run. ", page->out);
	if (isfinite(words_number(page->results, "analysis/aa/low")))
		fputs(words_true(page->results, "analysis/aa/moved")
			      ? "The run&#39;s own control moved: <strong>do not believe its ratios</strong> "
			      : "The run&#39;s own control did not move, so its ratios can be believed ",
		      page->out);
	else
		fputs("The run has no control, so its noise is unknown ", page->out);
	fputs("(<a href=\"#trust\">all checks</a>).</p>\n", page->out);
	if (page->figures_missing > 0 && page->figures_missing == page->figures_with_data)
		fputs("<p class=\"warn\" role=\"note\">The figures could not be drawn: gnuplot is missing. Install it "
		      "(<code>apt-get install gnuplot-nox</code>) and run <code>shmeter report</code> on this "
		      "folder again. Everything else is here, in words and tables.</p>\n",
		      page->out);
	put_questions(page);
}

/* Terms that are new to a reader, and how a value is computed. */
static void put_method(const struct page *page)
{
	static const char *const words[][2] = {
		{ "Trial", "New processes on a new mapping at new addresses, each bound to its PU; the work is checked "
			   "when it is done." },
		{ "Slice", "About a millisecond of timed work. A trial has some twenty; its value is their median." },
		{ "Pair class", "What a cache line took there and back between the two processes right before and "
				"after a slice, for example 85ns. On a virtual machine cores move, so nothing is "
				"compared across classes. 252cyc-solo: a process alone, and how many clock cycles a "
				"fixed piece of arithmetic took it; busy: another thread on its core made them more; "
				"solo: one that was not probed; shared-pu: processes that take turns." },
		{ "Disturbed", "A slice or trial that was interrupted or whose cores moved. Left out by rules that do "
			       "not look at the result, counted, and kept in the files." },
		{ "Block", "Each variant of a group once, in shuffled order. The block is the independent unit: n "
			   "counts blocks, not operations." },
		{ "Ratio", "Time of the left over time of the right, in one block; the median over the blocks." },
		{ "95 % interval", "From order statistics (the sign test): exact, no shape assumed. It needs six "
				   "blocks; under that there is none." },
		{ "Smallest detectable difference", "The difference that a comparison can detect with its blocks and "
						    "its scatter. Smaller ones stay unseen." },
		{ "Supported, refuted, inconclusive", "The whole interval lies on the claim's side of its threshold, "
						      "wholly on the other side, or includes the threshold." },
		{ "Not testable",
		  "The machine, or this run, lacks what the claim needs; the reason stands beside it." },
		{ "A/A control", "The same code under two names, spread over the run. If its ratio leaves 1, no ratio "
				 "of the run is believed." },
		{ "PU", "Processing unit: what the kernel numbers as a CPU." },
		{ "Placement", "Where the processes sit: near (the closest different cores), same-core (they take "
			       "turns), smt (threads of one core), and so on." },
	};

	page_heading(page->out, 2, "method", "The method, and words");
	fputs("<dl>\n", page->out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		page_put(page->out, "dt", words[i][0]);
		page_put(page->out, "dd", words[i][1]);
	}
	fputs("</dl>\n<p>Half a round trip is called one way by definition. CPU time is that of all processes: a process that spins is fast and burns a core. A trial whose processes time out, die or give wrong data "
	      "fails; nothing is repeated until it fits.</p>\n",
	      page->out);
}

static void put_file(const struct page *page, const char *name, const char *what)
{
	char path[4600];

	snprintf(path, sizeof(path), "%s/%s", page->results->out, name);
	if (access(path, R_OK) == 0)
		fprintf(page->out, "<li><a href=\"%s\">%s</a>: %s</li>\n", name, name, what);
}

/* The names consist of letters, digits and "_". */
static void put_node_matrices(const struct page *page)
{
	size_t count;
	unsigned *first = sm_node_matrices_of(page->results, NULL, &count);
	char name[300];

	for (size_t i = 0; i < count; i++) {
		sm_node_matrix_name(&page->results->cases[first[i]], name, sizeof(name) - sizeof(".csv"));
		strcat(name, ".csv");
		put_file(page, name, "the matrix of NUMA nodes: where the worker runs, and where its memory lies");
	}
	free(first);
}

static void put_files(const struct page *page)
{

	page_heading(page->out, 2, "files", "Files");
	fputs("<p>They lie beside this page and are plain CSV (RFC 4180) and JSON.</p>\n<ul>\n", page->out);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put_file(page, files[i].name, files[i].what);
	put_node_matrices(page);
	fputs("<li><code>plots/</code>: every figure with its data and its gnuplot script</li>\n"
	      "<li><code>histograms/</code>: single operations, as HdrHistogram percentile text</li>\n</ul>\n",
	      page->out);
}

/* Counts figures that have data but no picture. */
static void count_missing(struct page *page)
{
	char path[4400];

	for (unsigned i = 0; i < page->figure_count; i++) {
		if (!page_has_data(page, &page->figures[i]))
			continue;
		page->figures_with_data++;
		snprintf(path, sizeof(path), "%s/plots/%s.svg", page->results->out, page->figures[i].name);
		page->figures_missing += access(path, R_OK) < 0;
	}
}

/* Small enough for a phone to load and to send by mail. */
#define PAGE_BYTES_MAX 3000000

static int write_page(FILE *out, void *context)
{
	struct page *page = context;

	page->out = out;
	put_head(page);
	put_contents(page);
	fputs("<main>\n", out);
	put_short(page);
	page_machine(page);
	page_measured(page);
	page_trust(page);
	page_heading(out, 2, "ratios", "All ratios");
	page_figure_of(page, FIGURE_FOREST);
	page_ratios(page);
	page_figure_of(page, FIGURE_FAULTS);
	words_scenarios(page->results, page_scenario, page);
	put_method(page);
	put_files(page);
	fprintf(out, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", page_script);
	return 0;
}

/* Computes the space that the text leaves for figures; figures beyond it become links. */
static int measure_words(struct page *page)
{
	struct sm_written written;

	page->figure_bytes_max = 0;
	(void)write_page(sm_written_open(&written), page);
	sm_written_close(&written);
	free(written.text);
	page->figures_put = 0;
	page->figure_bytes = 0;
	page->figure_bytes_max = written.size < PAGE_BYTES_MAX ? PAGE_BYTES_MAX - written.size : 0;
	return 0;
}

int sm_report_page(const struct sm_results *results, const struct sm_report_options *options,
		   const struct sm_drawn *drawn, struct sm_error *err)
{
	struct page page = { .results = results, .options = options, .drawn = drawn };
	char path[4200];
	int rc;

	page.figures = calloc(FIGURES_MAX, sizeof(*page.figures));
	if (!page.figures)
		return sm_fail(err, ENOMEM, "no memory for the page");
	page.figure_count = figures_plan(results, page.figures);
	count_missing(&page);
	snprintf(path, sizeof(path), "%s/report.html", results->out);
	rc = measure_words(&page);
	if (rc == 0)
		rc = sm_store_write_file(path, write_page, &page, err);
	else
		sm_fail(err, -rc, "no memory for the page");
	free(page.figures);
	return rc;
}
