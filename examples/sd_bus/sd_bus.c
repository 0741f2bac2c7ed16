/* D-Bus messages from process to process by sd-bus: a connection of its own for each direction, without a bus daemon. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "shmeter/plugin.h"

#define LOOK_US   100000 /* a wait looks as often whether the peer is gone */
#define PATH      "/shmeter"
#define INTERFACE "shmeter.Example"
#define MEMBER    "Message"

static size_t sd_bus_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static int sd_bus_pair_open(struct shmeter_channel pair[2])
{
	(void)pair; /* the ends find each other by the name */
	return 0;
}

/* Waits for the sender's connection; returns it, or a negative errno. */
static int await(const struct shmeter_channel *channel, int listener)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	while (poll(&wait, 1, LOOK_US / 1000) <= 0)
		if (shmeter_is_over(channel))
			return -ECONNABORTED;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* Connects the two ends by the channel's name; returns the socket, or a negative errno. */
static int meet(const struct shmeter_channel *channel, bool sends)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX }; /* a first byte of 0: no file */
	size_t length = strnlen(channel->name, sizeof(name.sun_path) - 1);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = (int)channel->capacity, peer;

	if (fd < 0)
		return -errno;
	memcpy(name.sun_path + 1, channel->name, length);
	if (!sends) {
		peer = bind(fd, (void *)&name, size) < 0 || listen(fd, 1) < 0 ? -errno : await(channel, fd);
		close(fd);
		return peer;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	while (connect(fd, (void *)&name, size) < 0) {
		if (errno != ECONNREFUSED || shmeter_is_over(channel)) {
			close(fd);
			return -ECONNREFUSED;
		}
		usleep(1000);
	}
	return fd;
}

/* The two ends authenticate each other with the first message. */
static int sd_bus_attach(struct shmeter_channel *channel, bool sends)
{
	int fd = meet(channel, sends), rc;
	sd_bus *bus = NULL;
	sd_id128_t id;

	if (fd < 0)
		return -fd;
	rc = sd_bus_new(&bus);
	if (rc < 0) {
		close(fd);
		return -rc;
	}
	channel->own = bus;
	if ((rc = sd_bus_set_fd(bus, fd, fd)) < 0 || (rc = sd_bus_set_anonymous(bus, true)) < 0)
		return -rc;
	if (!sends && ((rc = sd_id128_randomize(&id)) < 0 || (rc = sd_bus_set_server(bus, true, id)) < 0))
		return -rc;
	rc = sd_bus_start(bus);
	return rc < 0 ? -rc : 0;
}

/* Waits until something can be read or written. */
static bool look(struct shmeter_channel *channel)
{
	int rc = sd_bus_wait(channel->own, LOOK_US);

	return (rc >= 0 || rc == -EINTR) && !shmeter_is_over(channel);
}

static bool sd_bus_pass(struct shmeter_channel *channel, const void *message, size_t size)
{
	sd_bus *bus = channel->own;
	sd_bus_message *m = NULL;
	uint64_t waiting = 0;
	bool sent = sd_bus_message_new_signal(bus, &m, PATH, INTERFACE, MEMBER) >= 0 &&
		    sd_bus_message_append_array(m, 'y', message, size) >= 0 && sd_bus_send(bus, m, NULL) >= 0;

	sd_bus_message_unref(m);
	/* what the socket had no room for, and all that there is before the ends have met */
	while (sent && sd_bus_get_n_queued_write(bus, &waiting) >= 0 && waiting > 0) {
		int rc = sd_bus_process(bus, NULL);

		sent = rc > 0 || (rc == 0 && look(channel));
	}
	return sent;
}

/* Copies the message out, if it is one of ours. */
static bool take(sd_bus_message *m, void *message, size_t size)
{
	const void *bytes;
	size_t got;
	bool ours = sd_bus_message_is_signal(m, INTERFACE, MEMBER) > 0 &&
		    sd_bus_message_read_array(m, 'y', &bytes, &got) > 0 && got == size;

	if (ours)
		memcpy(message, bytes, size);
	return ours;
}

static bool sd_bus_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	sd_bus *bus = channel->own;

	for (;;) {
		sd_bus_message *m = NULL;
		int rc = sd_bus_process(bus, &m);
		bool taken = m && take(m, message, size);

		sd_bus_message_unref(m);
		if (taken)
			return true;
		if (rc < 0 || (rc == 0 && !look(channel)))
			return false;
	}
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "sd_bus",
	.summary = "D-Bus from peer to peer by sd-bus",
	.bytes = sd_bus_bytes,
	.open = sd_bus_pair_open,
	.attach = sd_bus_attach,
	.send = sd_bus_pass,
	.receive = sd_bus_receive,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
