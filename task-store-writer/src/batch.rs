use std::time::Duration;

use task_core::{Change, StoreError};

/// What became of the work that an [`Engine`](crate::Engine) was given.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch<W> {
    /// One for each work, in order. A caller whose answer is missing is told
    /// [`Indeterminate`](StoreError::Indeterminate).
    pub answers: Vec<Result<(), StoreError>>,
    /// What others are found to have changed. It is told before what was done here: a task that was removed here must
    /// not seem to move after.
    pub foreign: Vec<Change>,
    /// Work to put on the queue after this time, unless such work is under way already: a sync of what was written, by an
    /// engine that does not sync every batch.
    pub later: Option<(Duration, W)>,
}

impl<W> Batch<W> {
    /// With these answers, and nothing else to tell or to do.
    #[must_use]
    pub const fn new(answers: Vec<Result<(), StoreError>>) -> Self {
        Self { answers, foreign: Vec::new(), later: None }
    }
}
