use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use task_core::RunId;

/// The private directory of a run. It is gone when this is dropped; what a crash leaves, [`remove`] takes back.
#[derive(Debug)]
pub(super) struct RunFiles(PathBuf);

impl RunFiles {
    pub(super) fn create(run: RunId) -> io::Result<Self> {
        let dir = dir(run);
        // Fails if it exists, so it is nobody else's: nobody else may open what is in it.
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Self(dir))
    }

    /// Where the script records what the command left.
    pub(super) fn record(&self) -> PathBuf {
        self.0.join("record")
    }

    /// What was recorded, once. Empty if nothing was.
    pub(super) fn take_record(path: &Path) -> Vec<u8> {
        let record = fs::read(path).unwrap_or_default();
        // May not be there.
        let _ = fs::remove_file(path);
        record
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        remove_dir(&self.0);
    }
}

/// Removes what is left of these runs.
pub(super) async fn remove(runs: &[RunId]) {
    let dirs: Vec<_> = runs.iter().copied().map(dir).collect();
    let removed = tokio::task::spawn_blocking(move || dirs.iter().for_each(|dir| remove_dir(dir)));
    if removed.await.is_err() {
        tracing::debug!("the runtime shuts down; files of runs may be left");
    }
}

fn remove_dir(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(dir = %dir.display(), %error, "cannot remove the files of a run");
    }
}

/// Task ids are random enough that nobody can be there first.
fn dir(run: RunId) -> PathBuf {
    std::env::temp_dir().join(format!("tasks-shell-{}-{}", run.task, run.run))
}
