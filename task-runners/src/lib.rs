//! Runners for real agents: process-tree handling and the shell agent.
#![forbid(unsafe_code)]

#[cfg(unix)]
pub mod process;
#[cfg(all(unix, feature = "shell"))]
mod shell;

#[cfg(all(unix, feature = "shell"))]
pub use shell::ShellRunner;
