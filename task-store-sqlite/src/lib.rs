//! Durable SQLite store for agent tasks.
#![forbid(unsafe_code)]

mod batch;
mod blocking;
mod changes;
mod error;
mod foreign;
mod known;
mod list;
mod options;
mod owner;
mod reader;
mod rows;
mod schema;
mod store;
mod work;
mod writer;

pub use options::{DurabilityPolicy, SqliteOptions};
pub use store::SqliteStore;
