//! The agents to offer: found on this machine (feature `detect`).
//!
//! This gives data, and starts nothing that works: which runner plays an agent is decided in one place, by whoever
//! puts the agents into a manager.

mod detect;
mod known;
mod program;
mod server;

pub use detect::{Candidate, Detection, Driver, Presence};
