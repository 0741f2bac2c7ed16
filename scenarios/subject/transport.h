/* What the transport scenarios share: the transports by number, a pair of channels, a worker's ends. */
#ifndef SHMETER_SUBJECT_TRANSPORT_H
#define SHMETER_SUBJECT_TRANSPORT_H

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "channel.h"
#include "message.h"
#include "shmeter/scenario.h"
/* one header per transport */
#include "fifo.h"
#include "mmap_file_ring.h"
#include "pipe.h"
#include "pipe_spin.h"
#include "pipe_vmsplice.h"
#include "plugin.h"
#include "posix_mq.h"
#include "posix_mq_spin.h"
#include "process_vm.h"
#include "shm_mutex_cond.h"
#include "shm_posix_sem.h"
#include "shm_ring.h"
#include "shm_ring_ck.h"
#include "shm_ring_futex.h"
#include "shm_slots.h"
#include "shm_sysv_sem.h"
#include "sysv_msg.h"
#include "tcp_loopback.h"
#include "tcp_loopback_spin.h"
#include "unix_dgram.h"
#include "unix_seqpacket.h"
#include "unix_stream.h"
#include "unix_stream_spin.h"

/* How long a sleeping transport spins before it sleeps.  If it spins for as long as sleeping and waking take, it
 * waits at most twice as long as with perfect knowledge of the future (A. Karlin et al., Empirical studies of
 * competitive spinning, SOSP 1991).  Sleeping and waking take 5 us on bare metal and 40 to 50 us between virtual
 * cores. */
#define TRANSPORT_SPIN_NS 20000
/* If the transport is a constant, only one case of each switch below remains. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { TRAIT_SPINS = 1, TRAIT_MANY = 2, TRAIT_FILE = 4, TRAIT_STREAM = 8, TRAIT_TWIN = 16 };

enum transport {
#define TRANSPORT(name, ...) TRANSPORT_##name,
#include "transports.def"
};

/* A variant whose `arg` is a transport. */
static inline enum transport transport_of(const struct sm_case *c)
{
	return (enum transport)(sm_case_variant(c)->arg & 0xff);
}

static inline unsigned transport_traits(enum transport transport)
{
	static const unsigned traits[] = {
#define TRANSPORT(name, summary, traits) traits,
#include "transports.def"
	};

	return traits[transport];
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: bytes = name##_bytes(capacity, message); break;
static ALWAYS_INLINE size_t transport_bytes(enum transport transport, size_t capacity, size_t message)
{
	size_t bytes = 0;

	switch (transport) {
#include "transports.def"
	}
	return (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: return name##_open(pair, err);
static ALWAYS_INLINE int transport_open(enum transport transport, struct channel pair[2], struct sm_error *err)
{
	switch (transport) {
#include "transports.def"
	}
	return -EINVAL;
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: name##_close(pair); break;
static ALWAYS_INLINE void transport_close(enum transport transport, struct channel pair[2])
{
	switch (transport) {
#include "transports.def"
	}
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: return name##_send(channel, buffer, bytes);
static ALWAYS_INLINE bool transport_send(enum transport transport, struct channel *channel, const void *buffer,
					 size_t bytes)
{
	switch (transport) {
#include "transports.def"
	}
	return false;
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: return name##_receive(channel, buffer, bytes);
static ALWAYS_INLINE bool transport_receive(enum transport transport, struct channel *channel, void *buffer,
					    size_t bytes)
{
	switch (transport) {
#include "transports.def"
	}
	return false;
}

#define TRANSPORT(name, ...)                                                                                           \
	case TRANSPORT_##name: return name##_offer(channel, buffer, bytes);
static inline size_t transport_offer(enum transport transport, struct channel *channel, const void *buffer,
				     size_t bytes)
{
	switch (transport) {
#include "transports.def"
	}
	return 0;
}

/* In the sending worker: prepares what only this process can.  See transport_join(). */
static inline int transport_attach(enum transport transport, struct channel *channel)
{
	switch (transport) {
	case TRANSPORT_pipe_vmsplice: return pipe_vmsplice_attach(channel);
	case TRANSPORT_process_vm: return process_vm_attach(channel);
	default: return 0;
	}
}

/* In each worker, before its first message: it sends on one channel of the pair and receives on another; -1: on none. */
static inline int transport_join(struct sm_worker *worker, struct channel pair[2], int sends_on, int receives_on)
{
	pair[0].abort = pair[1].abort = worker->abort;
	if (pair[0].plugged)
		return plugin_join(worker, pair, sends_on, receives_on);
	if (sends_on >= 0 && transport_attach(transport_of(worker->c), &pair[sends_on]) < 0)
		return sm_worker_fail(worker, ENOMEM, "no memory for the messages in flight");
	return 0;
}

/* The place for the next message: in `own` memory, unless the transport passes references.  NULL: the peer is gone. */
static ALWAYS_INLINE uint64_t *transport_place(enum transport transport, struct channel *channel, uint64_t *own)
{
	switch (transport) {
	case TRANSPORT_pipe_vmsplice: return pipe_vmsplice_place(channel);
	case TRANSPORT_process_vm: return process_vm_place(channel);
	default: return own;
	}
}

/* The first parameters of every scenario of the family, by position. */
enum { PARAM_MESSAGE, PARAM_CAPACITY };
#define TRANSPORT_MESSAGE(least, ...)                                                                                  \
	{                                                                                                              \
		.name = "message", .unit = "B", .summary = "bytes of a message", .min = least, .max = 1 << 26,         \
		__VA_ARGS__                                                                                            \
	}
#define TRANSPORT_CAPACITY                                                                                             \
	{                                                                                                              \
		.name = "capacity", .unit = "B",                                                                       \
		.summary = "bytes in flight, at least four messages, as near as the kernel allows",                    \
		.quick = SM_VALUES(65536), .min = 4096, .max = 1 << 28                                                 \
	}
/* Four: one being written, one being read, and one waiting at each end. */
#define TRANSPORT_MESSAGES_MIN 4

/* The bytes that each transport is asked to hold: the parameter, but at least four messages; a power of two. */
static inline size_t transport_capacity(const struct sm_case *c)
{
	uint64_t message = c->param[PARAM_MESSAGE], asked = c->param[PARAM_CAPACITY];
	uint64_t four = TRANSPORT_MESSAGES_MIN * message;
	uint64_t least = asked < four ? four : asked, capacity = 4096;

	while (capacity < least)
		capacity *= 2;
	return (size_t)capacity;
}

/* Shared memory of one channel; 0 also where a plug-in does not answer, which transport_supported() tells. */
static inline size_t transport_channel_bytes(const struct sm_case *c)
{
	const struct sm_plugged *plugged = sm_case_variant(c)->plugged;
	size_t capacity = transport_capacity(c), message = c->param[PARAM_MESSAGE], bytes;

	if (!plugged)
		return transport_bytes(transport_of(c), capacity, message);
	if (sm_plugin_bytes(plugged, capacity, message, &bytes, NULL) < 0)
		return 0;
	return (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

/* A channel each way. */
static inline size_t transport_region_bytes(const struct sm_case *c)
{
	return 2 * transport_channel_bytes(c);
}

/* Why a case makes no sense here, for any scenario of this family. */
static inline int transport_supported(const struct sm_case *c, struct sm_error *why)
{
	const struct sm_variant *variant = sm_case_variant(c);
	uint64_t message = c->param[PARAM_MESSAGE];
	size_t bytes;

	if (message % sizeof(uint64_t))
		return sm_fail(why, ENOTSUP, "messages are made of 8-byte words: %lu is no multiple of 8", message);
	if ((variant->spins || (transport_traits(transport_of(c)) & TRAIT_SPINS)) && c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "both ends share a PU, and a spinning end would only wait for the scheduler: "
			       "take one that sleeps, such as pipe or shm_ring_futex");
	return variant->plugged ? sm_plugin_bytes(variant->plugged, transport_capacity(c), message, &bytes, why) : 0;
}

/* Prepares one pair of channels whose memory starts at `memory`, and opens it. */
static inline int transport_open_pair(const struct sm_case *c, struct channel pair[2], void *memory,
				      struct sm_error *err)
{
	enum transport transport = transport_of(c);
	size_t capacity = transport_capacity(c), message = c->param[PARAM_MESSAGE];
	size_t bytes = transport_channel_bytes(c);
	unsigned turns = sm_spin_turns(TRANSPORT_SPIN_NS);

	for (int i = 0; i < 2; i++) {
		pair[i].memory = bytes ? (char *)memory + (size_t)i * bytes : NULL;
		pair[i].capacity = capacity;
		pair[i].message = message;
		pair[i].spin_turns = c->shared_pu ? 0 : turns;
		pair[i].plugged = sm_case_variant(c)->plugged;
	}
	return transport_open(transport, pair, err);
}

/* The bytes that a channel accepts before its sender would have to wait, while nobody reads.  For measure(): call it
 * in the parent, after the trial, when all messages have been received.  It leaves the channel full and polled. 0:
 * unknown. */
static inline uint64_t transport_held(const struct sm_case *c, struct channel pair[2])
{
	enum transport transport = transport_of(c);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), message = c->param[PARAM_MESSAGE], done;
	/* At a page boundary, like the messages of transports that pass pages. */
	char *memory = aligned_alloc(page, page + (message + page - 1) / page * page);
	uint64_t held = 0;

	if (!memory || descriptors_poll(pair, NULL) < 0)
		goto out_memory;
	memset(memory, 0, page + message);
	/* A stream may take a part of a message; then the rest follows. */
	for (size_t left = message;
	     (done = transport_offer(transport, &pair[0], memory + page + (message - left), left)) > 0;
	     left = left > done ? left - done : message)
		held += done;
out_memory:
	free(memory);
	return held;
}

/* The same in messages, including a partial one; NaN: unknown. */
static inline double transport_messages(const struct sm_case *c, struct channel pair[2])
{
	uint64_t held = transport_held(c, pair);

	return held ? (double)held / (double)c->param[PARAM_MESSAGE] : (double)NAN;
}

/* What a channel holds, as two further metrics of a scenario. */
#define TRANSPORT_HOLDS                                                                                                \
	{ SM_IN_FLIGHT, "messages" },                                                                                  \
	{                                                                                                              \
		"bytes in flight", "B"                                                                                 \
	}
static inline void transport_measure(const struct sm_case *c, struct channel pair[2], double value[2])
{
	value[0] = transport_messages(c, pair);
	value[1] = value[0] * (double)c->param[PARAM_MESSAGE];
}

/* A worker's own two buffers. */
struct transport_buffers {
	uint64_t *out, *in;
};

static inline uint64_t *transport_buffer(size_t bytes)
{
	char *memory = aligned_alloc(64, CHANNEL_HEADROOM + (bytes + 63) / 64 * 64);

	if (!memory)
		return NULL;
	memset(memory, 0, CHANNEL_HEADROOM + bytes);
	return (uint64_t *)(void *)(memory + CHANNEL_HEADROOM);
}

static inline int transport_buffers(struct sm_worker *worker, struct transport_buffers *buffers, size_t bytes)
{
	buffers->out = transport_buffer(bytes);
	buffers->in = transport_buffer(bytes);
	if (!buffers->out || !buffers->in)
		return sm_worker_fail(worker, ENOMEM, "no memory for a message of %zu bytes", bytes);
	return 0;
}

/* The variants of the family, in the order of transports.def. */
#define TRANSPORT_FILE_BACKED(traits)                                                                                  \
	{                                                                                                              \
		.backing = (traits)&TRAIT_FILE ? SM_FILE : SM_BACKING_UNSET                                            \
	}

/* The variant that a plug-in's transport becomes, where it is one. */
#define TRANSPORT_PLUGS                                                                                                \
	{                                                                                                              \
		{ .suffix = "", .words = "", .arg = TRANSPORT_plugin }, { 0 },                                         \
	}

#endif
