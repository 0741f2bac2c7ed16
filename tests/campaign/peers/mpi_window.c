/* A ring in a shared window of MPI, and MPI's own messages, as shmeter measures: two processes, slices of about a millisecond,
 * a probe of 64 round trips on one line before and after each.  The ring is examples/ring_c, the loops are those of stamped
 * plug-ins.  Prints a line per slice:
 *   window|messages round-trip|one-way BYTES PROBE_BEFORE PROBE_AFTER NS_PER_OPERATION INVOLUNTARY_SWITCHES
 * usage: mpirun -n 2 mpi_window PU PU SLICES */
#define _GNU_SOURCE
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "../../../examples/ring_c/ring.c"

#define CAPACITY    65536 /* as shmeter's own */
#define PROBE_TRIPS 64
#define LARGEST     4096

struct shared {
	_Alignas(128) _Atomic uint64_t turn; /* the leader writes odd numbers, the follower answers with even ones */
	_Alignas(128) uint64_t end_ns[2];
	long switches[2];
	_Alignas(128) char channels[];
};

static int rank;
static struct shared *shared;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double meet(uint64_t *turn)
{
	uint64_t start = 0;

	for (unsigned i = 0; i < PROBE_TRIPS + 4; i++, *turn += 2) {
		if (i == 4)
			start = now_ns();
		if (rank == 0)
			atomic_store_explicit(&shared->turn, *turn + 1, memory_order_release);
		while (atomic_load_explicit(&shared->turn, memory_order_acquire) != *turn + 1 + (rank == 0))
			;
		if (rank == 1)
			atomic_store_explicit(&shared->turn, *turn + 2, memory_order_release);
	}
	return (double)(now_ns() - start) / PROBE_TRIPS;
}

static bool mpi_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	(void)channel;
	return MPI_Send(message, (int)size, MPI_BYTE, !rank, 0, MPI_COMM_WORLD) == MPI_SUCCESS;
}

static bool mpi_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	(void)channel;
	return MPI_Recv(message, (int)size, MPI_BYTE, !rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE) == MPI_SUCCESS;
}

SHMETER_STAMP(messages, mpi_send, mpi_receive);

static void slice(const struct shmeter_stamped *loops, bool trips, struct shmeter_channel pair[2],
		  struct shmeter_batch *batch)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	if (trips && rank == 0)
		loops->ask(&pair[0], &pair[1], batch);
	else if (trips)
		loops->answer(&pair[0], &pair[1], batch);
	else
		(rank == 0 ? loops->send : loops->receive)(&pair[0], batch);
	shared->end_ns[rank] = now_ns();
	getrusage(RUSAGE_SELF, &after);
	shared->switches[rank] = after.ru_nivcsw - before.ru_nivcsw;
}

static void measure(const char *name, const struct shmeter_stamped *loops, bool trips, size_t bytes, unsigned slices,
		    uint64_t *turn)
{
	static _Alignas(64) uint64_t out[LARGEST / 8], in[LARGEST / 8];
	static const volatile uint32_t never;
	struct shmeter_channel pair[2] = { 0 };
	struct shmeter_batch batch = { .size = bytes, .out = out, .in = in };
	double before, after;

	batch.count = (trips ? 4000 : 30000) / (bytes > 1024 ? 10 : 1) / (loops == &messages ? 4 : 1);
	for (unsigned i = 0; i < 2; i++) {
		size_t room = (ring_bytes(CAPACITY, bytes) + 127) / 128 * 128;

		pair[i] = (struct shmeter_channel){ .memory = shared->channels + i * room,
						    .capacity = CAPACITY,
						    .message = bytes,
						    .over = (void *)&never };
		if (rank == 0)
			memset(pair[i].memory, 0, room);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	slice(loops, trips, pair, &batch); /* warms up */
	before = meet(turn);
	for (unsigned s = 0; s < slices; s++, before = after) {
		uint64_t start = now_ns();

		slice(loops, trips, pair, &batch);
		after = meet(turn);
		if (rank == 0)
			printf("%s %s %zu %.1f %.1f %.3f %ld\n", name, trips ? "round-trip" : "one-way", bytes, before,
			       after, (double)(shared->end_ns[!trips] - start) / (double)batch.count,
			       shared->switches[0] + shared->switches[1]);
	}
	if (batch.wrong) {
		fprintf(stderr, "%s: %llu messages arrived wrong\n", name, (unsigned long long)batch.wrong);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 8, 64, LARGEST };
	uint64_t turn = 0;
	unsigned slices;
	cpu_set_t set;
	MPI_Aint size = 0;
	MPI_Win window;
	int count, unit;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &count);
	if (argc != 4 || count != 2) {
		fprintf(stderr, "usage: mpirun -n 2 mpi_window PU PU SLICES\n");
		MPI_Abort(MPI_COMM_WORLD, 4);
	}
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1 + rank]), &set);
	sched_setaffinity(0, sizeof(set), &set);
	slices = (unsigned)atoi(argv[3]);
	if (rank == 0)
		size = sizeof(*shared) + 2 * (ring_bytes(CAPACITY, sizes[0]) + 128);
	MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &shared, &window);
	MPI_Win_shared_query(window, 0, &size, &unit, &shared);
	MPI_Win_lock_all(MPI_MODE_NOCHECK, window);
	if (rank == 0)
		memset(shared, 0, (size_t)size);
	MPI_Barrier(MPI_COMM_WORLD);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned trips = 0; trips < 2; trips++) {
			measure("window", &stamped, trips, sizes[i], slices, &turn);
			measure("messages", &messages, trips, sizes[i], slices, &turn);
		}
	MPI_Win_unlock_all(window);
	MPI_Win_free(&window);
	MPI_Finalize();
	return 0;
}
