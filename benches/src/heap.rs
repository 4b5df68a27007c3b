//! How many bytes are on the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

#[global_allocator]
static HEAP: Counted = Counted;

static COUNTING: AtomicBool = AtomicBool::new(false);
static TAKEN: AtomicU64 = AtomicU64::new(0);
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// Counts from here on. Off unless called: two cores that count in one place cost each other more than an allocation.
pub(crate) fn count() {
    COUNTING.store(true, Relaxed);
}

/// Bytes on the heap since [`count`]. Less than what there is by what was allocated before, and never what C code takes.
pub(crate) fn bytes() -> u64 {
    TAKEN.load(Relaxed).saturating_sub(GIVEN.load(Relaxed))
}

struct Counted;

// An allocator has unsafe methods. It passes everything on, unchanged, to that of the system.
#[expect(unsafe_code, reason = "a global allocator cannot be written otherwise")]
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(&TAKEN, layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(&GIVEN, layout.size());
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(&TAKEN, layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(&TAKEN, new_size);
        note(&GIVEN, layout.size());
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

fn note(sum: &AtomicU64, bytes: usize) {
    if COUNTING.load(Relaxed) {
        sum.fetch_add(bytes as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_what_was_given_back_is_not() {
        count();
        let before = bytes();
        let held = vec![0_u8; 10_000_000];
        let with = bytes();
        drop(held);
        // Other tests allocate meanwhile, but not so much.
        assert!((10_000_000..11_000_000).contains(&(with - before)), "{}", with - before);
        assert!(bytes() - before < 1_000_000);
    }
}
