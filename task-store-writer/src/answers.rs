//! Tells those who wait what became of a batch.

use std::mem;

use task_core::StoreError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What became of the work of each who waits, told when this is dropped: whatever becomes of a thread, a task or a
/// runtime that was to tell it, nobody waits for ever.
///
/// One is told right after the other, and only then `left` goes: a thread that is woken in between sleeps again before
/// the next answer comes, and each time that it has to be woken is a call of the system.
#[derive(Debug)]
pub(crate) struct Answers<L> {
    waiting: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// What is left of the work.
    _left: L,
}

pub(crate) type Answer = Result<(), StoreError>;

impl<L: Send + 'static> Answers<L> {
    pub(crate) fn new(waiting: Vec<oneshot::Sender<Answer>>, answers: Vec<Answer>, left: L) -> Self {
        Self { waiting: waiting.into_iter().zip(answers).collect(), _left: left }
    }

    /// Tells everybody, on this thread if they are few. Many are told by a task of the runtime, while this thread goes on
    /// with the next batch: for a thread that runs tasks, to wake one is a matter of its own queue.
    pub(crate) fn tell(self) {
        if self.waiting.len() < MANY {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            // Nobody awaits it: it does not wait for anything, and telling is what becomes of it in any case.
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl<L> Drop for Answers<L> {
    fn drop(&mut self) {
        for (caller, answer) in mem::take(&mut self.waiting) {
            // One that went away does not want to know.
            let _gone = caller.send(answer);
        }
    }
}

/// How many are worth a task.
const MANY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(count: usize) -> (Answers<()>, Vec<oneshot::Receiver<Answer>>) {
        let (callers, waiting) = (0..count).map(|_| oneshot::channel()).unzip();
        (Answers::new(callers, (0..count).map(|_| Ok(())).collect(), ()), waiting)
    }

    #[tokio::test]
    async fn few_are_told_at_once_and_many_by_a_task() {
        let (few, mut waiting) = answers(MANY - 1);
        few.tell();
        assert!(waiting.iter_mut().all(|answer| answer.try_recv().is_ok()));

        let (many, mut waiting) = answers(MANY);
        many.tell();
        assert!(waiting.iter_mut().all(|answer| answer.try_recv().is_err()), "its turn has not come");
        for answer in waiting {
            assert!(answer.await.is_ok());
        }
    }

    #[test]
    fn everybody_is_told_by_a_runtime_that_goes_away() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (many, mut waiting) = answers(MANY);
        {
            let _inside = runtime.enter();
            many.tell();
        }
        assert!(waiting.iter_mut().all(|answer| answer.try_recv().is_err()), "nothing runs there");
        drop(runtime);
        assert!(waiting.iter_mut().all(|answer| answer.try_recv().is_ok()));
    }
}
