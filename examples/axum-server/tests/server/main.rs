//! The server as a program: started, asked, killed and started again.

mod agents;
mod client;
#[path = "../../../../task-runners/tests/fake_model/mod.rs"]
mod fake_model;
mod page;
mod restart;
mod settings;
mod shutdown;
mod trees;
