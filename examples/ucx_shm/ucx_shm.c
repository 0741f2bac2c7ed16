/* UCX over shared memory: tagged messages by UCP.  The receiver's address reaches the sender through the region. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <ucp/api/ucp.h>

#include "shmeter/plugin.h"

#define TAG        1
#define LOOK_TURNS 1024u /* a wait looks as often whether the peer is gone */

/* In the region: how the receiver is reached. */
struct card {
	_Atomic size_t length; /* 0: not there yet */
	char address[4096 - sizeof(size_t)];
};

struct end {
	ucp_worker_h worker;
	ucp_ep_h peer; /* of a sender */
};

static size_t ucx_shm_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return sizeof(struct card);
}

static int ucx_shm_open(struct shmeter_channel pair[2])
{
	(void)pair; /* zeroed memory is a card without an address */
	return 0;
}

static int to_errno(ucs_status_t status)
{
	return status == UCS_OK ? 0 : status == UCS_ERR_NO_MEMORY ? ENOMEM : EIO;
}

/* Makes the library's context for this process, with its transports in shared memory alone. */
static ucs_status_t start(ucp_context_h *context)
{
	const ucp_params_t params = { .field_mask = UCP_PARAM_FIELD_FEATURES, .features = UCP_FEATURE_TAG };
	ucp_config_t *config;
	ucs_status_t status = ucp_config_read(NULL, NULL, &config);

	if (status != UCS_OK)
		return status;
	status = ucp_config_modify(config, "TLS", "shm");
	if (status == UCS_OK)
		status = ucp_init(&params, config, context);
	ucp_config_release(config);
	return status;
}

static int publish(struct end *end, struct card *card)
{
	ucp_address_t *address;
	size_t length;
	ucs_status_t status = ucp_worker_get_address(end->worker, &address, &length);

	if (status != UCS_OK)
		return to_errno(status);
	if (length <= sizeof(card->address)) {
		memcpy(card->address, address, length);
		atomic_store_explicit(&card->length, length, memory_order_release);
	}
	ucp_worker_release_address(end->worker, address);
	return length <= sizeof(card->address) ? 0 : ENOSPC;
}

static int find(struct shmeter_channel *channel, struct end *end, struct card *card)
{
	const ucp_ep_params_t params = { .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS,
					 .address = (const ucp_address_t *)(const void *)card->address };

	while (atomic_load_explicit(&card->length, memory_order_acquire) == 0)
		if (shmeter_is_over(channel))
			return ECONNABORTED;
	return to_errno(ucp_ep_create(end->worker, &params, &end->peer));
}

static int ucx_shm_attach(struct shmeter_channel *channel, bool sends)
{
	static ucp_context_h context; /* of this process */
	const ucp_worker_params_t params = { .field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE,
					     .thread_mode = UCS_THREAD_MODE_SINGLE };
	struct end *end = calloc(1, sizeof(*end));
	ucs_status_t status = UCS_OK;

	if (!end)
		return ENOMEM;
	channel->own = end;
	if (!context)
		status = start(&context);
	if (status == UCS_OK)
		status = ucp_worker_create(context, &params, &end->worker);
	if (status != UCS_OK)
		return to_errno(status);
	return sends ? find(channel, end, channel->memory) : publish(end, channel->memory);
}

/* Drives the library until the request is done. */
static bool finish(struct shmeter_channel *channel, ucs_status_ptr_t request)
{
	struct end *end = channel->own;
	ucs_status_t status;

	if (!UCS_PTR_IS_PTR(request))
		return UCS_PTR_STATUS(request) == UCS_OK;
	for (unsigned turns = 0; (status = ucp_request_check_status(request)) == UCS_INPROGRESS;) {
		ucp_worker_progress(end->worker);
		if (++turns % LOOK_TURNS == 0 && shmeter_is_over(channel)) {
			ucp_request_cancel(end->worker, request);
			status = UCS_ERR_CANCELED;
			break;
		}
	}
	ucp_request_free(request);
	return status == UCS_OK;
}

static bool ucx_shm_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	const ucp_request_param_t params = { 0 };
	struct end *end = channel->own;

	return finish(channel, ucp_tag_send_nbx(end->peer, message, size, TAG, &params));
}

static bool ucx_shm_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	const ucp_request_param_t params = { 0 };
	struct end *end = channel->own;

	return finish(channel, ucp_tag_recv_nbx(end->worker, message, size, TAG, (ucp_tag_t)-1, &params));
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "ucx_shm",
	.summary = "UCX in shared memory, tagged messages",
	.traits = SHMETER_SPINS,
	.bytes = ucx_shm_bytes,
	.open = ucx_shm_open,
	.attach = ucx_shm_attach,
	.send = ucx_shm_send,
	.receive = ucx_shm_receive,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
