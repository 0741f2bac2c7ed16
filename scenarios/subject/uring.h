/* Rings of io_uring.  Reads and writes of a file with registered buffers: the kernel pins the pages of the buffers once, not at
 * each call.  And waking a process that waits at its ring. */
#ifndef SHMETER_SUBJECT_URING_H
#define SHMETER_SUBJECT_URING_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "shmeter/scenario.h"

#define URING_DEPTH_MAX 16
/* IORING_OP_MSG_RING and IORING_OP_FUTEX_WAIT and _WAKE (include/uapi/linux/io_uring.h), which older headers do not name. */
#define URING_MSG_RING   40
#define URING_FUTEX_WAIT 51
#define URING_FUTEX_WAKE 52
#define URING_TOLD       1 /* what a message to another ring says */

#ifdef SHMETER_URING
#include <liburing.h>

/* Makes a ring for `depth` requests.  Nothing is left where it fails. */
static inline int uring_make(struct io_uring *ring, unsigned depth, struct sm_error *err)
{
	int rc = io_uring_queue_init(depth, ring, 0);

	return rc < 0 ? sm_fail(err, -rc, "io_uring_setup is refused: %s%s", strerror(-rc),
				sm_refusal("io_uring_setup", -rc))
		      : 0;
}

/* Makes a ring and registers `depth` buffers of `block` bytes.  Nothing is left where it fails. */
static inline int uring_open(struct io_uring *ring, unsigned depth, void *buffers, size_t block, struct sm_error *err)
{
	struct iovec part[URING_DEPTH_MAX];
	int rc = uring_make(ring, depth, err);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < depth; i++)
		part[i] = (struct iovec){ (char *)buffers + i * block, block };
	rc = io_uring_register_buffers(ring, part, depth);
	if (rc == 0)
		return 0;
	io_uring_queue_exit(ring);
	return sm_fail(err, -rc, "io_uring cannot register %u buffers of %zu bytes: %s%s", depth, block, strerror(-rc),
		       sm_refusal("io_uring_register", -rc));
}

static inline void uring_close(struct io_uring *ring)
{
	io_uring_queue_exit(ring);
}

/* Asks for one block, to be submitted with the next uring_wait(). */
static inline void uring_ask(struct io_uring *ring, int fd, bool write, unsigned buffer, void *at, size_t block,
			     uint64_t offset)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (write)
		io_uring_prep_write_fixed(sqe, fd, at, (unsigned)block, offset, (int)buffer);
	else
		io_uring_prep_read_fixed(sqe, fd, at, (unsigned)block, offset, (int)buffer);
}

/* Submits what was asked and waits until all `count` are done.  Returns the system calls that this took, or a negative
 * errno (-EIO: a block was cut). */
static inline int uring_wait(struct io_uring *ring, unsigned count, size_t block)
{
	struct io_uring_cqe *cqe;
	unsigned done = 0, head;
	int calls = 0, rc = 0;

	while (done < count) {
		unsigned seen = 0;
		int submitted = io_uring_submit_and_wait(ring, count - done);

		calls++;
		if (submitted < 0 && submitted != -EINTR)
			return submitted;
		io_uring_for_each_cqe(ring, head, cqe)
		{
			rc = cqe->res < 0 ? cqe->res : (size_t)cqe->res < block ? -EIO : rc;
			seen++;
		}
		io_uring_cq_advance(ring, seen);
		done += seen;
	}
	return rc < 0 ? rc : calls;
}

/* -ENOTSUP where the kernel lacks the operation `code`: `what` needs Linux `since`. */
static inline int uring_needs(struct io_uring *ring, unsigned code, const char *what, const char *since,
			      struct sm_error *err)
{
	enum { CODES = 256 };
	union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) + CODES * sizeof(struct io_uring_probe_op)];
	} known = { .room = { 0 } };

	return io_uring_register_probe(ring, &known.probe, CODES) == 0 &&
			       io_uring_opcode_supported(&known.probe, (int)code)
		       ? 0
		       : sm_fail(err, ENOTSUP, "this kernel's io_uring has no %s: Linux %s has", what, since);
}

/* Submits what was asked, waits for the next result and takes it: what the kernel says of it, or a negative errno, which is in errno, too.  Begun
 * anew with EINTR, which the kernel also says where this process was stopped and continued. */
static inline int uring_take(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int rc;

	do
		rc = io_uring_submit_and_wait(ring, 1);
	while (rc == -EINTR);
	if (rc < 0) {
		errno = -rc;
		return rc;
	}
	do
		rc = io_uring_wait_cqe(ring, &cqe);
	while (rc == -EINTR);
	if (rc < 0) {
		errno = -rc;
		return rc;
	}
	rc = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (rc < 0)
		errno = -rc;
	return rc;
}

/* Tells the process that waits at the other ring.  False: the kernel refused it. */
static inline bool uring_tell(struct io_uring *ring, const struct io_uring *other)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	*sqe = (struct io_uring_sqe){ .opcode = URING_MSG_RING, .fd = other->ring_fd, .len = URING_TOLD };
	return uring_take(ring) >= 0;
}

/* An operation on a futex that processes share.  Its mask is at byte 48, which liburing 0.7 gives no name. */
static inline int uring_futex(struct io_uring *ring, uint8_t code, _Atomic uint32_t *word, uint64_t value)
{
	enum { MASK_AT = 48, FUTEX_OF_32_BITS = 2 };
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	uint64_t mask = UINT32_MAX;

	*sqe = (struct io_uring_sqe){ .opcode = code, .fd = FUTEX_OF_32_BITS, .addr = (uintptr_t)word, .off = value };
	memcpy((char *)sqe + MASK_AT, &mask, sizeof(mask));
	return uring_take(ring);
}

/* Sleeps while the word has the value `value`, until it is woken.  False: the kernel refused it. */
static inline bool uring_futex_sleep(struct io_uring *ring, _Atomic uint32_t *word, uint32_t value)
{
	int rc = uring_futex(ring, URING_FUTEX_WAIT, word, value);

	return rc == 0 || rc == -EAGAIN; /* EAGAIN: it has another value */
}

static inline bool uring_futex_wake_one(struct io_uring *ring, _Atomic uint32_t *word)
{
	return uring_futex(ring, URING_FUTEX_WAKE, word, 1) >= 0;
}

#else

struct io_uring {
	char none;
};

static inline int uring_make(struct io_uring *ring, unsigned depth, struct sm_error *err)
{
	(void)ring;
	(void)depth;
	return sm_fail(err, ENOTSUP,
		       "this program was built without liburing: install liburing-dev and build it again");
}

static inline int uring_open(struct io_uring *ring, unsigned depth, void *buffers, size_t block, struct sm_error *err)
{
	(void)buffers;
	(void)block;
	return uring_make(ring, depth, err);
}

static inline void uring_close(struct io_uring *ring)
{
	(void)ring;
}

static inline void uring_ask(struct io_uring *ring, int fd, bool write, unsigned buffer, void *at, size_t block,
			     uint64_t offset)
{
	(void)ring;
	(void)fd;
	(void)write;
	(void)buffer;
	(void)at;
	(void)block;
	(void)offset;
}

static inline int uring_wait(struct io_uring *ring, unsigned count, size_t block)
{
	(void)ring;
	(void)count;
	(void)block;
	return -ENOSYS;
}

static inline int uring_needs(struct io_uring *ring, unsigned code, const char *what, const char *since,
			      struct sm_error *err)
{
	(void)code;
	(void)what;
	(void)since;
	return uring_make(ring, 0, err);
}

static inline int uring_take(struct io_uring *ring)
{
	(void)ring;
	return -ENOSYS;
}

static inline bool uring_tell(struct io_uring *ring, const struct io_uring *other)
{
	(void)ring;
	(void)other;
	return false;
}

static inline bool uring_futex_sleep(struct io_uring *ring, _Atomic uint32_t *word, uint32_t value)
{
	(void)ring;
	(void)word;
	(void)value;
	return false;
}

static inline bool uring_futex_wake_one(struct io_uring *ring, _Atomic uint32_t *word)
{
	(void)ring;
	(void)word;
	return false;
}
#endif

#endif
