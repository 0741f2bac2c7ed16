/* What does encrypting what you share cost?  A ring whose messages are sealed with AES-256-GCM, and the same ring without.
 *
 * The key lies in a file that only this user can read; the memory that is shared holds ciphertext alone.  What the other
 * side or a third process writes there is trusted for nothing: each end counts in its own memory, and a message that was
 * changed, repeated, left out or moved does not open.
 *
 * Nonces: a nonce must never be used twice with one key (NIST SP 800-38D, 8.2.1).  Here it is the number of the message,
 * which the sender alone counts, in its own memory.  Each sender that attaches begins at 0 with a new key, made of the key
 * in the file and of a salt that it draws and publishes. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "shmeter/plugin.h"

#define KEY_SIZE   32 /* AES-256; also of the salt */
#define NONCE_SIZE 12 /* what GCM takes as it is */
#define TAG_SIZE   16

struct ring {
	_Alignas(128) _Atomic uint64_t sent;
	_Alignas(128) _Atomic uint64_t received;
	_Alignas(128) unsigned char salt[KEY_SIZE]; /* the sender's, before its first message */
	_Alignas(128) unsigned char slot[];
};

/* One end, in its own process. */
struct end {
	uint64_t count; /* messages so far */
	EVP_CIPHER_CTX *cipher;
	unsigned char key[KEY_SIZE]; /* from the file, until the first message */
	bool keyed;
	unsigned char sealed[]; /* a message and its tag */
};

static size_t ring_bytes(size_t capacity, size_t message)
{
	return sizeof(struct ring) + capacity / message * (message + TAG_SIZE);
}

static unsigned char *slot_of(const struct shmeter_channel *channel, uint64_t number, size_t size)
{
	struct ring *ring = channel->memory;

	return ring->slot + number % (channel->capacity / size) * (size + TAG_SIZE);
}

/* Waits until the slot of the end's next message is free, or full.  An index is no more than a hint: from a wrong one
 * comes a message that does not open. */
static bool await_room(const struct shmeter_channel *channel, const struct end *end, size_t size)
{
	struct ring *ring = channel->memory;

	while (end->count - atomic_load_explicit(&ring->received, memory_order_acquire) >= channel->capacity / size)
		if (shmeter_is_over(channel))
			return false;
	return true;
}

static bool await_message(const struct shmeter_channel *channel, const struct end *end)
{
	struct ring *ring = channel->memory;

	while (atomic_load_explicit(&ring->sent, memory_order_acquire) == end->count)
		if (shmeter_is_over(channel))
			return false;
	return true;
}

static void count_one(_Atomic uint64_t *index, struct end *end)
{
	atomic_store_explicit(index, ++end->count, memory_order_release);
}

static void key_path(const struct shmeter_channel *channel, char *path, size_t size)
{
	const char *folder = getenv("TMPDIR");

	snprintf(path, size, "%s/%s.key", folder && *folder ? folder : "/tmp", channel->name);
}

static int make_key(const struct shmeter_channel *channel)
{
	unsigned char key[KEY_SIZE];
	char path[4096];
	int fd, rc = 0;

	key_path(channel, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (getrandom(key, sizeof(key), 0) != sizeof(key) || write(fd, key, sizeof(key)) != sizeof(key))
		rc = errno ? errno : EIO;
	OPENSSL_cleanse(key, sizeof(key));
	close(fd);
	return rc;
}

static int sealed_open(struct shmeter_channel pair[2])
{
	int rc = make_key(&pair[0]);

	return rc ? rc : make_key(&pair[1]);
}

static void sealed_close(struct shmeter_channel pair[2])
{
	char path[4096];

	for (int i = 0; i < 2; i++) {
		key_path(&pair[i], path, sizeof(path));
		unlink(path);
	}
}

static int read_key(const struct shmeter_channel *channel, struct end *end)
{
	char path[4096];
	int fd, rc = 0;

	key_path(channel, path, sizeof(path));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (read(fd, end->key, sizeof(end->key)) != sizeof(end->key))
		rc = EIO;
	close(fd);
	return rc;
}

/* Makes the key of this sender's messages from the file's and the salt; this process then needs the file's no more. */
static bool use_salt(struct end *end, const unsigned char salt[KEY_SIZE], bool sends)
{
	unsigned char key[KEY_SIZE];
	unsigned int size = sizeof(key);

	end->keyed = HMAC(EVP_sha256(), end->key, sizeof(end->key), salt, KEY_SIZE, key, &size) &&
		     EVP_CipherInit_ex(end->cipher, EVP_aes_256_gcm(), NULL, key, NULL, sends) == 1;
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(end->key, sizeof(end->key));
	return end->keyed;
}

static int plain_attach(struct shmeter_channel *channel, bool sends)
{
	(void)sends;
	channel->own = calloc(1, sizeof(struct end) + channel->message + TAG_SIZE);
	return channel->own ? 0 : ENOMEM;
}

static int sealed_attach(struct shmeter_channel *channel, bool sends)
{
	struct ring *ring = channel->memory;
	unsigned char salt[KEY_SIZE];
	struct end *end;
	int rc = plain_attach(channel, sends);

	if (rc)
		return rc;
	end = channel->own;
	end->cipher = EVP_CIPHER_CTX_new();
	rc = end->cipher ? read_key(channel, end) : ENOMEM;
	if (rc || !sends)
		return rc;
	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		return errno;
	memcpy(ring->salt, salt, sizeof(salt));
	return use_salt(end, salt, true) ? 0 : EIO;
}

static void nonce_of(uint64_t number, unsigned char nonce[NONCE_SIZE])
{
	memset(nonce, 0, NONCE_SIZE);
	for (int i = 0; i < 8; i++)
		nonce[NONCE_SIZE - 1 - i] = (unsigned char)(number >> 8 * i);
}

/* Seals in private memory: GCM reads the ciphertext again for its tag, and in shared memory it could be another by then. */
static bool sealed_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	struct ring *ring = channel->memory;
	struct end *end = channel->own;
	unsigned char nonce[NONCE_SIZE];
	int out, more;

	nonce_of(end->count, nonce);
	if (EVP_EncryptInit_ex(end->cipher, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(end->cipher, end->sealed, &out, message, (int)size) != 1 ||
	    EVP_EncryptFinal_ex(end->cipher, end->sealed + out, &more) != 1 ||
	    EVP_CIPHER_CTX_ctrl(end->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, end->sealed + size) != 1 ||
	    !await_room(channel, end, size))
		return false;
	memcpy(slot_of(channel, end->count, size), end->sealed, size + TAG_SIZE);
	count_one(&ring->sent, end);
	return true;
}

/* Copies first, then opens the copy, for the same reason. */
static bool sealed_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	struct ring *ring = channel->memory;
	struct end *end = channel->own;
	unsigned char nonce[NONCE_SIZE], salt[KEY_SIZE];
	int out, more;

	if (!await_message(channel, end))
		return false;
	if (!end->keyed) {
		memcpy(salt, ring->salt, sizeof(salt));
		if (!use_salt(end, salt, false))
			return false;
	}
	nonce_of(end->count, nonce);
	memcpy(end->sealed, slot_of(channel, end->count, size), size + TAG_SIZE);
	if (EVP_DecryptInit_ex(end->cipher, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(end->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, end->sealed + size) != 1 ||
	    EVP_DecryptUpdate(end->cipher, message, &out, end->sealed, (int)size) != 1 ||
	    EVP_DecryptFinal_ex(end->cipher, (unsigned char *)message + out, &more) != 1)
		return false; /* it was not sealed so, with this number */
	count_one(&ring->received, end);
	return true;
}

static int plain_open(struct shmeter_channel pair[2])
{
	(void)pair; /* zeroed memory is an empty ring */
	return 0;
}

static bool plain_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	struct ring *ring = channel->memory;
	struct end *end = channel->own;

	if (!await_room(channel, end, size))
		return false;
	memcpy(slot_of(channel, end->count, size), message, size);
	count_one(&ring->sent, end);
	return true;
}

static bool plain_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	struct ring *ring = channel->memory;
	struct end *end = channel->own;

	if (!await_message(channel, end))
		return false;
	memcpy(message, slot_of(channel, end->count, size), size);
	count_one(&ring->received, end);
	return true;
}

static const struct shmeter_transport transport[] = {
	{ .struct_size = sizeof(transport[0]),
	  .name = "sealed_ring",
	  .summary = "a ring in shared memory, sealed with AES-256-GCM",
	  .traits = SHMETER_SPINS,
	  .bytes = ring_bytes,
	  .open = sealed_open,
	  .attach = sealed_attach,
	  .send = sealed_send,
	  .receive = sealed_receive,
	  .close = sealed_close },
	{ .struct_size = sizeof(transport[0]),
	  .name = "unsealed_ring",
	  .summary = "the ring of sealed_ring, not sealed",
	  .traits = SHMETER_SPINS,
	  .bytes = ring_bytes,
	  .open = plain_open,
	  .attach = plain_attach,
	  .send = plain_send,
	  .receive = plain_receive },
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(2, transport);

	return &plugin;
}
