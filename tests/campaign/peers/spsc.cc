// Measures rings of other projects, and short byte rings, as shmeter measures its own: two pinned threads, slices of
// about a millisecond, a probe of 64 round trips on one line before and after each slice.  Prints a line per slice:
//   QUEUE throughput|round-trip PROBE_BEFORE PROBE_AFTER NS_PER_OPERATION
// usage: spsc CPU CPU SLICES        messages of 64 bytes, 1024 in flight, written and checked in full
#include <atomic>
#include <atomic_queue/atomic_queue.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <rigtorp/SPSCQueue.h>
#include <sched.h>
#include <thread>
#include <time.h>

static constexpr unsigned in_flight = 1024;
static constexpr unsigned probe_trips = 64;
static constexpr std::uint64_t step = 0x9e3779b97f4a7c15u;

struct Message {
	std::uint64_t word[8];

	void write(std::uint64_t number)
	{
		for (unsigned i = 0; i < 8; i++)
			word[i] = (number + 1) * step + i;
	}
	std::uint64_t wrong(std::uint64_t number) const
	{
		std::uint64_t wrong = 0;

		for (unsigned i = 0; i < 8; i++)
			wrong |= word[i] ^ ((number + 1) * step + i);
		return wrong;
	}
};

static std::uint64_t now_ns()
{
	timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return static_cast<std::uint64_t>(t.tv_sec) * 1000000000u +
	       static_cast<std::uint64_t>(t.tv_nsec);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct Rigtorp {
	rigtorp::SPSCQueue<Message> queue{ in_flight };

	void put(const Message &message)
	{
		queue.push(message);
	}
	void take(Message &message)
	{
		while (!queue.front())
			;
		message = *queue.front();
		queue.pop();
	}
};

struct AtomicQueue {
	atomic_queue::AtomicQueue2<Message, in_flight, true, true, false, true> queue;

	void put(const Message &message)
	{
		queue.push(message);
	}
	void take(Message &message)
	{
		message = queue.pop();
	}
};

// A ring of bytes with cached indices; each side loads its own index from the line that the other one polls, which
// shmeter's sides do not.  A message's length is compiled in, or read at run time by a copy that is called.
template <bool Compiled> struct ByteRing {
	static constexpr std::size_t capacity = in_flight * sizeof(Message);
	static constexpr auto own = std::memory_order_relaxed;
	alignas(128) std::atomic<std::uint64_t> head{ 0 };
	std::uint64_t tail_seen = 0;
	alignas(128) std::atomic<std::uint64_t> tail{ 0 };
	std::uint64_t head_seen = 0;
	alignas(128) char data[capacity];
	alignas(128) volatile std::size_t length = sizeof(Message);

	__attribute__((noinline)) static void copy(void *to, const void *from, std::size_t bytes)
	{
		std::memcpy(to, from, bytes);
	}
	static void move(void *to, const void *from, std::size_t bytes)
	{
		if (Compiled)
			std::memcpy(to, from, sizeof(Message));
		else
			copy(to, from, bytes);
	}
	void put(const Message &message)
	{
		std::uint64_t at = head.load(own), bytes = Compiled ? sizeof(Message) : length;

		// acquire: take() has finished its reads there; pairs with its store
		while (capacity - (at - tail_seen) < bytes)
			tail_seen = tail.load(std::memory_order_acquire);
		move(data + at % capacity, &message, bytes);
		// release: the data before the index; pairs with take()'s load
		head.store(at + bytes, std::memory_order_release);
	}
	void take(Message &message)
	{
		std::uint64_t at = tail.load(own), bytes = Compiled ? sizeof(Message) : length;

		while (head_seen - at < bytes)
			head_seen = head.load(std::memory_order_acquire);
		move(&message, data + at % capacity, bytes);
		tail.store(at + bytes, std::memory_order_release);
	}
};

// The line for meetings of both sides: the leader writes even numbers, the follower answers with odd ones.
static std::atomic<std::uint64_t> line;

static double meet(bool leader, std::uint64_t &turn)
{
	std::uint64_t start = 0;

	for (unsigned i = 0; i < probe_trips + 4; i++, turn += 2) {
		if (i == 4)
			start = now_ns();
		if (leader) {
			line.store(turn + 1, std::memory_order_release);
			while (line.load(std::memory_order_acquire) != turn + 2)
				;
		} else {
			while (line.load(std::memory_order_acquire) != turn + 1)
				;
			line.store(turn + 2, std::memory_order_release);
		}
	}
	return static_cast<double>(now_ns() - start) / probe_trips;
}

template <class Queue> struct Bench {
	Queue there, back;
	std::uint64_t sent[2] = {}, received[2] = {}, wrong = 0;

	void stream(bool leader, std::uint64_t n)
	{
		Message message;

		for (std::uint64_t i = 0; i < n; i++)
			if (leader) {
				message.write(sent[0]++);
				there.put(message);
			} else {
				there.take(message);
				wrong |= message.wrong(received[0]++);
			}
	}
	void trips(bool leader, std::uint64_t n)
	{
		Message message;

		for (std::uint64_t i = 0; i < n; i++)
			if (leader) {
				message.write(sent[0]++);
				there.put(message);
				back.take(message);
			} else {
				there.take(message);
				wrong |= message.wrong(received[0]++);
				back.put(message);
			}
	}
};

template <class Queue> static void measure(const char *name, int cpu[2], unsigned slices)
{
	auto *bench = new Bench<Queue>;
	std::uint64_t *ends = new std::uint64_t[2];

	for (int mode = 0; mode < 2; mode++) {
		std::uint64_t n = mode == 0 ? 30000 : 5000;

		line.store(0);
		auto side = [&](bool leader) {
			std::uint64_t turn = 0;
			double before, after;

			pin(cpu[leader ? 0 : 1]);
			before = meet(leader, turn);
			for (unsigned s = 0; s < slices; s++) {
				std::uint64_t start = now_ns(), took;

				if (mode == 0)
					bench->stream(leader, n);
				else
					bench->trips(leader, n);
				ends[leader ? 0 : 1] = now_ns();
				after = meet(leader, turn);
				// the stream ends when its last message is received
				took = (mode == 0 ? ends[1] : ends[0]) - start;
				if (leader)
					std::printf("%s %s %.1f %.1f %.3f\n", name,
						    mode == 0 ? "throughput" : "round-trip", before,
						    after,
						    static_cast<double>(took) /
							    static_cast<double>(n));
				before = after;
			}
		};
		std::thread other(side, false);

		side(true);
		other.join();
	}
	if (bench->wrong) {
		std::fprintf(stderr, "%s: a message arrived wrong\n", name);
		std::exit(1);
	}
}

int main(int argc, char **argv)
{
	int cpu[2] = { argc > 1 ? std::atoi(argv[1]) : 0, argc > 2 ? std::atoi(argv[2]) : 1 };
	unsigned slices = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 200;

	measure<Rigtorp>("rigtorp/SPSCQueue", cpu, slices);
	measure<AtomicQueue>("max0x7ba/atomic_queue", cpu, slices);
	measure<ByteRing<true>>("byte-ring-compiled", cpu, slices);
	measure<ByteRing<false>>("byte-ring-run-time", cpu, slices);
	return 0;
}
