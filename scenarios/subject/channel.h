/* One direction of a transport, and what every transport provides.
 *
 * A transport NAME is a header subject/NAME.h and a line in transports.def.  The header has
 *   size_t NAME_bytes(capacity, message)       shared memory that one direction needs (0: none)
 *   int NAME_open(pair, err)                   opens both directions, in the parent before the fork
 *   bool NAME_send(channel, buffer, bytes)     copies the message in, waits for room
 *   bool NAME_receive(channel, buffer, bytes)  copies the message out, waits for it
 *   size_t NAME_offer(channel, buffer, bytes)  puts in what fits at once and never waits; returns the bytes, 0: full
 *   void NAME_close(pair)                      in the parent, even after open() failed
 *
 * open() finds memory, capacity and message set.  If the kernel does not allow the capacity, open() takes the
 * nearest one that is allowed.  It fails only if there is no room for two messages (of a transport that keeps
 * messages whole).  transport_held() counts what a channel really holds.  Descriptors have O_NONBLOCK set before an
 * offer (descriptors_poll()).
 *
 * send and receive return false when the peer is gone.  They are static inline, so that each transport gets its own
 * timed loop without an indirect call.  Buffers have CHANNEL_HEADROOM writable bytes before the message, for
 * transports whose system call needs a header there. */
#ifndef SHMETER_SUBJECT_CHANNEL_H
#define SHMETER_SUBJECT_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/plugins.h"

#define CHANNEL_HEADROOM 64

struct channel {
	void *memory;        /* the part of the region, for transports in shared memory */
	size_t capacity;     /* bytes in flight; a power of two */
	size_t message;      /* bytes of each message */
	unsigned spin_turns; /* a waiting transport spins this many turns before it sleeps */
	int fd[2];           /* read end, write end, for transports of the kernel */
	int id;              /* of a System V object */
	char *slot;          /* the sender's own memory, in which messages wait */
	unsigned slots;      /* number of these places */
	uint64_t count;      /* messages that this side has passed */
	const _Atomic uint32_t *abort;
	/* of a plug-in: which one, its functions in this process, its view of the channel */
	const struct sm_plugged *plugged;
	const struct shmeter_transport *called;
	struct shmeter_channel theirs;
	struct sm_worker *worker;
	char name[32];
};

#endif
