//! The server as a program: started, asked, killed and started again.

mod client;
mod page;
mod restart;
mod settings;
mod shutdown;
mod trees;
