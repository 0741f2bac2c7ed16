// The rings of two other projects as transports of shmeter, as their own benchmarks use them: 8 bytes, and as many slots.
// peers_own.py compiles it with their headers.
#include <atomic_queue/atomic_queue.h>
#include <cerrno>
#include <new>
#include <rigtorp/SPSCQueue.h>

#include "shmeter/plugin_stamp.h"

namespace
{

using word = std::uint64_t;

// Lies in the channel's memory, with its slots behind it.  The queue points to them, so all processes need one address: the
// workers of a run have it.
struct spsc {
	struct behind { // the allocator
		using value_type = word;
		word *slots;

		word *allocate(std::size_t)
		{
			return slots;
		}
		void deallocate(word *, std::size_t) {}
	};
	using queue = rigtorp::SPSCQueue<word, behind>;

	static std::size_t bytes()
	{
		return sizeof(queue) + (SLOTS + 1 + 2 * 8) * sizeof(word);
	}
	static void make(void *memory)
	{
		new (memory) queue(SLOTS, behind{ reinterpret_cast<word *>(static_cast<char *>(memory) + sizeof(queue)) });
	}
	static void put(void *memory, word message)
	{
		static_cast<queue *>(memory)->emplace(message);
	}
	static word take(void *memory)
	{
		auto *ring = static_cast<queue *>(memory);

		while (!ring->front())
			;
		word message = *ring->front();
		ring->pop();
		return message;
	}
};

// A queue of atomic_queue's, as the `Optimist` ones of its benchmark.
template <class Queue> struct optimist {
	static std::size_t bytes()
	{
		return sizeof(Queue);
	}
	static void make(void *memory)
	{
		new (memory) Queue;
	}
	static void put(void *memory, word message)
	{
		static_cast<Queue *>(memory)->push(message);
	}
	static word take(void *memory)
	{
		return static_cast<Queue *>(memory)->pop();
	}
};

template <class Ring> struct transport {
	static std::size_t bytes(std::size_t, std::size_t)
	{
		return Ring::bytes();
	}
	static int open(shmeter_channel *pair)
	{
		if (pair[0].message != sizeof(word))
			return ENOTSUP;
		Ring::make(pair[0].memory);
		Ring::make(pair[1].memory);
		return 0;
	}
	static bool send(shmeter_channel *channel, const void *message, std::size_t)
	{
		Ring::put(channel->memory, *static_cast<const word *>(message));
		return true;
	}
	static bool receive(shmeter_channel *channel, void *message, std::size_t)
	{
		*static_cast<word *>(message) = Ring::take(channel->memory);
		return true;
	}
};

template <unsigned slots> using atomic1 = atomic_queue::AtomicQueue<word, slots, 0, false, false, false, true>;
template <unsigned slots> using atomic2 = atomic_queue::AtomicQueue2<word, slots, false, false, false, true>;
using spsc_ring = transport<spsc>;
using trip_1 = transport<optimist<atomic1<TRIP_SLOTS>>>;
using trip_2 = transport<optimist<atomic2<TRIP_SLOTS>>>;
using stream_1 = transport<optimist<atomic1<STREAM_SLOTS>>>;
using stream_2 = transport<optimist<atomic2<STREAM_SLOTS>>>;

SHMETER_STAMP(spsc_loops, spsc_ring::send, spsc_ring::receive);
SHMETER_STAMP(trip_1_loops, trip_1::send, trip_1::receive);
SHMETER_STAMP(trip_2_loops, trip_2::send, trip_2::receive);
SHMETER_STAMP(stream_1_loops, stream_1::send, stream_1::receive);
SHMETER_STAMP(stream_2_loops, stream_2::send, stream_2::receive);

template <class T>
shmeter_transport describe(const char *name, const char *summary, const shmeter_stamped *loops)
{
	shmeter_transport one = {};

	one.struct_size = sizeof(one);
	one.name = name;
	one.summary = summary;
	one.traits = SHMETER_SPINS;
	one.bytes = T::bytes;
	one.open = T::open;
	one.send = T::send;
	one.receive = T::receive;
	one.stamped = loops;
	return one;
}

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_transport list[] = {
		describe<spsc_ring>("own_spsc", "rigtorp's SPSCQueue", &spsc_loops),
		describe<trip_1>("own_trip_1", "AtomicQueue with the slots of a round trip", &trip_1_loops),
		describe<trip_2>("own_trip_2", "AtomicQueue2, likewise", &trip_2_loops),
		describe<stream_1>("own_stream_1", "AtomicQueue with the slots of a stream", &stream_1_loops),
		describe<stream_2>("own_stream_2", "AtomicQueue2, likewise", &stream_2_loops),
	};
	static const shmeter_export plugin = SHMETER_PLUGIN(sizeof(list) / sizeof(list[0]), list);

	return &plugin;
}
