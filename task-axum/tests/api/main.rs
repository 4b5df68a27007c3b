//! The HTTP interface, a file for each thing it promises.

mod bodies;
mod dirs;
mod events;
mod guard;
mod list;
mod messages;
mod nesting;
mod openapi;
mod requests;
mod server;
mod session;
mod slow_reader;
mod stream;
mod support;
mod tasks;
mod watch;
