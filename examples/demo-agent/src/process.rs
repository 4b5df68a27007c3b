//! A tree of processes that does not want to die, for tests of those who must kill it.

use std::io;

use task_core::RunId;
use task_runners::process::{Command, Mark, reap};

/// Starts a shell that ignores `SIGTERM`, with a child in a session of its own that does too, and a child of that.
/// Waits for the shell, and gives its exit code. Dropped, all of them are killed.
pub(super) async fn spawn_stubborn_tree(run: RunId, seconds: u64) -> io::Result<i32> {
    let command = Command::new("/bin/sh").args(["-c", SCRIPT, "sh", &seconds.to_string()]).without_stdin();
    let mut tree = command.spawn(Mark::new(run))?;
    let status = tree.wait().await?;
    Ok(status.code().unwrap_or(KILLED))
}

/// Kills what is left of these runs.
pub(super) async fn clean_up(runs: &[RunId]) {
    reap(runs).await;
}

/// A signal that is ignored stays ignored in everything that is started.
const SCRIPT: &str =
    "trap '' TERM; setsid sh -c 'sleep \"$1\" & sleep \"$1\"; wait' sh \"$1\" & sleep \"$1\"; wait";

/// What a shell says of a process that was killed.
const KILLED: i32 = 137;
