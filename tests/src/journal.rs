//! What a writer writes down beside what it writes.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use task_core::{Commit, Durability, TaskId};

use crate::history::digest;

/// A journal outside of what is cut off: what was issued, before it was, and what was acknowledged, after it was.
///
/// Its lines are in the order of time: what stands behind an acknowledgement was issued after it. Each is one write, so
/// the death of the writer leaves whole lines; [`History`](crate::history::History) reads them.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

impl Journal {
    /// A new journal.
    ///
    /// # Errors
    ///
    /// When the file is there already, or cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().append(true).create_new(true).open(path)?)))
    }

    /// A commit is about to be issued.
    ///
    /// # Errors
    ///
    /// When the line cannot be written.
    pub fn issue(&self, commit: &Commit) -> io::Result<()> {
        let mut line = format!("issue {} {}", commit.task(), commit.expected().next());
        for event in commit.events() {
            write!(line, " {}", digest(event.json())).expect("a string takes everything");
        }
        self.write(line)
    }

    /// The commit of this task that ended there was acknowledged.
    ///
    /// # Errors
    ///
    /// When the line cannot be written.
    pub fn ack(&self, task: TaskId, end: u64, durability: Durability) -> io::Result<()> {
        let level = if durability >= Durability::Durable { "durable" } else { "process" };
        self.write(format!("ack {task} {end} {level}"))
    }

    /// The task is about to be removed.
    ///
    /// # Errors
    ///
    /// When the line cannot be written.
    pub fn remove(&self, task: TaskId) -> io::Result<()> {
        self.write(format!("remove {task}"))
    }

    /// The removal was acknowledged.
    ///
    /// # Errors
    ///
    /// When the line cannot be written.
    pub fn removed(&self, task: TaskId) -> io::Result<()> {
        self.write(format!("removed {task}"))
    }

    fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}
