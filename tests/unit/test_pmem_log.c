/* The order of stores, flushes and fences of a log in persistent memory.  They are recorded, and the power is cut after each
 * of them in every way that the CPU allows: a line that was flushed, with a fence after that, is there as it was flushed or
 * newer; any other may be lost, or may have been written back by the cache at any time.  Then each flush and each fence is
 * left out in turn, and must be missed. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum action { STORE, FLUSH, FENCE, RETURNED };

static void note(enum action action, const void *at, uint64_t value);

#define PMEM_STORE(to, value) note(STORE, (to), (value))
#define PMEM_FLUSH(how, line) ((void)(how), note(FLUSH, (line), 0))
#define PMEM_FENCE()          note(FENCE, NULL, 0)
#include "subject/pmem_log.h"

#define RECORDS      3u
#define RECORD_WORDS (2 * PMEM_WORDS)
#define LINES        (1 + 2 * RECORDS) /* the count's, then two of each record */
#define EVENTS_MAX   128u
#define VERSIONS_MAX (PMEM_WORDS + RECORDS + 1)

static struct {
	enum action action;
	unsigned word; /* of the log */
	uint64_t value;
} events[EVENTS_MAX];
static unsigned event_count;
static _Alignas(PMEM_LINE) uint64_t log_words[LINES * PMEM_WORDS]; /* addresses only: the stores are recorded */

/* What a line had after each of its stores, and which of these versions a power cut cannot take back. */
static struct line {
	uint64_t words[VERSIONS_MAX][PMEM_WORDS];
	unsigned newest, flushed, safe;
} lines[LINES];
static uint64_t after[LINES * PMEM_WORDS]; /* what is left after a cut */
static uint64_t returned;                  /* records whose append had returned */

static void note(enum action action, const void *at, uint64_t value)
{
	cr_assert_lt(event_count, EVENTS_MAX);
	events[event_count].action = action;
	events[event_count].word = at ? (unsigned)((const uint64_t *)at - log_words) : 0;
	events[event_count++].value = value;
}

static void append_all(void)
{
	event_count = 0;
	for (uint64_t number = 0; number < RECORDS; number++) {
		pmem_append(PMEM_CLWB, log_words, &log_words[PMEM_WORDS + number * RECORD_WORDS], RECORD_WORDS, number);
		note(RETURNED, NULL, number + 1);
	}
}

/* Each record below the count is whole, and each that was returned for is below the count. */
static bool is_sound(void)
{
	uint64_t count = after[0];

	for (uint64_t number = 0; number < count; number++)
		for (unsigned word = 0; word < RECORD_WORDS; word++)
			if (number >= RECORDS ||
			    after[PMEM_WORDS + number * RECORD_WORDS + word] != pmem_word(number, word))
				return false;
	return count >= returned;
}

/* Every mix of versions of the lines from `line` on that a cut may leave. */
static bool survives_cut(unsigned line)
{
	if (line == LINES)
		return is_sound();
	for (unsigned version = lines[line].safe; version <= lines[line].newest; version++) {
		memcpy(&after[line * PMEM_WORDS], lines[line].words[version], PMEM_LINE);
		if (!survives_cut(line + 1))
			return false;
	}
	return true;
}

static void happen(unsigned event)
{
	struct line *line = &lines[events[event].word / PMEM_WORDS];

	switch (events[event].action) {
	case STORE:
		cr_assert_lt(line->newest + 1, VERSIONS_MAX);
		memcpy(line->words[line->newest + 1], line->words[line->newest], PMEM_LINE);
		line->words[++line->newest][events[event].word % PMEM_WORDS] = events[event].value;
		break;
	case FLUSH: line->flushed = line->newest; break;
	case FENCE:
		for (unsigned i = 0; i < LINES; i++)
			lines[i].safe = lines[i].flushed;
		break;
	case RETURNED: returned = events[event].value; break;
	}
}

/* Whether every cut leaves a sound log where event `left_out` does not happen. */
static bool survives(unsigned left_out)
{
	memset(lines, 0, sizeof(lines));
	returned = 0;
	for (unsigned event = 0; event < event_count; event++) {
		if (event != left_out)
			happen(event);
		if (!survives_cut(0))
			return false;
	}
	return true;
}

Test(pmem_log, survives_a_power_cut_after_each_step)
{
	append_all();
	cr_expect(survives(EVENTS_MAX), "a cut leaves a record that is not whole, or takes one that was appended");
}

Test(pmem_log, needs_each_flush_and_each_fence)
{
	unsigned tried = 0;

	append_all();
	for (unsigned event = 0; event < event_count; event++)
		if (events[event].action == FLUSH || events[event].action == FENCE) {
			cr_expect_not(survives(event), "event %u of %u is not needed", event, event_count);
			tried++;
		}
	cr_expect_eq(tried, RECORDS * 5, "%u flushes and fences", tried); /* three lines, two fences */
}
