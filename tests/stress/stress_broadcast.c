/* Every ring of one writer and several readers, with random delays on all sides: no message is lost unseen, doubled,
 * overtaken or torn, and a reader that was lapped or dropped knows exactly how many it lost.
 * usage: stress_broadcast cursors|dropping|lapping|latest [PLANT [SECONDS]]
 *   lost, doubled, torn: one message is sent wrongly
 *   unwaited: the writer of cursors does not wait; untold: the writer of dropping tells nobody whom it drops
 *   unmarked: the writer does not mark a place that it writes; unchecked: a reader does not look at the mark again;
 *   uncounted: a lapped reader does not count what it lost */
#include "crew.h"

#include "subject/broadcast.h"

#define READERS  3u
#define MESSAGES 20000ul
#define BYTES    256u
#define WORDS    (BYTES / sizeof(uint64_t))
#define PLACES   8u /* few, so that all sides wait often */
#define PLANT_AT                                                                                                       \
	(way == DROPPING ? 2u : 1000u) /* number of the message that is sent wrongly, before anybody is dropped */

enum way { CURSORS, DROPPING, LAPPING, LATEST, WAYS };

struct shared {
	struct crew crew;
	_Atomic uint64_t seen, lost;
	_Atomic uint32_t found; /* ends all waits */
	char finding[160];      /* of the first reader that found something */
	union {
		struct broadcast ring;
		char memory[sizeof(struct broadcast) + PLACES * (sizeof(uint64_t) + BYTES)];
	};
};

static struct shared *shared;
static enum way way;
static uint64_t seen, lost;

static void send_unmarked(struct broadcast_end *end, const uint64_t *message)
{
	_Atomic uint64_t *mark = broadcast_place(end, end->next);

	broadcast_store(mark + 1, message, BYTES);
	atomic_store_explicit(mark, 2 * end->next + 2, memory_order_release);
	end->next++;
}

/* False: a reader has found something. */
static bool send_one(struct broadcast_end *end, const uint64_t *message)
{
	if (planted("unwaited"))
		end->limit = end->next;
	if (planted("untold") && end->next - end->limit >= PLACES)
		end->limit = end->next;
	if (planted("unmarked"))
		send_unmarked(end, message);
	else if (way == CURSORS)
		return cursors_send(end, message);
	else if (way == DROPPING)
		dropping_send(end, message);
	else
		lapping_send(end, message);
	return true;
}

static void write_all(struct broadcast_end *end)
{
	uint64_t out[WORDS], state = dawdle_seed(0);

	for (uint64_t i = 0; i < MESSAGES; i++, dawdle(&state)) {
		message_write(out, BYTES, i);
		if (i == PLANT_AT && planted("lost"))
			continue;
		if (i == PLANT_AT && planted("torn"))
			out[WORDS - 1] ^= 1;
		if (!send_one(end, out))
			return;
		if (i == PLANT_AT && planted("doubled"))
			send_one(end, out);
		if (i == PLANT_AT && planted("torn"))
			usleep(1000); /* before the writer can have dropped everybody who would see it */
		crew_step(&shared->crew, 0);
	}
	if (planted("lost")) /* who was sent one too few still waits for it */
		send_one(end, out);
}

/* As lapping_receive(), without the second look at the mark, whichever message is there, or with what was lost not counted. */
static bool receive_wrongly(struct broadcast_end *end, uint64_t *out)
{
	uint64_t before = end->lost;

	if (planted("unchecked")) {
		const _Atomic uint64_t *at = broadcast_place(end, end->next);
		uint64_t mark = atomic_load_explicit(at, memory_order_acquire);

		if (mark % 2 == 0 && mark / 2 > end->next) {
			end->lost += mark / 2 - 1 - end->next;
			end->next = mark / 2;
			broadcast_load(out, at + 1, BYTES / 2);
			sched_yield(); /* a slow reader */
			broadcast_load(out + WORDS / 2, at + 1 + WORDS / 2, BYTES / 2);
			return true;
		}
	}
	if (!lapping_receive(end, out))
		return false;
	if (planted("uncounted"))
		end->lost = before;
	return true;
}

static bool receive_one(struct broadcast_end *end, uint64_t *in)
{
	if (way == CURSORS)
		return cursors_receive(end, in);
	if (way == DROPPING)
		return dropping_receive(end, in);
	return planted("unchecked") || planted("uncounted") ? receive_wrongly(end, in) : lapping_receive(end, in);
}

/* Keeps the sentence of the first reader that finds something. */
#define FIND(...)                                                                                                      \
	do {                                                                                                           \
		if (!atomic_exchange(&shared->found, 1))                                                               \
			snprintf(shared->finding, sizeof(shared->finding), __VA_ARGS__);                               \
	} while (0)

static void check(const uint64_t *in, uint64_t due)
{
	uint64_t number = message_number(in);

	if (message_check(in, BYTES, due) == 0)
		return;
	if (message_check(in, BYTES, number))
		FIND("message %lu is torn", due);
	else if (number > due)
		FIND("message %lu is lost, unseen: here is %lu", due, number);
	else
		FIND("message %lu is doubled: here is %lu", due, number);
}

static void read_all(struct broadcast_end *end, unsigned number)
{
	uint64_t in[WORDS], state = dawdle_seed(number), got = 0;

	while (end->next < MESSAGES && !atomic_load_explicit(&shared->found, memory_order_relaxed)) {
		if (!receive_one(end, in)) { /* dropped, or another has found something */
			end->lost += MESSAGES - end->next;
			break;
		}
		check(in, end->next - 1);
		got++;
		crew_step(&shared->crew, number);
		dawdle(&state);
	}
	if (got + end->lost != MESSAGES)
		FIND("%lu messages were seen and %lu told lost, of %lu: some are lost, unseen", got, end->lost,
		     MESSAGES);
	atomic_fetch_add(&shared->seen, got);
	atomic_fetch_add(&shared->lost, end->lost);
}

static void take_part(unsigned number)
{
	struct broadcast_end end = { .ring = &shared->ring,
				     .places = way == LATEST ? 1 : PLACES,
				     .bytes = BYTES,
				     .readers = READERS,
				     .index = number - 1,
				     .yields = true,
				     .abort = &shared->found };

	broadcast_begin(&end);
	if (number == 0)
		write_all(&end);
	else
		read_all(&end, number);
}

static bool try_way(void)
{
	bool good;

	memset(shared, 0, sizeof(*shared));
	good = crew_run(&shared->crew, 1 + READERS, take_part);
	seen += shared->seen;
	lost += shared->lost;
	if (shared->found)
		printf("%s: %s\n", structure, shared->finding);
	return good && !shared->found;
}

int main(int argc, char **argv)
{
	static const char *const names[WAYS] = { "cursors", "dropping", "lapping", "latest" };
	double seconds = crew_arguments(argc, argv);
	int rc;

	way = (enum way)crew_find(names, WAYS);
	shared = crew_memory(sizeof(*shared));
	rc = crew_rounds(seconds, try_way);
	if (rc == 0 && (seen == 0 || (way != CURSORS && lost == 0))) {
		printf("%s: %lu messages were seen and %lu told lost: nothing was tried\n", structure, seen, lost);
		return 1;
	}
	return rc;
}
