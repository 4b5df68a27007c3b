use crate::batch::Batch;
use crate::work::Work;

/// What writes for a [`Writer`](crate::Writer): a blocking database engine, or what stands in front of one.
///
/// The writer calls it on blocking threads of the runtime, one call at a time, so it may wait for a disk. The writer
/// gives every caller its answer, in any case; the engine decides what the answers are, and what is synced when.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no engine to write with",
    note = "implement `task_store_writer::Engine` for what holds the connection; the crate's documentation has a whole one"
)]
pub trait Engine: Send + 'static {
    /// What can be asked of it.
    type Work: Work;

    /// Does all of it together, in this order, and comes back once it is as safe as callers were promised.
    ///
    /// * Never called without work.
    /// * What is refused is refused alone: the others are written.
    /// * When nothing of it was done, the answer is [`Unavailable`](task_core::StoreError::Unavailable); when nobody
    ///   knows, it is [`Indeterminate`](task_core::StoreError::Indeterminate).
    fn write(&mut self, works: &[&Self::Work]) -> Batch<Self::Work>;

    /// Whether something is left to do that nobody waits for, as the events of a task that was removed. Asked between
    /// batches: what a store finds when it is opened is done behind the first one.
    fn has_chores(&self) -> bool;

    /// Does a piece of it, when nothing else waits. A short one: what comes meanwhile waits for its end. It is called as
    /// long as there are chores, so one that fails must not be one any more.
    fn do_chore(&mut self);

    /// One of the others has panicked, and what it has done by then, nobody knows. Called before anything else is asked.
    /// The work of that call is [`Indeterminate`](task_core::StoreError::Indeterminate), and what waited behind it
    /// [`Unavailable`](task_core::StoreError::Unavailable). This must not panic.
    fn torn(&mut self);
}
