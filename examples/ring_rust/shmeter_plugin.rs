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
/// A lock that passes to those who wait in the order in which they came.
pub const FIFO: u64 = 4;
/// Takes messages of several senders at once, each whole.
pub const MANY: u64 = 2;
/// A process that is killed inside send or receive may stop the others for ever.
pub const FRAGILE: u64 = 8;

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

/// One process that uses a lock.
#[repr(C)]
pub struct Owner {
    pub lock: *mut u8,
    pub node: *mut u8,
    pub stride: usize,
    pub index: u32,
    pub owners: u32,
    pub name: *const c_char,
    pub own: *mut c_void,
    reserved: [*mut c_void; 4],
}

#[repr(C)]
pub struct Lock {
    struct_size: usize,
    name: *const c_char,
    summary: *const c_char,
    traits: u64,
    bytes: usize,
    owner_bytes: usize,
    init: unsafe extern "C" fn(*mut Owner) -> c_int,
    attach: Option<unsafe extern "C" fn(*mut Owner) -> c_int>,
    lock: unsafe extern "C" fn(*mut Owner) -> c_int,
    unlock: unsafe extern "C" fn(*mut Owner),
    recover: Option<unsafe extern "C" fn(*mut Owner, u32) -> c_int>,
    close: Option<unsafe extern "C" fn(*mut Owner)>,
    reserved: [*mut c_void; 8],
}

unsafe impl Sync for Lock {}

impl Lock {
    /// `name` and `summary` end with "\0".
    #[allow(clippy::too_many_arguments)]
    pub const fn new(
        name: &'static str,
        summary: &'static str,
        traits: u64,
        bytes: usize,
        init: unsafe extern "C" fn(*mut Owner) -> c_int,
        lock: unsafe extern "C" fn(*mut Owner) -> c_int,
        unlock: unsafe extern "C" fn(*mut Owner),
        recover: Option<unsafe extern "C" fn(*mut Owner, u32) -> c_int>,
    ) -> Lock {
        Lock {
            struct_size: std::mem::size_of::<Lock>(),
            name: name.as_ptr() as *const c_char,
            summary: summary.as_ptr() as *const c_char,
            traits,
            bytes,
            owner_bytes: 0,
            init,
            attach: None,
            lock,
            unlock,
            recover,
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
    lock: *const Lock,
    lock_count: usize,
    reserved: [*mut c_void; 2],
}

impl Export {
    pub const fn new(transport: &'static [Transport]) -> Export {
        Export::of(transport, &[])
    }

    pub const fn of_locks(lock: &'static [Lock]) -> Export {
        Export::of(&[], lock)
    }

    pub const fn of(transport: &'static [Transport], lock: &'static [Lock]) -> Export {
        Export {
            magic: MAGIC,
            abi_version: ABI,
            transport_count: transport.len() as u32,
            struct_size: std::mem::size_of::<Export>(),
            transport: transport.as_ptr(),
            lock: lock.as_ptr(),
            lock_count: lock.len(),
            reserved: [null_mut(); 2],
        }
    }
}
