//! `shmeter/plugin.h` for Rust: what a plug-in exports, version 1 of the interface.  The header says what each part means.
#![allow(dead_code)]

use std::ffi::c_void;
use std::os::raw::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

pub const MAGIC: u64 = 0x676c_7065_6d68_732e;
pub const ABI: u32 = 1;
/// Waits by spinning only, so both ends need PUs of their own.
pub const SPINS: u64 = 1;
/// Takes messages of several senders at once, each whole.
pub const MANY: u64 = 2;

/// One direction, as one process sees it.
#[repr(C)]
pub struct Channel {
    pub memory: *mut u8,
    pub capacity: usize,
    pub message: usize,
    pub name: *const c_char,
    over: *const AtomicU32,
    pub spin_turns: u32,
    pub direction: u32,
    pub own: *mut c_void,
    reserved: [*mut c_void; 4],
}

impl Channel {
    /// Whether the peer is gone: then a wait has to end.
    pub fn is_over(&self) -> bool {
        // shmeter sets the pointer, to a word that lives as long as the process
        unsafe { (*self.over).load(Ordering::Relaxed) != 0 }
    }
}

#[repr(C)]
pub struct Transport {
    struct_size: usize,
    name: *const c_char,
    summary: *const c_char,
    traits: u64,
    bytes: extern "C" fn(usize, usize) -> usize,
    open: unsafe extern "C" fn(*mut Channel) -> c_int,
    attach: Option<unsafe extern "C" fn(*mut Channel, bool) -> c_int>,
    send: unsafe extern "C" fn(*mut Channel, *const u8, usize) -> bool,
    receive: unsafe extern "C" fn(*mut Channel, *mut u8, usize) -> bool,
    close: Option<unsafe extern "C" fn(*mut Channel)>,
    reserved: [*mut c_void; 8],
}

// What it points to is constant.
unsafe impl Sync for Transport {}
unsafe impl Sync for Export {}

impl Transport {
    /// `name` and `summary` end with "\0".
    pub const fn new(
        name: &'static str,
        summary: &'static str,
        traits: u64,
        bytes: extern "C" fn(usize, usize) -> usize,
        open: unsafe extern "C" fn(*mut Channel) -> c_int,
        send: unsafe extern "C" fn(*mut Channel, *const u8, usize) -> bool,
        receive: unsafe extern "C" fn(*mut Channel, *mut u8, usize) -> bool,
    ) -> Transport {
        Transport {
            struct_size: std::mem::size_of::<Transport>(),
            name: name.as_ptr() as *const c_char,
            summary: summary.as_ptr() as *const c_char,
            traits,
            bytes,
            open,
            attach: None,
            send,
            receive,
            close: None,
            reserved: [null_mut(); 8],
        }
    }
}

#[repr(C)]
pub struct Export {
    magic: u64,
    abi_version: u32,
    transport_count: u32,
    struct_size: usize,
    transport: *const Transport,
    reserved: [*mut c_void; 4],
}

impl Export {
    pub const fn new(transport: &'static [Transport]) -> Export {
        Export {
            magic: MAGIC,
            abi_version: ABI,
            transport_count: transport.len() as u32,
            struct_size: std::mem::size_of::<Export>(),
            transport: transport.as_ptr(),
            reserved: [null_mut(); 4],
        }
    }
}
