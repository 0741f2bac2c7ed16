/* Exceptions: which a file may hold, what they change about verdicts, and how they are written. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate_fixture.h"

#define RATIO    "[packed]\ncase = pack/packed\nagainst = padded\nmin = 1.5\n"
#define HOLDS    "accept = slower since 5.2\naccept_until = 2026-03-31\n"
#define EXPIRED  "accept = slower since 5.2\naccept_until = 2026-02-28\n"
#define OF(keys) RATIO keys

static void expect_wrong(const char *text, const char *part)
{
	load(text, -EINVAL);
	expect_text(err.text, "[packed] ");
	expect_text(err.text, part);
	sm_gates_free(&gates);
}

/* A mistake is refused where the file is read, also one that somebody wrote by hand. */
Test(analysis, an_exception_is_checked_where_it_is_read)
{
	char text[512];

	expect_wrong(OF("accept = why\n"), "has accept without accept_until");
	expect_wrong(OF("accept_until = 2026-03-31\n"), "has accept_until without accept:");
	expect_wrong(OF("accept =\naccept_until = 2026-03-31\n"), "the reason is empty");
	expect_wrong(OF("accept = a;b\naccept_until = 2026-03-31\n"), "the reason holds ; or #");
	expect_wrong(OF("accept = see #7\naccept_until = 2026-03-31\n"), "the reason holds ; or #");
	expect_wrong(OF("accept = a\naccept = b\naccept_until = 2026-03-31\n"), "says \"accept\" twice");
	snprintf(text, sizeof(text), OF("accept = %0*d\naccept_until = 2026-03-31\n"), SM_ACCEPT_REASON_MAX + 1, 0);
	expect_wrong(text, "is longer than 150 bytes");
	static const char *const days[] = { "soon",       "2026-3-31",  "2026-03-31T12", "2026-02-30", "2026-13-01",
					    "2026-00-10", "2026-04-00", "2027-02-29",    "+026-03-31" };

	for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		snprintf(text, sizeof(text), OF("accept = why\naccept_until = %s\n"), days[i]);
		expect_wrong(text, i < 3 || i == 8 ? "a day is expected as YYYY-MM-DD" : "there is no such day");
		snprintf(text, sizeof(text), "accept_until = %s: ", days[i]);
		expect_text(err.text, text);
	}
	expect_wrong(OF("accept = why\naccept_until = 2027-03-03\n"), "more than 366 days from today, 2026-03-01");
}

/* Any kind of gate may have one; it holds through the end of its last day. */
Test(analysis, an_exception_holds_through_its_last_day)
{
	static const struct {
		const char *day;
		bool holds;
	} days[] = { { "2026-03-01", true }, { "2026-02-28", false }, { "1999-12-31", false }, { "2027-03-02", true } };
	static const char *const kinds[] = { "case = pack/packed\nagainst = padded\nmin = 1.5\n", "claim = C1\n",
					     "case = touch/lazy\ncount = minor-faults\n",
					     "case = pack/packed\nbaseline = yes\nmax = 2\n" };
	char text[512];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "[g]\n%saccept = why\naccept_until = %s\n", kinds[i], days[i].day);
		load(text, 0);
		cr_expect_str_eq(gates.gate[0].accept, "why");
		cr_expect_str_eq(gates.gate[0].accept_until, days[i].day);
		cr_expect_eq(gates.gate[0].accept_holds, days[i].holds, "%s", days[i].day);
		sm_gates_free(&gates);
	}
}

static void expect_overall(enum sm_verdict row, enum sm_verdict overall)
{
	judge(NULL);
	cr_expect_eq(rows[0].verdict, row, "%s", rows[0].evidence);
	cr_expect_eq(sm_gates_overall(rows, gates.count), overall, "%s", rows[0].evidence);
	cr_expect_eq(sm_gates_strictly(rows, gates.count), overall);
	cr_expect_eq(sm_gate_accepted(&rows[0]), row == SM_REFUTED && (overall != SM_REFUTED || gates.count > 1));
	sm_gates_free(&gates);
}

Test(analysis, a_fail_is_accepted_while_the_exception_holds)
{
	add_pack_point("op=add", 12, 10, 10, 16);
	load(OF(HOLDS), 0);
	expect_overall(SM_REFUTED, SM_SUPPORTED);
	load(OF(EXPIRED), 0);
	expect_overall(SM_REFUTED, SM_REFUTED);
	/* it is the gate's own: another gate fails all the same */
	load(OF(HOLDS) "[other]\ncase = pack/packed\nagainst = padded\nmin = 1.4\n", 0);
	expect_overall(SM_REFUTED, SM_REFUTED);
	end_badly(0, 1, SM_VERIFY_FAILED);
	load(OF(HOLDS), 0);
	expect_overall(SM_REFUTED, SM_REFUTED);
}

/* A count may be another on purpose; a result that must never occur is not. */
Test(analysis, a_count_may_be_accepted_and_a_wrong_result_never)
{
	add_touch(1.001);
	load("[c]\ncase = touch/lazy\ncount = minor-faults\nper_op = 1\n" HOLDS, 0);
	expect_overall(SM_REFUTED, SM_SUPPORTED);
	load("[c]\nclaim = P1\n" HOLDS, 0);
	expect_overall(SM_REFUTED, SM_SUPPORTED);
	end_badly(3, 1, SM_VERIFY_FAILED);
	load("[c]\ncase = touch/lazy\ncount = minor-faults\nper_op = 1\n" HOLDS, 0);
	expect_overall(SM_REFUTED, SM_REFUTED);
	tear_down();
	set_up();
	add_lost("lazy", 5);
	load("[never]\nclaim = V1\n" HOLDS, 0);
	expect_overall(SM_REFUTED, SM_REFUTED);
}

Test(analysis, an_accepted_fail_needs_no_confirmation)
{
	struct sm_gate gate[2] = { { .name = "a", .accept_holds = true }, { .name = "b" } };
	struct sm_gate_row first[2] = { { .gate = &gate[0], .verdict = SM_REFUTED, .reason = sm_none },
					{ .gate = &gate[1], .verdict = SM_REFUTED, .reason = sm_none } };

	sm_gates_confirm(first, 2, NULL, 0);
	cr_expect_eq(first[0].verdict, SM_REFUTED);
	cr_expect_eq(first[1].verdict, SM_INCONCLUSIVE);
}

/* What each writer makes of the rows, in the order text, JUnit, summary, annotations. */
static char *reports[4];
static json_t *json;

static char *content_of(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	cr_assert(file && text && fread(text, 1, (1 << 16) - 1, file) > 0);
	fclose(file);
	return text;
}

static void write_reports(const char *text)
{
	struct sm_gate_report report = { .gates = &gates, .rows = rows, .run = &run, .width = 1000 };
	char path[2][32] = { "/tmp/shmeter-junit-XXXXXX", "/tmp/shmeter-junit-XXXXXX" };
	size_t size;

	load(text, 0);
	judge(NULL);
	for (unsigned i = 0; i < 4; i += 3) {
		FILE *out = open_memstream(&reports[i], &size);

		(i == 0 ? sm_gates_print : sm_gates_annotate)(&report, out);
		fclose(out);
	}
	for (unsigned i = 0; i < 2; i++)
		close(mkstemp(path[i]));
	cr_assert_eq(sm_gates_write_junit(&report, path[0], &err), 0);
	cr_assert_eq(sm_gates_append_summary(&report, path[1], &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		reports[1 + i] = content_of(path[i]);
		unlink(path[i]);
	}
	json = sm_gates_json(&report);
	cr_assert(json != NULL);
}

static const json_t *json_exception(void)
{
	return json_object_get(json_array_get(json_object_get(json, "gates"), 0), "accepted");
}

static void expect_json(bool in_force, bool used, const char *until)
{
	const json_t *one = json_exception();

	cr_expect_str_eq(json_string_value(json_object_get(one, "reason")), "slower since 5.2");
	cr_expect_str_eq(json_string_value(json_object_get(one, "until")), until);
	cr_expect_eq(json_is_true(json_object_get(one, "in_force")), in_force);
	cr_expect_eq(json_is_true(json_object_get(one, "used")), used);
}

static void free_reports(void)
{
	for (unsigned i = 0; i < 4; i++)
		free(reports[i]);
	json_decref(json);
	sm_gates_free(&gates);
}

static void expect_everywhere(const char *part)
{
	for (unsigned i = 0; i < 4; i++)
		expect_text(reports[i], part);
}

Test(analysis, every_report_shows_every_exception)
{
	static const char accepted[] = "Accepted until 2026-03-31: slower since 5.2. ";

	add_pack_point("op=add", 12, 10, 10, 16);
	write_reports(OF(HOLDS));
	expect_everywhere(accepted);
	expect_text(reports[0], "FAIL  [packed]  (accepted)\n");
	expect_text(reports[0], "\nPASS: 0 of 1 gates pass, 1 fail (1 accepted), 0 inconclusive, 0 not testable\n");
	expect_text(reports[1], "failures=\"0\" errors=\"0\" skipped=\"1\"");
	expect_text(reports[1], "<skipped message=\"FAIL: Accepted until");
	expect_text(reports[2], "## shmeter: PASS\n\n0 of 1 gates pass, 1 fail (1 accepted), ");
	expect_text(reports[2], "| FAIL (accepted) | packed | Accepted until");
	cr_expect_eq(strncmp(reports[3], "::warning title=shmeter FAIL packed::Accepted", 45), 0, "%s", reports[3]);
	cr_expect_str_eq(json_string_value(json_object_get(json, "verdict")), "PASS");
	expect_json(true, true, "2026-03-31");
	free_reports();
	write_reports(OF(EXPIRED));
	expect_everywhere("Its exception expired on 2026-02-28 (slower since 5.2). ");
	expect_text(reports[0], "\nFAIL: 0 of 1 gates pass, 1 fail, 0 inconclusive");
	expect_text(reports[1], "failures=\"1\" errors=\"0\" skipped=\"0\"");
	expect_text(reports[1], "<failure message=\"FAIL: Its exception expired");
	cr_expect_eq(strncmp(reports[3], "::error title=shmeter FAIL packed::", 35), 0, "%s", reports[3]);
	expect_json(false, false, "2026-02-28");
	free_reports();
	write_reports(RATIO);
	cr_expect(json_is_null(json_exception()));
	free_reports();
}

Test(analysis, an_exception_that_accepts_nothing_is_shown_too)
{
	add_pack_point("op=add", 20, 10, 10, 16);
	write_reports(OF(HOLDS));
	expect_everywhere("Its exception until 2026-03-31 is not needed now: remove it (slower since 5.2). ");
	cr_expect_eq(strncmp(reports[3], "::warning title=shmeter PASS packed::", 37), 0, "%s", reports[3]);
	expect_json(true, false, "2026-03-31");
	free_reports();
	write_reports(OF(EXPIRED));
	expect_everywhere("Its exception expired on 2026-02-28");
	free_reports();
	write_reports("[none]\ncase = pack/packed\nagainst = padded\nat = op=none\nmin = 1\n" HOLDS);
	expect_everywhere("Its exception until 2026-03-31 has nothing to accept");
	free_reports();
	end_badly(0, 1, SM_VERIFY_FAILED);
	write_reports(OF(HOLDS));
	expect_everywhere("Wrong data: its exception until 2026-03-31 does not hold for it");
	expect_text(reports[1], "failures=\"1\" errors=\"0\" skipped=\"0\"");
	expect_json(true, false, "2026-03-31");
	free_reports();
}

static char folder[] = "/tmp/shmeter-accept-XXXXXX";
static char file[64];

static void write_file(const char *text)
{
	FILE *out;

	if (!file[0]) {
		cr_assert(mkdtemp(folder));
		snprintf(file, sizeof(file), "%s/gates.ini", folder);
	}
	out = fopen(file, "w");
	cr_assert(out && fputs(text, out) >= 0);
	fclose(out);
}

static int accept_in(const char *path, const char *gate, const char *reason, const char *until)
{
	int rc = sm_gates_load(&gates, path, TODAY, known, 3, &err);

	cr_assert_eq(rc, 0, "%s", err.text);
	rc = sm_gates_accept(&gates, gate, reason, until, &err);
	sm_gates_free(&gates);
	return rc;
}

static void expect_content(const char *wanted)
{
	char *text = content_of(file);

	cr_expect_str_eq(text, wanted);
	free(text);
}

/* Files before and after; all bytes beside the exception are kept. */
Test(analysis, an_exception_changes_nothing_else_in_the_file)
{
#define NEW      "accept = it is known\naccept_until = 2026-04-01\n"
#define NEW_CRLF "accept = it is known\r\naccept_until = 2026-04-01\r\n"
#define KEYS     "case = pack/packed\nmin=1.5 ; at least\nagainst : padded\n"
#define CRLF     "case = pack/packed\r\nmin = 1\r\nagainst = padded\r\n"
	static const struct {
		const char *before, *after;
	} files[] = {
		{ "[g]\n" KEYS, "[g]\n" KEYS NEW },
		{ "; of all\n\n[f]\nclaim = C1\n# of g\n[g] ; it\n; more\n" KEYS "\n; of h\n[h]\nclaim = C1\n",
		  "; of all\n\n[f]\nclaim = C1\n# of g\n[g] ; it\n; more\n" KEYS NEW "\n; of h\n[h]\nclaim = C1\n" },
		{ "\xef\xbb\xbf[g]\r\n" CRLF "\r\n[h]\r\nclaim = C1\r\n",
		  "\xef\xbb\xbf[g]\r\n" CRLF NEW_CRLF "\r\n[h]\r\nclaim = C1\r\n" },
		{ "[h]\nclaim = C1\n[g]\r\nclaim = C1",
		  "[h]\nclaim = C1\n[g]\r\nclaim = C1\r\naccept = it is known\r\naccept_until = 2026-04-01" },
		{ "[g]\naccept = old\n" KEYS "accept_until=2026-03-02\t; a note\n[h]\nclaim = C1\n" HOLDS,
		  "[g]\naccept = it is known\n" KEYS "accept_until=2026-04-01\t; a note\n[h]\nclaim = C1\n" HOLDS },
		{ "[g]\r\naccept_until : 2020-01-01  \r\naccept=a=b: c ;x\r\n" CRLF,
		  "[g]\r\naccept_until : 2026-04-01  \r\naccept=it is known ;x\r\n" CRLF },
		{ "[gg]\nclaim = C1\n" HOLDS "[g]\nclaim = C1\n\n",
		  "[gg]\nclaim = C1\n" HOLDS "[g]\nclaim = C1\n" NEW "\n" },
	};

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_file(files[i].before);
		cr_expect_eq(accept_in(file, "g", "it is known", "2026-04-01"), 0, "%u: %s", i, err.text);
		expect_content(files[i].after);
		cr_expect_eq(accept_in(file, "g", "and again", "2026-04-02"), 0, "%u: %s", i, err.text);
		cr_expect_eq(accept_in(file, "g", "it is known", "2026-04-01"), 0, "%u: %s", i, err.text);
		expect_content(files[i].after);
	}
	unlink(file);
	rmdir(folder);
}

Test(analysis, a_file_keeps_its_mode_and_a_link_its_target)
{
	char link[80];
	struct stat there;

	write_file("[g]\nclaim = C1\n");
	snprintf(link, sizeof(link), "%s/link.ini", folder);
	cr_assert(symlink("gates.ini", link) == 0 && chmod(file, 0640) == 0);
	cr_expect_eq(accept_in(link, "g", "why", "2026-04-01"), 0, "%s", err.text);
	expect_content("[g]\nclaim = C1\naccept = why\naccept_until = 2026-04-01\n");
	cr_expect(lstat(link, &there) == 0 && S_ISLNK(there.st_mode), "the link became a file");
	cr_expect(stat(file, &there) == 0 && (there.st_mode & 07777) == 0640, "mode %o", there.st_mode);
	unlink(link);
	unlink(file);
	cr_expect_eq(rmdir(folder), 0, "a temporary file is left");
}

Test(analysis, an_exception_that_nobody_could_read_is_not_written)
{
	static const struct {
		const char *gate, *reason, *until, *words;
	} all[] = {
		{ "gg", "why", "2026-04-01", "has no gate \"gg\": there are \"g\", \"h\"" },
		{ "g", "", "2026-04-01", "the reason is empty" },
		{ "g", " \t", "2026-04-01", "the reason is empty" },
		{ "g", "a\nb = c", "2026-04-01", "is more than one line" },
		{ "g", "a\rb", "2026-04-01", "is more than one line" },
		{ "g", "a; b", "2026-04-01", "holds ; or #" },
		{ "g", "a # b", "2026-04-01", "holds ; or #" },
		{ "g", " a", "2026-04-01", "begins or ends with a blank" },
		{ "g", "a\t", "2026-04-01", "begins or ends with a blank" },
		{ "g", "\xff", "2026-04-01", "no UTF-8" },
		{ "g", "a\x1b[31m", "2026-04-01", "no UTF-8" },
		{ "g", "why", "tomorrow", "the last day tomorrow: a day is expected as YYYY-MM-DD" },
		{ "g", "why", "2026-02-29", "there is no such day" },
		{ "g", "why", "2026-02-28", "is over: today is 2026-03-01" },
		{ "g", "why", "2027-03-03", "more than 366 days from today" },
	};
	static const char before[] = "[g]\nclaim = C1\n[h]\nclaim = C1\n";
	char text[512], path[64];

	write_file(before);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		cr_expect_eq(accept_in(file, all[i].gate, all[i].reason, all[i].until), -EINVAL, "%u", i);
		expect_text(err.text, all[i].words);
		expect_content(before);
	}
	snprintf(text, sizeof(text), "%0*d", SM_ACCEPT_REASON_MAX + 1, 0);
	cr_expect_eq(accept_in(file, "g", text, "2026-04-01"), -EINVAL);
	text[SM_ACCEPT_REASON_MAX] = '\0'; /* the longest is read again */
	cr_expect_eq(accept_in(file, "g", text, "2027-03-02"), 0, "%s", err.text);
	cr_expect_eq(accept_in(file, "g", "why", "2026-03-01"), 0, "%s", err.text);
	/* a comment behind the value leaves room for a short reason alone */
	snprintf(text, sizeof(text), "[g]\nclaim = C1\naccept = a ; %0100d\naccept_until = 2026-03-09\n", 0);
	write_file(text);
	cr_expect_eq(accept_in(file, "g",
			       "0123456789012345678901234567890123456789012345678901234567890123456789"
			       "012345678901234567890",
			       "2026-04-01"),
		     -EINVAL);
	expect_text(err.text, "shorten its comment");
	expect_content(text);
	/* a pipe or a device keeps nothing */
	write_file(before);
	FILE *in = fopen(file, "r");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(in));
	cr_expect_eq(accept_in(path, "g", "why", "2026-04-01"), 0, "an open file is a file: %s", err.text);
	fclose(in);
	unlink(file);
	rmdir(folder);
}
