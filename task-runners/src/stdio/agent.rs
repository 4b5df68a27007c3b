//! The process of the agent, as what it says, what it is told, and its end.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use task_core::RunError;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::{Instant, sleep_until, timeout};

use super::wire::{Line, Lines, Outbox};
use crate::process::{Command, Ladder, Mark, ProcessTree};
use crate::text::shortened;

/// A process of the agent.
#[derive(Debug)]
pub(crate) struct Agent {
    tree: ProcessTree,
    lines: Lines<ChildStdout>,
    errors: Lines<ChildStderr>,
    outbox: Outbox,
    /// The last it wrote to stderr.
    tail: VecDeque<String>,
    has_spoken: bool,
    ended: Option<ExitStatus>,
    /// When it closed its output, or was first seen without.
    closed_at: Option<Instant>,
}

/// What an agent does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// It ended, or closed its output and cannot be heard any more.
    Ended,
    /// A line that is not as it should be.
    Noise(String),
    Said(Value),
    /// A line on stderr.
    Warned(String),
    Wrote,
}

impl Agent {
    /// Starts `command`, which is `program` and its arguments. `install` says what to do where it is not there.
    pub(crate) fn start(
        command: Command,
        program: &Path,
        install: &str,
        mark: Mark,
    ) -> Result<Self, RunError> {
        let mut tree = command.spawn(mark).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                RunError::new(format!("there is no `{}` here: {install}", program.display()))
            }
            _ => RunError::new(format!("cannot start `{}`: {error}", program.display())),
        })?;
        Ok(Self {
            lines: Lines::new(tree.take_stdout(), LINE),
            errors: Lines::new(tree.take_stderr(), WARNING),
            outbox: Outbox::new(tree.take_stdin()),
            tree,
            tail: VecDeque::new(),
            has_spoken: false,
            ended: None,
            closed_at: None,
        })
    }

    /// Tells it something.
    #[cfg(feature = "claude")]
    pub(crate) fn tell(&mut self, line: &Value) {
        self.outbox.push(line);
    }

    /// Tells it something that is JSON on one line.
    #[cfg(feature = "acp")]
    pub(crate) fn tell_line(&mut self, line: &str) {
        self.outbox.push_line(line);
    }

    /// What it does next. Cancel safe.
    pub(crate) async fn step(&mut self) -> Step {
        loop {
            if self.ended.is_some() {
                return self.last_words().await;
            }
            if !self.lines.is_open() {
                self.closed_at.get_or_insert_with(Instant::now);
            }
            let gone_at = self.closed_at.unwrap_or_else(Instant::now) + CLOSED;
            tokio::select! {
                line = self.lines.next(), if self.lines.is_open() => {
                    if let Some(line) = line {
                        return self.heard(line);
                    }
                }
                line = self.errors.next(), if self.errors.is_open() => {
                    if let Some(step) = line.and_then(|line| self.warned(line)) {
                        return step;
                    }
                }
                () = self.outbox.write(), if !self.outbox.is_empty() => return Step::Wrote,
                status = self.tree.wait() => match status {
                    Ok(status) => self.ended = Some(status),
                    Err(_) => return Step::Ended,
                },
                () = sleep_until(gone_at), if self.closed_at.is_some() => return Step::Ended,
            }
        }
    }

    /// What was written before the end. Somebody may hold the pipes open and say nothing.
    async fn last_words(&mut self) -> Step {
        while let Ok(Some(line)) = timeout(QUIET, self.errors.next()).await {
            if let Some(step) = self.warned(line) {
                return step;
            }
        }
        match timeout(QUIET, self.lines.next()).await {
            Ok(Some(line)) => self.heard(line),
            Ok(None) | Err(_) => Step::Ended,
        }
    }

    fn heard(&mut self, line: Line) -> Step {
        let bytes = match line {
            Line::TooLong(bytes) => {
                return Step::Noise(format!("The agent wrote a line of {bytes} bytes; it is not kept."));
            }
            Line::Cut(bytes) | Line::Whole(bytes) => bytes,
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => {
                self.has_spoken = true;
                Step::Said(value)
            }
            Err(_) => {
                let line = shortened(String::from_utf8_lossy(&bytes).trim(), SAMPLE);
                Step::Noise(format!("The agent wrote a line that is no JSON: {line}"))
            }
        }
    }

    fn warned(&mut self, line: Line) -> Option<Step> {
        let (Line::Cut(bytes) | Line::Whole(bytes)) = line else { return None };
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if line.is_empty() {
            return None;
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(shortened(&line, SAMPLE));
        Some(Step::Warned(line))
    }

    /// How it ended when it should not have, in words.
    pub(crate) fn obituary(&self) -> RunError {
        let how = match self.ended {
            Some(status) => status.to_string(),
            None => "its output is closed".to_owned(),
        };
        let what = if self.has_spoken {
            "the agent ended in the middle of its work"
        } else {
            "the agent did not start"
        };
        RunError::new(format!("{what} ({how}){}", self.tail()))
    }

    /// The last it wrote to stderr, to be put behind other words.
    pub(crate) fn tail(&self) -> String {
        if self.tail.is_empty() {
            return String::new();
        }
        format!(": {}", self.tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
    }

    /// Ends it: the end of its input, and then the rest of the ladder. Whatever it still says is dropped.
    pub(crate) async fn stop(mut self, ladder: &Ladder) -> io::Result<()> {
        if let Some(wait) = ladder.close_stdin_wait() {
            self.outbox.close();
            // If it does not end by itself, the next steps see to it.
            let _ = timeout(wait, async { while !matches!(self.step().await, Step::Ended) {} }).await;
        }
        self.tree.stop(&ladder.interrupt(None).close_stdin(None)).await.map(drop)
    }
}

/// Bytes of one line of the agent.
const LINE: usize = 32 << 20;

/// Bytes of one line on stderr.
const WARNING: usize = 64 << 10;

/// Characters of a line that is shown.
const SAMPLE: usize = 400;

/// Lines of stderr that are kept for the words about an end.
const TAIL: usize = 10;

/// How long a pipe may say nothing after the end before it is taken as empty.
const QUIET: Duration = Duration::from_millis(50);

/// How long an agent may live on after it closed its output.
const CLOSED: Duration = Duration::from_secs(2);
