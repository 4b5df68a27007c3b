use std::collections::VecDeque;
use std::sync::Arc;

use super::op::Op;
use crate::error::TaskError;
use crate::model::Task;
use crate::store::StoreError;

/// What waits for the one who writes a log, and whose output does not go into it any more.
#[derive(Default)]
pub(super) struct Queue {
    ops: VecDeque<Op>,
    /// Whether somebody takes from the queue.
    draining: bool,
    /// The snapshot the next commit builds on. Taken out while a commit is under way.
    task: Option<Arc<Task>>,
    /// The run whose output could not be stored, and why: it may not write any more.
    broken: Option<(u32, Arc<StoreError>)>,
    /// The newest run that is over.
    ended: u32,
}

impl Queue {
    /// Whether whoever adds has to see to it that somebody takes: nobody does yet.
    #[must_use]
    pub(super) fn add(&mut self, add: impl FnOnce(&mut VecDeque<Op>)) -> bool {
        add(&mut self.ops);
        !std::mem::replace(&mut self.draining, true)
    }

    /// All that waits, and the snapshot to build on; or nothing, and from then on nobody takes.
    pub(super) fn take(&mut self) -> Option<(VecDeque<Op>, Option<Arc<Task>>)> {
        if self.ops.is_empty() {
            self.draining = false;
            return None;
        }
        Some((std::mem::take(&mut self.ops), self.task.take()))
    }

    /// The snapshot after what was taken, when it is known.
    pub(super) fn build_on(&mut self, task: Option<Arc<Task>>) {
        self.task = task;
    }

    /// The run is over: from here on its output is refused.
    pub(super) fn end(&mut self, run: u32) {
        self.ended = run;
    }

    /// Output of the run could not be stored, so it may not write any more: what it said since is lost with it, and
    /// given here.
    pub(super) fn break_off(&mut self, run: u32, why: Arc<StoreError>) -> VecDeque<Op> {
        self.broken = Some((run, why));
        let (lost, others) = self.ops.drain(..).partition(|op| op.run().is_some());
        self.ops = others;
        lost
    }

    /// Why the run may not write any more.
    pub(super) fn check(&self, run: u32) -> Result<(), TaskError> {
        match &self.broken {
            Some((broken, error)) if *broken == run => Err(TaskError::Store(Arc::clone(error))),
            _ if run <= self.ended => Err(TaskError::RunEnded { run }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::op::Emit;
    use super::*;
    use crate::model::{Output, TaskId};

    fn emit(run: u32) -> Op {
        Op::Emit(Emit { run, output: Output::text("b", "x"), weight: 1 })
    }

    #[test]
    fn only_who_adds_while_nobody_takes_has_to_see_to_it() {
        let mut queue = Queue::default();
        assert!(queue.add(|ops| ops.push_back(emit(1))));
        assert!(!queue.add(|ops| ops.push_back(emit(1))));
        assert_eq!(queue.take().map(|(ops, _)| ops.len()), Some(2));
        assert!(!queue.add(|ops| ops.push_back(emit(1))), "what was taken is being written");
        assert_eq!(queue.take().map(|(ops, _)| ops.len()), Some(1));
        assert!(queue.take().is_none());
        assert!(queue.add(|ops| ops.push_back(emit(1))));
    }

    #[test]
    fn a_run_that_breaks_off_takes_its_output_along_and_nothing_of_others() {
        let mut queue = Queue::default();
        let _ = queue.add(|ops| ops.extend([emit(2), Op::Refresh, emit(2)]));
        let lost = queue.break_off(2, Arc::new(StoreError::NotFound(TaskId::new())));
        assert!(lost.len() == 2 && lost.iter().all(|op| op.run() == Some(2)));
        let (left, _) = queue.take().expect("the others still wait");
        assert!(matches!(Vec::from(left)[..], [Op::Refresh]));
        assert!(matches!(queue.check(2), Err(TaskError::Store(_))));
        assert!(queue.check(3).is_ok(), "the next run writes again");
    }
}
