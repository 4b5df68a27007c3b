use std::time::Duration;

/// How a process tree is stopped: the steps, each harder than the one before, and how long each is given.
///
/// A step ends as soon as the tree is gone; a step that is `None` is skipped. What is still there after all of them
/// is killed, always.
///
/// The steps of the default take 4.25 s together, so that a run that climbs them all is done within the 5 s that a
/// cancelled run has by default.
///
/// ```
/// use std::time::Duration;
/// use task_runners::process::Ladder;
///
/// let quick = Ladder::default().interrupt(None).close_stdin(None).terminate(Some(Duration::from_secs(1)));
/// assert!(quick.total() < Ladder::default().total());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Ladder {
    pub(super) interrupt: Option<Duration>,
    pub(super) close_stdin: Option<Duration>,
    pub(super) terminate: Option<Duration>,
    pub(super) kill: Duration,
}

impl Ladder {
    /// `SIGINT` to the process group: most agents stop what they do, and say so. 1.5 s.
    pub const fn interrupt(mut self, wait: Option<Duration>) -> Self {
        self.interrupt = wait;
        self
    }

    /// The end of its input: most agents that are spoken to over a pipe leave. 0.75 s. Skipped where stdin was taken
    /// or is not there.
    pub const fn close_stdin(mut self, wait: Option<Duration>) -> Self {
        self.close_stdin = wait;
        self
    }

    /// `SIGTERM` to the process group: ends all but the stubborn. 1 s.
    pub const fn terminate(mut self, wait: Option<Duration>) -> Self {
        self.terminate = wait;
        self
    }

    /// How long to look for processes that are left, and kill them. 1 s; nothing on a healthy machine takes as long.
    pub const fn kill(mut self, wait: Duration) -> Self {
        self.kill = wait;
        self
    }

    /// For runners that have words of their own for the first steps.
    #[cfg(any(feature = "acp", feature = "claude"))]
    pub(crate) const fn interrupt_wait(&self) -> Option<Duration> {
        self.interrupt
    }

    #[cfg(any(feature = "acp", feature = "claude"))]
    pub(crate) const fn close_stdin_wait(&self) -> Option<Duration> {
        self.close_stdin
    }

    /// How long it may take when every step is needed.
    #[must_use]
    pub fn total(&self) -> Duration {
        let steps = [self.interrupt, self.close_stdin, self.terminate, Some(self.kill)];
        steps.into_iter().flatten().sum()
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            interrupt: Some(Duration::from_millis(1500)),
            close_stdin: Some(Duration::from_millis(750)),
            terminate: Some(Duration::from_secs(1)),
            kill: Duration::from_secs(1),
        }
    }
}
