// The rings of two other projects with shmeter's timed loops over them, for the plug-in and for their own benchmarks.
#ifndef SHMETER_TESTS_OWN_H
#define SHMETER_TESTS_OWN_H

#include <atomic_queue/atomic_queue.h>
#include <rigtorp/SPSCQueue.h>

#include "shmeter/plugin_stamp.h"

namespace own
{

using word = std::uint64_t;

template <class Allocator> void put(rigtorp::SPSCQueue<word, Allocator> &queue, word message)
{
	queue.emplace(message);
}

template <class Allocator> word take(rigtorp::SPSCQueue<word, Allocator> &queue)
{
	while (!queue.front())
		;
	word message = *queue.front();
	queue.pop();
	return message;
}

template <class Queue> void put(Queue &queue, word message)
{
	queue.push(message);
}

template <class Queue> word take(Queue &queue)
{
	return queue.pop();
}

template <class Queue> bool send(shmeter_channel *channel, const void *message, std::size_t)
{
	put(*static_cast<Queue *>(channel->memory), *static_cast<const word *>(message));
	return true;
}

template <class Queue> bool receive(shmeter_channel *channel, void *message, std::size_t)
{
	*static_cast<word *>(message) = take(*static_cast<Queue *>(channel->memory));
	return true;
}

// The loops of a stamped plug-in, which know nothing of the size: noipa.
template <class Queue> struct loops {
	__attribute__((flatten, noipa)) static uint64_t sends(shmeter_channel *to, shmeter_batch *batch)
	{
		return shmeter_send_loop(own::send<Queue>, to, batch);
	}
	__attribute__((flatten, noipa)) static uint64_t receives(shmeter_channel *from, shmeter_batch *batch)
	{
		return shmeter_receive_loop(own::receive<Queue>, from, batch);
	}
	__attribute__((flatten, noipa)) static uint64_t asks(shmeter_channel *to, shmeter_channel *from,
							     shmeter_batch *batch)
	{
		return shmeter_ask_loop(own::send<Queue>, own::receive<Queue>, to, from, batch);
	}
	__attribute__((flatten, noipa)) static uint64_t answers(shmeter_channel *from, shmeter_channel *to,
								shmeter_batch *batch)
	{
		return shmeter_answer_loop(own::send<Queue>, own::receive<Queue>, from, to, batch);
	}
	static constexpr shmeter_stamped stamped = { sizeof(shmeter_stamped), sends, receives, asks, answers, {} };
};

// What shmeter's side of a loop has, in a process or a thread.
template <class Queue> struct side {
	alignas(64) word out[8] = {};
	alignas(64) word in[8] = {};
	shmeter_channel one = {}, other = {};
	shmeter_batch batch = {};

	side(Queue &first, Queue &second, uint64_t count)
	{
		one.memory = &first;
		other.memory = &second;
		batch.count = count;
		batch.size = sizeof(word);
		batch.out = out;
		batch.in = in;
	}
};

template <class Queue> void stream(Queue &queue, uint64_t count, bool sends)
{
	side<Queue> s(queue, queue, count);

	(sends ? loops<Queue>::sends : loops<Queue>::receives)(&s.one, &s.batch);
}

template <class Queue> void trips(Queue &first, Queue &second, uint64_t count, bool asks)
{
	side<Queue> s(first, second, count);

	(asks ? loops<Queue>::asks : loops<Queue>::answers)(&s.one, &s.other, &s.batch);
}

} // namespace own

#endif
