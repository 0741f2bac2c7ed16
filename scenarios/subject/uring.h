/* Reads and writes of a file through io_uring, with registered buffers: the kernel pins the pages of the buffers once, not
 * at each call. */
#ifndef SHMETER_SUBJECT_URING_H
#define SHMETER_SUBJECT_URING_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "shmeter/scenario.h"

#define URING_DEPTH_MAX 16

#ifdef SHMETER_URING
#include <liburing.h>

/* Makes a ring for `depth` requests and registers `depth` buffers of `block` bytes.  Nothing is left where it fails. */
static inline int uring_open(struct io_uring *ring, unsigned depth, void *buffers, size_t block, struct sm_error *err)
{
	struct iovec part[URING_DEPTH_MAX];
	int rc = io_uring_queue_init(depth, ring, 0);

	if (rc < 0)
		return sm_fail(err, -rc, "io_uring_setup is refused: %s%s", strerror(-rc),
			       sm_refusal("io_uring_setup", -rc));
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

#else

struct io_uring {
	char none;
};

static inline int uring_open(struct io_uring *ring, unsigned depth, void *buffers, size_t block, struct sm_error *err)
{
	(void)ring;
	(void)depth;
	(void)buffers;
	(void)block;
	return sm_fail(err, ENOTSUP,
		       "this program was built without liburing: install liburing-dev and build it again");
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
#endif

#endif
