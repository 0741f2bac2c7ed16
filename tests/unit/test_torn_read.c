/* A reader is overtaken by whole writes at each of its loads in turn: which ways let it take words of different writes. */
#include <criterion/criterion.h>
#include <stdatomic.h>

static void overtake(void);

#undef atomic_load_explicit
#define atomic_load_explicit(object, order) (overtake(), __atomic_load_n(object, order))
#define sm_scenario_torn_read               torn_read
#include "correctness/torn_read.c"

static struct shared memory;
static enum way reads;
static uint64_t stamp;
static unsigned loads, at, writes; /* loads so far; before which one how many writes fall */

static void overtake(void)
{
	if (loads++ != at)
		return;
	for (unsigned i = 0; i < writes; i++)
		put(&memory, reads, ++stamp);
}

/* Whether words of different writes are taken where `count` writes overtake some load. */
static bool is_taken_torn(enum way way, unsigned count)
{
	uint64_t words[SNAPSHOT_WORDS];
	bool torn = false;

	reads = way;
	writes = count;
	for (at = 0; at < 2 * SNAPSHOT_WORDS; at++) {
		loads = at + 1; /* not in this one */
		put(&memory, way, ++stamp);
		loads = 0;
		torn |= take(&memory, way, words) && record_is_torn(words);
	}
	return torn;
}

Test(torn_read, without_care_by_one_write)
{
	cr_expect(is_taken_torn(PLAIN, 1));
}

Test(torn_read, a_plain_double_buffer_by_two_writes)
{
	cr_expect(!is_taken_torn(DOUBLE_BUFFER_PLAIN, 1));
	cr_expect(is_taken_torn(DOUBLE_BUFFER_PLAIN, 2));
}

Test(torn_read, never_with_a_second_look)
{
	for (unsigned count = 1; count <= 2 * SNAPSHOT_COPIES; count++) {
		cr_expect(!is_taken_torn(SEQLOCK, count), "seqlock, %u writes", count);
		cr_expect(!is_taken_torn(DOUBLE_BUFFER, count), "double buffer, %u writes", count);
		cr_expect(!is_taken_torn(COPY_SWAP, count), "copies, %u writes", count);
	}
}
