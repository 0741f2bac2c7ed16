/* Writers of the results of gates: text, JUnit XML, GitHub, JSON. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate_parts.h"
#include "shmeter/encode.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

#define WIDTH_DEFAULT 100
#define BASELINE_MAX  192
/* Room for evidence and reason of a row and of its fresh row, each at most a struct sm_words. */
#define WORDS_MAX 8192
/* docs.github.com, "Workflow commands for GitHub Actions": limits on a step's summary and annotations. */
#define SUMMARY_MAX     (1024u * 1024u)
#define ANNOTATIONS_MAX 10

static const char *tint(const struct sm_gate_report *report, enum sm_verdict verdict)
{
	static const char *const colour[] = { "", "\033[32m", "\033[31m", "\033[33m", "\033[2m" };

	return report->color ? colour[verdict] : "";
}

/* Cleans a text for JSON, which must be UTF-8 and may be printed on a terminal: reasons come from a run's files, and
 * long words are cut. */
static json_t *words(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	if (!copy)
		sm_no_memory(); /* a few bytes */
	sm_clean(copy);
	json = json_string(copy);
	free(copy);
	return json;
}

/* What the exception of the row's gate does; "" without one. */
static void exception_words(const struct sm_gate_row *row, char *out, size_t size)
{
	const struct sm_gate *gate = row->gate;

	out[0] = '\0';
	if (!gate->accept)
		return;
	if (!gate->accept_holds)
		snprintf(out, size, "Its exception expired on %s (%s). ", gate->accept_until, gate->accept);
	else if (sm_gate_accepted(row))
		snprintf(out, size, "Accepted until %s: %s. ", gate->accept_until, gate->accept);
	else if (row->verdict == SM_SUPPORTED)
		snprintf(out, size, "Its exception until %s is not needed now: remove it (%s). ", gate->accept_until,
			 gate->accept);
	else
		snprintf(out, size, "%s exception until %s %s (%s). ", row->wrong_work ? "Wrong data: its" : "Its",
			 gate->accept_until, row->wrong_work ? "does not hold for it" : "has nothing to accept",
			 gate->accept);
}

/* The result of a row in one line of text. */
static void row_words(const struct sm_gate_row *row, char *out, size_t size)
{
	size_t used;
	char reason[WORDS_MAX];

	exception_words(row, out, size);
	used = strlen(out);
	used += (size_t)snprintf(out + used, size - used, "%s", row->evidence);
	if (row->reason != sm_none && used < size)
		used += (size_t)snprintf(out + used, size - used, ". Why: %s",
					 sm_gate_reason(row, reason, sizeof(reason)));
	if (row->verdict == SM_REFUTED && used < size)
		snprintf(out + used, size - used, ". %sAgain: %s", row->confirmed ? "Fresh trials repeat it. " : "",
			 row->again);
}

static size_t count_of(const struct sm_gate_report *report, enum sm_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < report->gates->count; i++)
		count += report->rows[i].verdict == verdict;
	return count;
}

/* How many gates have which verdict. */
static void put_counts(FILE *out, const struct sm_gate_report *report)
{
	size_t accepted = 0;

	for (size_t i = 0; i < report->gates->count; i++)
		accepted += sm_gate_accepted(&report->rows[i]);
	fprintf(out, "%zu of %zu gates pass, %zu fail", count_of(report, SM_SUPPORTED), report->gates->count,
		count_of(report, SM_REFUTED));
	if (accepted > 0)
		fprintf(out, " (%zu accepted)", accepted);
	fprintf(out, ", %zu inconclusive, %zu not testable", count_of(report, SM_INCONCLUSIVE),
		count_of(report, SM_NOT_TESTABLE));
}

static bool has_baseline(const struct sm_gate_report *report)
{
	return report->baselines && report->baselines->count > 0;
}

/* What machine the baselines are of: of several, the one least like that of the run. */
static enum sm_likeness likeness_of(const struct sm_gate_report *report)
{
	enum sm_likeness least = SM_SAME_HOST;

	for (size_t i = 0; i < report->baselines->count; i++) {
		enum sm_likeness one = sm_digest_likeness_to(report->baselines->run[i], report->run->manifest);

		least = one < least ? one : least;
	}
	return least;
}

/* What was compared with what; "" without a baseline, and with a store, whose own sentences say it. */
static const char *baseline_words(const struct sm_gate_report *report, char out[BASELINE_MAX])
{
	size_t own = 0, count = report->baselines ? report->baselines->count : 0;
	enum sm_likeness likeness;
	char runs[80] = "The baseline";

	out[0] = '\0';
	if (count == 0 || report->stored)
		return out;
	likeness = likeness_of(report);
	for (size_t i = 0; i < count; i++)
		own += sm_digest_likeness_to(report->baselines->run[i], report->run->manifest) == SM_SAME_HOST;
	if (own > 0 && own < count)
		snprintf(runs, sizeof(runs), "Of %zu baselines %zu %s of this host; the least alike", count, own,
			 own == 1 ? "is" : "are");
	else if (count > 1)
		snprintf(runs, sizeof(runs), "The baseline (%zu runs)", count);
	snprintf(out, BASELINE_MAX, "%s is %s%s.", runs, sm_likeness_words(likeness),
		 likeness == SM_SAME_HOST    ? ""
		 : likeness == SM_OTHER_TYPE ? ": it is not compared with"
		 : report->gates->same_type  ? ", which --same-type accepts"
					     : ": only ratios are compared with it");
	return out;
}

void sm_gates_print(const struct sm_gate_report *report, FILE *out)
{
	static const enum sm_verdict order[] = { SM_REFUTED, SM_INCONCLUSIVE, SM_NOT_TESTABLE, SM_SUPPORTED };
	enum sm_verdict overall = sm_gates_overall(report->rows, report->gates->count);
	unsigned width = report->width ? report->width : WIDTH_DEFAULT;
	char text[WORDS_MAX], baseline[BASELINE_MAX];
	struct sm_words stored = { .used = 0 };

	for (unsigned v = 0; v < sizeof(order) / sizeof(order[0]); v++)
		for (size_t i = 0; i < report->gates->count; i++) {
			const struct sm_gate_row *row = &report->rows[i];

			if (row->verdict != order[v])
				continue;
			fprintf(out, "%s%s%s  [", tint(report, row->verdict), sm_gate_word(row->verdict),
				report->color ? "\033[0m" : "");
			sm_put_encoded(out, SM_TO_TERMINAL, row->gate->name);
			fputs(sm_gate_accepted(row) ? "]  (accepted)\n" : "]\n", out);
			row_words(row, text, sizeof(text));
			sm_wrap(out, "    ", 4, width, text);
		}
	fprintf(out, "\n%s%s%s: ", tint(report, overall), sm_gate_word(overall), report->color ? "\033[0m" : "");
	put_counts(out, report);
	fputc('\n', out);
	if (*baseline_words(report, baseline))
		sm_wrap(out, "", 0, width, baseline);
	if (report->stored) {
		gate_say_stored(&stored, report->stored);
		sm_wrap(out, "", 0, width, stored.text);
	}
}

static int write_junit(FILE *out, void *context)
{
	const struct sm_gate_report *report = context;
	size_t failures = 0;
	char text[WORDS_MAX];

	for (size_t i = 0; i < report->gates->count; i++)
		failures += sm_gate_fails(&report->rows[i]);
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"shmeter\" tests=\"%zu\" "
		"failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n",
		report->gates->count, failures, report->gates->count - count_of(report, SM_SUPPORTED) - failures);
	for (size_t i = 0; i < report->gates->count; i++) {
		const struct sm_gate_row *row = &report->rows[i];
		const char *element = sm_gate_fails(row) ? "failure" : "skipped";

		fputs("    <testcase classname=\"shmeter.", out);
		sm_put_encoded(out, SM_TO_MARKUP, row->gate->scenario);
		fputs("\" name=\"", out);
		sm_put_encoded(out, SM_TO_MARKUP, row->gate->name);
		fputs("\">\n", out);
		row_words(row, text, sizeof(text));
		if (row->verdict == SM_SUPPORTED)
			fputs("      <system-out>", out);
		else
			fprintf(out, "      <%s message=\"%s: ", element, sm_gate_word(row->verdict));
		sm_put_encoded(out, SM_TO_MARKUP, text);
		fputs(row->verdict == SM_SUPPORTED ? "</system-out>\n    </testcase>\n" : "\"/>\n    </testcase>\n",
		      out);
	}
	fputs("  </testsuite>\n</testsuites>\n", out);
	return ferror(out) ? -EIO : 0;
}

int sm_gates_write_junit(const struct sm_gate_report *report, const char *path, struct sm_error *err)
{
	return sm_store_write_file(path, write_junit, (void *)report, err);
}

static void write_summary(FILE *out, const struct sm_gate_report *report, size_t room)
{
	enum sm_verdict overall = sm_gates_overall(report->rows, report->gates->count);
	long begin = ftell(out);
	char text[WORDS_MAX], baseline[BASELINE_MAX];

	fprintf(out, "## shmeter: %s\n\n", sm_gate_word(overall));
	put_counts(out, report);
	fputc('.', out);
	if (*baseline_words(report, baseline))
		fprintf(out, " %s", baseline);
	if (report->stored) {
		struct sm_words stored = { .used = 0 };

		gate_say_stored(&stored, report->stored);
		fputc(' ', out);
		sm_put_encoded(out, SM_TO_MARKDOWN, stored.text);
	}
	fputs("\n\n| verdict | gate | evidence |\n|---|---|---|\n", out);
	for (size_t i = 0; i < report->gates->count; i++) {
		const struct sm_gate_row *row = &report->rows[i];

		row_words(row, text, sizeof(text));
		/* escaping makes a cell at most 5 times as long */
		if ((size_t)(ftell(out) - begin) + 5 * (strlen(text) + strlen(row->gate->name)) + 256 > room) {
			fprintf(out, "\n%zu more gates do not fit the summary's size limit.\n",
				report->gates->count - i);
			break;
		}
		fprintf(out, "| %s%s | ", sm_gate_word(row->verdict), sm_gate_accepted(row) ? " (accepted)" : "");
		sm_put_encoded(out, SM_TO_MARKDOWN, row->gate->name);
		fputs(" | ", out);
		sm_put_encoded(out, SM_TO_MARKDOWN, text);
		fputs(" |\n", out);
	}
	fputc('\n', out);
}

int sm_gates_append_summary(const struct sm_gate_report *report, const char *path, struct sm_error *err)
{
	struct stat there;
	struct sm_written written;
	size_t room = SUMMARY_MAX;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666), rc = 0;

	if (fd < 0)
		return sm_fail(err, errno, "%s: the summary cannot be written: %s", path, strerror(errno));
	if (fstat(fd, &there) == 0)
		room = (uint64_t)there.st_size < SUMMARY_MAX ? SUMMARY_MAX - (size_t)there.st_size : 0;
	write_summary(sm_written_open(&written), report, room);
	sm_written_close(&written);
	if (written.size <= room &&
	    write(fd, written.text, written.size) != (ssize_t)written.size) /* one write(): all or nothing */
		rc = sm_fail(err, errno ? errno : EIO, "%s: the summary cannot be written: %s", path, strerror(errno));
	free(written.text);
	close(fd);
	return rc;
}

void sm_gates_annotate(const struct sm_gate_report *report, FILE *out)
{
	static const char *const commands[] = { "error", "warning" };
	char text[WORDS_MAX];

	for (unsigned k = 0; k < 2; k++)
		for (size_t i = 0, shown = 0; i < report->gates->count && shown < ANNOTATIONS_MAX; i++) {
			const struct sm_gate_row *row = &report->rows[i];
			bool failure = sm_gate_fails(row);

			if (k == 0 ? !failure : failure || (row->verdict != SM_INCONCLUSIVE && !row->gate->accept))
				continue;
			shown++;
			row_words(row, text, sizeof(text));
			fprintf(out, "::%s title=shmeter ", commands[k]);
			sm_put_encoded(out, SM_TO_GITHUB_PROPERTY, sm_gate_word(row->verdict));
			fputs(" ", out);
			sm_put_encoded(out, SM_TO_GITHUB_PROPERTY, row->gate->name);
			fputs("::", out);
			sm_put_encoded(out, SM_TO_GITHUB_MESSAGE, text);
			fputc('\n', out);
		}
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* The exception of a row's gate; null without one. */
static json_t *exception(const struct sm_gate_row *row)
{
	const struct sm_gate *gate = row->gate;

	return gate->accept ? json_pack("{s:o, s:o, s:b, s:b}", "reason", words(gate->accept), "until",
					words(gate->accept_until), "in_force", (int)gate->accept_holds, "used",
					(int)sm_gate_accepted(row))
			    : json_null();
}

json_t *sm_gates_json(const struct sm_gate_report *report)
{
	json_t *gates = json_array();

	for (size_t i = 0; i < report->gates->count; i++) {
		const struct sm_gate_row *row = &report->rows[i];
		char reason[WORDS_MAX];

		json_array_append_new(
			gates,
			json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:o, s:b, s:o, s:o, s:o}",
				  "gate", words(row->gate->name), "verdict", sm_gate_word(row->verdict), "accepted",
				  exception(row), "ratio", number(row->ratio.estimate), "low", number(row->ratio.low),
				  "high", number(row->ratio.high), "p", number(row->p), "mde", number(row->mde),
				  "blocks", (int)row->blocks, "baseline_blocks", (int)row->baseline_blocks,
				  "baseline_runs", (int)row->baseline_runs, "noise_floor",
				  number(row->floor >= 1 ? row->floor : (double)NAN), "confirmed", (int)row->confirmed,
				  "evidence", words(row->evidence), "reason",
				  words(sm_gate_reason(row, reason, sizeof(reason))), "again", words(row->again)));
	}
	return json_pack("{s:s, s:b, s:o, s:o, s:i, s:o, s:o}", "verdict",
			 sm_gate_word(sm_gates_overall(report->rows, report->gates->count)), "looked",
			 (int)json_is_true(json_object_get(report->run->manifest, "looked")), "thresholds",
			 words(report->gates->path), "baseline_is",
			 has_baseline(report) ? json_string(sm_likeness_words(likeness_of(report))) : json_null(),
			 "baselines", has_baseline(report) ? (int)report->baselines->count : 0, "baseline_store",
			 gate_stored_json(report->stored), "gates", gates);
}
