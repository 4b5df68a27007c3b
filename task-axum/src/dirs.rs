use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::problem::Problem;

/// Where the directories of tasks may lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(Arc<[PathBuf]>);

impl Roots {
    /// These roots, symlinks resolved once and for all.
    pub(crate) fn new(roots: impl Iterator<Item = PathBuf>) -> io::Result<Self> {
        let resolved = roots.map(|root| {
            let found = root
                .canonicalize()
                .and_then(|path| if path.is_dir() { Ok(path) } else { Err(not_a_directory()) });
            found.map_err(|error| io::Error::new(error.kind(), format!("root `{}`: {error}", root.display())))
        });
        resolved.collect::<io::Result<_>>().map(Self)
    }

    /// The directory where a task works that asked for `dir`: what it asked for, symlinks resolved, or the first root.
    pub(crate) async fn work_dir(&self, dir: Option<String>) -> Result<Option<String>, Problem> {
        match dir {
            Some(dir) => self.resolve("work_dir", dir).await.map(Some),
            None => self.0.first().map(|root| text("work_dir", root)).transpose(),
        }
    }

    /// `dir` with symlinks resolved, when it is a directory inside a root, compared by whole components.
    pub(crate) async fn resolve(&self, what: &'static str, dir: String) -> Result<String, Problem> {
        let roots = self.clone();
        let resolving = tokio::task::spawn_blocking(move || roots.resolve_now(what, &dir));
        resolving.await.map_err(|error| Problem::internal(&error))?
    }

    /// Asks the file system, which may take its time.
    fn resolve_now(&self, what: &str, dir: &str) -> Result<String, Problem> {
        let refused = |reason: &str| Problem::invalid(format!("{what}: `{}` {reason}", dir.escape_debug()));
        let Some(first) = self.0.first() else {
            return Err(refused("cannot be used: this server allows no directories"));
        };
        if dir.is_empty() || dir.contains('\0') {
            return Err(refused("is not a path"));
        }
        let path = first.join(dir).canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refused("does not exist"),
            io::ErrorKind::NotADirectory => refused("is not a directory"),
            _ => refused("cannot be opened"),
        })?;
        if !self.0.iter().any(|root| path.starts_with(root)) {
            return Err(refused("lies outside of the directories this server allows"));
        }
        if !path.is_dir() {
            return Err(refused("is not a directory"));
        }
        text(what, &path)
    }
}

fn text(what: &str, path: &Path) -> Result<String, Problem> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Problem::invalid(format!("{what}: `{}` is not Unicode", path.display())))
}

fn not_a_directory() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "not a directory")
}
