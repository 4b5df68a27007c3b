use std::sync::Arc;

use crate::model::{Event, InstanceId, Seq, Task, TaskId, TaskStatus};

/// What one writer adds to one log: events, the snapshot after them, and where the log must end before.
///
/// Only core makes commits, so every commit a store sees is a legal step of the task. Cheap to clone: clones share
/// everything.
#[derive(Clone, Debug)]
pub struct Commit(Arc<Contents>);

/// What is in a commit.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) task: TaskId,
    pub(crate) expected: Seq,
    pub(crate) events: Vec<Event>,
    pub(crate) end: Seq,
    /// The state of the task at the end.
    pub(crate) status: TaskStatus,
    pub(crate) snapshot: Option<Arc<Task>>,
    pub(crate) durability: Durability,
    pub(crate) key: Option<KeyedEvent>,
    pub(crate) origin: InstanceId,
}

/// An idempotency key and the event it stands for.
#[derive(Debug)]
pub(crate) struct KeyedEvent {
    pub(crate) key: String,
    pub(crate) seq: Seq,
}

impl Commit {
    pub(crate) fn new(contents: Contents) -> Self {
        Self(Arc::new(contents))
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.0.task
    }

    /// Where the log must end: the `seq` before the first event of this commit.
    #[must_use]
    pub fn expected(&self) -> Seq {
        self.0.expected
    }

    /// The events, one or more, numbered from `expected` + 1 without gap.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.0.events
    }

    /// Where the log ends afterwards.
    #[must_use]
    pub fn end(&self) -> Seq {
        self.0.end
    }

    /// The state of the task afterwards.
    pub(crate) fn status(&self) -> TaskStatus {
        self.0.status
    }

    /// The snapshot after the events, if anything in it but `seq` and `last_event_at` changed. Always present in the
    /// first commit of a task.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Task> {
        self.0.snapshot.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_snapshot(&self) -> Option<&Arc<Task>> {
        self.0.snapshot.as_ref()
    }

    /// What the commit must survive once it is acknowledged. A store may give more.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.0.durability
    }

    /// An idempotency key that no other commit may have used, and the event it stands for.
    #[must_use]
    pub fn key(&self) -> Option<(&str, Seq)> {
        self.0.key.as_ref().map(|keyed| (keyed.key.as_str(), keyed.seq))
    }

    /// Who makes the commit: its own [`TaskStore::changes`](crate::TaskStore::changes) leave it out.
    #[must_use]
    pub fn origin(&self) -> InstanceId {
        self.0.origin
    }
}

/// What an acknowledged commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// The death of the process. Text and thinking deltas and custom progress ask for no more.
    Process,
    /// A power cut, as far as the disk honours a sync. Everything else asks for this.
    #[default]
    Durable,
}

/// Where the commit with an idempotency key was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keyed {
    /// The task.
    pub task: TaskId,
    /// The event the key stands for.
    pub seq: Seq,
}

impl Keyed {
    /// The event `seq` of `task`.
    #[must_use]
    pub const fn new(task: TaskId, seq: Seq) -> Self {
        Self { task, seq }
    }
}
