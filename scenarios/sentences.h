/* What people say about shared memory, and the claims that test it: sentences.def, in its order. */
#ifndef SHMETER_SCENARIOS_SENTENCES_H
#define SHMETER_SCENARIOS_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

struct sm_sentence {
	unsigned number;
	const char *text;   /* without its full stop */
	const char *claims; /* separated by spaces, as sentences.def explains; "": none yet */
	const char *needs;  /* what would test it; "": its claims say so */
};
extern const struct sm_sentence sm_sentences[]; /* ends with a NULL text */

/* Whether the sentence names the claim, alone ("K5") or with its variants ("K5.*"). */
bool sm_sentence_names(const struct sm_sentence *sentence, const char *claim);

#endif
