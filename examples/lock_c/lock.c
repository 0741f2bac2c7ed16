/* lock_c: a lock for shmeter, in C11.  shmeter/plugin.h says what each function does. */
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shmeter/plugin.h"

/* ---- yours from here: a word that names its owner, so that it can be freed after a death; who waits sleeps ---- */
#define WAITERS 0x80000000u /* somebody may sleep */

struct word { /* zeroed memory is a free lock; never keep a pointer in it: addresses differ between processes */
	_Alignas(128) _Atomic uint32_t owner; /* its number plus one, and WAITERS; 0: free */
};

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static int word_lock(struct shmeter_owner *owner)
{
	_Atomic uint32_t *word = &((struct word *)owner->lock)->owner;
	uint32_t me = owner->index + 1, seen = 0;

	/* acquire: sees what the last owner did; pairs with the release in word_unlock() */
	if (atomic_compare_exchange_strong_explicit(word, &seen, me, memory_order_acquire, memory_order_relaxed))
		return 0;
	for (;;) {
		if (seen == 0) {
			/* it slept, so others may: the mark stays */
			if (atomic_compare_exchange_strong_explicit(word, &seen, me | WAITERS, memory_order_acquire,
								    memory_order_relaxed))
				return 0;
		} else if (seen & WAITERS || atomic_compare_exchange_strong(word, &seen, seen | WAITERS)) {
			futex(word, FUTEX_WAIT, seen | WAITERS);
			seen = atomic_load_explicit(word, memory_order_relaxed);
		}
	}
}

static void word_unlock(struct shmeter_owner *owner)
{
	_Atomic uint32_t *word = &((struct word *)owner->lock)->owner;

	/* release: pairs with the acquires in word_lock() */
	if (atomic_exchange_explicit(word, 0, memory_order_release) & WAITERS)
		futex(word, FUTEX_WAKE, 1);
}

/* The dead may have taken a wake-up with it, so all are woken. */
static int word_recover(struct shmeter_owner *owner, uint32_t dead)
{
	_Atomic uint32_t *word = &((struct word *)owner->lock)->owner;
	uint32_t seen = atomic_load(word);

	while ((seen & ~WAITERS) == dead + 1 && !atomic_compare_exchange_weak(word, &seen, 0))
		;
	futex(word, FUTEX_WAKE, 0x7fffffff);
	return 0;
}
/* ---- yours to here ---- */

static int word_init(struct shmeter_owner *owner)
{
	(void)owner;
	return 0;
}

static const struct shmeter_lock lock = {
	.struct_size = sizeof(lock),
	.name = "lock_c",
	.summary = "a lock in C",
	.bytes = sizeof(struct word),
	.init = word_init,
	.lock = word_lock,
	.unlock = word_unlock,
	.recover = word_recover,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN_LOCKS(1, &lock);

	return &plugin;
}
