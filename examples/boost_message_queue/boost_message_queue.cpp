// Boost.Interprocess message_queue: a named queue in shared memory under a mutex, with conditions to sleep on.
#include <boost/date_time/posix_time/posix_time_types.hpp>
#include <boost/interprocess/ipc/message_queue.hpp>

#include "shmeter/plugin.h"

namespace
{

using boost::interprocess::message_queue;

// How long a wait lasts before it looks whether the peer is gone.
boost::posix_time::ptime soon()
{
	return boost::posix_time::microsec_clock::universal_time() + boost::posix_time::milliseconds(100);
}

size_t bytes(size_t, size_t)
{
	return 0; // the queue has a shared memory object of its own
}

int open(shmeter_channel *pair)
{
	try {
		for (int i = 0; i < 2; i++)
			message_queue(boost::interprocess::create_only, pair[i].name,
				      pair[i].capacity / pair[i].message, pair[i].message);
	} catch (const boost::interprocess::interprocess_exception &e) {
		return e.get_native_error() ? e.get_native_error() : EIO;
	}
	return 0;
}

int attach(shmeter_channel *channel, bool)
{
	try {
		channel->own = new message_queue(boost::interprocess::open_only, channel->name);
	} catch (const boost::interprocess::interprocess_exception &e) {
		return e.get_native_error() ? e.get_native_error() : EIO;
	}
	return 0;
}

bool send(shmeter_channel *channel, const void *message, size_t size)
try {
	auto *queue = static_cast<message_queue *>(channel->own);

	if (queue->try_send(message, size, 0))
		return true;
	while (!queue->timed_send(message, size, 0, soon()))
		if (shmeter_is_over(channel))
			return false;
	return true;
} catch (const boost::interprocess::interprocess_exception &) {
	return false;
}

bool receive(shmeter_channel *channel, void *message, size_t size)
try {
	auto *queue = static_cast<message_queue *>(channel->own);
	message_queue::size_type got;
	unsigned priority;

	if (queue->try_receive(message, size, got, priority))
		return got == size;
	while (!queue->timed_receive(message, size, got, priority, soon()))
		if (shmeter_is_over(channel))
			return false;
	return got == size;
} catch (const boost::interprocess::interprocess_exception &) {
	return false;
}

void close(shmeter_channel *pair)
{
	for (int i = 0; i < 2; i++)
		message_queue::remove(pair[i].name);
}

const shmeter_transport transport = { sizeof(shmeter_transport),
				      "boost_message_queue",
				      "Boost.Interprocess message_queue",
				      SHMETER_MANY | SHMETER_FRAGILE,
				      bytes,
				      open,
				      attach,
				      send,
				      receive,
				      close,
				      {} };

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
