/* Question: who is at the other end of a socket, and can shared memory that comes from there be trusted?
 * Method:   a sender connects to the worker's socket.  The worker asks the kernel who that is (SO_PEERCRED): of the sender
 *           itself, or of a child that inherited the connection and says who it is.  Or the sender, without capabilities,
 *           sends the process number of its parent as its own (SCM_CREDENTIALS).  Or it sends a memfd, with or without
 *           F_SEAL_SHRINK, and shrinks it when the worker has it mapped; then a child of the worker reads the last page.  One
 *           such connection is an operation.
 * Not shown: the peer's pidfd (SO_PEERPIDFD, Linux 6.5), which a process number that is used again cannot deceive.
 * Cost of the loop: starting one or two processes, the socket. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "../subject/helper.h"
#include "../subject/pass.h"
#include "../subject/rights.h"
#include "../subject/tries.h"

enum { NAMED, FORGED, KILLED };
enum kind { CONNECTED, INHERITED, FORGING, UNSEALED, SEALED };
#define PAGES 2

struct state {
	enum kind kind;
	int listener;
	struct sockaddr_un address;
	socklen_t length;
	int line;  /* the connection, in each of the two */
	int memfd; /* of the sender */
	char *memory;
};

/* A name that the kernel chooses, in the abstract namespace: nothing of it is left. */
static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	state->kind = (enum kind)sm_case_variant(trial->c)->arg;
	state->length = sizeof(state->address);
	state->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (state->listener < 0 || bind(state->listener, (struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
	    listen(state->listener, 4) < 0 ||
	    getsockname(state->listener, (struct sockaddr *)&state->address, &state->length) < 0)
		return sm_fail(err, errno, "no Unix socket: %s; see ulimit -n", strerror(errno));
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->listener >= 0)
		close(state->listener);
}

/* Sends these credentials.  0, or an errno. */
static int send_as(int socket, pid_t pid)
{
	alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct ucred claimed = { .pid = pid, .uid = getuid(), .gid = getgid() };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	*head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_CREDENTIALS,
				  .cmsg_len = CMSG_LEN(sizeof(claimed)) };
	memcpy(CMSG_DATA(head), &claimed, sizeof(claimed));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

/* In whoever sends: says which process it is. */
static int say_pid(void *argument)
{
	const struct state *state = argument;
	pid_t pid = getpid();

	return send(state->line, &pid, sizeof(pid), MSG_NOSIGNAL) == sizeof(pid) ? 0 : 1;
}

/* 0, or an errno. */
static int send_memfd(struct state *state)
{
	size_t bytes = PAGES * (size_t)sysconf(_SC_PAGESIZE);

	state->memfd = memfd_create("shmeter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (state->memfd < 0 || ftruncate(state->memfd, (off_t)bytes) < 0 ||
	    (state->kind == SEALED && fcntl(state->memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) ||
	    !pass_descriptor(state->line, state->memfd))
		return errno;
	return 0;
}

enum { CONNECT, SEND, SHRINK };

/* In the sender. */
static void serve(void *argument, unsigned request, struct answer *answer)
{
	struct state *state = argument;

	switch (request) {
	case CONNECT:
		state->line = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (state->line < 0 || connect(state->line, (struct sockaddr *)&state->address, state->length) < 0)
			answer->code = errno;
		break;
	case SHRINK: answer->number[0] = ftruncate(state->memfd, sysconf(_SC_PAGESIZE)) == 0; break;
	case SEND:
		if (state->kind == CONNECTED || state->kind == INHERITED)
			answer->code = (state->kind == CONNECTED ? say_pid(state) : in_child(say_pid, state)) ? EIO : 0;
		else if (state->kind != FORGING)
			answer->code = send_memfd(state);
		else if ((answer->code = drop_capabilities()) == 0 &&
			 (answer->code = send_as(state->line, getpid())) == 0)
			answer->number[0] =
				send_as(state->line, getppid()) == 0; /* its own number was accepted before */
		break;
	}
}

/* Whether the kernel names the process that says in its message who it is. */
static bool is_named(const struct state *state)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);
	pid_t said = -1;

	return recv(state->line, &said, sizeof(said), 0) == sizeof(said) &&
	       getsockopt(state->line, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == said &&
	       peer.uid == getuid();
}

#define GOT_SIGBUS 11

static void on_sigbus(int number)
{
	(void)number;
	_exit(GOT_SIGBUS);
}

/* In a child of the receiver: reads the last page. */
static int read_last(void *argument)
{
	const struct state *state = argument;
	const volatile char *memory = state->memory;

	if (signal(SIGBUS, on_sigbus) == SIG_ERR)
		return errno;
	return memory[(PAGES - 1) * (size_t)sysconf(_SC_PAGESIZE)];
}

/* Maps what was sent; the sender shrinks it.  0, or the errno of what failed. */
static int receive(struct state *state, const struct helper *sender, bool *killed)
{
	size_t bytes = PAGES * (size_t)sysconf(_SC_PAGESIZE);
	int fd = receive_descriptor(state->line), end = 0, code = 0;

	if (fd < 0)
		return EBADMSG;
	state->memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (state->memory == MAP_FAILED)
		return errno;
	code = helper_ask(sender, SHRINK).code;
	if (code == 0)
		end = in_child(read_last, state);
	munmap(state->memory, bytes);
	*killed = end == GOT_SIGBUS;
	return code ? code : end == 0 || *killed ? 0 : EIO;
}

/* One connection.  0, or the errno of what failed. */
static int connect_once(struct state *state, bool yes[KILLED + 1])
{
	struct helper sender = { 0 };
	struct answer answer = helper_start_ask(&sender, serve, state, CONNECT);
	int code = answer.code;

	state->line = code ? -1 : accept4(state->listener, NULL, NULL, SOCK_CLOEXEC);
	if (code == 0 && state->line < 0)
		code = errno;
	if (code == 0) {
		answer = helper_ask(&sender, SEND);
		code = answer.code;
	}
	if (code == 0 && state->kind == FORGING)
		yes[FORGED] = answer.number[0];
	else if (code == 0 && (state->kind == CONNECTED || state->kind == INHERITED))
		yes[NAMED] = is_named(state);
	else if (code == 0)
		code = receive(state, &sender, &yes[KILLED]);
	helper_end(&sender);
	if (state->line >= 0)
		close(state->line);
	return code;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		bool yes[KILLED + 1] = { false };
		int code = connect_once(worker->state, yes);

		if (code) {
			sm_worker_fail(worker, code, "a connection failed: %s", strerror(code));
			return i;
		}
		tally[TALLY_TRIES]++;
		for (unsigned which = 0; which <= KILLED; which++)
			tally[TALLY_YES(which)] += yes[which];
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "connected", .summary = "whoever connected sends", .arg = CONNECTED },
	{ .name = "inherited", .summary = "a child of it sends, over the same connection", .arg = INHERITED },
	{ .name = "forging", .summary = "the sender claims to be its parent", .arg = FORGING },
	{ .name = "unsealed", .summary = "it sends a memfd, and shrinks it", .arg = UNSEALED },
	{ .name = "sealed", .summary = "it sends a memfd with F_SEAL_SHRINK, and tries to shrink it", .arg = SEALED },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K29",
	  .text = "SO_PEERCRED names the process that connected",
	  .source = "unix(7)",
	  SM_METRIC("connected", "peer named", .min = 1, .max = 1) },
	{ .id = "K29.inherited",
	  .text = "It names the process that sends",
	  .source = "textbooks: processes can authenticate each other before they share",
	  SM_METRIC("inherited", "peer named", .min = 1, .max = 1),
	  .control = "K29",
	  .caveat = "a connection can be inherited and passed on: the kernel names who made it" },
	{ .id = "K29.forging",
	  .text = "No process without privileges passes for another one in SCM_CREDENTIALS",
	  .source = "unix(7)",
	  SM_METRIC("forging", "forgery accepted", .max = 0) },
	{ .id = "K29.unsealed",
	  .text = "Whoever sent a memfd without seals can kill its receiver (SIGBUS), by shrinking it",
	  .source = "memfd_create(2)",
	  SM_METRIC("unsealed", "receiver killed", .min = 1, .max = 1) },
	{ .id = "K29.sealed",
	  .text = "With F_SEAL_SHRINK it cannot",
	  .source = "memfd_create(2), fcntl(2)",
	  SM_METRIC("sealed", "receiver killed", .max = 0),
	  .control = "K29.unsealed" },
	{ 0 },
};

const struct sm_scenario sm_scenario_handover = {
	.name = "handover",
	.family = "correctness",
	.question = "Who is at the other end of a socket, and can shared memory that comes from there be trusted?",
	.summary = "A sender connects, says who it is, and passes a memfd.",
	.why = "The kernel notes who called connect(), and checks the credentials that a process "
	       "sends of itself. But a connection is a descriptor: children inherit it, and it can "
	       "be passed on. A mapping depends on its object: where that is shrunk, a load raises "
	       "SIGBUS. So a receiver looks at the seals (F_GET_SEALS) before it maps.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per connection", "ns/op" },
	.more = { { "peer named", "1" }, { "forgery accepted", "1" }, { "receiver killed", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
