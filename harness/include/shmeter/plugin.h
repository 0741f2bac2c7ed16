/* Bring your own transport or lock: what a plug-in exports (docs/plugins.md).  C11 and later, C++11 and later.
 *
 * A plug-in is a shared object with one function, shmeter_plugin(), which returns constant lists of transports and locks.
 * Each transport becomes a variant of the scenarios about messages, and each lock one of those about locks:
 * `shmeter run transport_latency --plugin ./ring.so`, `shmeter run lock_throughput --plugin ./lock.so`.
 *
 * The life of a transport in a trial:
 *   bytes()    in a process of its own: how much shared memory one direction needs
 *   open()     in a process of its own, before the workers: makes both directions in zeroed memory
 *   attach()   in each worker, once for each direction that it uses
 *   send() and receive()  in the workers, between the stamps; each message is written and checked in full
 *   close()    in a process of its own, after the workers, even if open() failed or a worker was killed
 * That of a lock: init() as open(), attach() as attach(), lock() and unlock() as send(), recover() where a worker killed
 * another owner, close() as close().
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
#define SHMETER_PLUGIN_MAX   16u /* transports of one plug-in, and locks */

/* Properties of a transport or of a lock. */
#define SHMETER_SPINS 1u /* waits by spinning only, so both ends need PUs (logical CPUs) of their own */
#define SHMETER_MANY  2u /* a transport: takes messages of several senders at once, each whole */
#define SHMETER_FIFO  4u /* a lock: passes to those who wait in the order in which they came */

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

/* A property of a transport: a process that is killed inside send() or receive() may stop the others for ever. */
#define SHMETER_FRAGILE 8u

/* All functions but attach() and close() must be there. */
struct shmeter_transport {
	size_t struct_size; /* sizeof(struct shmeter_transport) */
	const char *name;   /* lower-case letters, digits and "_", from a letter on, at most 31 */
	const char
		*summary; /* a few words for tables: "a ring in shared memory"; at most 79 characters, no full stop */
	uint64_t traits;  /* SHMETER_SPINS | ... */
	/* Shared memory of one direction; 0: none.  Depends on the arguments alone. */
	size_t (*bytes)(size_t capacity, size_t message);
	/* Both return 0 or an errno.  open() returns ENOTSUP for a size or a capacity that the transport does not offer.
	 * `sends`: this process sends on this channel; otherwise it receives. */
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

/* One process that uses a lock: an owner, also while it only waits.  shmeter sets all but `own`. */
struct shmeter_owner {
	void *lock;       /* `bytes` bytes that all owners share, at a multiple of 128; NULL where `bytes` is 0.  Zeroed
			     before init() */
	void *node;       /* likewise `owner_bytes` bytes of this owner, which the others can reach: shmeter_node() */
	size_t stride;    /* bytes from one owner's node to the next */
	uint32_t index;   /* the number of this owner: 0 to owners - 1; one process at a time has it */
	uint32_t owners;  /* number of owners */
	const char *name; /* for named objects: as in struct shmeter_channel */
	void *own;        /* for the plug-in: set by attach(), read by the other functions in this process */
	void *reserved[4];
};

/* The node of another owner, in this process.  Owners have each other's numbers in the shared memory, not pointers. */
static inline void *shmeter_node(const struct shmeter_owner *owner, uint32_t index)
{
	return (char *)owner->node + owner->stride * index - owner->stride * owner->index;
}

/* All functions but attach(), recover() and close() must be there. */
struct shmeter_lock {
	size_t struct_size;  /* sizeof(struct shmeter_lock) */
	const char *name;    /* as of a transport */
	const char *summary; /* likewise */
	uint64_t traits;     /* SHMETER_SPINS | SHMETER_FIFO */
	size_t bytes;        /* shared memory of the lock; 0: none; at most 1 MiB */
	size_t owner_bytes;  /* shared memory of each owner, such as a node of a queue; likewise */
	/* Makes the lock, free.  The owner has the number 0.  Returns 0 or an errno. */
	int (*init)(struct shmeter_owner *owner);
	/* In each owner, before its first lock().  A process that takes the number of one that was killed finds the
	 * node as that one left it.  Returns 0 or an errno. */
	int (*attach)(struct shmeter_owner *owner);
	/* Waits for the lock.  0: this owner has it.  EOWNERDEAD: it has it, and the last one was killed while it had
	 * it; the next lock() returns 0 again.  Any other errno: it does not have it. */
	int (*lock)(struct shmeter_owner *owner);
	void (*unlock)(struct shmeter_owner *owner);
	/* Tells that the process with the number `dead` was killed, with the lock or without, perhaps inside lock() or
	 * unlock().  The process has ended and was waited for.  One other owner calls this, once for each death; it
	 * neither has the lock nor waits for it.  After it returned 0, lock() must return within 2 s, to every owner.
	 * A lock that names its owner in a word frees the word if it names `dead`.  A lock that the kernel frees, such
	 * as a robust mutex or one on a robust list of futexes, has nothing to do here: its lock() finds the death,
	 * makes the lock consistent and returns EOWNERDEAD.  NULL: no lock for owners that are killed. */
	int (*recover)(struct shmeter_owner *owner, uint32_t dead);
	/* In a process of its own, after the workers, even if init() failed: removes what has a name. */
	void (*close)(struct shmeter_owner *owner);
	void *reserved[8]; /* NULL */
};

struct shmeter_scenarios; /* scenario.h */

struct shmeter_export {
	uint64_t magic;       /* SHMETER_PLUGIN_MAGIC */
	uint32_t abi_version; /* SHMETER_PLUGIN_ABI */
	uint32_t transport_count;
	size_t struct_size; /* sizeof(struct shmeter_export) */
	const struct shmeter_transport *transport;
	const struct shmeter_lock *lock;
	size_t lock_count;
	const struct shmeter_scenarios *scenarios; /* experiments of your own: SM_PLUGIN() of scenario.h; NULL: none */
	void *reserved[1];                         /* NULL */
};

/* What shmeter_plugin() returns for a list of transports, or of locks, or of both. */
#define SHMETER_PLUGIN(count, list)       SHMETER_PLUGIN_OF(count, list, 0, NULL)
#define SHMETER_PLUGIN_LOCKS(count, list) SHMETER_PLUGIN_OF(0, NULL, count, list)
#define SHMETER_PLUGIN_OF(transports, transport_list, locks, lock_list)                                                \
	{                                                                                                              \
		SHMETER_PLUGIN_MAGIC, SHMETER_PLUGIN_ABI, (transports), sizeof(struct shmeter_export),                 \
			(transport_list), (lock_list), (locks), NULL,                                                  \
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
