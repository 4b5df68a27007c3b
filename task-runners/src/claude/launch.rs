//! The command line and the environment of the agent.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use task_core::Task;

use super::ClaudeRunner;
use crate::Permissions;
use crate::process::{Command, Environment};

/// An argument that a runner does not pass on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedArgument {
    /// The argument.
    pub argument: String,
    /// Why not.
    pub reason: &'static str,
}

impl fmt::Display for RefusedArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be passed on: {}", self.argument, self.reason)
    }
}

impl std::error::Error for RefusedArgument {}

/// The program with its arguments, its environment and its directory.
pub(super) fn command(runner: &ClaudeRunner, task: &Task, dir: &Path, session: Option<&str>) -> Command {
    Command::new(&runner.program)
        .args(arguments(runner, task, dir, session))
        .environment(environment(runner))
        .work_dir(dir)
}

/// The arguments for a task that works in `dir`: to go on with `session`, or to begin one.
///
/// What comes from a task is always the value of an option, `--model=…`: no value is taken for an option.
fn arguments(runner: &ClaudeRunner, task: &Task, dir: &Path, session: Option<&str>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ALWAYS.iter().map(Into::into).collect();
    let mode = if runner.permissions == Permissions::AllowEdits { "acceptEdits" } else { "default" };
    arguments.push(format!("--permission-mode={mode}").into());
    if let Some(session) = session {
        arguments.push(format!("--resume={session}").into());
    }
    if let Some(model) = task.model.as_ref().or(runner.model.as_ref()) {
        arguments.push(format!("--model={model}").into());
    }
    for dir in task.add_dirs.iter().flatten() {
        arguments.push(format!("--add-dir={dir}").into());
    }
    // A directory that nobody vouches for starts nothing of its own: no servers, no hooks, no skills.
    if task.enable_skills == Some(true) {
        arguments.extend(["--setting-sources", "user,project", "--allowedTools=Skill"].map(Into::into));
    } else {
        arguments.extend(["--setting-sources", "", "--disable-slash-commands"].map(Into::into));
    }
    // Only servers that are named, whatever is configured elsewhere.
    arguments.push("--strict-mcp-config".into());
    if task.enable_mcp == Some(true) {
        let project = Some(dir.join(".mcp.json")).filter(|file| file.is_file());
        for config in project.iter().chain(&runner.mcp_config) {
            let mut argument = OsString::from("--mcp-config=");
            argument.push(config);
            arguments.push(argument);
        }
    }
    arguments.extend(runner.extra_args.iter().map(Into::into));
    arguments
}

/// The environment of the runner and what the adapter needs in it.
fn environment(runner: &ClaudeRunner) -> Environment {
    runner
        .environment
        .clone()
        // A server that was started by the agent must not make its own agents believe that they are inside of it.
        .without("CLAUDECODE")
        .without("CLAUDE_CODE_ENTRYPOINT")
        .set("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1")
        // Without it the agent keeps no plan, and there is none to show.
        .set("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1")
        .set("CLAUDE_CODE_MAX_RETRIES", runner.max_retries.to_string())
        // The program is that of the user, and no task changes it.
        .set("DISABLE_AUTOUPDATER", "1")
}

/// What is passed by default beyond the basic environment: the way to the model, and where the agent keeps itself.
pub(super) fn default_environment() -> Environment {
    INHERITED.iter().fold(Environment::basic(), |environment, name| environment.inherit(*name))
}

/// Why an argument is not passed on.
pub(super) fn check(argument: &str) -> Result<(), RefusedArgument> {
    let name = argument.split('=').next().unwrap_or_default();
    let reason = if OWN.contains(&name) {
        "the runner sets it itself"
    } else if UNSAFE.contains(&name) {
        "it switches off that leave is asked; set the permissions of the runner"
    } else if argument.contains('\0') {
        "it holds a NUL character"
    } else {
        return Ok(());
    };
    Err(RefusedArgument { argument: argument.to_owned(), reason })
}

const ALWAYS: &[&str] = &[
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
];

const OWN: &[&str] = &[
    "--",
    "--continue",
    "--fork-session",
    "--from-pr",
    "--include-partial-messages",
    "--input-format",
    "--mcp-config",
    "--output-format",
    "--permission-mode",
    "--permission-prompt-tool",
    "--print",
    "--replay-user-messages",
    "--resume",
    "--session-id",
    "--setting-sources",
    "--strict-mcp-config",
    "--verbose",
    "--version",
    "--help",
    "-c",
    "-h",
    "-p",
    "-r",
    "-v",
];

const UNSAFE: &[&str] = &["--allow-dangerously-skip-permissions", "--dangerously-skip-permissions"];

const INHERITED: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CONFIG_DIR",
    "HTTPS_PROXY",
    "NO_PROXY",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_decides_is_not_left_to_arguments() {
        for argument in [
            "--resume",
            "--resume=x",
            "-p",
            "--dangerously-skip-permissions",
            "--permission-mode=auto",
            "a\0b",
        ] {
            let refused = check(argument).unwrap_err();
            assert!(refused.to_string().contains(argument), "{refused}");
        }
        for argument in ["--max-turns=5", "--append-system-prompt", "be brief", "--resumes"] {
            assert_eq!(check(argument), Ok(()));
        }
    }

    #[test]
    fn the_environment_says_nothing_of_where_the_server_runs() {
        let outer = Environment::empty().set("CLAUDECODE", "1").set("KEY", "x");
        let runner = ClaudeRunner::new().environment(outer).max_retries(2);
        let environment = environment(&runner);
        assert_eq!(environment.value("CLAUDECODE"), None);
        assert_eq!(environment.value("KEY"), Some("x".as_ref()));
        assert_eq!(environment.value("CLAUDE_CODE_MAX_RETRIES"), Some("2".as_ref()));
        assert_eq!(environment.value("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"), Some("1".as_ref()));
    }
}
