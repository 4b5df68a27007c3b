//! The program as people and scripts meet it: in a terminal, in a pipe, beside a server, alone.
#![cfg(unix)]

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
