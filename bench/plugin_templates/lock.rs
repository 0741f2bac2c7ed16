//! my_plugin: a lock for shmeter.  shmeter_plugin.rs is its interface.
mod shmeter_plugin;

use shmeter_plugin::{Export, Lock, Owner, SPINS};
use std::os::raw::c_int;
use std::sync::atomic::{AtomicU32, Ordering};

// ---- yours from here: a word with the number of the owner, which works ----
#[repr(C, align(128))] // zeroed memory is a free lock; never keep a pointer in it: addresses differ between processes
struct Word(AtomicU32); // the owner's number plus one; 0: free

fn my_lock(word: &Word, me: u32) {
    while word.0.compare_exchange_weak(0, me + 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        while word.0.load(Ordering::Relaxed) != 0 {}
    }
}

fn my_unlock(word: &Word) {
    word.0.store(0, Ordering::Release);
}

fn my_recover(word: &Word, dead: u32) {
    let _ = word.0.compare_exchange(dead + 1, 0, Ordering::AcqRel, Ordering::Relaxed);
}
// ---- yours to here ----

unsafe extern "C" fn init(_owner: *mut Owner) -> c_int {
    0
}

unsafe extern "C" fn lock(owner: *mut Owner) -> c_int {
    my_lock(&*((*owner).lock as *const Word), (*owner).index);
    0
}

unsafe extern "C" fn unlock(owner: *mut Owner) {
    my_unlock(&*((*owner).lock as *const Word))
}

unsafe extern "C" fn recover(owner: *mut Owner, dead: u32) -> c_int {
    my_recover(&*((*owner).lock as *const Word), dead);
    0
}

// SPINS: it waits by spinning only
static LOCKS: [Lock; 1] =
    [Lock::new("my_plugin\0", "a lock of mine\0", SPINS, std::mem::size_of::<Word>(), init, lock, unlock, Some(recover))];
static EXPORT: Export = Export::of_locks(&LOCKS);

#[no_mangle]
pub extern "C" fn shmeter_plugin() -> *const Export {
    &EXPORT
}
