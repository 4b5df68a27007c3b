//! Runners that do the work of agent tasks: with real processes, and leave none behind, or with a model.
//!
//! ```
//! # #[cfg(all(unix, feature = "shell"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures::TryStreamExt;
//! use task_core::{MemoryStore, NewTask, Output, Payload, Seq, TaskManager};
//! use task_runners::ShellRunner;
//!
//! let tasks = TaskManager::builder(MemoryStore::new()).runner("shell", ShellRunner::new()).start().await?;
//! let task = tasks.create(NewTask::new("shell", "cd /usr; export GREETING=hello")).await?;
//! tasks.wait(task.id).await?;
//!
//! // Later, maybe in another process: a message goes on where the last one ended.
//! tasks.send(task.id, "echo $GREETING from $PWD").await?;
//! let mut printed = String::new();
//! let mut events = tasks.subscribe(task.id, Seq::ZERO);
//! while let Some(event) = events.try_next().await? {
//!     if let Payload::Output(Output::ToolUpdate(update)) = event.payload() {
//!         printed.push_str(update.output.as_deref().unwrap_or_default());
//!     }
//! }
//! assert_eq!(printed, "hello from /usr\n");
//! # Ok(())
//! # }
//! # #[cfg(not(all(unix, feature = "shell")))]
//! # fn main() {}
//! ```
//!
//! # Map
//!
//! * [`ShellRunner`] (feature `shell`, on by default): every message is a command line.
//! * [`ClaudeRunner`] (feature `claude`, on by default): Claude Code, as it is installed. [`Permissions`] says what an
//!   agent may do without asking.
//! * `AcpRunner` (feature `acp`): any agent that speaks the Agent Client Protocol.
//! * `ChatRunner` (feature `chat`): every message is answered by a model behind an OpenAI-compatible endpoint.
//! * `agents` (features `detect` and `config`): the agents of this machine, and agents in a TOML file.
//! * [`process`]: what a runner for any program stands on. It starts a program as a process tree with a bare
//!   environment, stops it step by step, and finds what is left of it, even after a crash of the server.
//!
//! Works on Unix; elsewhere there is the chat agent alone. What is said about processes that hide holds on Linux:
//! [`process`] tells what is different elsewhere.
//!
//! # Security
//!
//! No runner is a sandbox, and what tasks do is done with the rights of this process. What Claude Code asks leave for, and
//! what it starts in a directory that nobody vouches for, is told at [`ClaudeRunner`]; what holds for other agents, at
//! `AcpRunner`.
//!
//! **The shell agent runs what it is told, with all the rights of this process.** Whoever can send a message to one of
//! its tasks can read and change whatever this process can. It is no sandbox: where messages come from somebody, or some
//! program, that is not trusted that far, run the whole server in a container or as a user of its own, or do not offer
//! the agent. What commands print and export is kept in the log of their task. What they are *not* given is the
//! environment of the server, which may hold secrets: see [`process::Environment`].
#![forbid(unsafe_code)]

#[cfg(all(unix, feature = "acp"))]
mod acp;
#[cfg(all(unix, any(feature = "config", feature = "detect")))]
pub mod agents;
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
mod asking;
#[cfg(feature = "chat")]
pub mod chat;
#[cfg(all(unix, feature = "claude"))]
mod claude;
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
mod permissions;
#[cfg(unix)]
pub mod process;
#[cfg(all(test, unix, any(feature = "acp", feature = "claude")))]
mod recorded;
#[cfg(all(unix, feature = "shell"))]
mod shell;
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
mod stdio;
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
mod text;
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
mod turns;
#[cfg(all(unix, any(feature = "acp", feature = "claude", feature = "shell")))]
mod work_dir;

#[cfg(all(unix, feature = "acp"))]
pub use acp::AcpRunner;
#[cfg(feature = "chat")]
pub use chat::ChatRunner;
#[cfg(all(unix, feature = "claude"))]
pub use claude::{ClaudeRunner, RefusedArgument};
#[cfg(all(unix, any(feature = "acp", feature = "claude")))]
pub use permissions::Permissions;
#[cfg(all(unix, feature = "shell"))]
pub use shell::ShellRunner;

/// The README, whose example runs.
#[cfg(all(doctest, unix, feature = "acp", feature = "claude", feature = "shell"))]
#[doc = include_str!("../README.md")]
struct Readme;
