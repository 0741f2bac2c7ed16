/* Exceptions: a FAIL that is accepted through a day.  What the file may say of one, and whether it holds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reading.h"

#define DAY_SECONDS ((time_t)24 * 60 * 60)

/* Reads a day as YYYY-MM-DD; returns why it is none, or NULL. */
static const char *read_day(const char *text, int64_t *day)
{
	static const char form[] = "dddd-dd-dd";
	struct tm tm = { 0 }, there;
	time_t time;
	size_t i = 0;

	while (form[i] && (form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i]))
		i++;
	if (form[i] || text[i] || sscanf(text, "%d-%d-%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return "a day is expected as YYYY-MM-DD";
	tm.tm_year -= 1900;
	tm.tm_mon--;
	there = tm;
	time = timegm(&there); /* makes 2026-03-02 of 2026-02-30, and another month of any day that there is not */
	if (there.tm_mon != tm.tm_mon)
		return "there is no such day";
	*day = (int64_t)(time / DAY_SECONDS);
	return NULL;
}

void gate_say_day(int64_t day, char out[16])
{
	time_t time = (time_t)day * DAY_SECONDS;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		snprintf(out, 16, "?");
}

const char *gate_why_no_day(const char *text, int64_t today, int64_t *day)
{
	static char far[80]; /* for one sentence */
	const char *why = read_day(text, day);
	char now[16];

	if (why || *day - today <= SM_ACCEPT_DAYS_MAX)
		return why;
	gate_say_day(today, now);
	snprintf(far, sizeof(far), "more than %d days from today, %s", SM_ACCEPT_DAYS_MAX, now);
	return far;
}

const char *gate_why_no_reason(const char *text)
{
	static const char blank[] = " \t";
	size_t length = strlen(text);

	if (text[strspn(text, " \t\r\n")] == '\0')
		return "is empty";
	if (strpbrk(text, "\r\n"))
		return "is more than one line";
	if (!gate_is_text(text))
		return "holds bytes that are no UTF-8 text";
	if (strchr(blank, text[0]) || strchr(blank, text[length - 1]))
		return "begins or ends with a blank, which an ini reader drops";
	if (strpbrk(text, ";#"))
		return "holds ; or #, where an ini reader may cut it";
	return length > SM_ACCEPT_REASON_MAX ? "is longer than 150 bytes" : NULL;
}
_Static_assert(SM_ACCEPT_REASON_MAX == 150, "the sentence says 150");

void gate_check_exception(struct reading *reading, struct sm_gate *gate)
{
	unsigned *given = &reading->given[gate - reading->gates->gate];
	int64_t day = 0;
	const char *why;

	*given &= ~(ONLY(KEY_ACCEPT) | ONLY(KEY_ACCEPT_UNTIL));
	if (!gate->accept && !gate->accept_until)
		return;
	if (!gate->accept || !gate->accept_until) {
		gate_wrong(reading, "[%s] has %s without %s: an exception needs both", gate->name,
			   gate->accept ? "accept" : "accept_until", gate->accept ? "accept_until" : "accept");
		return;
	}
	why = gate_why_no_reason(gate->accept);
	if (why)
		gate_wrong(reading, "[%s] accept = %s: the reason %s", gate->name, gate->accept, why);
	why = gate_why_no_day(gate->accept_until, reading->gates->today, &day);
	if (why)
		gate_wrong(reading, "[%s] accept_until = %s: %s", gate->name, gate->accept_until, why);
	gate->accept_holds = !why && day >= reading->gates->today;
}
