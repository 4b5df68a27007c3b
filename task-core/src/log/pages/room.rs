use std::sync::Arc;

use crate::model::Event;
use crate::rt::atomic::{AtomicUsize, Ordering};

/// The memory for what is read before anybody asks for it, all readers together.
#[derive(Debug)]
pub(super) struct Room {
    limit: usize,
    taken: Arc<AtomicUsize>,
}

/// A part of it, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    bytes: AtomicUsize,
    taken: Arc<AtomicUsize>,
}

impl Room {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, taken: Arc::default() }
    }

    /// Room for a page of which nobody knows yet how large it is, if there is so much.
    pub(super) fn take(&self) -> Option<Place> {
        let more = |taken: usize| taken.checked_add(UNREAD).filter(|taken| *taken <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place { bytes: AtomicUsize::new(UNREAD), taken: Arc::clone(&self.taken) })
    }

    #[cfg(all(test, feature = "testing"))]
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Place {
    /// The page is here, and takes no more than it has.
    pub(super) fn fit(&self, page: &[Event]) {
        let bytes = page.iter().map(Event::weight).sum();
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        // The sum wraps as the difference does.
        self.taken.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// As much as a page takes at most, while no event is larger than the default of `Limits::event_bytes`.
pub(super) const UNREAD: usize = 1 << 20;
