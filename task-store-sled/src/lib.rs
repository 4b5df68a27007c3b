//! Keeps agent tasks in a directory, with the pure-Rust engine sled: a store for [`task_core`].
//!
//! ```
//! use task_core::testing::Scribe;                          // stands in for a task manager here
//! use task_core::{Output, Seq, TaskStore};
//! use task_store_sled::SledStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("tasks");
//! let store = SledStore::open(&path).await?;
//! let mut scribe = Scribe::new("write a haiku");
//! store.commit(scribe.create(None)).await?;
//! store.commit(scribe.record([Output::text("reply", "An old silent pond")])).await?;
//! store.close().await?;
//!
//! let store = SledStore::open(&path).await?;               // another day
//! let log = store.events(scribe.id(), Seq::ZERO, 100, usize::MAX).await?;
//! assert_eq!(log.iter().map(|event| event.kind()).collect::<Vec<_>>(), ["created", "message", "text"]);
//! # Ok(())
//! # }
//! ```
//!
//! # What a commit survives
//!
//! The death of the process, always and at once: of a commit that was acknowledged everything is there, of any other
//! all or nothing.
//!
//! A power cut, with [`DurabilityPolicy::Durable`], the default: everything that was acknowledged is there, as far as
//! the disk does what a sync asks for. The engine's own flush syncs nothing, so this crate syncs the file itself, after
//! each batch, and keeps values small, because large ones go to files that the engine never syncs. On Linux it also has
//! the file system sync each write of the engine, which believes that what the system has taken is safe: where a file
//! system cannot, and on other systems, a cut in hundreds leaves a directory that does not open. This was tried on ext4
//! and xfs with a rig that drops what was not given to the disk; the README has the figures.
//!
//! With the other policies **a power cut may take everything**: the engine writes over old pages before their copies are
//! synced, and a directory in which it was cut off then cannot always be opened.
//!
//! # One process
//!
//! A directory can be open once, in one process: whoever comes second gets
//! [`StoreError::Owned`](task_core::StoreError::Owned). The operating system takes the lock back the moment the process
//! ends. Network file systems do not keep the promises this relies on.
//!
//! # Files
//!
//! In the directory, which on Unix its owner alone may look into: `version`, which is read before anything else is
//! touched, `lock`, `data`, which is the engine's, and while nobody has it open `sums`: of each file in `data`, and
//! compared before the engine may touch one. So what was damaged after a close is refused by name; after a crash there
//! are no sums, and the engine takes damage near the end of its log for the end. Copy the directory after a
//! [`close`](task_core::TaskStore::close). A directory that a newer version has written, or that holds something else, is
//! refused and not touched.
//!
//! # How it works
//!
//! Everything is in one tree, so that the events, the snapshot, the indexes, the counts and the key of a commit are
//! written together. What waits is written in one batch and acknowledged together; each commit still fails or succeeds
//! for itself. A reader sees a batch once it is written: until then it waits, as the engine shows in memory what a crash
//! could take back. Reads and writes run on blocking threads of the Tokio runtime they are called in; the engine has
//! threads of its own, and one more waits for it, so that nobody else waits for ever.
//!
//! Removing a task takes the task away at once and its events afterwards, a thousand at a time. The space is used again
//! and not given back to the file system.
#![forbid(unsafe_code)]

mod batch;
mod database;
mod disk;
mod encoding;
mod error;
mod hands;
mod keys;
mod known;
mod list;
mod options;
mod owner;
mod reader;
mod record;
mod rows;
mod schema;
mod store;
mod sums;
mod work;
mod writer;

pub use options::{DurabilityPolicy, SledOptions};
pub use store::SledStore;

/// The README, whose example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
