//! The command line and the environment of an agent.

use std::path::Path;

use super::AcpRunner;
use crate::process::{Command, Environment};

/// The program with its arguments, its environment and its directory.
pub(super) fn command(runner: &AcpRunner, dir: &Path) -> Command {
    let environment = match &runner.environment {
        Some(environment) => environment.clone(),
        None => default_environment(&runner.program),
    };
    Command::new(&runner.program).args(&runner.arguments).work_dir(dir).environment(
        environment
            // A server that was started by Claude Code must not make its own agents believe that they are inside of it.
            .without("CLAUDECODE")
            .without("CLAUDE_CODE_ENTRYPOINT"),
    )
}

/// The basic environment and, for a program that is known by its name, what leads to its model and to its settings.
/// Keys of one agent are none of the business of another.
pub(super) fn default_environment(program: &Path) -> Environment {
    let name = program.file_name().unwrap_or_default();
    let own = KNOWN.iter().filter(|(known, _)| name == *known).flat_map(|(_, variables)| *variables);
    EVERYBODY.iter().chain(own).fold(Environment::basic(), |environment, name| environment.inherit(*name))
}

/// What is said about a program that is not there.
pub(super) const INSTALL: &str = "install it, or name its path";

const EVERYBODY: &[&str] =
    &["HTTPS_PROXY", "NO_PROXY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];

const KNOWN: &[(&str, &[&str])] = &[
    (
        "claude-agent-acp",
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_MODEL",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
            "CLAUDE_CODE_EXECUTABLE",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CONFIG_DIR",
        ],
    ),
    (
        "codex-acp",
        &[
            "CODEX_API_KEY",
            "CODEX_CONFIG",
            "CODEX_HOME",
            "CODEX_PATH",
            // How it logs in where nobody did; without it a key alone is not used.
            "DEFAULT_AUTH_REQUEST",
            "MODEL_PROVIDER",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
        ],
    ),
    (
        "gemini",
        &[
            "GEMINI_API_KEY",
            "GEMINI_MODEL",
            "GOOGLE_API_KEY",
            "GOOGLE_CLOUD_LOCATION",
            "GOOGLE_CLOUD_PROJECT",
            "GOOGLE_GENAI_USE_VERTEXAI",
        ],
    ),
    ("goose", &["GOOSE_MODEL", "GOOSE_PROVIDER"]),
    (
        "opencode",
        &[
            "OPENCODE_CONFIG",
            "OPENCODE_CONFIG_DIR",
            "OPENCODE_DISABLE_AUTOUPDATE",
            "OPENCODE_DISABLE_MODELS_FETCH",
        ],
    ),
];
