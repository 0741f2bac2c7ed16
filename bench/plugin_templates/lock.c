/* my_plugin: a lock for shmeter.  shmeter/plugin.h says what each function does. */
#include <stdatomic.h>

#include "shmeter/plugin.h"

/* ---- yours from here: a word with the number of the owner, which works ---- */
struct my_lock { /* zeroed memory is a free lock; never keep a pointer in it: addresses differ between processes */
	_Alignas(128) _Atomic uint32_t owner; /* its number plus one; 0: free */
};

static int my_lock(struct shmeter_owner *owner)
{
	struct my_lock *lock = owner->lock;

	for (uint32_t none = 0; !atomic_compare_exchange_weak(&lock->owner, &none, owner->index + 1); none = 0)
		while (atomic_load_explicit(&lock->owner, memory_order_relaxed) != 0)
			;
	return 0;
}

static void my_unlock(struct shmeter_owner *owner)
{
	struct my_lock *lock = owner->lock;

	atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

static int my_recover(struct shmeter_owner *owner, uint32_t dead)
{
	struct my_lock *lock = owner->lock;
	uint32_t named = dead + 1;

	atomic_compare_exchange_strong(&lock->owner, &named, 0);
	return 0;
}
/* ---- yours to here ---- */

static int my_init(struct shmeter_owner *owner)
{
	(void)owner;
	return 0;
}

static const struct shmeter_lock lock = {
	.struct_size = sizeof(lock),
	.name = "my_plugin",
	.summary = "a lock of mine",
	.traits = SHMETER_SPINS, /* it waits by spinning only */
	.bytes = sizeof(struct my_lock),
	.init = my_init,
	.lock = my_lock,
	.unlock = my_unlock,
	.recover = my_recover,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN_LOCKS(1, &lock);

	return &plugin;
}
