//! Where does the kernel put what arrives?
//!
//! Buffers of one size, and a ring in shared memory that tells the kernel which of them are free. A
//! buffer is the kernel's from [`Pool::publish`] until a completion names it, and ours from then until
//! [`Pool::give_back`].

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use crate::io::BUFFER_LEN;

/// Buffers the kernel fills. A power of two; 2,048 hold 13 ms of 1,500 calls.
pub(super) const BUFFERS: u16 = 2_048;

/// Our one group of buffers.
pub(super) const GROUP: u16 = 0;

/// Buffers the kernel fills, and the ring that tells it which are free.
pub(super) struct Pool {
    buffers: NonNull<u8>,
    ring: NonNull<BufRingEntry>,
    tail: u16,
}

impl Pool {
    const BUFFERS_LAYOUT: Layout =
        match Layout::from_size_align(BUFFERS as usize * BUFFER_LEN, 2 << 20) {
            Ok(layout) => layout.pad_to_align(),
            Err(_) => panic!("the size of the buffers is a constant"),
        };
    const RING_LAYOUT: Layout =
        match Layout::from_size_align(BUFFERS as usize * size_of::<BufRingEntry>(), 4_096) {
            Ok(layout) => layout,
            Err(_) => panic!("the size of the ring is a constant"),
        };

    pub(super) fn new() -> Self {
        // SAFETY: both layouts have a size above zero.
        let (buffers, ring) =
            unsafe { (alloc_zeroed(Self::BUFFERS_LAYOUT), alloc_zeroed(Self::RING_LAYOUT)) };
        let Some(buffers) = NonNull::new(buffers) else {
            handle_alloc_error(Self::BUFFERS_LAYOUT);
        };
        let Some(ring) = NonNull::new(ring.cast::<BufRingEntry>()) else {
            handle_alloc_error(Self::RING_LAYOUT);
        };
        // SAFETY: the memory is ours and aligned to huge pages. The advice changes no contents; where
        // it is refused, small pages serve as well.
        unsafe {
            libc::madvise(
                buffers.as_ptr().cast(),
                Self::BUFFERS_LAYOUT.size(),
                libc::MADV_HUGEPAGE,
            );
        }

        Self { buffers, ring, tail: 0 }
    }

    pub(super) fn register(&mut self, ring: &IoUring) -> io::Result<()> {
        // SAFETY: the ring's memory is page-aligned, large enough, and outlives the kernel's use of
        // it; see the module.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                self.ring.as_ptr() as u64,
                BUFFERS,
                GROUP,
                0,
            )?;
        }
        for buffer in 0..BUFFERS {
            self.give_back(buffer);
        }
        self.publish();

        Ok(())
    }

    fn start_of(&self, buffer: u16) -> *mut u8 {
        debug_assert!(buffer < BUFFERS, "the kernel answers with our own numbers");
        // SAFETY: masked, the number is below BUFFERS, so the result lies in the allocation.
        unsafe { self.buffers.as_ptr().add(usize::from(buffer & (BUFFERS - 1)) * BUFFER_LEN) }
    }

    /// A buffer the kernel has filled and we have not given back.
    pub(super) fn buffer(&mut self, buffer: u16) -> &mut [u8] {
        // SAFETY: the memory is initialised and BUFFER_LEN long, and the kernel does not touch it
        // between the completion that named it and `give_back`.
        unsafe { std::slice::from_raw_parts_mut(self.start_of(buffer), BUFFER_LEN) }
    }

    /// Such a buffer, to look at only.
    pub(super) fn peek(&self, buffer: u16) -> &[u8] {
        // SAFETY: as in `buffer`; and whoever holds it mutably holds the pool mutably.
        unsafe { std::slice::from_raw_parts(self.start_of(buffer), BUFFER_LEN) }
    }

    pub(super) fn give_back(&mut self, buffer: u16) {
        let start = self.start_of(buffer);
        // SAFETY: masked, the index lies in the ring, and the kernel does not read the entry before
        // `publish` moves the tail past it.
        let entry = unsafe { &mut *self.ring.as_ptr().add(usize::from(self.tail & (BUFFERS - 1))) };
        entry.set_addr(start as u64);
        entry.set_len(BUFFER_LEN as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    pub(super) fn publish(&mut self) {
        // SAFETY: the tail lies in the first entry of the ring, is aligned, and is read by the kernel
        // and written by us alone.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.ring.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layouts in `new`; the kernel's ring is gone, see the module.
        unsafe {
            dealloc(self.buffers.as_ptr(), Self::BUFFERS_LAYOUT);
            dealloc(self.ring.as_ptr().cast(), Self::RING_LAYOUT);
        }
    }
}
