//! A store without a disk: for tests, examples, and tasks that need not outlive the process.

mod list;
mod state;
mod store;

pub use store::MemoryStore;
