/* Question: what does it cost to publish a record of several words that no reader may see half-written?
 * Method:   worker 0 writes records whose words are all equal, worker 1 reads them, both as fast as they can.
 *           `sequence` is a sequence lock: an odd number while the record changes, and a reader that saw it change
 *           reads again (H.-J. Boehm, Can seqlocks get along with programming language memory models?, MSPC 2012).
 *           `unchecked` reads without looking at it.
 * Not shown: several readers; a writer that waits between two records.
 * Cost of the loop: the words are compared with each other, in both variants. */
#include <errno.h>

#include "shmeter/scenario.h"

enum { UNCHECKED, SEQUENCE };
enum { TALLY_TORN, TALLY_AGAIN }; /* of the reader */
enum { WORDS_MOST = 64 };

struct record {
	_Alignas(SM_LINE_PAIR) _Atomic uint64_t sequence;
	_Alignas(SM_LINE_PAIR) _Atomic uint64_t word[WORDS_MOST];
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct record);
}

static uint64_t publish(struct record *record, uint64_t words, uint64_t count)
{
	uint64_t sequence = atomic_load_explicit(&record->sequence, memory_order_relaxed);

	for (uint64_t i = 0; i < count; i++, sequence += 2) {
		atomic_store_explicit(&record->sequence, sequence + 1, memory_order_relaxed);
		atomic_thread_fence(memory_order_release); /* the odd number before the words */
		for (uint64_t w = 0; w < words; w++)
			atomic_store_explicit(&record->word[w], sequence, memory_order_relaxed);
		atomic_store_explicit(&record->sequence, sequence + 2, memory_order_release);
	}
	return count;
}

/* Whether all words are of one record. */
static bool copy(const struct record *record, uint64_t words)
{
	uint64_t first = atomic_load_explicit(&record->word[0], memory_order_relaxed), different = 0;

	for (uint64_t w = 1; w < words; w++)
		different |= first ^ atomic_load_explicit(&record->word[w], memory_order_relaxed);
	return different == 0;
}

static uint64_t look(struct sm_worker *worker, const struct record *record, uint64_t words, bool checked)
{
	uint64_t done = 0, before, after;
	unsigned turns = 0;
	bool whole;

	while (done < worker->op_count) {
		before = atomic_load_explicit(&record->sequence, memory_order_acquire);
		whole = copy(record, words);
		atomic_thread_fence(memory_order_acquire); /* the words before the number */
		after = atomic_load_explicit(&record->sequence, memory_order_relaxed);
		if (checked && (before != after || before % 2)) {
			worker->outcome->tally[TALLY_AGAIN]++;
			if (!sm_spin(&turns, worker->abort))
				break;
			continue;
		}
		worker->outcome->tally[TALLY_TORN] += !whole;
		done++;
	}
	return done;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t words = sm_case_param(worker->c, "words");

	if (worker->index == 0)
		return publish(worker->region, words, worker->op_count);
	return look(worker, worker->region, words, sm_case_variant(worker->c)->arg == SEQUENCE);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct record *record = trial->region;
	uint64_t published = atomic_load(&record->sequence) / 2, torn = sm_trial_tally(trial, TALLY_TORN);

	if (published != trial->outcome[0]->ops)
		return sm_fail(err, EILSEQ, "%llu of %llu records were published", (unsigned long long)published,
			       (unsigned long long)trial->outcome[0]->ops);
	if (torn && sm_case_variant(trial->c)->arg == SEQUENCE)
		return sm_fail(err, EILSEQ, "%llu records were read half-written", (unsigned long long)torn);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	double reads = (double)trial->outcome[1]->ops;

	value[0] = (double)sm_trial_tally(trial, TALLY_TORN);
	value[1] = reads > 0 ? (double)sm_trial_tally(trial, TALLY_AGAIN) / reads : 0;
}

static const struct sm_variant variants[] = {
	{ .name = "unchecked", .summary = "the reader takes what it finds", .arg = UNCHECKED },
	{ .name = "sequence", .summary = "the reader reads again if the record changed meanwhile", .arg = SEQUENCE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "publish_snapshot.torn",
	  .text = "a reader that looks at no sequence number sees half-written records",
	  .source = "Boehm, MSPC 2012",
	  .at = "words=64",
	  SM_METRIC("unchecked", "torn reads", .min = 1, .max = 1e18, .once = true) },
	{ .id = "publish_snapshot.whole",
	  .text = "a reader with a sequence lock sees none",
	  .source = "Boehm, MSPC 2012",
	  .at = "words=64",
	  .control = "publish_snapshot.torn",
	  SM_METRIC("sequence", "torn reads", .max = 0) },
	{ 0 },
};

static const struct sm_scenario scenario = {
	.name = "publish_snapshot",
	.family = "examples",
	.question = "What does it cost to publish a record that no reader may see half-written?",
	.summary = "One process writes records of several words, another one reads them.",
	.why = "The lines of the record and of its number move between the caches, and what changed is read again.",
	.variants = variants,
	.claims = claims,
	.params = { { .name = "words",
		      .unit = "1",
		      .summary = "8-byte words of a record",
		      .quick = SM_VALUES(8, 64),
		      .full = SM_VALUES(2, 4, 8, 16, 32, 64),
		      .min = 2,
		      .max = WORDS_MOST } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR },
	.metric = { "time per record, written and read", "ns/op" },
	.more = { { "torn reads", "1" }, { "repeated reads", "1/op" } },
	.region_bytes = region_bytes,
	.run = run,
	.verify = verify,
	.measure = measure,
};

SM_PLUGIN(&scenario);
