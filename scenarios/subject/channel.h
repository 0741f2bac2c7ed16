/* One direction of a transport, and what every transport offers.
 *
 * A transport NAME is a header subject/NAME.h with
 *   size_t NAME_bytes(capacity, message)       shared memory that one direction needs (0: none)
 *   int NAME_open(pair, err)                   both directions, in the parent before the fork
 *   bool NAME_send(channel, buffer, bytes)     copies the message in, waits for room
 *   bool NAME_receive(channel, buffer, bytes)  copies the message out, waits for it
 *   size_t NAME_offer(channel, buffer, bytes)  puts in what fits at once and never waits; how many bytes, 0: full
 *   void NAME_close(pair)                      in the parent, whatever open() came to
 * and a line in transports.def.  open() finds memory, capacity and message set; where the kernel does not allow
 * the capacity it takes what comes nearest, and fails only where not even two messages (that are kept whole) fit:
 * what a channel really holds is counted by transport_held().  Descriptors have O_NONBLOCK set before an offer
 * (descriptors_poll()).  send and receive
 * return false when the peer is gone; they are static inline, so that the timed loop of each transport is
 * stamped out without a call through a pointer.  Buffers have CHANNEL_HEADROOM writable bytes before the
 * message, for those whose system call wants a header there. */
#ifndef SHMETER_SUBJECT_CHANNEL_H
#define SHMETER_SUBJECT_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"

#define CHANNEL_HEADROOM 64

struct channel {
	void *memory;        /* the part of the region, for transports in shared memory */
	size_t capacity;     /* bytes in flight; a power of two */
	size_t message;      /* bytes of each message */
	unsigned spin_turns; /* that a waiting transport spins before it sleeps */
	int fd[2];           /* read end, write end, for transports of the kernel */
	int id;              /* of a System V object */
	char *slot;          /* where messages wait in the sender's own memory */
	unsigned slots;      /* how many */
	uint64_t count;      /* messages that this side has passed */
	const _Atomic uint32_t *abort;
};

#endif
