//! What a task is: identifiers, states, the snapshot and the events of its log.

mod content;
mod event;
mod id;
mod json;
mod kinds;
mod new_task;
mod output;
mod payload;
mod request;
mod seq;
mod status;
mod task;
pub(crate) mod time;
pub(crate) mod title;
mod usage;

pub use content::Content;
pub(crate) use event::EventGroups;
pub use event::{CorruptEvent, Event, StoredPage};
pub use id::{InstanceId, MessageId, TaskId};
pub use json::Json;
pub use new_task::{Message, NewTask};
pub use output::{
    Custom, Notice, NoticeLevel, Output, Plan, PlanEntry, PlanStatus, RawOutput, TextDelta, ThinkingDelta,
    ToolCall, ToolStatus, ToolUpdate, TurnEnded, UsageReport,
};
pub use payload::{
    CancelRequested, Cancelled, Checkpoint, Completed, Created, Delivery, Failed, InputAnswered, Interrupted,
    Lifecycle, MessageAdded, MessageDelivered, MessageRefused, Payload, Renamed, Requeued, RunStarted,
    SessionSet,
};
pub use request::{InputRequest, RequestKind, RequestOption};
pub use seq::Seq;
pub use status::{StatusCounts, TaskStatus, TransitionError, UnknownStatus};
pub use task::Task;
pub(crate) use task::{Bookkeeping, Queued};
pub use usage::Usage;
