use std::path::PathBuf;

use crate::chat::Endpoint;

/// An agent that may be here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// What tasks would name: `claude`.
    pub id: &'static str,
    /// What people read: `Claude Code`.
    pub name: &'static str,
    /// What it takes to run it.
    pub driver: Driver,
    /// Whether it is here.
    pub presence: Presence,
}

/// What it takes to run an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// A runner for the Agent Client Protocol, which the program speaks when it is started with these arguments.
    Acp {
        /// The arguments.
        arguments: &'static [&'static str],
    },
    /// Another candidate, which drives this one.
    Adapter {
        /// Its id.
        id: &'static str,
    },
    /// [`ChatRunner`](crate::ChatRunner).
    Chat,
    /// A runner for the stream of JSON lines that Claude Code speaks.
    Claude,
}

/// Whether an agent is here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Presence {
    /// It is not, or does not work.
    Absent {
        /// Why, and what to do about it, in one line for people.
        reason: String,
    },
    /// A program.
    Program {
        /// Where it is.
        path: PathBuf,
        /// Its version, if it tells in time.
        version: Option<String>,
    },
    /// A server.
    Server {
        /// Where it listens.
        endpoint: Endpoint,
        /// The models it has: at least one.
        models: Vec<String>,
    },
}
