use std::sync::Arc;

use crate::runner::AgentRunner;

/// A runner, and how it is made to do things: what the conformance kit for runners needs from a runner's author.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how its runner is played",
    note = "implement `task_core::testing::RunnerHarness`: the runner, and the messages that make it do things"
)]
pub trait RunnerHarness: Send + Sync + Sized + 'static {
    /// A place that is fresh. Dropping it cleans up.
    fn new() -> Self;

    /// The runner as an application sets it up. Again, it is the runner of the next process at this place.
    fn runner(&self) -> Arc<dyn AgentRunner>;

    /// The message that makes the runner do this; `None` when nothing can.
    fn cue(&self, cue: Cue<'_>) -> Option<String>;
}

/// What a runner is made to do. Each is a turn, with nothing else said in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cue<'a> {
    /// Asks this question, waits, and says the answer.
    Ask(&'a str),
    /// Fails the run with this text.
    Fail(&'a str),
    /// Does nothing, and ignores every wish to stop.
    Hang,
    /// Panics.
    Panic,
    /// Asks for leave to do this, and says something about what was decided.
    Permit(&'a str),
    /// Says these words, which are parted by single spaces and mean nothing to a shell: as text, or as the output of a
    /// tool. White space may come back as other white space.
    Say(&'a str),
    /// Starts processes that live for so many seconds and do not end when asked to, `sleep` for example, with the
    /// number as an argument of their own.
    Spawn(u32),
    /// Emits something many times a second, until it is stopped. A runner that can be steered looks in between.
    Stream,
    /// Says something, then works for less than two seconds: what a runner that resumes by itself goes on with.
    Work,
}
