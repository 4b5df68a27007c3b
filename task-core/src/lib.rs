//! Agent tasks that outlive the page that started them: a task runs in the backend, everything it does goes into one
//! durable log, and viewers come and go at any cursor without losing or doubling an event.
//!
//! ```
//! use std::time::Duration;
//!
//! use futures::TryStreamExt;
//! use task_core::{MemoryStore, NewTask, RunContext, RunResult, Seq, TaskManager};
//!
//! async fn parrot(cx: RunContext) -> RunResult {
//!     while let Some(message) = cx.next_message().await? {    // the first message, then what came meanwhile
//!         for word in message.text().split_whitespace() {
//!             cx.text("reply", word).await?;                  // ordered, and stored before anyone sees it
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
//! let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
//!
//! let mut events = tasks.subscribe(task.id, Seq::ZERO);       // replay, then live; ends when the task settles
//! while let Some(event) = events.try_next().await? {
//!     println!("{} {}", event.seq(), event.kind());
//! }
//! tasks.shutdown(Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! * [`TaskManager`] is what applications hold: create, send, answer, cancel, subscribe, watch, wait, shut down.
//! * [`AgentRunner`] is what you write: an `async fn` that works with a [`RunContext`].
//! * [`Task`] is the snapshot a list shows, [`Event`] an entry of the log, [`Payload`] what it says, typed;
//!   [`Transcript`] is the log as a conversation.
//! * [`TaskStore`] is where logs are kept. [`MemoryStore`] is here; `task-store-sqlite` is the one to start with.
//! * [`guide`] has the longer explanations: write a runner, write a store, several processes, durability, recovery.
//!
//! # What is promised
//!
//! 1. **Exactly once, in order, from any cursor**: [`Subscription`].
//! 2. **Stored before shown**: no viewer sees an event that a crash of the process can take back.
//! 3. **Watching is free of consequence**: a disconnect is never a cancel, and a stalled reader slows nobody.
//! 4. **A message that was accepted is delivered or reported**: [`TaskManager::send`].
//! 5. **No task runs without an owner**: after a crash, tasks found running are interrupted, or go on if their runner
//!    [can](Capabilities::resume_after_restart); one process at a time runs a task.
//! 6. **Stop stops**: [`TaskManager::cancel`] settles a task within the grace period and a second, whatever its
//!    runner does.
//! 7. **Questions wait**: [`RunContext::ask`] is durable, answered once, and kept over restarts.
//! 8. **Old logs stay readable**: kinds that a newer version wrote pass through unchanged, as [`Payload::Other`].
//! 9. **Bad input gets a clear error and changes nothing**: [`TaskError`], [`Limits`].
//!
//! # Features
//!
//! * `testing`: a module of that name, for tests of runners and stores. Off by default, and not
//!   covered by semver.
//!
//! # The shape of it
//!
//! Commands and output live in the same log. Sending a message is a commit, and the process that runs the task finds
//! it by following the log: the same path in one process and between two. Wake-ups are hints, the log is the truth.
//! `ARCHITECTURE.md` in the repository tells the life of a task in a page.

mod clock;
mod error;
pub mod guide;
mod limits;
mod log;
mod manager;
mod memory;
mod model;
mod rt;
mod runner;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod transcript;
mod with_causes;

pub use clock::{Clock, SystemClock};
pub use error::TaskError;
pub use limits::Limits;
pub use log::{Chunk, EventBatch, Subscription, TaskChange, TaskWatch};
pub use manager::{Agent, AgentInfo, CreatedTask, Sent, TaskManager, TaskManagerBuilder};
pub use memory::MemoryStore;
pub use model::{
    CancelRequested, Cancelled, Checkpoint, Completed, Content, CorruptEvent, Created, Custom, Delivery,
    Event, Failed, InputAnswered, InputRequest, InstanceId, Interrupted, Json, Lifecycle, Message,
    MessageAdded, MessageDelivered, MessageId, MessageRefused, NewTask, Notice, NoticeLevel, Output, Payload,
    Plan, PlanEntry, PlanStatus, RawOutput, Renamed, RequestKind, RequestOption, Requeued, RunStarted, Seq,
    SessionSet, StatusCounts, StoredPage, Task, TaskId, TaskStatus, TextDelta, ThinkingDelta, ToolCall,
    ToolStatus, ToolUpdate, TransitionError, TurnEnded, UnknownStatus, Usage, UsageReport,
};
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
pub use with_causes::with_causes;

/// Handles cross threads: this only has to compile.
const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    const fn moves<T: Send>() {}
    crosses_threads::<TaskManager>();
    crosses_threads::<RunContext>();
    crosses_threads::<Event>();
    crosses_threads::<Task>();
    crosses_threads::<TaskError>();
    moves::<Subscription>();
    moves::<TaskWatch>();
};

/// The README, whose example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
