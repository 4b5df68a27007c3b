//! How a batch is written: what the [writer](task_store_writer) of this store calls.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use task_core::{Durability, StoreError, with_causes};
use task_store_writer::Batch;

use crate::batch::Outcome;
use crate::engine::Engine;
use crate::error::Fault;
use crate::options::{DurabilityPolicy, SqliteOptions};
use crate::reader::Idle;
use crate::schema;
use crate::work::Work;

/// What callers put their work on.
pub(crate) type Writer = task_store_writer::Writer<Desk>;

/// Where the engine lies between batches. It is taken away to be used: one that a panic has left halfway is gone.
#[derive(Debug)]
pub(crate) struct Desk {
    path: PathBuf,
    options: SqliteOptions,
    /// Closed when this connection has to be: some locks go only with the last connection of the process.
    idle_readers: Arc<Idle>,
    engine: Option<Engine>,
    /// Where the last engine has stopped.
    position: i64,
}

impl Desk {
    pub(crate) fn new(
        path: PathBuf,
        options: SqliteOptions,
        idle_readers: Arc<Idle>,
        connection: Connection,
    ) -> Result<Self, Fault> {
        let engine = Engine::new(connection, None)?;
        Ok(Self { path, options, idle_readers, position: engine.position(), engine: Some(engine) })
    }

    /// The engine, or a new one instead of one in a state nobody knows.
    fn take(&mut self) -> Result<Engine, Fault> {
        if self.idle_readers.take_spoiled() {
            self.engine = None;
        }
        match self.engine.take() {
            Some(engine) => Ok(engine),
            None => Engine::new(schema::connect_writer(&self.path, &self.options)?, Some(self.position)),
        }
    }

    /// Moves everything into the database file and closes the connection. Blocks.
    pub(crate) fn close(&mut self) -> Result<(), Fault> {
        self.engine.take().map_or(Ok(()), Engine::close)
    }
}

impl task_store_writer::Engine for Desk {
    type Work = Work;

    fn write(&mut self, works: &[&Work]) -> Batch<Work> {
        let mut engine = match self.take() {
            Ok(engine) => engine,
            Err(fault) => return Batch::new(works.iter().map(|_| Err(fault.clone().into())).collect()),
        };
        let durability = self.options.durability;
        let Outcome { answers, foreign, broken } = engine.run(works, syncs(durability, works));
        self.position = engine.position();
        if broken {
            tracing::warn!(path = %self.path.display(), "a transaction failed; the database is opened again");
            drop(engine);
            self.idle_readers.clear();
        } else {
            self.engine = Some(engine);
        }
        let mut batch = Batch::new(answers);
        batch.foreign = foreign;
        if let DurabilityPolicy::Interval(within) = durability {
            let synced = |(work, answer): (&&Work, &Result<(), StoreError>)| {
                matches!(work, Work::Sync) && answer.is_ok()
            };
            if works.iter().any(|work| work.writes()) && !works.iter().zip(&batch.answers).any(synced) {
                batch.later = Some((within, Work::Sync));
            }
        }
        batch
    }

    fn has_chores(&self) -> bool {
        self.engine.as_ref().is_some_and(Engine::is_purging)
    }

    fn do_chore(&mut self) {
        // The next batch says why there is none.
        let Ok(mut engine) = self.take() else { return };
        if let Err(fault) = engine.purge() {
            tracing::warn!(error = %with_causes(&fault), "could not purge removed events");
        }
        self.engine = Some(engine);
    }

    /// The engine had been taken away.
    fn torn(&mut self) {}
}

/// Whether a batch is synced: the strictest that one of its parts asks for, where the store leaves it to them.
fn syncs(policy: DurabilityPolicy, works: &[&Work]) -> bool {
    match policy {
        DurabilityPolicy::Durable => works.iter().any(|work| work.durability() > Durability::Process),
        DurabilityPolicy::Interval(_) => works.iter().any(|work| matches!(work, Work::Sync)),
        DurabilityPolicy::Process => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use task_core::testing::Scribe;
    use task_core::{Change, Output};
    use task_store_writer::Engine as _;

    use super::*;
    use crate::work::Entry;

    #[test]
    fn a_batch_takes_the_strictest_durability_in_it() {
        let mut scribe = Scribe::new("a title");
        let durable = Work::Commit(Entry::new(scribe.create(None)));
        let delta = Work::Commit(Entry::new(scribe.record([Output::text("block", "delta")])));
        for (policy, of_delta, of_either, of_sync) in [
            (DurabilityPolicy::Durable, false, true, true),
            (DurabilityPolicy::Interval(Duration::from_secs(1)), false, false, true),
            (DurabilityPolicy::Process, false, false, false),
        ] {
            assert_eq!(syncs(policy, &[&delta]), of_delta, "{policy:?}");
            assert_eq!(syncs(policy, &[&delta, &durable]), of_either, "{policy:?}");
            assert_eq!(syncs(policy, &[&delta, &Work::Sync]), of_sync, "{policy:?}");
        }
    }

    #[test]
    fn an_engine_that_is_gone_is_replaced_by_one_that_goes_on_where_it_stopped() {
        let place = tempfile::tempdir().expect("a directory");
        let [mut desk, mut other] = [0; 2].map(|_| {
            let options = SqliteOptions::default();
            let (path, connection) =
                schema::open_writer(&place.path().join("a.db"), &options).expect("opened");
            Desk::new(path, options, Arc::default(), connection).expect("a desk")
        });
        let (mut first, mut second) = (Scribe::new("first"), Scribe::new("second"));
        assert!(desk.write(&[&Work::Commit(Entry::new(first.create(None)))]).answers[0].is_ok());
        // As a panic leaves it; what others write meanwhile is told all the same, and nothing that was told before.
        desk.engine = None;
        desk.torn();
        assert!(other.write(&[&Work::Commit(Entry::new(second.create(None)))]).answers[0].is_ok());
        let batch = desk.write(&[&Work::Commit(Entry::new(first.start()))]);
        assert!(batch.answers[0].is_ok(), "{batch:?}");
        let moved = Change::Moved { task: second.id(), seq: second.task().seq };
        assert_eq!(batch.foreign, [moved]);
    }
}
