/* DPDK's rte_ring in shared memory, without DPDK's environment layer.  Its elements are words: a message is put in and
 * taken out as a bulk of them, all or nothing. */
#define RTE_USE_C11_MEM_MODEL /* orders by the atomics of C, which ThreadSanitizer sees, not by barriers of the CPU */
#include <errno.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "shmeter/plugin.h"

#define WORD 8u

static size_t dpdk_ring_bytes(size_t capacity, size_t message)
{
	ssize_t bytes;

	(void)message;
	/* RING_F_EXACT_SZ takes the next power of two above the number of elements */
	bytes = rte_ring_get_memsize_elem(WORD, rte_align32pow2((uint32_t)(capacity / WORD + 1)));
	return bytes > 0 ? (size_t)bytes : 0;
}

static int dpdk_ring_open(struct shmeter_channel pair[2])
{
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++)
		rc = rte_ring_init(pair[i].memory, pair[i].name, (unsigned)(pair[i].capacity / WORD),
				   RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	return -rc;
}

static bool dpdk_ring_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	const unsigned words = (unsigned)(size / WORD);

	while (rte_ring_sp_enqueue_bulk_elem(channel->memory, message, WORD, words, NULL) == 0)
		if (shmeter_is_over(channel))
			return false;
	return true;
}

static bool dpdk_ring_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	const unsigned words = (unsigned)(size / WORD);

	while (rte_ring_sc_dequeue_bulk_elem(channel->memory, message, WORD, words, NULL) == 0)
		if (shmeter_is_over(channel))
			return false;
	return true;
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "dpdk_ring",
	.summary = "DPDK's rte_ring, one producer and one consumer",
	.traits = SHMETER_SPINS,
	.bytes = dpdk_ring_bytes,
	.open = dpdk_ring_open,
	.send = dpdk_ring_send,
	.receive = dpdk_ring_receive,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
