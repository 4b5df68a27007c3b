//! Real agents over the Agent Client Protocol, at pinned versions, against a model API of our own: what they do to files
//! and processes, and what their models were asked.
//!
//! Without the programs these tests say so and pass; with `REQUIRE_AGENTS=1` they fail. They are looked for under
//! `AGENTS_DIR`, which is `target/agents` unless set, where this puts them:
//!
//! ```text
//! npm install --prefix target/agents --no-save --no-audit --no-fund --ignore-scripts --omit=optional \
//!     @anthropic-ai/claude-code-linux-x64@2.1.330 opencode-linux-x64@1.18.33 \
//!     @agentclientprotocol/claude-agent-acp@0.101.0 @agentclientprotocol/codex-acp@2.6.0 \
//!     @openai/codex@0.166.0 @openai/codex-linux-x64@npm:@openai/codex@0.166.0-linux-x64
//! ```
//!
//! `--omit=optional` leaves out a second copy of Claude Code, and `claude-agent-acp` is given the first. It leaves out
//! the program in Codex, too, which is named here: the version that `codex-acp` was made for.
#![cfg(all(feature = "acp", target_os = "linux"))]

#[path = "../real_agents/mod.rs"]
mod real_agents;
#[path = "../support/mod.rs"]
mod support;

mod crash;
mod messages;
mod questions;
mod rig;
mod turns;

/// A test of each agent: the same function, given the agent.
macro_rules! for_each_agent {
    ($($test:ident),* $(,)?) => {
        mod codex {
            $(#[tokio::test] async fn $test() { super::$test(crate::rig::Kind::Codex).await; })*
        }
        mod opencode {
            $(#[tokio::test] async fn $test() { super::$test(crate::rig::Kind::OpenCode).await; })*
        }
        mod claude {
            $(#[tokio::test] async fn $test() { super::$test(crate::rig::Kind::Claude).await; })*
        }
    };
}
use for_each_agent;
