//! The program as people and scripts meet it: in a terminal, in a pipe, beside a server, alone.
//!
//! It looks into `/proc` to know what a process listens to and what it left, so it runs on Linux.
#![cfg(target_os = "linux")]

mod answers;
mod commands;
mod followers;
mod owners;
mod pipes;
mod place;
mod server;
mod stores;
mod terminal;
mod terminals;
