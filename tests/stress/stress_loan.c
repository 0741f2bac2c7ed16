/* Several processes take chunks of a pool in shared memory, fill and check them, and give them back: no chunk is ever with
 * two, and none is missing at the end.
 * usage: stress_loan loan [untagged|early|doubled|lost|none [SECONDS]]
 *   untagged: the head of a free list does not count its changes (ABA); early: a chunk is given back before it was checked;
 *   doubled: one is given back twice; lost: one is not given back */
#include "crew.h"

static uint64_t loan_tag = 1ull << 32;
#define LOAN_TAG loan_tag
#include "subject/loan.h"

#define PROCESSES CREW
#define TURNS     20000u
#define CLASSES   2u
#define CHUNKS    (2u * PROCESSES) /* each process has two at most */
#define PLANT_AT  1000u

struct shared {
	struct crew crew;
	_Atomic bool found;
	alignas(SM_LINE_PAIR) struct loan_pool pool;
	char rest[1 << 16];
};

static struct shared *shared;

static void fill(uint64_t ticket, uint64_t mark)
{
	_Atomic uint64_t *words = loan_at(&shared->pool, ticket);

	for (unsigned i = 0; i < LOAN_LEAST / sizeof(*words); i++)
		atomic_store_explicit(&words[i], mark, memory_order_relaxed);
}

static void check(uint64_t ticket, uint64_t mark)
{
	_Atomic uint64_t *words = loan_at(&shared->pool, ticket);

	for (unsigned i = 0; i < LOAN_LEAST / sizeof(*words); i++)
		if (atomic_load_explicit(&words[i], memory_order_relaxed) != mark)
			atomic_store(&shared->found, true);
}

static uint64_t take(unsigned class)
{
	uint64_t ticket;

	while ((ticket = loan_take(&shared->pool, class)) == LOAN_NONE &&
	       !atomic_load_explicit(&shared->found, memory_order_relaxed))
		sched_yield();
	return ticket;
}

/* Takes two, and gives them back in the order in which they came: their places on the list change. */
static void take_turns(unsigned number)
{
	uint64_t state = dawdle_seed(number);

	for (uint64_t i = 0; i < TURNS && !atomic_load_explicit(&shared->found, memory_order_relaxed); i++) {
		uint64_t mark = (uint64_t)number << 32 | i, ticket[2];

		for (unsigned j = 0; j < 2; j++) {
			ticket[j] = take((unsigned)(i % CLASSES));
			if (ticket[j] == LOAN_NONE)
				return;
			fill(ticket[j], mark + j * TURNS);
		}
		dawdle(&state);
		for (unsigned j = 0; j < 2; j++) {
			if (planted("early"))
				loan_give_back(&shared->pool, ticket[j]);
			check(ticket[j], mark + j * TURNS);
			if (!planted("early") && !(planted("lost") && number + j == 0 && i == PLANT_AT))
				loan_give_back(&shared->pool, ticket[j]);
			if (planted("doubled") && i == PLANT_AT)
				loan_give_back(&shared->pool, ticket[j]);
		}
		crew_step(&shared->crew, number);
	}
}

static bool try_pool(void)
{
	bool good;

	memset(shared, 0, sizeof(*shared));
	loan_init(&shared->pool, CLASSES, CHUNKS);
	good = crew_run(&shared->crew, PROCESSES, take_turns);
	if (shared->found) {
		printf("%s: a chunk was with two processes at once\n", structure);
		return false;
	}
	for (unsigned class = 0; good && class < CLASSES; class ++) {
		unsigned free = 0;

		while (free <= CHUNKS && loan_take(&shared->pool, class) != LOAN_NONE)
			free++;
		if (free != CHUNKS) {
			printf("%s: %u of %u chunks of class %u are free at the end\n", structure, free, CHUNKS, class);
			return false;
		}
	}
	return good;
}

int main(int argc, char **argv)
{
	double seconds = crew_arguments(argc, argv);

	crew_find((const char *const[]){ "loan" }, 1);
	loan_tag = planted("untagged") ? 0 : loan_tag;
	shared = crew_memory(sizeof(*shared));
	if (loan_bytes(CLASSES, CHUNKS) > sizeof(shared->pool) + sizeof(shared->rest))
		return 2;
	return crew_rounds(seconds, try_pool);
}
