use std::time::Duration;

/// How a [`SledStore`](crate::SledStore) works.
///
/// ```
/// use std::time::Duration;
///
/// use task_store_sled::{DurabilityPolicy, SledOptions};
///
/// let options = SledOptions::default()
///     .with_durability(DurabilityPolicy::Interval(Duration::from_millis(500)))
///     .with_readers(4);
/// assert_eq!(options.readers, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SledOptions {
    /// When the file is synced. Default: [`DurabilityPolicy::Durable`].
    pub durability: DurabilityPolicy,
    /// How many reads run at the same time; 1 or more. More than a few gain nothing. Default: 3.
    pub readers: usize,
    /// How much of the database is kept in memory, in bytes. Default: 64 MiB.
    pub cache_bytes: u64,
    /// How long a write may take before it is [`Indeterminate`](task_core::StoreError::Indeterminate) and the store has
    /// to be opened again: what a disk needs at its worst. Default: 60 s.
    pub stall_timeout: Duration,
}

/// When the file is synced. Acknowledged commits survive the death of the process in every case, at once. A power cut
/// they survive with [`DurabilityPolicy::Durable`] alone: with the others it may take everything, as the engine then
/// cannot always open its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurabilityPolicy {
    /// Before anything is acknowledged, whatever the commits ask for. What is acknowledged together needs one sync.
    #[default]
    Durable,
    /// Once for everything that was written within this time, whatever the commits ask for. A power cut may take
    /// everything.
    Interval(Duration),
    /// When the engine or the operating system likes to, whatever the commits ask for. A power cut may take everything.
    Process,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            durability: DurabilityPolicy::default(),
            readers: 3,
            cache_bytes: 64 * 1024 * 1024,
            stall_timeout: Duration::from_secs(60),
        }
    }
}

impl SledOptions {
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

    /// The same with so many bytes of cache.
    #[must_use]
    pub const fn with_cache_bytes(mut self, cache_bytes: u64) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }

    /// The same with another patience with the disk.
    #[must_use]
    pub const fn with_stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }
}
