//! The newest of something, and a way to wait for a newer one.

use crate::rt::lock;
use crate::rt::sync::{Mutex, Notify};

/// The newest value, for a handful of waiters.
///
/// It does what `tokio::sync::watch` does. That has eight lists of waiters, so that thousands do not stand in line at
/// one; here they would be 300 bytes for each task that runs and is waited for by two.
#[derive(Debug)]
pub(crate) struct Latest<T> {
    kept: Mutex<Kept<T>>,
    moved: Notify,
}

#[derive(Debug)]
struct Kept<T> {
    value: T,
    version: u64,
}

impl<T: Clone> Latest<T> {
    pub(super) fn new(value: T) -> Self {
        Self { kept: Mutex::new(Kept { value, version: 0 }), moved: Notify::new() }
    }

    /// The newest value, and its version: what to wait from.
    pub(crate) fn get(&self) -> (T, u64) {
        let kept = lock(&self.kept);
        (kept.value.clone(), kept.version)
    }

    /// Waits until there is a newer version. Cancel safe.
    #[expect(
        clippy::manual_async_fn,
        reason = "that holds its arguments twice, here in the future of each run"
    )]
    pub(crate) fn newer_than(&self, version: u64) -> impl Future<Output = ()> {
        async move {
            loop {
                // Listen first, then look: what comes after this line wakes the wait below.
                let moved = self.moved.notified();
                if lock(&self.kept).version != version {
                    return;
                }
                moved.await;
            }
        }
    }

    pub(super) fn set(&self, value: T) {
        let before = {
            let mut kept = lock(&self.kept);
            kept.version += 1;
            std::mem::replace(&mut kept.value, value)
        };
        self.moved.notify_waiters();
        drop(before);
    }

    /// Has whoever waits look again: not the value is new, but something that they look at with it.
    pub(super) fn touch(&self) {
        lock(&self.kept).version += 1;
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_waits_is_woken_by_what_is_newer_than_what_was_seen() {
        let latest = Latest::new("a");
        let (value, first) = latest.get();
        assert_eq!(value, "a");
        let mut wait = Box::pin(latest.newer_than(first));
        assert!(wait.as_mut().now_or_never().is_none(), "nothing is newer");
        latest.set("b");
        assert!(wait.now_or_never().is_some());

        let (value, second) = latest.get();
        assert_eq!(value, "b");
        assert!(latest.newer_than(first).now_or_never().is_some(), "what came before the wait is not missed");
        assert!(latest.newer_than(second).now_or_never().is_none());
    }

    #[test]
    fn all_who_wait_look_again_when_asked_to() {
        let latest = Latest::new(1);
        let (_, seen) = latest.get();
        let mut waits = [0; 3].map(|_| Box::pin(latest.newer_than(seen)));
        assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
        latest.touch();
        assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_some()));
        assert_eq!(latest.get().0, 1);
    }
}
