// A ring of one sender and one receiver in C++17: a counter for each side on lines of its own, whole messages.
#include <atomic>
#include <cstring>

#include "shmeter/plugin_stamp.h"

namespace
{

struct ring {
	alignas(128) std::atomic<uint64_t> sent;
	alignas(128) std::atomic<uint64_t> received;
	alignas(128) char slot[1];
};

size_t bytes(size_t capacity, size_t message)
{
	return sizeof(ring) + capacity / message * message;
}

int open(shmeter_channel *)
{
	return 0; // zeroed memory is an empty ring
}

bool send(shmeter_channel *channel, const void *message, size_t size)
{
	auto *r = static_cast<ring *>(channel->memory);
	const uint64_t slots = channel->capacity / size, mine = r->sent.load(std::memory_order_relaxed);

	while (mine - r->received.load(std::memory_order_acquire) == slots)
		if (shmeter_is_over(channel))
			return false;
	std::memcpy(r->slot + mine % slots * size, message, size);
	r->sent.store(mine + 1, std::memory_order_release);
	return true;
}

bool receive(shmeter_channel *channel, void *message, size_t size)
{
	auto *r = static_cast<ring *>(channel->memory);
	const uint64_t slots = channel->capacity / size, mine = r->received.load(std::memory_order_relaxed);

	while (r->sent.load(std::memory_order_acquire) == mine)
		if (shmeter_is_over(channel))
			return false;
	std::memcpy(message, r->slot + mine % slots * size, size);
	r->received.store(mine + 1, std::memory_order_release);
	return true;
}

SHMETER_STAMP(stamped, send, receive);

const shmeter_transport transport = { sizeof(shmeter_transport),
				      "ring_cpp",
				      "a ring in C++",
				      SHMETER_SPINS,
				      bytes,
				      open,
				      nullptr,
				      send,
				      receive,
				      nullptr,
				      { &stamped } };

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
