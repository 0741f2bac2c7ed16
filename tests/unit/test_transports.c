/* Every transport on its own, in one process: it holds what was asked, keeps the order, and a polled one gives up. */
#include <criterion/criterion.h>
#include <sys/mman.h>

#include "subject/transport_pair.h"

struct bench {
	struct sm_scenario scenario;
	struct sm_variant variant[2];
	struct sm_case c;
	struct sm_outcome outcome;
	struct transport_state state;
	struct sm_worker worker;
	_Atomic uint32_t abort;
	void *memory;
	size_t bytes;
};

static const char *transport_name(enum transport transport)
{
	static const char *const name[] = {
#define TRANSPORT(name, ...) #name,
#define TRANSPORTS_OWN
#include "subject/transports.def"
	};

	return name[transport];
}

static const unsigned transports = 0
#define TRANSPORT(...) +1
#define TRANSPORTS_OWN
#include "subject/transports.def"
	;

/* Opens it as a trial does.  false: this machine does not allow it, and says why. */
static bool bench_open(struct bench *b, enum transport transport, uint64_t message, uint64_t capacity)
{
	struct sm_error err = { 0 };
	int rc;

	*b = (struct bench){ .variant = { { .name = transport_name(transport), .arg = transport } } };
	b->scenario.variants = b->variant;
	b->c.scenario = &b->scenario;
	b->c.param[PARAM_MESSAGE] = message;
	b->c.param[PARAM_CAPACITY] = capacity;
	b->bytes = transport_region_bytes(&b->c);
	if (b->bytes)
		b->memory = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(b->memory, MAP_FAILED);
	rc = transport_open_pair(&b->c, b->state.channel, b->memory, &err);
	cr_assert(rc == 0 || strlen(err.text) > 20, "%s: a reason is missing", b->variant[0].name);
	b->state.channel[0].abort = &b->abort;
	b->worker = (struct sm_worker){ .c = &b->c, .state = &b->state, .outcome = &b->outcome, .abort = &b->abort };
	return rc == 0;
}

static void bench_close(struct bench *b)
{
	transport_close(transport_of(&b->c), b->state.channel);
	if (b->memory)
		munmap(b->memory, b->bytes);
}

static double setting(const char *path, double otherwise)
{
	FILE *file = fopen(path, "r");
	double value = otherwise;

	if (file) {
		if (fscanf(file, "%lf", &value) != 1)
			value = otherwise;
		fclose(file);
	}
	return value;
}

/* The fewest messages that a transport may hold here of so many that were asked for: what the kernel's limits for
 * ordinary users leave of them. */
static double least_messages(enum transport transport, double message, double messages)
{
	double page = (double)sysconf(_SC_PAGESIZE), most = messages;
	double socket = 2 * setting("/proc/sys/net/core/wmem_max", 212992); /* doubled by the kernel */

	switch (transport) {
	case TRANSPORT_pipe:
	case TRANSPORT_pipe_spin:
	case TRANSPORT_fifo: most = setting("/proc/sys/fs/pipe-max-size", 65536) / message; break;
	case TRANSPORT_pipe_vmsplice:
		most = setting("/proc/sys/fs/pipe-max-size", 65536) / (message < page ? page : message);
		break;
	case TRANSPORT_posix_mq:
	case TRANSPORT_posix_mq_spin: most = setting("/proc/sys/fs/mqueue/msg_max", 10); break;
	case TRANSPORT_sysv_msg: most = setting("/proc/sys/kernel/msgmnb", 16384) / message; break;
	case TRANSPORT_unix_stream:
	case TRANSPORT_unix_stream_spin:
	case TRANSPORT_unix_seqpacket:
	case TRANSPORT_unix_dgram:
	case TRANSPORT_tcp_loopback:
	case TRANSPORT_tcp_loopback_spin: most = socket / (2 * message + 1024); break;
	default: break;
	}
	return most < messages ? most : messages;
}

TestSuite(transports, .timeout = 100);

/* By a factor of two at most, which is TCP's; where a limit of the kernel's leaves less, what it leaves. */
Test(transports, each_holds_what_was_asked)
{
	static const uint64_t message[] = { 64, 1024, 3000, 16384, 65536 }, capacity[] = { 4096, 65536, 1048576 };

	for (unsigned t = 0; t < transports; t++)
		for (unsigned i = 0; i < 15; i++) {
			struct bench b;
			double asked, held, least;

			if (bench_open(&b, (enum transport)t, message[i / 3], capacity[i % 3])) {
				asked = (double)(transport_capacity(&b.c) / message[i / 3]);
				held = (double)transport_held(&b.c, b.state.channel) / (double)message[i / 3];
				least = least_messages((enum transport)t, (double)message[i / 3], asked);
				cr_expect(held >= 0.5 * least && held <= 2 * asked,
					  "%s: %g messages of %lu in flight, %g were asked for and %g are possible",
					  b.variant[0].name, held, message[i / 3], asked, least);
			}
			bench_close(&b);
		}
}

/* Sends one message with this number as worker 0 does. */
static bool send_number(struct bench *b, uint64_t number)
{
	b->state.sent = number;
	return pair_put(&b->worker, transport_of(&b->c), &b->state, 0, b->c.param[PARAM_MESSAGE]);
}

/* How many of two messages the receiver finds wrong that are sent in this order. */
static uint64_t wrong_of(enum transport transport, uint64_t first, uint64_t second)
{
	struct bench b;
	uint64_t wrong = UINT64_MAX;

	if (bench_open(&b, transport, 64, 4096)) {
		struct transport_state receiver = b.state; /* each end has its own copy, as after a fork */

		cr_assert_eq(transport_attach(transport, &b.state.channel[0]), 0);
		cr_assert_eq(transport_buffers(&b.worker, &b.state.own, 64), 0);
		cr_assert_eq(transport_buffers(&b.worker, &receiver.own, 64), 0);
		cr_expect(send_number(&b, first) && send_number(&b, second), "%s", transport_name(transport));
		for (unsigned i = 0; i < 2; i++)
			cr_expect(pair_take(&b.worker, transport, &receiver, 0, 64), "%s", transport_name(transport));
		wrong = b.outcome.tally[TALLY_WRONG];
	}
	bench_close(&b);
	return wrong;
}

/* The sum over both is the same either way. */
Test(transports, messages_that_change_places_are_seen)
{
	for (unsigned t = 0; t < transports; t++) {
		uint64_t in_order = wrong_of((enum transport)t, 0, 1);

		if (in_order == UINT64_MAX)
			continue;
		cr_expect_eq(in_order, 0, "%s", transport_name((enum transport)t));
		cr_expect_eq(wrong_of((enum transport)t, 1, 0), 2, "%s", transport_name((enum transport)t));
	}
}

/* A peer that is gone neither reads nor writes: who spins looks at the abort flag, at either end. */
Test(transports, spinning_ends_give_up)
{
	for (unsigned t = 0; t < transports; t++) {
		struct bench b;
		struct transport_buffers own = { 0 };

		if (!(transport_traits((enum transport)t) & TRAIT_SPINS))
			continue;
		if (bench_open(&b, (enum transport)t, 64, 4096)) {
			cr_assert_eq(transport_buffers(&b.worker, &own, 64), 0);
			b.abort = 1;
			cr_expect_not(transport_receive((enum transport)t, &b.state.channel[0], own.in, 64), "%s",
				      transport_name((enum transport)t));
			cr_expect(transport_held(&b.c, b.state.channel) > 0, "%s", transport_name((enum transport)t));
			cr_expect_not(transport_send((enum transport)t, &b.state.channel[0], own.out, 64), "%s",
				      transport_name((enum transport)t));
		}
		bench_close(&b);
	}
}

/* Two ends on one PU would wait for the scheduler each time: skipped, with the reason. */
Test(transports, spinning_ends_need_pus_of_their_own)
{
	for (unsigned t = 0; t < transports; t++) {
		struct sm_error why = { 0 };
		struct bench b;

		bench_open(&b, (enum transport)t, 64, 4096);
		b.c.shared_pu = true;
		cr_expect_eq(transport_supported(&b.c, &why),
			     transport_traits((enum transport)t) & TRAIT_SPINS ? -ENOTSUP : 0, "%s",
			     transport_name((enum transport)t));
		bench_close(&b);
	}
}
