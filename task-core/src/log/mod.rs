//! The log: how it is folded, written and followed.
//!
//! Arrows point one way: `journal` is what the others use, and knows the `writer` of each task; both store and show
//! through the `ledger`, which knows neither.

mod commit;
mod creations;
mod draft;
mod fold;
mod hub;
mod journal;
mod latest;
mod ledger;
mod moved;
mod op;
mod pages;
mod per_task;
mod queue;
mod subscription;
mod tail;
mod watch;
mod watcher;
mod writer;

pub(crate) use draft::Draft;
pub(crate) use hub::Head;
pub(crate) use journal::{Journal, answer_key, create_key, message_key};
#[cfg(all(test, feature = "testing"))]
pub(crate) use pages::PAGE_EVENTS;
pub use subscription::{Chunk, Subscription};
pub use tail::EventBatch;
pub use watch::{TaskChange, TaskWatch};
pub(crate) use watcher::{News, TaskState, Watcher};
pub(crate) use writer::Writer;
