//! A ring of one sender and one receiver in Rust, on `std` alone: a counter for each side on lines of its own, whole messages.
mod shmeter_plugin;

use shmeter_plugin::{Channel, Export, Transport, SPINS};
use std::os::raw::c_int;
use std::ptr::copy_nonoverlapping;
use std::sync::atomic::{AtomicU64, Ordering};

#[repr(C, align(128))]
struct Line(AtomicU64);

/// Both sides write here, so all is atomic, and what is not is in the slots behind it.
#[repr(C)]
struct Ring {
    sent: Line,
    received: Line,
}

extern "C" fn bytes(capacity: usize, message: usize) -> usize {
    std::mem::size_of::<Ring>() + capacity / message * message
}

unsafe extern "C" fn open(_pair: *mut Channel) -> c_int {
    0 // zeroed memory is an empty ring
}

unsafe fn slot(channel: &Channel, number: u64, size: usize) -> *mut u8 {
    let slots = (channel.capacity / size) as u64;
    channel.memory.add(std::mem::size_of::<Ring>() + (number % slots) as usize * size)
}

unsafe extern "C" fn send(channel: *mut Channel, message: *const u8, size: usize) -> bool {
    let channel = &*channel;
    let ring = &*(channel.memory as *const Ring);
    let mine = ring.sent.0.load(Ordering::Relaxed);
    while mine - ring.received.0.load(Ordering::Acquire) == (channel.capacity / size) as u64 {
        if channel.is_over() {
            return false;
        }
    }
    copy_nonoverlapping(message, slot(channel, mine, size), size);
    ring.sent.0.store(mine + 1, Ordering::Release);
    true
}

unsafe extern "C" fn receive(channel: *mut Channel, message: *mut u8, size: usize) -> bool {
    let channel = &*channel;
    let ring = &*(channel.memory as *const Ring);
    let mine = ring.received.0.load(Ordering::Relaxed);
    while ring.sent.0.load(Ordering::Acquire) == mine {
        if channel.is_over() {
            return false;
        }
    }
    copy_nonoverlapping(slot(channel, mine, size), message, size);
    ring.received.0.store(mine + 1, Ordering::Release);
    true
}

static TRANSPORTS: [Transport; 1] =
    [Transport::new("ring_rust\0", "a ring in Rust\0", SPINS, bytes, open, send, receive)];
static EXPORT: Export = Export::new(&TRANSPORTS);

#[no_mangle]
pub extern "C" fn shmeter_plugin() -> *const Export {
    &EXPORT
}
