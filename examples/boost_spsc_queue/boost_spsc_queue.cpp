// Boost.Lockfree spsc_queue in shared memory.  A queue whose size is set at run time keeps a pointer to its elements, so
// the size is a template argument.  The elements are words: push() and pop() move as many as there is room for.
#include <boost/lockfree/spsc_queue.hpp>

#include <cerrno>
#include <new>

#include "shmeter/plugin.h"

namespace
{

template <size_t Bytes> using queue_of = boost::lockfree::spsc_queue<uint64_t, boost::lockfree::capacity<Bytes / 8>>;

// Calls `visit` with the queue of that capacity, 4 KiB to 16 MiB; returns 0 or false for any other.
template <class Visit>
auto with_queue(size_t capacity, void *memory, Visit visit) -> decltype(visit(static_cast<queue_of<4096> *>(memory)))
{
#define CAPACITY(bits)                                                                                                 \
	case 1ul << (bits): return visit(static_cast<queue_of<1ul << (bits)> *>(memory));
	switch (capacity) {
		CAPACITY(12)
		CAPACITY(13)
		CAPACITY(14)
		CAPACITY(15)
		CAPACITY(16)
		CAPACITY(17)
		CAPACITY(18)
		CAPACITY(19)
		CAPACITY(20)
		CAPACITY(21)
		CAPACITY(22)
		CAPACITY(23)
		CAPACITY(24)
	}
#undef CAPACITY
	return {};
}

size_t bytes(size_t capacity, size_t)
{
	return with_queue(capacity, nullptr, [](auto *queue) { return sizeof(*queue); });
}

int open(shmeter_channel *pair)
{
	for (int i = 0; i < 2; i++)
		if (!with_queue(pair[i].capacity, pair[i].memory, [](auto *queue) {
			    new (queue) typename std::remove_pointer<decltype(queue)>::type;
			    return true;
		    }))
			return ENOTSUP;
	return 0;
}

bool send(shmeter_channel *channel, const void *message, size_t size)
{
	return with_queue(channel->capacity, channel->memory, [&](auto *queue) {
		const auto *word = static_cast<const uint64_t *>(message), *end = word + size / 8;

		while ((word += queue->push(word, end - word)) != end)
			if (shmeter_is_over(channel))
				return false;
		return true;
	});
}

bool receive(shmeter_channel *channel, void *message, size_t size)
{
	return with_queue(channel->capacity, channel->memory, [&](auto *queue) {
		auto *word = static_cast<uint64_t *>(message), *end = word + size / 8;

		while ((word += queue->pop(word, end - word)) != end)
			if (shmeter_is_over(channel))
				return false;
		return true;
	});
}

const shmeter_transport transport = { sizeof(shmeter_transport),
				      "boost_spsc_queue",
				      "Boost.Lockfree spsc_queue",
				      SHMETER_SPINS,
				      bytes,
				      open,
				      nullptr,
				      send,
				      receive,
				      nullptr,
				      {} };

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
