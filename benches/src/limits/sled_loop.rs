//! sled alone: the events of a group of appenders in one batch, flushed and synced, by a loop that nobody waits for.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::answer::{Result, verify};
use crate::usage::{Usage, Used};
use crate::workload::Payloads;

/// Writes batches with one event of each of so many tasks for `time`, under keys of the same order as the store's, and gives
/// how many events there were.
pub(crate) fn write_batches(
    place: &Path,
    tasks: usize,
    payloads: &Payloads,
    time: Duration,
) -> Result<(u64, Used)> {
    let db = sled::Config::new().path(place).flush_every_ms(None).open()?;
    let file = File::open(place.join("db"))?;
    let (begin, start, mut batches) = (Instant::now(), Usage::now(), 0_u64);
    while begin.elapsed() < time {
        let mut batch = sled::Batch::default();
        for task in 0..tasks {
            let key = [(task as u64).to_be_bytes(), batches.to_be_bytes()].concat();
            batch.insert(key, payloads.of(task, batches).text.as_bytes());
        }
        db.apply_batch(batch)?;
        db.flush()?;
        file.sync_data()?;
        batches += 1;
    }
    let (used, events) = (start.since(), batches * tasks as u64);
    verify(db.len() as u64 == events, || "events are missing".to_owned())?;
    Ok((events, used))
}
