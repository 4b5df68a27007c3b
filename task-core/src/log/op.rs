//! What waits to be written to a log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::draft::Draft;
use crate::error::TaskError;
use crate::model::Output;
use crate::rt::atomic::{AtomicU8, Ordering};
use crate::rt::sync::oneshot;

/// What waits, for one task.
pub(super) enum Op {
    /// Output of a run.
    Emit(Emit),
    /// Somebody else wrote: the snapshot known here is old.
    Refresh,
    /// A change that somebody waits for, and for how long the store may fail meanwhile.
    Update { update: Box<dyn Update>, patience: Duration },
}

/// A piece of output, or several that became one.
pub(super) struct Emit {
    pub(super) run: u32,
    pub(super) output: Output,
    /// Bytes of the queue's room that it has taken.
    pub(super) weight: usize,
}

impl Emit {
    /// Whether `next` is more text of the same block of the same run, and both together are not too much.
    pub(super) fn same_block(&self, next: &Self) -> bool {
        self.run == next.run
            && match (self.output.delta(), next.output.delta()) {
                (Some((kind, block, text)), Some((next_kind, next_block, more))) => {
                    (kind, block) == (next_kind, next_block) && text.len() + more.len() <= MERGED_TEXT_BYTES
                }
                _ => false,
            }
    }

    pub(super) fn merge(&mut self, next: Self) {
        self.weight += next.weight;
        self.output.append(next.output);
    }
}

impl Op {
    /// The run that said it.
    pub(super) const fn run(&self) -> Option<u32> {
        match self {
            Self::Emit(emit) => Some(emit.run),
            Self::Refresh | Self::Update { .. } => None,
        }
    }

    /// How long the store may fail before this is given up.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Emit(_) => OUTPUT_PATIENCE,
            Self::Refresh => OUTPUT_PATIENCE,
            Self::Update { patience, .. } => *patience,
        }
    }
}

/// An operation that is part of a draft.
pub(super) struct Recorded {
    pub(super) op: Op,
    /// Whether the idempotency key of the draft is its own.
    pub(super) keyed: bool,
}

/// A change of a task by somebody who waits for the outcome.
pub(super) trait Update: Send {
    /// Records the change, or nothing. Again, on another draft, where the first could not be stored.
    fn run(&mut self, draft: &mut Draft);

    /// Tells whoever waits.
    fn finish(self: Box<Self>, stored: Result<(), TaskError>);
}

struct Command<T, F> {
    change: F,
    outcome: Option<Result<T, TaskError>>,
    done: oneshot::Sender<Result<T, TaskError>>,
    progress: Arc<Progress>,
}

/// A change, what will be told of it, and how far it has come.
pub(super) type Asked<T> = (Box<dyn Update>, oneshot::Receiver<Result<T, TaskError>>, Arc<Progress>);

/// Makes a change that somebody waits for.
pub(super) fn command<T, F>(change: F) -> Asked<T>
where
    T: Send + 'static,
    F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
{
    let (done, result) = oneshot::channel();
    let progress = Arc::new(Progress::default());
    (Box::new(Command { change, outcome: None, done, progress: Arc::clone(&progress) }), result, progress)
}

/// How far a command has come: until it is recorded, whoever asked for it can take it back.
#[derive(Default)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    const WAITS: u8 = 0;
    const RECORDED: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Whether it is to be recorded.
    fn begin(&self) -> bool {
        self.go(Self::RECORDED) != Self::GIVEN_UP
    }

    /// Whether it is certain that it will not be recorded.
    pub(super) fn give_up(&self) -> bool {
        self.go(Self::GIVEN_UP) == Self::WAITS
    }

    fn go(&self, to: u8) -> u8 {
        match self.0.compare_exchange(Self::WAITS, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(from) | Err(from) => from,
        }
    }
}

impl<T, F> Update for Command<T, F>
where
    T: Send,
    F: FnMut(&mut Draft) -> Result<T, TaskError> + Send,
{
    fn run(&mut self, draft: &mut Draft) {
        if !self.progress.begin() {
            return;
        }
        let mark = draft.mark();
        let outcome = (self.change)(draft);
        if outcome.is_err() {
            draft.rewind(mark);
        }
        self.outcome = Some(outcome);
    }

    fn finish(self: Box<Self>, stored: Result<(), TaskError>) {
        let outcome = match (stored, self.outcome) {
            // Refused by the state of the task, which no failure of the store changes.
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(TaskError::ShutDown),
        };
        // The caller may have gone; what was stored is stored.
        drop(self.done.send(outcome));
    }
}

/// What was recorded goes back in front of what was not, to be recorded anew.
pub(super) fn again(batch: Vec<Recorded>, rest: VecDeque<Op>) -> VecDeque<Op> {
    batch.into_iter().map(|recorded| recorded.op).chain(rest).collect()
}

/// The operation whose idempotency key was taken, and the others.
pub(super) fn split_keyed(batch: Vec<Recorded>) -> (Option<Box<dyn Update>>, Vec<Recorded>) {
    let mut keyed = None;
    let mut others = Vec::with_capacity(batch.len());
    for recorded in batch {
        match recorded.op {
            Op::Update { update, .. } if recorded.keyed => keyed = Some(update),
            op => others.push(Recorded { op, keyed: false }),
        }
    }
    (keyed, others)
}

/// The patience of the most patient.
pub(super) fn patience(ops: &VecDeque<Op>) -> Duration {
    ops.iter().map(Op::patience).max().unwrap_or_default()
}

/// Text of one block that waits together becomes one event, up to this size.
const MERGED_TEXT_BYTES: usize = 16 << 10;

/// How long a store may fail before a run that writes output is stopped.
pub(super) const OUTPUT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a store may fail before somebody who waits is told.
pub(super) const COMMAND_PATIENCE: Duration = Duration::from_secs(3);
