use task_core::{Change, Commit, Durability, InstanceId, Seq, TaskId, TaskQuery, TaskStatus};

/// What can be asked of the connection that writes.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write a commit.
    Commit(Entry),
    /// Look whether others have written.
    Look,
    /// Forget a task whose log ends there.
    Remove { task: TaskId, expected: Seq },
    /// Sync everything that was written so far.
    Sync,
}

/// A commit, and the part of it that is encoded by the caller so that the writer has less to do.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) commit: Commit,
    pub(crate) snapshot: Option<Snapshot>,
}

/// The columns of a task that lists show or filter by.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) status: TaskStatus,
    pub(crate) agent_id: String,
    pub(crate) title_folded: String,
    pub(crate) stored: String,
}

impl Entry {
    pub(crate) fn new(commit: Commit) -> Self {
        let snapshot = commit.snapshot().map(|task| Snapshot {
            status: task.status,
            agent_id: task.agent_id.clone(),
            title_folded: TaskQuery::fold(&task.title),
            stored: task.to_stored(),
        });
        Self { commit, snapshot }
    }
}

impl Work {
    /// What it must survive when the store leaves that to each commit.
    pub(crate) fn durability(&self) -> Durability {
        match self {
            Self::Commit(entry) => entry.commit.durability(),
            Self::Look => Durability::Process,
            Self::Remove { .. } | Self::Sync => Durability::Durable,
        }
    }

    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Self::Look)
    }
}

impl task_store_writer::Work for Work {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(entry) => {
                let rows: usize = entry.commit.events().iter().map(|event| event.json().len()).sum();
                rows + entry.snapshot.as_ref().map_or(0, |snapshot| snapshot.stored.len())
            }
            Self::Look | Self::Remove { .. } | Self::Sync => OTHER_BYTES,
        }
    }

    fn events(&self) -> usize {
        match self {
            Self::Commit(entry) => entry.commit.events().len(),
            Self::Look | Self::Remove { .. } | Self::Sync => 1,
        }
    }

    fn change(&self) -> Option<Change> {
        match self {
            Self::Commit(Entry { commit, .. }) => {
                Some(Change::Moved { task: commit.task(), seq: commit.end() })
            }
            Self::Remove { task, .. } => Some(Change::Removed { task: *task }),
            Self::Look | Self::Sync => None,
        }
    }

    fn origin(&self) -> Option<InstanceId> {
        match self {
            Self::Commit(entry) => Some(entry.commit.origin()),
            Self::Look | Self::Remove { .. } | Self::Sync => None,
        }
    }
}

/// What other work takes, nearly.
const OTHER_BYTES: usize = 64;
