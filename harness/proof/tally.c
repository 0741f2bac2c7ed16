/* Numbered messages that tell what happened to them. */
#include "tally.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* Word 0 is the number times an odd constant, so that each word of a message tells it from all others, and another word
 * is most probably the number of none.  2^64 divided by the golden ratio (D. Knuth, The Art of Computer Programming 3,
 * 6.4), and its inverse modulo 2^64. */
#define TIMES   0x9e3779b97f4a7c15u
#define INVERSE 0xf1de83e19937733du
#define PLUS    0x5bd1e9955bd1e995u
/* What one word has more than the word before it; odd, from the same source as TIMES (the plastic number). */
#define STEP 0xc13fa9a902a6328fu

#define SENDER_SHIFT 56

void tally_write(uint64_t *message, size_t words, unsigned sender, uint64_t number)
{
	uint64_t word = ((uint64_t)sender << SENDER_SHIFT | number) * TIMES + PLUS;

	for (size_t i = 0; i < words; i++)
		message[i] = word + i * STEP;
}

static bool is_seen(const struct tally *tally, uint64_t number)
{
	uint64_t bit = number % TALLY_WINDOW;

	return tally->seen[bit / 8] & 1u << bit % 8;
}

static void mark(struct tally *tally, uint64_t number, bool seen)
{
	uint64_t bit = number % TALLY_WINDOW;
	unsigned char mask = (unsigned char)(1u << bit % 8);

	tally->seen[bit / 8] = (unsigned char)(seen ? tally->seen[bit / 8] | mask : tally->seen[bit / 8] & ~mask);
}

static void note(struct tally *tally, uint64_t *count, enum tally_fault fault, uint64_t number)
{
	if ((*count)++ == 0)
		tally->first[fault] = number;
}

/* A message with a lower number than one before. */
static void take_late(struct tally *tally, uint64_t number)
{
	if (tally->next - number > TALLY_WINDOW || is_seen(tally, number)) {
		note(tally, &tally->doubled, TALLY_DOUBLED, number);
		return;
	}
	mark(tally, number, true);
	tally->distinct++;
	note(tally, &tally->reordered, TALLY_REORDERED, number);
	if (tally->gap == number + 1)
		tally->gap = 0;
}

void tally_take(struct tally *tallies, unsigned senders, const uint64_t *message, size_t words)
{
	uint64_t whole = (message[0] - PLUS) * INVERSE, number = whole & ((UINT64_C(1) << SENDER_SHIFT) - 1);
	uint64_t sender = whole >> SENDER_SHIFT, wrong = 0;
	struct tally *tally = &tallies[sender < senders ? sender : 0];

	for (size_t i = 1; i < words; i++)
		wrong |= message[i] ^ (message[0] + i * STEP);
	tally->received++;
	/* a number that is far off is none that a sender has reached */
	if (wrong || sender >= senders || number > tally->next + TALLY_WINDOW) {
		note(tally, &tally->torn, TALLY_TORN, tally->received - 1);
		return;
	}
	if (number < tally->next) {
		take_late(tally, number);
		return;
	}
	if (number > tally->next && tally->gap == 0)
		tally->gap = tally->next + 1;
	for (; tally->next < number; tally->next++)
		mark(tally, tally->next, false);
	mark(tally, number, true);
	tally->next = number + 1;
	tally->distinct++;
}

uint64_t tally_lost(const struct tally *tally, uint64_t total)
{
	uint64_t known = tally->distinct + tally->torn, of = total == UINT64_MAX ? tally->next : total;

	return of > known ? of - known : 0;
}

int tally_words(const struct tally *tally, uint64_t total, char *out, size_t size)
{
	static const char *const words[] = { "lost", "doubled", "torn", "reordered" };
	uint64_t lost = tally_lost(tally, total), number = UINT64_MAX;
	enum tally_fault fault = TALLY_FAULTS;
	const uint64_t count[] = { lost, tally->doubled, tally->torn, tally->reordered };

	for (int f = 0; f < TALLY_FAULTS; f++) {
		uint64_t first = f == TALLY_LOST ? (tally->gap ? tally->gap - 1 : tally->next) : tally->first[f];

		if (count[f] && first < number) {
			number = first;
			fault = (enum tally_fault)f;
		}
	}
	if (fault == TALLY_FAULTS)
		return 0;
	snprintf(out, size,
		 "message %" PRIu64 " is %s (%" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64 " torn, %" PRIu64
		 " reordered of %" PRIu64 ")",
		 number, words[fault], lost, tally->doubled, tally->torn, tally->reordered,
		 total == UINT64_MAX ? tally->next : total);
	return 1;
}
