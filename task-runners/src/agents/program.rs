use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use task_core::{RunId, TaskId};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::candidate::Presence;
use super::known::KnownProgram;
use crate::process::{Command, Environment, Ladder, Mark};

/// Looks for a program, and asks it for its version.
pub(super) async fn look(known: &KnownProgram, path: &OsStr, wait: Duration) -> Presence {
    let KnownProgram { id, install, .. } = known;
    let Some(path) = find(id, path) else {
        return Presence::Absent { reason: format!("`{id}` is not on the PATH; install it: {install}") };
    };
    if !known.tells_version {
        return Presence::Program { path, version: None };
    }
    match ask(&path, wait).await {
        Ok(version) => Presence::Program { path, version },
        Err(why) => {
            let reason = format!("`{} --version` {why}; install it anew: {install}", path.display());
            Presence::Absent { reason }
        }
    }
}

/// The first executable file of that name.
pub(super) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let is_executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(is_executable)
}

/// The version of a program; `None` if it does not tell, or not in time. An error says, behind the name of the program,
/// why it does not work.
async fn ask(program: &Path, wait: Duration) -> Result<Option<String>, String> {
    // A run of a task that is none: whatever is started here carries a mark of its own.
    let mark = Mark::new(RunId::new(TaskId::new(), 0));
    let mut environment = Environment::basic().set("NO_COLOR", "1");
    for name in QUIET {
        environment = environment.set(name, "1");
    }
    let tree = Command::new(program)
        .arg("--version")
        .environment(environment)
        .work_dir("/")
        .without_stdin()
        .spawn(mark);
    let mut tree = tree.map_err(|error| format!("cannot be started: {error}"))?;
    let (stdout, stderr) = (tree.take_stdout(), tree.take_stderr());
    let reading = async { tokio::join!(read(stdout), read(stderr)) };
    tokio::pin!(reading);
    let mut said = None;
    let ended = timeout(wait, async {
        loop {
            tokio::select! {
                biased;
                status = tree.wait() => return status,
                output = reading.as_mut(), if said.is_none() => said = Some(output),
            }
        }
    });
    let ended = ended.await;
    // Whatever it left running holds its pipes.
    let stopped = tree.stop(&Ladder::default().interrupt(None).close_stdin(None).terminate(None)).await;
    let (stdout, stderr) = match said {
        Some(said) => said,
        None => timeout(LAST_WORDS, reading).await.unwrap_or_default(),
    };
    let Ok(status) = ended else { return Ok(None) };
    match status.and(stopped) {
        Ok(status) if status.success() => Ok(version(&stdout).or_else(|| version(&stderr))),
        Ok(status) => {
            let words = [stderr, stdout].iter().find_map(|text| first_line(text)).unwrap_or_default();
            Err(format!("failed ({status}){words}"))
        }
        Err(error) => Err(format!("failed: {error}")),
    }
}

/// The beginning of what comes; then the pipe is closed.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(pipe) = pipe else { return String::new() };
    let mut bytes = Vec::new();
    // What was read before an error is as good as any.
    let _: io::Result<usize> = pipe.take(MAX_OUTPUT).read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first word that looks like a version: `2.1.330`, `v0.9.0-rc.1`.
fn version(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '/' | '@' | ':'));
    let is_version = |word: &&str| {
        let numbers = word.split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.');
        word.len() <= MAX_VERSION
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
            && numbers.contains('.')
            && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    words.map(|word| word.strip_prefix('v').unwrap_or(word)).find(is_version).map(str::to_owned)
}

/// The first line that says something, fit to be shown.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let shown: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect();
    Some(format!(": {shown}"))
}

/// What keeps programs from fetching updates and telling that they were started.
const QUIET: &[&str] = &[
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_AUTOUPDATER",
    "DISABLE_TELEMETRY",
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
];

/// What was written before the end is in the pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Bytes of output that are read.
const MAX_OUTPUT: u64 = 16 << 10;

/// Characters of a version.
const MAX_VERSION: usize = 40;

/// Characters of a line that is shown.
const MAX_LINE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (text, expected) in [
            ("2.1.330 (Claude Code)\n", Some("2.1.330")),
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("goose v1.2.3-rc.1\n", Some("1.2.3-rc.1")),
            ("opencode/1.18.33 linux-x64", Some("1.18.33")),
            ("Update available!\nversion: 0.61.0\n", Some("0.61.0")),
            ("node: not found", None),
            ("1 2 3", None),
            ("see https://example.org...", None),
            ("", None),
        ] {
            assert_eq!(version(text).as_deref(), expected, "{text:?}");
        }
    }
}
