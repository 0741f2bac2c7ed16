// The rings of two other projects as transports of shmeter, as their own benchmarks use them: 8 bytes, and as many slots.
// peers_own.py compiles it with their headers.
#include <cerrno>
#include <new>

#include "own.h"

namespace
{

using own::word;

// An allocator of the memory behind the queue.  The queue points to it, so all processes need one address: the workers of a
// run have it.
struct behind {
	using value_type = word;
	word *slots;

	word *allocate(std::size_t)
	{
		return slots;
	}
	void deallocate(word *, std::size_t) {}
};

using spsc = rigtorp::SPSCQueue<word, behind>;

template <class Queue> struct place {
	static constexpr std::size_t bytes = sizeof(Queue);
	static void make(void *memory)
	{
		new (memory) Queue;
	}
};

template <> struct place<spsc> {
	static constexpr std::size_t bytes = sizeof(spsc) + (SLOTS + 1 + 2 * 8) * sizeof(word);
	static void make(void *memory)
	{
		new (memory) spsc(SLOTS, behind{ reinterpret_cast<word *>(static_cast<char *>(memory) + sizeof(spsc)) });
	}
};

template <class Queue> std::size_t bytes(std::size_t, std::size_t)
{
	return place<Queue>::bytes;
}

template <class Queue> int open(shmeter_channel *pair)
{
	if (pair[0].message != sizeof(word))
		return ENOTSUP;
	place<Queue>::make(pair[0].memory);
	place<Queue>::make(pair[1].memory);
	return 0;
}

template <class Queue> shmeter_transport describe(const char *name, const char *summary)
{
	shmeter_transport one = {};

	one.struct_size = sizeof(one);
	one.name = name;
	one.summary = summary;
	one.traits = SHMETER_SPINS;
	one.bytes = bytes<Queue>;
	one.open = open<Queue>;
	one.send = own::send<Queue>;
	one.receive = own::receive<Queue>;
	one.stamped = &own::loops<Queue>::stamped;
	return one;
}

// The `Optimist` queues of atomic_queue's benchmark.
template <unsigned slots> using atomic1 = atomic_queue::AtomicQueue<word, slots, 0, false, false, false, true>;
template <unsigned slots> using atomic2 = atomic_queue::AtomicQueue2<word, slots, false, false, false, true>;

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_transport list[] = {
		describe<spsc>("own_spsc", "rigtorp's SPSCQueue"),
		describe<atomic1<TRIP_SLOTS>>("own_trip_1", "AtomicQueue with the slots of a round trip"),
		describe<atomic2<TRIP_SLOTS>>("own_trip_2", "AtomicQueue2, likewise"),
		describe<atomic1<STREAM_SLOTS>>("own_stream_1", "AtomicQueue with the slots of a stream"),
		describe<atomic2<STREAM_SLOTS>>("own_stream_2", "AtomicQueue2, likewise"),
	};
	static const shmeter_export plugin = SHMETER_PLUGIN(sizeof(list) / sizeof(list[0]), list);

	return &plugin;
}
