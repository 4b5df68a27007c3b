//! What the machine allows: the same work without what a store is for.

mod raw_log;
mod sled_loop;
mod sqlite_loop;

pub(crate) use raw_log::RawLog;
pub(crate) use sled_loop::write_batches;
pub(crate) use sqlite_loop::read_all;
