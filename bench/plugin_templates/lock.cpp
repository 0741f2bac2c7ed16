// my_plugin: a lock for shmeter.  shmeter/plugin.h says what each function does.
#include <atomic>

#include "shmeter/plugin.h"

namespace
{

// ---- yours from here: a word with the number of the owner, which works ----
struct word { // zeroed memory is a free lock; never keep a pointer in it: addresses differ between processes
	alignas(128) std::atomic<uint32_t> owner; // its number plus one; 0: free
};

int my_lock(shmeter_owner *owner)
{
	auto *w = static_cast<word *>(owner->lock);

	for (uint32_t none = 0; !w->owner.compare_exchange_weak(none, owner->index + 1); none = 0)
		while (w->owner.load(std::memory_order_relaxed) != 0)
			;
	return 0;
}

void my_unlock(shmeter_owner *owner)
{
	static_cast<word *>(owner->lock)->owner.store(0, std::memory_order_release);
}

int my_recover(shmeter_owner *owner, uint32_t dead)
{
	uint32_t named = dead + 1;

	static_cast<word *>(owner->lock)->owner.compare_exchange_strong(named, 0);
	return 0;
}
// ---- yours to here ----

int my_init(shmeter_owner *)
{
	return 0;
}

shmeter_lock describe()
{
	shmeter_lock lock = {};

	lock.struct_size = sizeof(lock);
	lock.name = "my_plugin";
	lock.summary = "a lock in C++";
	lock.traits = SHMETER_SPINS; // it waits by spinning only
	lock.bytes = sizeof(word);
	lock.init = my_init;
	lock.lock = my_lock;
	lock.unlock = my_unlock;
	lock.recover = my_recover;
	return lock;
}

} // namespace

const shmeter_export *shmeter_plugin()
{
	static const shmeter_lock lock = describe();
	static const shmeter_export plugin = SHMETER_PLUGIN_LOCKS(1, &lock);

	return &plugin;
}
