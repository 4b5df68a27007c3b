//! Keeps agent tasks in a SQLite file: the default store of [`task_core`].
//!
//! ```
//! use task_core::testing::Scribe;                          // stands in for a task manager here
//! use task_core::{Output, Seq, TaskStore};
//! use task_store_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("tasks.db");
//! let store = SqliteStore::open(&path).await?;
//! let mut scribe = Scribe::new("write a haiku");
//! store.commit(scribe.create(None)).await?;
//! store.commit(scribe.record([Output::text("reply", "An old silent pond")])).await?;
//! store.close().await?;
//!
//! let store = SqliteStore::open(&path).await?;             // another day
//! let log = store.events(scribe.id(), Seq::ZERO, 100, usize::MAX).await?;
//! assert_eq!(log.iter().map(|event| event.kind()).collect::<Vec<_>>(), ["created", "message", "text"]);
//! # Ok(())
//! # }
//! ```
//!
//! # What a commit survives
//!
//! The death of the process, always and at once. What a power cut takes is chosen with [`DurabilityPolicy`]:
//!
//! | policy | how | a power cut takes |
//! |---|---|---|
//! | [`Durable`](DurabilityPolicy::Durable), the default | a sync for each batch in which a commit asks for one | no message, answer, tool call or change of state; perhaps the last text deltas |
//! | [`Interval(t)`](DurabilityPolicy::Interval) | a sync every `t` while something is written | at most about the last `t` |
//! | [`Process`](DurabilityPolicy::Process) | syncs at checkpoints only | what came after the last checkpoint |
//!
//! It is always the end that is lost, never something from the middle, and the file stays consistent. All of it holds as
//! far as the disk does what a sync asks for.
//!
//! # Several processes
//!
//! Any number of processes may open one file on one machine, and a process may open it several times. All may read and
//! write: create tasks, send messages, answer. One of them is the owner that runs tasks, the one that got
//! [`claim`](task_core::TaskStore::claim); the operating system takes that back the moment the process ends. What others
//! write is noticed after [`SqliteOptions::poll_interval`] by those who listen. Network file systems do not keep the
//! promises SQLite relies on.
//!
//! # Files
//!
//! `tasks.db`, while it is open `tasks.db-wal` and `tasks.db-shm`, and `tasks.db.owner` once there was an owner; on Unix
//! readable by their owner alone. Copy `tasks.db` after a [`close`](task_core::TaskStore::close), or together with its
//! `-wal`. A file that a newer version has written, or something else, is refused and not touched; an older one is brought
//! up to date when it is opened.
//!
//! # What damage is noticed
//!
//! A file that was cut short, a page that is none, a row that cannot be read: [`StoreError::Corrupt`], with the path, for
//! what is in it; the rest is served. **Not noticed is a bit that has turned inside a text**: SQLite has no checksums of
//! its pages, and in our tests one turned bit in ten gave an event another content. A file cut to nothing is an empty file,
//! which becomes a store. Where that matters, use a file system that has checksums.
//!
//! [`StoreError::Corrupt`]: task_core::StoreError::Corrupt
//!
//! # How it works
//!
//! All writes go through one connection. What waits is written in one transaction and acknowledged together, so a thousand
//! tasks that write at once cost little more than one; each commit still fails or succeeds for itself. Reads run on a few
//! connections of their own, each a short transaction, and never wait for a write. Everything runs on blocking threads of
//! the Tokio runtime it is called in.
//!
//! Removing a task with a long log takes the task away at once and its events afterwards, a few thousand at a time. The
//! space is used again and not given back to the file system.
#![forbid(unsafe_code)]

mod batch;
mod changes;
mod encoding;
mod engine;
mod error;
mod foreign;
mod known;
mod list;
mod options;
mod owner;
mod places;
mod reader;
mod removal;
mod rows;
mod schema;
mod store;
mod work;
mod writer;

pub use options::{DurabilityPolicy, SqliteOptions};
pub use store::SqliteStore;

/// The README, whose example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
