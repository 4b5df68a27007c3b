//! What is stored, and how a commit gets there.

use std::collections::HashMap;

use task_core::{Commit, Event, InstanceId, Keyed, Seq, StatusCounts, Task, TaskId};

use crate::fault::Fault;

/// What all handles of one place share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) rows: Vec<Row>,
    pub(crate) removed: Vec<Row>,
    pub(crate) keys: HashMap<String, Keyed>,
    pub(crate) counts: StatusCounts,
    pub(crate) owner: Option<InstanceId>,
    pub(crate) next: u64,
    pub(crate) openings: u64,
    pub(crate) listener: u64,
    pub(crate) newer: bool,
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) place: u64,
    pub(crate) moved: u64,
    pub(crate) snapshot: Task,
    pub(crate) first: Task,
    pub(crate) events: Vec<Event>,
}

impl Disk {
    pub(crate) fn row(&self, task: TaskId) -> Option<&Row> {
        self.rows.iter().find(|row| row.snapshot.id == task)
    }

    pub(crate) fn row_mut(&mut self, task: TaskId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.snapshot.id == task)
    }

    pub(crate) fn listen(&mut self) -> u64 {
        self.listener += 1;
        self.listener
    }

    pub(crate) fn take_key(&mut self, commit: &Commit) {
        if let Some((key, seq)) = commit.key() {
            self.keys.insert(key.to_owned(), Keyed::new(commit.task(), seq));
        }
    }

    pub(crate) fn write(&mut self, commit: &Commit, fault: Option<Fault>) {
        self.next += 1;
        let moved = self.next;
        let Some(row) = self.rows.iter_mut().find(|row| row.snapshot.id == commit.task()) else {
            let Some(snapshot) = commit.snapshot() else { return };
            *self.counts.of_mut(snapshot.status) += 1;
            let (first, events) = (snapshot.clone(), commit.events().to_vec());
            self.rows.push(Row { place: moved, moved, snapshot: snapshot.clone(), first, events });
            return;
        };
        row.moved = moved;
        row.events.extend_from_slice(commit.events());
        if let Some(snapshot) = commit.snapshot() {
            let before = std::mem::replace(&mut row.snapshot, snapshot.clone()).status;
            if fault != Some(Fault::CountsDrift) {
                let count = self.counts.of_mut(before);
                *count = count.saturating_sub(1);
            }
            *self.counts.of_mut(snapshot.status) += 1;
        }
    }
}

impl Row {
    /// Where the log ends.
    pub(crate) fn end(&self) -> Seq {
        self.events.last().map_or(Seq::ZERO, Event::seq)
    }
}
