//! How the types of core look on the wire, for the description. Core knows nothing of descriptions, so its types are
//! mirrored here; a test holds each mirror against what core writes.
#![expect(dead_code, reason = "these types are described, never made")]

mod event;
mod params;
mod problem;
mod task;
mod transcript;

pub(crate) use event::{Event, ListFrame, LogFrame};
pub(crate) use params::{EventQuery, ListQuery, StreamQuery, TaskParam, TranscriptQuery};
pub(crate) use problem::{Change, Common, Problem, Unknown};
pub(crate) use task::{Agent, Delivery, StatusCounts, Task, TaskStatus};
pub(crate) use transcript::TranscriptPage;
