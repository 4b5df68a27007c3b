use std::error::Error;
use std::fmt;

use crate::with_causes::with_causes;

/// How a run ends: `Ok` completes the task, an error fails it.
pub type RunResult = Result<(), RunError>;

/// Why a run failed, in words that the task keeps: viewers see them, and they survive restarts.
///
/// Any error becomes one with `?`; it is put in words [with its causes](with_causes). Like `Box<dyn Error>` it is not an
/// [`Error`] itself, which is what makes that possible.
///
/// ```
/// use task_core::{RunContext, RunError, RunResult};
///
/// async fn reads_a_file(cx: RunContext) -> RunResult {
///     let text = std::fs::read_to_string("notes.txt")?;        // fails the task with the words of the error
///     if text.is_empty() {
///         return Err(RunError::new("there are no notes"));
///     }
///     cx.text("notes", text).await
/// }
/// # fn is_runner(_: impl task_core::AgentRunner) {}
/// # is_runner(reads_a_file);
/// ```
pub struct RunError(String);

impl RunError {
    /// The run failed, in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl<E: Error> From<E> for RunError {
    fn from(error: E) -> Self {
        Self(with_causes(&error))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
