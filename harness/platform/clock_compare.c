/* Checks that several PUs have the same clock. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdalign.h>
#include <sys/mman.h>

#include "shmeter/clock.h"
#include "shmeter/spin.h"
#include "shmeter/team.h"
#include "shmeter/topology.h"

#define PUS_MAX 16u
/* Round trips per pair, each under a microsecond: enough that the shortest time occurs several times. */
#define TRIPS       128u
#define DEADLINE_NS 200000000u

/* What the first PU and one other pass back and forth. */
struct pair {
	alignas(SM_LINE_PAIR) _Atomic uint64_t word; /* odd: the first PU has sent; both write */
	uint64_t stamp;                              /* the sender's clock */
	alignas(SM_LINE_PAIR) int64_t there_ns;      /* shortest time to the other PU, which writes it */
	alignas(SM_LINE_PAIR) int64_t back_ns;       /* shortest time back; the first PU writes it */
};

struct compared {
	const struct sm_topology *topology;
	uint64_t (*read)(unsigned member);
	unsigned count, pu[PUS_MAX];
	alignas(SM_LINE_PAIR) _Atomic uint32_t abort;
	struct pair pair[PUS_MAX]; /* pair[i] has members 0 and i */
};

static uint64_t read_clock(const struct compared *all, unsigned member)
{
	return all->read ? all->read(member) : sm_clock_ns();
}

static bool await(struct compared *all, struct pair *pair, uint64_t value)
{
	/* acquire: the stamp; pairs with the release in send(). */
	for (unsigned turns = 0; atomic_load_explicit(&pair->word, memory_order_acquire) != value;)
		if (!sm_spin(&turns, &all->abort))
			return false;
	return true;
}

/* Reads the clock before it stores the word; the receiver reads its clock after it has seen the word. */
static void send(struct compared *all, struct pair *pair, unsigned member, uint64_t value)
{
	pair->stamp = read_clock(all, member);
	/* release: the stamp before the word; pairs with the acquire in await(). */
	atomic_store_explicit(&pair->word, value, memory_order_release);
}

static void receive(struct compared *all, const struct pair *pair, unsigned member, int64_t *shortest)
{
	int64_t way = (int64_t)(read_clock(all, member) - pair->stamp);

	*shortest = way < *shortest ? way : *shortest;
}

static int pass_stamps(void *argument, unsigned member)
{
	struct compared *all = argument;
	unsigned from = member ? member : 1, to = member ? member + 1 : all->count;

	if (sm_topology_pin(all->topology, all->pu[member], NULL) < 0)
		return 1;
	for (unsigned i = from; i < to; i++) {
		struct pair *pair = &all->pair[i];
		int64_t shortest = INT64_MAX;

		for (uint64_t trip = 0; trip < TRIPS; trip++) {
			if (member == 0)
				send(all, pair, 0, 2 * trip + 1);
			if (!await(all, pair, 2 * trip + (member ? 1 : 2)))
				return 1;
			receive(all, pair, member, &shortest);
			if (member > 0)
				send(all, pair, member, 2 * trip + 2);
		}
		*(member ? &pair->there_ns : &pair->back_ns) = shortest;
	}
	return 0;
}

/* A transfer that seems to take less than no time means that the receiver's clock is behind. */
static int judge(const struct compared *all, struct sm_clock_report *report, struct sm_error *err)
{
	report->pus = all->count;
	report->apart_ns = 0;
	for (unsigned i = 1; i < all->count; i++) {
		const struct pair *pair = &all->pair[i];
		int64_t least = pair->there_ns < pair->back_ns ? pair->there_ns : pair->back_ns;
		int64_t most = pair->there_ns > pair->back_ns ? pair->there_ns : pair->back_ns;

		if (least < 0)
			return sm_fail(err, EIO,
				       "the clock of PU %u is at least %lld ns behind that of PU %u: times "
				       "between processes would be wrong; look at the kernel's clock source "
				       "(/sys/devices/system/clocksource)",
				       all->pu[pair->there_ns < 0 ? i : 0], (long long)-least,
				       all->pu[pair->there_ns < 0 ? 0 : i]);
		report->apart_ns = fmax(report->apart_ns, (double)most);
	}
	return 0;
}

int sm_clock_compare(const struct sm_topology *topology, uint64_t (*read)(unsigned member),
		     struct sm_clock_report *report, struct sm_error *err)
{
	unsigned count, first;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	struct sm_team team = { 0 };
	struct compared *all;
	int rc = 0;

	report->pus = 1;
	report->apart_ns = (double)NAN;
	if (count < 2)
		return 0;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return sm_fail(err, errno, "no memory to compare the clocks of %u PUs", count);
	all->topology = topology;
	all->read = read;
	all->count = count < PUS_MAX ? count : PUS_MAX;
	for (unsigned i = 0; i < all->count; i++)
		all->pu[i] = pus[(uint64_t)i * (count - 1) / (all->count - 1)].os_index;
	/* Workers that cannot be started, pinned or finished in time say nothing about the clocks. */
	if (sm_team_start(&team, all->count, "clocks", pass_stamps, all, &all->abort, NULL) == 0 &&
	    sm_team_wait(&team, sm_clock_ns() + DEADLINE_NS, NULL, &first) == SM_TEAM_DONE)
		rc = judge(all, report, err);
	sm_team_free(&team);
	munmap(all, sizeof(*all));
	return rc;
}
