//! The questions, a file each.

mod append;
mod big_store;
mod fan_out;
mod growth;
mod memory;
mod peers;
mod replay;
mod restart;
mod stream;
mod volume;
mod whole_path;

pub(crate) use big_store::probe;

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
    volume::VOLUME,
    replay::REPLAY,
    fan_out::FAN_OUT,
    stream::STREAM,
    stream::RECONNECT,
    memory::MEMORY,
    growth::GROWTH,
    big_store::BIG_STORE,
    whole_path::WHOLE_PATH,
    restart::RESTART,
];

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
