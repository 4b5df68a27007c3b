//! The questions, a file each.

mod append;
mod peers;
mod stream;

use futures::future::BoxFuture;

use crate::answer::{Answer, Result};
use crate::bench::Bench;

/// A question, and how it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) asks: &'static str,
    pub(crate) ask: fn(&Bench) -> BoxFuture<'_, Result<Answer>>,
}

/// All of them, in the order of the table.
pub(crate) const QUESTIONS: &[Question] = &[
    append::SQLITE,
    append::SLED,
    peers::REDIS,
    peers::NATS,
    peers::POSTGRES,
    stream::STREAM,
    stream::RECONNECT,
];

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
