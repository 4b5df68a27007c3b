use std::fmt;

use task_core::{RunId, TaskId};
use uuid::Uuid;

/// What tells the processes of a run from all others: the value of an environment variable that each of them inherits.
///
/// Unlike a process group or a parent, an environment survives `setsid`, double forks and the death of whoever
/// started it, so a server that was restarted finds by it what the one before left behind.
///
/// ```
/// use task_core::{RunId, TaskId};
/// use task_runners::process::Mark;
///
/// let mark = Mark::new(RunId::new(TaskId::new(), 1));
/// assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    run: RunId,
    nonce: Uuid,
}

impl Mark {
    /// The variable that holds the mark.
    pub const VARIABLE: &'static str = "TASKS_RUN_MARK";

    /// A mark for one process tree of `run`; no other tree has it.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self { run, nonce: Uuid::new_v4() }
    }

    /// Reads what [`Display`](fmt::Display) wrote: `<task>.<run>.<nonce>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let task: TaskId = parts.next()?.parse().ok()?;
        let run = parts.next()?.parse().ok()?;
        let nonce = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { run: RunId::new(task, run), nonce })
    }

    /// The run whose processes carry it.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// The mark among the variables of a process, as Linux shows them: each ended by a zero byte.
    pub(crate) fn find(environ: &[u8]) -> Option<Self> {
        let mut variables = environ.split(|byte| *byte == 0);
        let value = variables
            .find_map(|variable| variable.strip_prefix(Self::VARIABLE.as_bytes())?.strip_prefix(b"="))?;
        Self::parse(std::str::from_utf8(value).ok()?)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.run.task, self.run.run, self.nonce.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_among_other_variables() {
        let mark = Mark::new(RunId::new(TaskId::new(), 7));
        let environ = format!("PATH=/bin\0TASKS_RUN_MARK={mark}\0HOME=/\0");
        assert_eq!(Mark::find(environ.as_bytes()), Some(mark));
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        let mark = Mark::new(RunId::new(TaskId::new(), 7));
        for environ in [
            String::new(),
            format!("X_TASKS_RUN_MARK={mark}\0"),
            format!("TASKS_RUN_MARKS={mark}\0"),
            format!("NOTE=TASKS_RUN_MARK={mark}\0"),
            format!("TASKS_RUN_MARK={mark}.more\0"),
            "TASKS_RUN_MARK=\0".to_owned(),
            "TASKS_RUN_MARK=a.b.c\0".to_owned(),
        ] {
            assert_eq!(Mark::find(environ.as_bytes()), None, "{environ:?}");
        }
    }
}
