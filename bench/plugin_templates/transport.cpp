// my_plugin: a transport for shmeter.  shmeter/plugin.h says what each function does.
#include <atomic>
#include <cstring>

#include "shmeter/plugin.h"

namespace
{

// ---- yours from here: a ring of one sender and one receiver, which works ----
struct ring { // zeroed memory is an empty ring; never keep a pointer in it: addresses differ between processes
	alignas(128) std::atomic<uint64_t> sent, received;
	alignas(128) char slot[1];
};

bool my_send(shmeter_channel *channel, const void *message, size_t size)
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

bool my_receive(shmeter_channel *channel, void *message, size_t size)
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
// ---- yours to here ----

size_t my_bytes(size_t capacity, size_t message)
{
	return sizeof(ring) + capacity / message * message;
}

int my_open(shmeter_channel *)
{
	return 0;
}

shmeter_transport describe()
{
	shmeter_transport transport = {};

	transport.struct_size = sizeof(transport);
	transport.name = "my_plugin";
	transport.summary = "a ring of mine";
	transport.traits = SHMETER_SPINS; // it waits by spinning only
	transport.bytes = my_bytes;
	transport.open = my_open;
	transport.send = my_send;
	transport.receive = my_receive;
	return transport;
}

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_transport transport = describe();
	static const shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
