use std::time::Duration;

/// How a [`SqliteStore`](crate::SqliteStore) works.
///
/// ```
/// use std::time::Duration;
///
/// use task_store_sqlite::{DurabilityPolicy, SqliteOptions};
///
/// let options = SqliteOptions::default()
///     .with_durability(DurabilityPolicy::Interval(Duration::from_millis(500)))
///     .with_readers(4);
/// assert_eq!(options.readers, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// What an acknowledged commit survives. Default: [`DurabilityPolicy::Durable`].
    pub durability: DurabilityPolicy,
    /// How many reads run at the same time, each on a connection of its own; 1 or more. More than a few gain nothing.
    /// Default: 3.
    pub readers: usize,
    /// How often to look whether another process has written, while somebody listens to
    /// [`changes`](task_core::TaskStore::changes). Only the delay of hints depends on it, nothing that is stored.
    /// Default: 50 ms.
    pub poll_interval: Duration,
    /// How long a commit waits for a process that is writing before it is
    /// [`Unavailable`](task_core::StoreError::Unavailable); nothing is written then. Default: 5 s.
    pub busy_timeout: Duration,
}

/// What an acknowledged commit survives. The death of the process in every case, at once; they differ in what a power
/// cut takes. The file stays consistent in every case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurabilityPolicy {
    /// What each commit asks for: lifecycle, messages, answers and tool calls survive a power cut, as far as the disk
    /// honours a sync; text deltas and progress not always the last of them. Commits that are written together get the
    /// strictest that one of them asks for.
    #[default]
    Durable,
    /// One sync for everything that was written within this time: a power cut takes at most about that much of the
    /// end, whatever the commits asked for. Never something from the middle.
    Interval(Duration),
    /// No sync but at checkpoints, whatever the commits ask for: a power cut takes what came after the last one, which
    /// may be minutes. Never something from the middle.
    Process,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: DurabilityPolicy::default(),
            readers: 3,
            poll_interval: Duration::from_millis(50),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteOptions {
    /// The same with another durability.
    #[must_use]
    pub const fn with_durability(mut self, durability: DurabilityPolicy) -> Self {
        self.durability = durability;
        self
    }

    /// The same with so many readers.
    #[must_use]
    pub const fn with_readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// The same with another delay of hints from other processes.
    #[must_use]
    pub const fn with_poll_interval(mut self, poll_interval: Duration) -> Self {
        self.poll_interval = poll_interval;
        self
    }

    /// The same with another patience with other processes.
    #[must_use]
    pub const fn with_busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }
}
