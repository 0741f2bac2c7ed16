// max0x7ba/atomic_queue between two processes: AtomicQueue2 for one producer and one consumer, whose elements and their
// states are members of the queue.  Size and number of the elements are template arguments.
#include <atomic_queue/atomic_queue.h>

#include <cerrno>
#include <new>

#include "shmeter/plugin.h"

namespace
{

template <size_t Size> struct element {
	char bytes[Size];
};

// What shmeter asks for by default: 64 KiB in flight, and at least four messages.
constexpr size_t capacity_of(size_t size)
{
	return size <= 16384 ? 65536 : 4 * size;
}

template <size_t Size>
using queue_of = atomic_queue::AtomicQueue2<element<Size>, capacity_of(Size) / Size, true, true, false, true>;

template <size_t Size> struct at {
	using element_type = element<Size>;
	queue_of<Size> *queue;
};

// Calls `visit` with the queue for messages of that size; returns 0 or false for a size that is not compiled in.
template <class Visit> auto with_queue(size_t size, void *memory, Visit visit) -> decltype(visit(at<64>{}))
{
#define MESSAGES_OF(size)                                                                                              \
	case size: return visit(at<size>{ static_cast<queue_of<size> *>(memory) });
	switch (size) {
		MESSAGES_OF(8)
		MESSAGES_OF(64)
		MESSAGES_OF(256)
		MESSAGES_OF(1024)
		MESSAGES_OF(4096)
		MESSAGES_OF(16384)
		MESSAGES_OF(65536)
	}
#undef MESSAGES_OF
	return {};
}

size_t bytes(size_t, size_t message)
{
	return with_queue(message, nullptr, [](auto it) { return sizeof(*it.queue); });
}

int open(shmeter_channel *pair)
{
	for (int i = 0; i < 2; i++)
		if (pair[i].capacity != capacity_of(pair[i].message) ||
		    !with_queue(pair[i].message, pair[i].memory, [](auto it) {
			    new (it.queue) typename std::remove_pointer<decltype(it.queue)>::type;
			    return true;
		    }))
			return ENOTSUP;
	return 0;
}

bool send(shmeter_channel *channel, const void *message, size_t size)
{
	return with_queue(size, channel->memory, [=](auto it) {
		const auto *element = static_cast<const typename decltype(it)::element_type *>(message);

		while (!it.queue->try_push(*element))
			if (shmeter_is_over(channel))
				return false;
		return true;
	});
}

bool receive(shmeter_channel *channel, void *message, size_t size)
{
	return with_queue(size, channel->memory, [=](auto it) {
		auto *element = static_cast<typename decltype(it)::element_type *>(message);

		while (!it.queue->try_pop(*element))
			if (shmeter_is_over(channel))
				return false;
		return true;
	});
}

const shmeter_transport transport = { sizeof(shmeter_transport),
				      "atomic_queue",
				      "max0x7ba/atomic_queue, AtomicQueue2 for one producer and one consumer",
				      SHMETER_SPINS | SHMETER_FRAGILE,
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
