/* Every way to read a record whole, between a writer and readers in other processes: not one record is torn.
 * usage: stress_snapshots seqlock|double_buffer|copy_swap [uncounted|unretried|aba|none [SECONDS]]
 *   uncounted: the seqlock's writer does not count; unretried: the reader takes what it read whether or not the writer was
 *   there; aba: the same for copy_swap, whose number is still of the copy that was chosen when a lap of writes went over it */
#include "crew.h"

#include "subject/snapshot.h"

#define PROCESSES 3u /* one writes */
#define WRITES    20000u

enum way { SEQLOCK, DOUBLE_BUFFER, COPY_SWAP, WAYS };

struct shared {
	struct crew crew;
	union {
		struct seqlock seqlock;
		struct double_buffer double_buffer;
		struct copy_swap copy_swap;
	};
	alignas(SM_LINE_PAIR) _Atomic bool written;
	_Atomic bool torn;
	uint64_t words[SNAPSHOT_WORDS]; /* of the first torn record */
};

static struct shared *shared;
static enum way way;
static uint64_t reads;

static void write_one(uint64_t stamp)
{
	switch (way) {
	case SEQLOCK:
		if (planted("uncounted"))
			record_store(&shared->seqlock.record, stamp);
		else
			seqlock_write(&shared->seqlock, stamp);
		break;
	case DOUBLE_BUFFER: double_buffer_write(&shared->double_buffer, stamp); break;
	case COPY_SWAP: copy_swap_write(&shared->copy_swap, stamp); break;
	case WAYS: break;
	}
}

static bool read_one(uint64_t words[SNAPSHOT_WORDS])
{
	switch (way) {
	case SEQLOCK: return seqlock_read(&shared->seqlock, words);
	case DOUBLE_BUFFER: return double_buffer_read(&shared->double_buffer, words);
	case COPY_SWAP: return copy_swap_read(&shared->copy_swap, words);
	case WAYS: break;
	}
	return false;
}

static void snap(unsigned number)
{
	uint64_t words[SNAPSHOT_WORDS], state = dawdle_seed(number);
	bool unretried = planted("unretried") || planted("aba");

	if (number == 0) {
		for (uint64_t i = 1; i <= WRITES; i++, dawdle(&state)) {
			write_one(i);
			crew_step(&shared->crew, number);
		}
		atomic_store(&shared->written, true);
		return;
	}
	/* relaxed: it only has to be seen some time. */
	while (!atomic_load_explicit(&shared->written, memory_order_relaxed)) {
		if (!read_one(words) && !unretried)
			continue;
		crew_step(&shared->crew, number);
		if (record_is_torn(words) && !atomic_exchange(&shared->torn, true))
			memcpy(shared->words, words, sizeof(words));
	}
}

static bool try_way(void)
{
	memset(shared, 0, sizeof(*shared));
	if (!crew_run(&shared->crew, PROCESSES, snap))
		return false;
	reads += crew_steps(&shared->crew) - WRITES;
	for (unsigned i = 1; shared->torn && i < SNAPSHOT_WORDS; i++)
		if (shared->words[i] != shared->words[0]) {
			printf("%s: words of writes %lu and %lu stand together\n", structure, shared->words[0],
			       shared->words[i]);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	static const char *const names[WAYS] = { "seqlock", "double_buffer", "copy_swap" };
	double seconds = crew_arguments(argc, argv);
	int rc;

	way = (enum way)crew_find(names, WAYS);
	shared = crew_memory(sizeof(*shared));
	rc = crew_rounds(seconds, try_way);
	if (rc == 0 && reads == 0) {
		printf("%s: nobody read\n", structure);
		return 1;
	}
	return rc;
}
