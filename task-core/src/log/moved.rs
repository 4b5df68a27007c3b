use super::hub::Head;
use crate::rt::sync::watch;

/// Where the log of a task ends, for one who follows it.
///
/// What was seen is kept: to look whether there is anything new takes no lock, and most looks find nothing.
pub(super) struct Moved {
    head: Head,
    channel: watch::Receiver<Head>,
}

impl Moved {
    pub(super) fn new(mut channel: watch::Receiver<Head>) -> Self {
        let head = *channel.borrow_and_update();
        Self { head, channel }
    }

    /// The newest.
    pub(super) fn head(&mut self) -> Head {
        if self.channel.has_changed().unwrap_or(true) {
            self.head = *self.channel.borrow_and_update();
        }
        self.head
    }

    /// Waits for one that was not seen here, and says whether there will be one.
    ///
    /// Cancel safe.
    pub(super) async fn changed(&mut self) -> bool {
        let changed = self.channel.changed().await.is_ok();
        // It counts as seen there, and is not here yet.
        self.head = *self.channel.borrow_and_update();
        changed
    }
}
