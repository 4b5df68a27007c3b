//! Whatever the program does: the run ends as it should, viewers are told, and nothing is left.
#![cfg(target_os = "linux")]

#[path = "../../../../task-runners/tests/stub_cases/mod.rs"]
mod stub_cases;
#[path = "../../../../task-runners/tests/support/mod.rs"]
mod support;

mod endings;
mod leave;
mod lines;
mod messages;
mod rig;
mod sessions;
mod starts;
