use std::path::{Path, PathBuf};

use task_core::{RunError, RunResult};

/// Where a task works: in `wanted`, taken from `default`, taken from the directory of this process.
pub(crate) fn resolve(default: Option<&Path>, wanted: Option<&str>) -> Result<PathBuf, RunError> {
    let mut dir = std::env::current_dir()
        .map_err(|error| RunError::new(format!("the directory of this process is gone: {error}")))?;
    // Joining an absolute path replaces.
    dir.extend(default);
    dir.extend(wanted.map(Path::new));
    check(&dir)?;
    Ok(dir)
}

/// Whether the path is a directory, in words when it is not.
pub(crate) fn check(dir: &Path) -> RunResult {
    match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(RunError::new(format!("the work directory {} is not a directory", dir.display()))),
        Err(error) => Err(RunError::new(format!("cannot use the work directory {}: {error}", dir.display()))),
    }
}
