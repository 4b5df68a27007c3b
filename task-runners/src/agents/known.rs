//! The agents that are looked for.

use super::candidate::Driver;

/// A program.
#[derive(Debug)]
pub(super) struct KnownProgram {
    /// The name of the program, too.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) driver: Driver,
    /// Adapters begin to serve whatever they are told.
    pub(super) tells_version: bool,
    pub(super) install: &'static str,
}

/// A server.
#[derive(Debug)]
pub(super) struct KnownServer {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    pub(super) install: &'static str,
    /// How it is started once it is installed.
    pub(super) start: &'static str,
    /// How it gets a model.
    pub(super) fill: &'static str,
}

pub(super) const PROGRAMS: &[KnownProgram] = &[
    KnownProgram {
        id: "claude",
        name: "Claude Code",
        driver: Driver::Claude,
        tells_version: true,
        install: "npm install -g @anthropic-ai/claude-code",
    },
    KnownProgram {
        id: "claude-agent-acp",
        name: "Claude Code over ACP",
        driver: Driver::Acp { arguments: &[] },
        tells_version: false,
        install: "npm install -g @agentclientprotocol/claude-agent-acp",
    },
    KnownProgram {
        id: "codex",
        name: "Codex",
        driver: Driver::Adapter { id: "codex-acp" },
        tells_version: true,
        install: "npm install -g @openai/codex",
    },
    KnownProgram {
        id: "codex-acp",
        name: "Codex over ACP",
        driver: Driver::Acp { arguments: &[] },
        tells_version: false,
        install: "npm install -g @agentclientprotocol/codex-acp",
    },
    KnownProgram {
        id: "gemini",
        name: "Gemini CLI",
        driver: Driver::Acp { arguments: &["--acp"] },
        tells_version: true,
        install: "npm install -g @google/gemini-cli",
    },
    KnownProgram {
        id: "goose",
        name: "Goose",
        driver: Driver::Acp { arguments: &["acp"] },
        tells_version: true,
        install: "curl -fsSL https://github.com/block/goose/releases/download/stable/download_cli.sh | bash",
    },
    KnownProgram {
        id: "opencode",
        name: "OpenCode",
        driver: Driver::Acp { arguments: &["acp"] },
        tells_version: true,
        install: "npm install -g opencode-ai",
    },
];

pub(super) const SERVERS: &[KnownServer] = &[
    KnownServer {
        id: "llama-cpp",
        name: "llama.cpp",
        program: "llama-server",
        install: "brew install llama.cpp",
        start: "llama-server -m MODEL.gguf",
        fill: "llama-server -m MODEL.gguf",
    },
    KnownServer {
        id: "ollama",
        name: "Ollama",
        program: "ollama",
        install: "curl -fsSL https://ollama.com/install.sh | sh",
        start: "ollama serve",
        fill: "ollama pull qwen3:4b",
    },
];
