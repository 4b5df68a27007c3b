//! The real program, at a pinned version, against a model API of our own: what it does to files and processes, and what
//! its model was asked.
//!
//! Without the program these tests say so and pass; with `REQUIRE_AGENTS=1` they fail. It is looked for at `CLAUDE_BIN`
//! and under `target/agents`, where this puts it:
//!
//! ```text
//! npm install --prefix target/agents --no-save --no-audit --no-fund --ignore-scripts \
//!     @anthropic-ai/claude-code-linux-x64@2.1.330
//! ```
#![cfg(all(feature = "claude", target_os = "linux"))]

#[path = "../real_agents/mod.rs"]
mod real_agents;
#[path = "../support/mod.rs"]
mod support;

mod crash;
mod messages;
mod questions;
mod rig;
mod safety;
mod turns;
