//! The agents to offer: found on this machine (feature `detect`), and described in a file (feature `config`).
//!
//! Both give data, and start nothing that works: which runner plays an agent is decided in one place, by whoever puts
//! the agents into a manager.

#[cfg(feature = "detect")]
mod candidate;
#[cfg(feature = "detect")]
mod detect;
#[cfg(feature = "config")]
mod file;
#[cfg(feature = "config")]
mod file_error;
#[cfg(feature = "detect")]
mod known;
#[cfg(feature = "detect")]
mod program;
#[cfg(feature = "config")]
mod section;
#[cfg(feature = "detect")]
mod server;

#[cfg(feature = "detect")]
pub use candidate::{Candidate, Driver, Presence};
#[cfg(feature = "detect")]
pub use detect::Detection;
#[cfg(feature = "config")]
pub use file::{AgentKind, AgentSpec, agents_from_file, agents_from_text};
#[cfg(feature = "config")]
pub use file_error::AgentFileError;
