/* The table of sentences. */
#include "sentences.h"

#include <string.h>

const struct sm_sentence sm_sentences[] = {
#define SM_SENTENCE(number_, text_, claims_, needs_)                                                                   \
	{ .number = (number_), .text = (text_), .claims = (claims_), .needs = (needs_) },
#include "sentences.def"
#undef SM_SENTENCE
	{ 0 },
};

bool sm_sentence_names(const struct sm_sentence *sentence, const char *claim)
{
	size_t length;

	for (const char *at = sentence->claims; *at; at += strspn(at, " ")) {
		at += *at == '!';
		length = strcspn(at, " ");
		if (length > 2 && strncmp(at + length - 2, ".*", 2) == 0) {
			if (strncmp(at, claim, length - 2) == 0 && strchr(".", claim[length - 2]))
				return true; /* '.' or the end */
		} else if (strncmp(at, claim, length) == 0 && claim[length] == '\0') {
			return true;
		}
		at += length;
	}
	return false;
}
