//! The manager: what applications hold.

mod agent;
mod builder;
mod commands;
mod recovery;
mod run;
mod scheduler;
mod tasks;
mod validate;

pub use agent::{Agent, AgentInfo};
pub use builder::TaskManagerBuilder;
pub use commands::{Created as CreatedTask, Sent};
pub use tasks::TaskManager;
