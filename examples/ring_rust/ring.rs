//! ring_rust: a transport for shmeter, in Rust on `std` alone.  shmeter_plugin.rs is its interface.
mod shmeter_plugin;

use shmeter_plugin::{Channel, Export, Transport, SPINS};
use std::os::raw::c_int;
use std::ptr::copy_nonoverlapping;
use std::sync::atomic::{AtomicU64, Ordering};

// ---- yours from here: a ring of one sender and one receiver, which works ----
#[repr(C, align(128))]
struct Line(AtomicU64);
#[repr(C)] // zeroed memory is an empty ring; never keep a pointer in it: addresses differ between processes
struct Ring(Line, Line); // messages sent, messages received; the slots lie behind it

unsafe fn slot(channel: &Channel, number: u64, size: usize) -> *mut u8 {
    let slots = (channel.capacity / size) as u64;
    channel.memory.add(std::mem::size_of::<Ring>() + (number % slots) as usize * size)
}

unsafe extern "C" fn send(channel: *mut Channel, message: *const u8, size: usize) -> bool {
    let channel = &*channel;
    let Ring(Line(sent), Line(received)) = &*(channel.memory as *const Ring);
    let mine = sent.load(Ordering::Relaxed);
    while mine - received.load(Ordering::Acquire) == (channel.capacity / size) as u64 {
        if channel.is_over() { return false; }
    }
    copy_nonoverlapping(message, slot(channel, mine, size), size);
    sent.store(mine + 1, Ordering::Release);
    true
}

unsafe extern "C" fn receive(channel: *mut Channel, message: *mut u8, size: usize) -> bool {
    let channel = &*channel;
    let Ring(Line(sent), Line(received)) = &*(channel.memory as *const Ring);
    let mine = received.load(Ordering::Relaxed);
    while sent.load(Ordering::Acquire) == mine {
        if channel.is_over() { return false; }
    }
    copy_nonoverlapping(slot(channel, mine, size), message, size);
    received.store(mine + 1, Ordering::Release);
    true
}
// ---- yours to here ----

extern "C" fn bytes(capacity: usize, message: usize) -> usize {
    std::mem::size_of::<Ring>() + capacity / message * message
}

unsafe extern "C" fn open(_pair: *mut Channel) -> c_int {
    0
}

// SPINS: it waits by spinning only
static TRANSPORTS: [Transport; 1] =
    [Transport::new("ring_rust\0", "a ring in Rust\0", SPINS, bytes, open, send, receive)];
static EXPORT: Export = Export::new(&TRANSPORTS);

#[no_mangle]
pub extern "C" fn shmeter_plugin() -> *const Export {
    &EXPORT
}
