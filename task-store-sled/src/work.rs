use task_core::{Change, Commit, InstanceId, Seq, TaskId, TaskQuery, TaskStatus};

use crate::encoding::{Head, encode_event};
use crate::error::Fault;
use crate::keys;

/// What can be asked of the one that writes.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write a commit.
    Commit(Box<Entry>),
    /// Forget a task whose log ends there.
    Remove { task: TaskId, expected: Seq },
    /// Sync everything that was written so far.
    Sync,
}

/// A commit in the form it is stored in, made by the caller so that the writer has less to do.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) task: TaskId,
    pub(crate) end: Seq,
    pub(crate) origin: InstanceId,
    pub(crate) expected: Seq,
    pub(crate) rows: Vec<(Seq, Vec<u8>)>,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) key: Option<(String, Seq)>,
}

/// A snapshot, and what lists look at without it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) head: Head,
    pub(crate) stored: String,
}

impl Entry {
    pub(crate) fn new(commit: &Commit) -> Result<Self, Fault> {
        let rows = commit.events().iter().map(|event| Ok((event.seq(), encode_event(event)?)));
        Ok(Self {
            task: commit.task(),
            end: commit.end(),
            origin: commit.origin(),
            expected: commit.expected(),
            rows: rows.collect::<Result<_, Fault>>()?,
            snapshot: commit.snapshot().map(|task| Snapshot {
                head: Head {
                    task: task.id,
                    status: task.status,
                    agent: keys::hash(&task.agent_id),
                    title_folded: TaskQuery::fold(&task.title),
                },
                stored: task.to_stored(),
            }),
            key: commit.key().map(|(key, seq)| (key.to_owned(), seq)),
        })
    }

    pub(crate) fn status(&self) -> Option<TaskStatus> {
        self.snapshot.as_ref().map(|snapshot| snapshot.head.status)
    }
}

impl task_store_writer::Work for Work {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(entry) => {
                let rows: usize = entry.rows.iter().map(|(_, bytes)| bytes.len() + ROW_BYTES).sum();
                rows + entry.snapshot.as_ref().map_or(0, |snapshot| snapshot.stored.len())
            }
            Self::Remove { .. } | Self::Sync => ROW_BYTES,
        }
    }

    fn events(&self) -> usize {
        match self {
            Self::Commit(entry) => entry.rows.len(),
            Self::Remove { .. } | Self::Sync => 1,
        }
    }

    fn change(&self) -> Option<Change> {
        match self {
            Self::Commit(entry) => Some(Change::Moved { task: entry.task, seq: entry.end }),
            Self::Remove { task, .. } => Some(Change::Removed { task: *task }),
            Self::Sync => None,
        }
    }

    fn origin(&self) -> Option<InstanceId> {
        match self {
            Self::Commit(entry) => Some(entry.origin),
            Self::Remove { .. } | Self::Sync => None,
        }
    }
}

/// What a record takes besides its data, nearly.
const ROW_BYTES: usize = 64;
