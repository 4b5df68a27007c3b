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
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batch;
mod blocking;
mod database;
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
mod work;
mod writer;

pub use options::{DurabilityPolicy, SledOptions};
pub use store::SledStore;
