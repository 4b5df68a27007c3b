//! Agent tasks that outlive the page that started them.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod limits;
mod log;
mod manager;
mod memory;
mod model;
mod runner;
mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod transcript;

pub use clock::{Clock, SystemClock};
pub use error::TaskError;
pub use limits::Limits;
pub use log::{Chunk, EventBatch, Subscription, TaskChange, TaskWatch};
pub use manager::{Agent, AgentInfo, CreatedTask, Sent, TaskManager, TaskManagerBuilder};
pub use memory::MemoryStore;
pub use model::*;
pub use runner::{
    AgentRunner, Answer, Ask, Capabilities, IncomingMessage, RunContext, RunError, RunId, RunResult,
};
pub use store::{
    BoxError, Change, Changes, Commit, Cursor, Durability, Keyed, Order, StoreError, TaskPage, TaskQuery,
    TaskStore,
};
pub use transcript::{
    Block, DeliveryState, Role, ToolBlock, Transcript, TranscriptMessage, TranscriptPage, TranscriptQuery,
};
