/* Single copy: the receiver reads the sender's memory with process_vm_readv().
 *
 * The sender writes messages into places in its own memory.  A ring in shared memory holds no data, only the
 * position of each side: it shows which messages are there and which places are free again.  Both sides wait like
 * the sleeping ring. */
#ifndef SHMETER_SUBJECT_PROCESS_VM_H
#define SHMETER_SUBJECT_PROCESS_VM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shm_ring_futex.h"

/* In the data of the ring: which process has the messages, and at which address. */
struct process_vm_source {
	pid_t pid;
	uint64_t address;
};

static inline struct process_vm_source *process_vm_source(struct channel *channel)
{
	return (struct process_vm_source *)(void *)((struct spsc *)channel->memory)->data;
}

static inline size_t process_vm_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return sizeof(struct spsc) + sizeof(struct process_vm_source);
}

/* Reading its own memory shows a process whether the call exists and seccomp allows it.  The sender lifts the limits
 * of Yama, except the one that needs CAP_SYS_PTRACE. */
static inline int process_vm_open(struct channel pair[2], struct sm_error *err)
{
	char from = 1, to = 0, scope = '0';
	struct iovec local = { &to, 1 }, remote = { &from, 1 };
	FILE *yama = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");

	for (int i = 0; i < 2; i++)
		pair[i].slots = (unsigned)(pair[i].capacity / pair[i].message);
	if (yama) {
		scope = (char)fgetc(yama);
		fclose(yama);
	}
	if (scope == '3' || (scope == '2' && geteuid() != 0))
		return sm_fail(err, EPERM,
			       "no process may read another's memory here: lower "
			       "kernel.yama.ptrace_scope to 1");
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1)
		return sm_fail(err, errno, "process_vm_readv is refused: %s%s", strerror(errno),
			       sm_refusal("process_vm_readv", errno));
	return 0;
}

/* In the sender. */
static inline int process_vm_attach(struct channel *channel)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	channel->slot = aligned_alloc(page, (channel->slots * channel->message + page - 1) / page * page);
	if (!channel->slot)
		return -ENOMEM;
	memset(channel->slot, 0, channel->slots * channel->message);
	process_vm_source(channel)->pid = getpid();
	process_vm_source(channel)->address = (uint64_t)(uintptr_t)channel->slot;
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* EINVAL where there is no Yama */
	return 0;
}

static inline size_t process_vm_offset(const struct channel *channel, uint64_t position)
{
	return (size_t)(position / channel->message % channel->slots) * channel->message;
}

static inline bool process_vm_wait_room(struct channel *channel)
{
	struct spsc *ring = channel->memory;

	RING_SLEEP(channel, &ring->producer_sleeps,
		   spsc_has_room(ring, channel->slots * channel->message, channel->message));
	return true;
}

/* The place for the next message, once it is free; NULL: the peer is gone. */
static inline void *process_vm_place(struct channel *channel)
{
	const struct spsc *ring = channel->memory;

	if (!process_vm_wait_room(channel))
		return NULL;
	return channel->slot + process_vm_offset(channel, ring->written);
}

static inline bool process_vm_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	(void)buffer;
	spsc_produced(ring, bytes);
	ring_wake(&ring->consumer_sleeps);
	return true;
}

static inline bool process_vm_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;
	const struct process_vm_source *source = process_vm_source(channel);
	struct iovec local = { buffer, bytes }, remote;

	RING_SLEEP(channel, &ring->consumer_sleeps, spsc_has_data(ring, bytes));
	remote.iov_base = (void *)(uintptr_t)(source->address + process_vm_offset(channel, ring->taken));
	remote.iov_len = bytes;
	if (process_vm_readv(source->pid, &local, 1, &remote, 1, 0) != (ssize_t)bytes)
		return false;
	spsc_consumed(ring, bytes);
	ring_wake(&ring->producer_sleeps);
	return true;
}

/* The message is in the sender's memory already: it is only announced here. */
static inline size_t process_vm_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	(void)buffer;
	if (!spsc_has_room(ring, channel->slots * channel->message, bytes))
		return 0;
	spsc_produced(ring, bytes);
	return bytes;
}

static inline void process_vm_close(struct channel pair[2])
{
	(void)pair;
}

#endif
