//! Agent tasks that outlive the page that started them.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod limits;
mod log;
mod memory;
mod model;
mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::{Clock, SystemClock};
pub use error::TaskError;
pub use limits::Limits;
pub use log::{Chunk, EventBatch, Subscription, TaskChange, TaskWatch};
pub use memory::MemoryStore;
pub use model::*;
pub use store::{
    BoxError, Change, Changes, Commit, Cursor, Durability, Keyed, Order, StoreError, TaskPage, TaskQuery, TaskStore,
};
