use std::path::PathBuf;
use std::time::Duration;

use crate::answer::Result;

/// How a question is asked.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) effort: Effort,
    pub(crate) seed: u64,
    /// Where the files of a run are made and removed.
    pub(crate) place: PathBuf,
}

/// How much time a question may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    /// Shows that every question still works and gets what it asks for. Its figures mean little.
    Short,
    /// Minutes.
    Usual,
    /// As large as the targets say; the better part of an hour.
    Full,
}

impl Bench {
    /// How often the contestants take turns.
    pub(crate) const fn rounds(&self) -> usize {
        self.pick(1, 5, 7)
    }

    /// How long one contestant works in a round.
    pub(crate) const fn time(&self) -> Duration {
        Duration::from_millis(self.pick(60, 700, 2000))
    }

    /// The number for the effort.
    pub(crate) const fn pick<T: Copy>(&self, short: T, usual: T, full: T) -> T {
        match self.effort {
            Effort::Short => short,
            Effort::Usual => usual,
            Effort::Full => full,
        }
    }

    /// An empty directory that goes away.
    pub(crate) fn directory(&self) -> Result<tempfile::TempDir> {
        std::fs::create_dir_all(&self.place)?;
        Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(&self.place)?)
    }
}

impl Effort {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Usual => "usual",
            Self::Full => "full",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self> {
        let all = [Self::Short, Self::Usual, Self::Full];
        let found = all.into_iter().find(|effort| effort.name() == name);
        found.ok_or_else(|| format!("{name} is not short, usual or full").into())
    }
}
