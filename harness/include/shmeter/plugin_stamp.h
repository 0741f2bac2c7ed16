/* Timed loops that are stamped into a plug-in, so that no call through a pointer lies between two messages (docs/plugins.md).
 * C11 and later, C++11 and later.  Optional; the rest of the interface is plugin.h.
 *
 *   SHMETER_STAMP(stamped, ring_send, ring_receive);    after the two functions, which send and receive one message
 *   .stamped = &stamped                                 in the struct shmeter_transport
 *
 * transport_latency and transport_throughput then call one function of the plug-in a slice.  The last message of a slice
 * and every other scenario call send() and receive().  The loops below write and check each message with the code that shmeter's own loops use.  That
 * code runs in the plug-in, so shmeter looks at it: see "Stamped loops" in docs/plugins.md. */
#ifndef SHMETER_PLUGIN_STAMP_H
#define SHMETER_PLUGIN_STAMP_H

#include "shmeter/plugin.h"

/* The content of messages: words that depend on the number of the message.  Knuth's multiplicative constant (The Art of
 * Computer Programming, 6.4): consecutive numbers get words that share few bits. */
#define SHMETER_MESSAGE_STEP 0x9e3779b97f4a7c15u

/* Writes message `number` in full; `bytes` is a multiple of 8. */
static inline void shmeter_message_write(uint64_t *words, size_t bytes, uint64_t number)
{
	uint64_t base = (number + 1) * SHMETER_MESSAGE_STEP;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = base + i;
}

/* Returns 0 if every word is that of message `number`. */
static inline uint64_t shmeter_message_check(const uint64_t *words, size_t bytes, uint64_t number)
{
	uint64_t base = (number + 1) * SHMETER_MESSAGE_STEP, wrong = 0;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		wrong |= words[i] ^ (base + i);
	return wrong;
}

/* What a loop is asked and what it tells.  shmeter sets all; the loop counts `sent`, `received` and `wrong` up. */
struct shmeter_batch {
	uint64_t count;    /* messages to pass, or round trips */
	size_t size;       /* bytes of each message */
	uint64_t sent;     /* number of the next message that this process sends */
	uint64_t received; /* number of the next message that it receives */
	uint64_t wrong;    /* messages that were not the one that was due, word by word */
	uint64_t *out;     /* one message that is written and sent, at a multiple of 64 */
	uint64_t *in;      /* one message that is received and checked, likewise */
	void *reserved[4];
};

/* Four loops, in the workers.  Each returns how many messages or round trips it passed: less than `count` only where send()
 * or receive() returned false. */
struct shmeter_stamped {
	size_t struct_size; /* sizeof(struct shmeter_stamped) */
	uint64_t (*send)(struct shmeter_channel *to, struct shmeter_batch *batch);
	uint64_t (*receive)(struct shmeter_channel *from, struct shmeter_batch *batch);
	/* Sends, then waits for the answer; waits for a message, then answers. */
	uint64_t (*ask)(struct shmeter_channel *to, struct shmeter_channel *from, struct shmeter_batch *batch);
	uint64_t (*answer)(struct shmeter_channel *from, struct shmeter_channel *to, struct shmeter_batch *batch);
	void *reserved[4]; /* NULL */
};

/* From here on: what SHMETER_STAMP() is made of. */
#define SHMETER_ALWAYS_INLINE static inline __attribute__((always_inline))
typedef bool shmeter_send_one(struct shmeter_channel *channel, const void *message, size_t size);
typedef bool shmeter_receive_one(struct shmeter_channel *channel, void *message, size_t size);

SHMETER_ALWAYS_INLINE bool shmeter_put(shmeter_send_one *send_one, struct shmeter_channel *to,
				       struct shmeter_batch *batch, size_t size)
{
	shmeter_message_write(batch->out, size, batch->sent);
	if (!send_one(to, batch->out, size))
		return false;
	batch->sent++;
	return true;
}

SHMETER_ALWAYS_INLINE bool shmeter_take(shmeter_receive_one *receive_one, struct shmeter_channel *from,
					struct shmeter_batch *batch, size_t size)
{
	if (!receive_one(from, batch->in, size))
		return false;
	batch->wrong += shmeter_message_check(batch->in, size, batch->received) != 0;
	batch->received++;
	return true;
}

SHMETER_ALWAYS_INLINE uint64_t shmeter_send_loop(shmeter_send_one *send_one, struct shmeter_channel *to,
						 struct shmeter_batch *batch)
{
	const uint64_t count = batch->count;
	const size_t size = batch->size;

	for (uint64_t i = 0; i < count; i++)
		if (!shmeter_put(send_one, to, batch, size))
			return i;
	return count;
}

SHMETER_ALWAYS_INLINE uint64_t shmeter_receive_loop(shmeter_receive_one *receive_one, struct shmeter_channel *from,
						    struct shmeter_batch *batch)
{
	const uint64_t count = batch->count;
	const size_t size = batch->size;

	for (uint64_t i = 0; i < count; i++)
		if (!shmeter_take(receive_one, from, batch, size))
			return i;
	return count;
}

SHMETER_ALWAYS_INLINE uint64_t shmeter_ask_loop(shmeter_send_one *send_one, shmeter_receive_one *receive_one,
						struct shmeter_channel *to, struct shmeter_channel *from,
						struct shmeter_batch *batch)
{
	const uint64_t count = batch->count;
	const size_t size = batch->size;

	for (uint64_t i = 0; i < count; i++)
		if (!shmeter_put(send_one, to, batch, size) || !shmeter_take(receive_one, from, batch, size))
			return i;
	return count;
}

SHMETER_ALWAYS_INLINE uint64_t shmeter_answer_loop(shmeter_send_one *send_one, shmeter_receive_one *receive_one,
						   struct shmeter_channel *from, struct shmeter_channel *to,
						   struct shmeter_batch *batch)
{
	const uint64_t count = batch->count;
	const size_t size = batch->size;

	for (uint64_t i = 0; i < count; i++)
		if (!shmeter_take(receive_one, from, batch, size) || !shmeter_put(send_one, to, batch, size))
			return i;
	return count;
}

/* Defines NAME, a struct shmeter_stamped, from two functions of the plug-in, which are inlined (flatten). */
#define SHMETER_STAMP(name, send_one, receive_one)                                                                     \
	__attribute__((flatten)) static uint64_t name##_send(struct shmeter_channel *to, struct shmeter_batch *batch)  \
	{                                                                                                              \
		return shmeter_send_loop(send_one, to, batch);                                                         \
	}                                                                                                              \
	__attribute__((flatten)) static uint64_t name##_receive(struct shmeter_channel *from,                          \
								struct shmeter_batch *batch)                           \
	{                                                                                                              \
		return shmeter_receive_loop(receive_one, from, batch);                                                 \
	}                                                                                                              \
	__attribute__((flatten)) static uint64_t name##_ask(struct shmeter_channel *to, struct shmeter_channel *from,  \
							    struct shmeter_batch *batch)                               \
	{                                                                                                              \
		return shmeter_ask_loop(send_one, receive_one, to, from, batch);                                       \
	}                                                                                                              \
	__attribute__((flatten)) static uint64_t name##_answer(                                                        \
		struct shmeter_channel *from, struct shmeter_channel *to, struct shmeter_batch *batch)                 \
	{                                                                                                              \
		return shmeter_answer_loop(send_one, receive_one, from, to, batch);                                    \
	}                                                                                                              \
	static const struct shmeter_stamped name = {                                                                   \
		sizeof(struct shmeter_stamped), name##_send, name##_receive, name##_ask, name##_answer, { NULL }       \
	}

#endif
