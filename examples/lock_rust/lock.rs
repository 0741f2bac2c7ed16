//! lock_rust: a lock for shmeter, in Rust on `std` alone.  shmeter_plugin.rs is its interface.
#[path = "../ring_rust/shmeter_plugin.rs"]
mod shmeter_plugin;

use shmeter_plugin::{Export, Lock, Owner};
use std::os::raw::c_int;
use std::sync::atomic::{AtomicU32, Ordering};

// ---- yours from here: a word that names its owner, so that it can be freed after a death ----
const TURNS: u32 = 200; // of spinning, before it gives its time away

#[repr(C, align(128))] // zeroed memory is a free lock; never keep a pointer in it: addresses differ between processes
struct Word(AtomicU32); // the owner's number plus one; 0: free

impl Word {
    unsafe fn of<'a>(owner: *mut Owner) -> &'a Word {
        &*((*owner).lock as *const Word)
    }

    fn take(&self, me: u32) {
        let mut turns = 0;
        // Acquire: sees what the last owner did; pairs with the Release in give()
        while self.0.load(Ordering::Relaxed) != 0
            || self.0.compare_exchange_weak(0, me + 1, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            turns += 1;
            if turns % TURNS == 0 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }

    fn give(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Frees it only if the dead had it.
    fn recover(&self, dead: u32) {
        let _ = self.0.compare_exchange(dead + 1, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}
// ---- yours to here ----

unsafe extern "C" fn init(_owner: *mut Owner) -> c_int {
    0
}

unsafe extern "C" fn lock(owner: *mut Owner) -> c_int {
    Word::of(owner).take((*owner).index);
    0
}

unsafe extern "C" fn unlock(owner: *mut Owner) {
    Word::of(owner).give();
}

unsafe extern "C" fn recover(owner: *mut Owner, dead: u32) -> c_int {
    Word::of(owner).recover(dead);
    0
}

static LOCKS: [Lock; 1] = [Lock::new(
    "lock_rust\0",
    "a lock in Rust\0",
    0,
    std::mem::size_of::<Word>(),
    init,
    lock,
    unlock,
    Some(recover),
)];
static EXPORT: Export = Export::of_locks(&LOCKS);

#[no_mangle]
pub extern "C" fn shmeter_plugin() -> *const Export {
    &EXPORT
}
