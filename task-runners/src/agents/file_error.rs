use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong in a file of agents: one line that names the file, the line, the key, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFileError {
    file: PathBuf,
    line: Option<usize>,
    words: String,
}

impl AgentFileError {
    pub(super) fn new(file: &Path, line: Option<usize>, words: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, words: words.into() }
    }

    /// The line, counted from 1; absent when the file could not be read at all.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }
}

/// `agents.toml:7: in agent `qwen`: unknown key `modle`; known are: …`.
impl fmt::Display for AgentFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.words)
    }
}

impl std::error::Error for AgentFileError {}
