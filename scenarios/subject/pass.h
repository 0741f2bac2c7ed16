/* Descriptors passed over Unix sockets (unix(7), SCM_RIGHTS). */
#ifndef SHMETER_SUBJECT_PASS_H
#define SHMETER_SUBJECT_PASS_H

#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

/* Room for the control message that carries one descriptor. */
#define PASS_ROOM CMSG_SPACE(sizeof(int))

/* Sends `fd` with a byte; returns whether it was sent. */
static inline bool pass_descriptor(int socket, int fd)
{
	alignas(struct cmsghdr) char room[PASS_ROOM] = { 0 };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	*head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)) };
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

/* The descriptor that comes next, or -1. */
static inline int receive_descriptor(int socket)
{
	alignas(struct cmsghdr) char room[PASS_ROOM];
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	const struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

#endif
