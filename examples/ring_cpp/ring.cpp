// ring_cpp: a transport for shmeter, in C++17.  shmeter/plugin.h says what each function does.
#include <atomic>
#include <cstring>

#include "shmeter/plugin_stamp.h"

namespace
{

// ---- yours from here: a ring of one sender and one receiver, which works ----
struct ring { // zeroed memory is an empty ring; never keep a pointer in it: addresses differ between processes
	alignas(128) std::atomic<uint64_t> sent, received;
	alignas(128) char slot[1];
};

bool ring_send(shmeter_channel *channel, const void *message, size_t size)
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

bool ring_receive(shmeter_channel *channel, void *message, size_t size)
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

size_t ring_bytes(size_t capacity, size_t message)
{
	return sizeof(ring) + capacity / message * message;
}

int ring_open(shmeter_channel *)
{
	return 0;
}

SHMETER_STAMP(stamped, ring_send, ring_receive); // compiles the timed loops in, which then call no pointers

shmeter_transport describe()
{
	shmeter_transport transport = {};

	transport.struct_size = sizeof(transport);
	transport.name = "ring_cpp";
	transport.summary = "a ring in C++";
	transport.traits = SHMETER_SPINS; // it waits by spinning only
	transport.bytes = ring_bytes;
	transport.open = ring_open;
	transport.send = ring_send;
	transport.receive = ring_receive;
	transport.stamped = &stamped;
	return transport;
}

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_transport transport = describe();
	static const shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
