/* Bring your own transport: what a plug-in exports (docs/plugins.md).  C11 and later, C++11 and later.
 *
 * A plug-in is a shared object with one function, shmeter_plugin(), which returns a constant list of transports.  Each
 * becomes a variant of the scenarios about messages: `shmeter run transport_latency --plugin ./ring.so`.
 *
 * The life of a transport in a trial:
 *   bytes()    in a process of its own: how much shared memory one direction needs
 *   open()     in a process of its own, before the workers: makes both directions in zeroed memory
 *   attach()   in each worker, once for each direction that it uses
 *   send() and receive()  in the workers, between the stamps; each message is written and checked in full
 *   close()    in a process of its own, after the workers, even if open() failed or a worker was killed
 * No function runs in shmeter's own process.  One that crashes, exits or does not return costs its own cases: the first,
 * second and last of these have 5 s, the others as long as the trial; what they print goes nowhere.  What open() leaves to
 * the workers is what processes share: the memory, and named objects.
 *
 * The interface grows by its reserved members, which are NULL; SHMETER_PLUGIN_ABI changes where that is not enough. */
#ifndef SHMETER_PLUGIN_H
#define SHMETER_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHMETER_PLUGIN_MAGIC 0x676c70656d68732eull /* ".shmeplg" in memory of a little-endian machine */
#define SHMETER_PLUGIN_ABI   1u
#define SHMETER_PLUGIN_MAX   16u /* transports of one plug-in */

/* Properties of a transport. */
#define SHMETER_SPINS 1u /* waits by spinning only, so both ends need PUs (logical CPUs) of their own */
#define SHMETER_MANY  2u /* takes messages of several senders at once, each whole */

/* One direction, as one process sees it.  shmeter sets all but `own`. */
struct shmeter_channel {
	void *memory;         /* bytes() bytes that the processes share, at a multiple of 128; NULL where bytes() is 0.
				 Zeroed before open() */
	size_t capacity;      /* bytes in flight: at least four messages; a power of two from 4096 on */
	size_t message;       /* bytes of every message; a multiple of 8 */
	const char *name;     /* for named objects: letters, digits and "-", at most 31; no other channel of this
				 machine has it */
	const uint32_t *over; /* see shmeter_is_over(); written by other processes: read it atomically, relaxed */
	uint32_t spin_turns;  /* who waits should spin this many turns before it sleeps; 0 where the ends share a PU */
	uint32_t direction;   /* 0 or 1: the place in the pair */
	void *own;            /* for the plug-in: set by attach(), read by send() and receive() of this process */
	void *reserved[4];
};

/* Whether the peer is gone: then a wait has to end, and send() or receive() to return false.  A waiting end calls this now
 * and then, such as every 1024 turns. */
static inline bool shmeter_is_over(const struct shmeter_channel *channel)
{
	return __atomic_load_n(channel->over, __ATOMIC_RELAXED) != 0;
}

struct shmeter_stamped; /* plugin_stamp.h */

/* All functions but attach() and close() must be there. */
struct shmeter_transport {
	size_t struct_size; /* sizeof(struct shmeter_transport) */
	const char *name;   /* lower-case letters, digits and "_", from a letter on, at most 31 */
	const char
		*summary; /* a few words for tables: "a ring in shared memory"; at most 79 characters, no full stop */
	uint64_t traits;  /* SHMETER_SPINS | ... */
	/* Shared memory of one direction; 0: none.  Depends on the arguments alone. */
	size_t (*bytes)(size_t capacity, size_t message);
	/* Both return 0 or an errno.  `sends`: this process sends on this channel; otherwise it receives. */
	int (*open)(struct shmeter_channel pair[2]);
	int (*attach)(struct shmeter_channel *channel, bool sends);
	/* Copies one message of `size` bytes in or out; waits for room or for a message.  Returns false when the peer is
	 * gone, or when the transport failed.  The buffers are at a multiple of 64. */
	bool (*send)(struct shmeter_channel *channel, const void *message, size_t size);
	bool (*receive)(struct shmeter_channel *channel, void *message, size_t size);
	/* Removes what has a name. */
	void (*close)(struct shmeter_channel pair[2]);
	union {
		/* Loops of many messages, without a call through a pointer for each; NULL: none. */
		const struct shmeter_stamped *stamped;
		void *reserved[8]; /* the rest: NULL */
	};
};

struct shmeter_export {
	uint64_t magic;       /* SHMETER_PLUGIN_MAGIC */
	uint32_t abi_version; /* SHMETER_PLUGIN_ABI */
	uint32_t transport_count;
	size_t struct_size; /* sizeof(struct shmeter_export) */
	const struct shmeter_transport *transport;
	void *reserved[4]; /* NULL */
};

/* What shmeter_plugin() returns for a list of transports. */
#define SHMETER_PLUGIN(count, list)                                                                                    \
	{                                                                                                              \
		SHMETER_PLUGIN_MAGIC, SHMETER_PLUGIN_ABI, (count), sizeof(struct shmeter_export), (list),              \
		{                                                                                                      \
			NULL                                                                                           \
		}                                                                                                      \
	}

/* The one symbol of a plug-in. */
__attribute__((visibility("default"))) const struct shmeter_export *shmeter_plugin(void);

#ifdef __cplusplus
}
#endif

#endif
