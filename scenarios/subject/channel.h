/* One direction of a transport, and what every transport offers for it.
 *
 * A transport NAME is a header subject/NAME.h with
 *   size_t NAME_bytes(size_t capacity)         shared memory it needs (0: none)
 *   int NAME_open(channel, memory, capacity, err)  in the parent, before the fork
 *   bool NAME_send(channel, buffer, bytes)     copies the message in, waits for room
 *   bool NAME_receive(channel, buffer, bytes)  copies the message out, waits for it
 *   void NAME_close(channel)                   in the parent
 * send and receive return false when the peer is gone; they are static inline, so that the timed loop of
 * each transport is stamped out without a call through a pointer. */
#ifndef SHMETER_SUBJECT_CHANNEL_H
#define SHMETER_SUBJECT_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"

struct channel {
	void *memory;        /* the part of the region, for transports in shared memory */
	size_t capacity;     /* bytes in flight; a power of two */
	unsigned spin_turns; /* that a waiting transport spins before it sleeps */
	int fd[2];           /* read end, write end, for transports of the kernel */
	const _Atomic uint32_t *abort;
};

#endif
