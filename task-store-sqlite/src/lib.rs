//! Durable SQLite store for agent tasks.
#![forbid(unsafe_code)]

mod batch;
mod blocking;
mod changes;
mod error;
mod known;
mod list;
mod options;
mod owner;
mod reader;
mod schema;
mod store;
mod writer;

pub use options::{DurabilityPolicy, SqliteOptions};
pub use store::SqliteStore;
