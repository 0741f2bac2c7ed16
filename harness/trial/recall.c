/* Remembers where teams were seated.  Choosing the seats on a machine of a thousand PUs takes milliseconds, and
 * thousands of cases of a plan ask for the same few teams. */
#include <stdlib.h>
#include <string.h>

#include "hold.h"
#include "shmeter/memory.h"

static const struct sm_seating *find(const struct sm_seatings *known, enum sm_placement placement, unsigned workers)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->at[i].seats.asked == placement && known->at[i].workers == workers)
			return &known->at[i];
	return NULL;
}

static const struct sm_seating *learn(struct sm_seatings *known, const struct sm_topology *topology,
				      enum sm_placement placement, unsigned workers)
{
	struct sm_seating *one;

	if ((known->count & (known->count - 1)) == 0) { /* doubles at powers of two */
		size_t room = known->count ? 2 * known->count : 1;
		struct sm_seating *more = realloc(known->at, room * sizeof(*more));

		if (!more)
			sm_no_memory();
		known->at = more;
	}
	one = &known->at[known->count++];
	memset(one, 0, sizeof(*one));
	one->workers = workers;
	one->rc = sm_topology_seat(topology, placement, NULL, 0, workers, &one->seats, &one->why);
	one->seats.asked = placement;
	return one;
}

int trial_recall(struct sm_seatings *known, const struct sm_topology *topology, enum sm_placement placement,
		 unsigned workers, struct sm_seats *out, struct sm_error *err)
{
	const struct sm_seating *one = find(known, placement, workers);

	if (!one)
		one = learn(known, topology, placement, workers);
	if (one->rc < 0)
		return sm_fail(err, -one->rc, "%s", one->why.text);
	*out = one->seats;
	out->seat = sm_memory((workers ? workers : 1) * sizeof(*out->seat));
	memcpy(out->seat, one->seats.seat, workers * sizeof(*out->seat));
	return 0;
}

void sm_seatings_free(struct sm_seatings *known)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->at[i].rc == 0)
			sm_seats_free(&known->at[i].seats);
	free(known->at);
	*known = (struct sm_seatings){ .at = NULL };
}
