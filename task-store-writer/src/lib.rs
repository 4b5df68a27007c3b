//! Group commit for stores of [`task_core`]: what many callers ask of a blocking database engine is written together.
//!
//! ```
//! use std::collections::HashMap;
//!
//! use task_core::testing::Scribe;                          // stands in for a task manager here
//! use task_core::{Change, Changes, Commit, InstanceId, Seq, StoreError, TaskId};
//! use task_store_writer::{Batch, Engine, Work, Writer};
//!
//! /// What this store is asked to do.
//! struct Append(Commit);
//!
//! impl Work for Append {
//!     fn bytes(&self) -> usize {
//!         self.0.events().iter().map(|event| event.json().len()).sum()
//!     }
//!     fn events(&self) -> usize {
//!         self.0.events().len()
//!     }
//!     fn change(&self) -> Option<Change> {
//!         Some(Change::Moved { task: self.0.task(), seq: self.0.end() })
//!     }
//!     fn origin(&self) -> Option<InstanceId> {
//!         Some(self.0.origin())
//!     }
//! }
//!
//! /// A database of one table, and what is remembered of it.
//! #[derive(Default)]
//! struct Table {
//!     rows: Vec<String>,
//!     ends: HashMap<TaskId, Seq>,
//! }
//!
//! impl Engine for Table {
//!     type Work = Append;
//!
//!     fn write(&mut self, works: &[&Append]) -> Batch<Append> {
//!         // A transaction begins here …
//!         let mut answers = Vec::new();
//!         for Append(commit) in works {
//!             let (task, expected) = (commit.task(), commit.expected());
//!             let actual = self.ends.get(&task).copied().unwrap_or(Seq::ZERO);
//!             if actual == expected {
//!                 self.rows.extend(commit.events().iter().map(|event| event.json().to_owned()));
//!                 self.ends.insert(task, commit.end());
//!                 answers.push(Ok(()));
//!             } else {
//!                 answers.push(Err(StoreError::Conflict { task, expected, actual }));
//!             }
//!         }
//!         // … and is committed here: one sync for all of them.
//!         Batch::new(answers)
//!     }
//!
//!     fn has_chores(&self) -> bool {
//!         false
//!     }
//!
//!     fn do_chore(&mut self) {}
//!
//!     fn torn(&mut self) {
//!         self.ends.clear();                               // and whatever else may be wrong now
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let writer = Writer::new(Table::default(), Changes::new());
//! let (mut one, mut other) = (Scribe::new("one"), Scribe::new("other"));
//! let commits = [one.clone().create(None), other.create(None), one.create(None)];
//! let answers = futures::future::join_all(commits.map(|commit| writer.submit(Append(commit)))).await;
//! assert!(matches!(answers[..], [Ok(()), Ok(()), Err(StoreError::Conflict { .. })]));
//!
//! writer.shut();
//! writer.idle().await;
//! assert_eq!(writer.with_engine(|table| table.rows.len()), 4);
//! # }
//! ```
//!
//! `task-store-sqlite` and `task-store-sled` write with it. A store implements [`Engine`] for what holds its connection
//! and [`Work`] for what its callers ask, and calls [`Writer::submit`] for each [`commit`](task_core::TaskStore::commit).
//!
//! # What it does
//!
//! * **What waits is written together**: a batch has at most 4,096 events and 4 MiB, or one piece of work that is larger.
//!   At most 16 MiB wait; whoever has more waits for room. After a batch of several it waits up to 200 µs for those who
//!   come back.
//! * **Everybody is answered**, in any case: by the engine, or when that panics, when the runtime goes away, and when the
//!   system has no thread to give. Nothing waits for ever, and the next caller finds a writer that works.
//! * **Answers come before [`Changes`](task_core::Changes)**, and what others changed before what was changed here.
//! * **A sync a while later**, where not every batch is synced: [`Batch::later`].
//! * **What nobody waits for** is done in pieces behind what callers wait for: [`Engine::do_chore`].
//!
//! It has no threads. Everything runs on blocking threads of the Tokio runtime it is called in, so that a test's paused
//! clock stands still while something is written. [`Batch::later`] needs that runtime's timer (`enable_time`).
//!
//! Reads need no queue, and a limit: [`Turns`].
//!
//! # To close a store
//!
//! [`Writer::shut`], then [`Writer::idle`], then the engine is closed, with [`Writer::with_engine`] in a
//! [`blocking::run`].
#![forbid(unsafe_code)]

mod answers;
mod batch;
pub mod blocking;
mod drain;
mod engine;
mod queue;
mod timer;
mod turns;
mod work;
mod writer;

pub use batch::Batch;
pub use engine::Engine;
pub use turns::Turns;
pub use work::Work;
pub use writer::Writer;
