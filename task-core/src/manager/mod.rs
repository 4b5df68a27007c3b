//! The manager: what applications hold.
//!
//! What all of it stands on is `tasks`, the handle and what its clones share. `create`, `commands` and `reads` are its
//! verbs; `scheduler`, with its `queue`, and `run`, with its `timers` and its `outcome`, do the work; `lifetime` puts them
//! together, and `builder` says how.

mod agent;
mod builder;
mod clean_up;
mod commands;
mod create;
mod lifetime;
mod outcome;
mod queue;
mod reads;
mod record;
mod recovery;
mod run;
mod scheduler;
mod settings;
mod tasks;
mod timers;
mod validate;

pub use agent::{Agent, AgentInfo};
pub use builder::TaskManagerBuilder;
pub use commands::Sent;
pub use create::Created as CreatedTask;
pub use tasks::TaskManager;
