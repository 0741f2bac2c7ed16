/* Numbered messages that tell what happened to them: made by senders, judged by the receiver. */
#ifndef SHMETER_PROOF_TALLY_H
#define SHMETER_PROOF_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Messages that may be missing at once and still be told from doubled ones. */
#define TALLY_WINDOW 65536u

enum tally_fault { TALLY_LOST, TALLY_DOUBLED, TALLY_TORN, TALLY_REORDERED, TALLY_FAULTS };

/* The messages of one sender, as a receiver got them.  All zero: none yet. */
struct tally {
	uint64_t received; /* all, also wrong ones */
	uint64_t distinct; /* whole messages, each counted once */
	uint64_t next;     /* one more than the highest number so far */
	uint64_t torn, doubled, reordered;
	uint64_t gap;                 /* the first number that was left out, plus 1; 0: none */
	uint64_t first[TALLY_FAULTS]; /* the first message that it happened to, by number or place */
	unsigned char seen[TALLY_WINDOW / 8];
};

/* Fills message `number` of sender `sender` (below 256); `words` of 8 bytes, at least 1. */
void tally_write(uint64_t *message, size_t words, unsigned sender, uint64_t number);
/* Judges a message: adds it to the tally of its sender, or as torn to that of the first. */
void tally_take(struct tally *tallies, unsigned senders, const uint64_t *message, size_t words);
/* Messages that are missing, of `total`; UINT64_MAX: of those before the last that came. */
uint64_t tally_lost(const struct tally *tally, uint64_t total);
/* Says what is wrong, such as "message 1000 is lost (1 lost, 0 doubled, 0 torn, 0 reordered of 5000)".  Returns whether
 * anything is. */
int tally_words(const struct tally *tally, uint64_t total, char *out, size_t size);

#endif
