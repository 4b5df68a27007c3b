use std::collections::HashMap;
use std::sync::Arc;

use task_core::{Seq, TaskId};

use crate::encoding::Head;

/// What the writer remembers of a task, so that a commit need not look it up.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its place in the order of creation.
    pub(crate) number: u64,
    /// Where its log ends.
    pub(crate) seq: Seq,
    /// What lists look at, as it is stored.
    pub(crate) head: Arc<Head>,
    /// How many parts its head and its snapshot have.
    pub(crate) head_parts: u32,
    pub(crate) snapshot_parts: u32,
}

/// The tasks written last, at most about [`CAPACITY`] of them.
///
/// Two generations instead of a list by age: when the young one is full it becomes the old one, and what was not used
/// since goes.
#[derive(Debug, Default)]
pub(crate) struct KnownTasks {
    young: HashMap<TaskId, Known>,
    old: HashMap<TaskId, Known>,
}

impl KnownTasks {
    pub(crate) fn find(&mut self, task: TaskId) -> Option<Known> {
        if let Some(known) = self.young.get(&task) {
            return Some(known.clone());
        }
        let known = self.old.remove(&task)?;
        self.learn(task, known.clone());
        Some(known)
    }

    pub(crate) fn learn(&mut self, task: TaskId, known: Known) {
        if self.young.len() >= CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(task, known);
    }

    pub(crate) fn forget(&mut self, task: TaskId) {
        self.young.remove(&task);
        self.old.remove(&task);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

const CAPACITY: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use task_core::TaskStatus;

    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut tasks = KnownTasks::default();
        let (used, unused) = (TaskId::new(), TaskId::new());
        let head = Head { task: used, status: TaskStatus::Running, agent: 0, title_folded: String::new() };
        let known =
            Known { number: 1, seq: Seq::new(1), head: Arc::new(head), head_parts: 1, snapshot_parts: 1 };
        tasks.learn(used, known.clone());
        tasks.learn(unused, known.clone());
        for _ in 0..2 * CAPACITY {
            tasks.learn(TaskId::new(), known.clone());
            assert!(tasks.find(used).is_some(), "in use");
        }
        assert!(tasks.find(unused).is_none(), "long out of use");
        assert!(tasks.young.len() + tasks.old.len() <= CAPACITY);
    }
}
