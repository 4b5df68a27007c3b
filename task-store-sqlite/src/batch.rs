//! One transaction for everything that waits.
//!
//! This file talks to the engine and knows nothing of queues, threads and callers.

use rusqlite::params;
use task_core::{Change, StoreError};

use crate::engine::Engine;
use crate::error::{Doing, Fault};
use crate::rows::{Refused, Tally};
use crate::work::Work;

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One for each work, in order.
    pub(crate) answers: Vec<Result<(), StoreError>>,
    /// What others have changed since the last look.
    pub(crate) foreign: Vec<Change>,
    /// Whether the connection is in a state nobody knows.
    pub(crate) broken: bool,
}

/// Why a batch was not written.
enum Failed {
    /// The engine failed before the commit, so nothing was.
    Before(Fault),
    /// The commit itself failed, so nobody knows.
    Committing(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Before(fault)
    }
}

impl Engine {
    /// Does everything in one transaction. What the contract refuses is left out alone; what the engine refuses takes
    /// the others along only if it took the transaction along.
    pub(crate) fn run(&mut self, works: &[&Work], sync: bool) -> Outcome {
        let mut foreign = Vec::new();
        let done = if works.iter().any(|work| work.writes()) {
            self.write(works, sync, &mut foreign)
        } else {
            self.look(&mut foreign).map(|()| works.iter().map(|_| Ok(())).collect()).map_err(Failed::Before)
        };
        let mut broken = false;
        let answers = match done {
            Ok(answers) => answers,
            Err(failed) => {
                self.tasks.clear();
                self.recent = None;
                if !self.connection.is_autocommit() {
                    broken = self.connection.execute_batch("ROLLBACK").is_err();
                }
                match failed {
                    Failed::Before(fault) => {
                        broken |= fault.spoils();
                        works.iter().map(|_| Err(fault.clone().into())).collect()
                    }
                    Failed::Committing(fault) => {
                        broken = true;
                        works.iter().map(|_| Err(fault.indeterminate())).collect()
                    }
                }
            }
        };
        Outcome { answers, foreign, broken }
    }

    fn look(&mut self, foreign: &mut Vec<Change>) -> Result<(), Fault> {
        if self.version == Some(self.data_version()?) {
            return Ok(());
        }
        self.execute("BEGIN", "begin to look")?;
        self.absorb(foreign)?;
        self.execute("COMMIT", "end a look")?;
        Ok(())
    }

    fn write(
        &mut self,
        works: &[&Work],
        sync: bool,
        foreign: &mut Vec<Change>,
    ) -> Result<Vec<Result<(), StoreError>>, Failed> {
        self.set_sync(sync)?;
        self.execute("BEGIN IMMEDIATE", "begin a transaction")?;
        self.absorb(foreign)?;

        self.noted = self.position;
        let mut tally = Tally::new(self.position);
        let mut answers = Vec::with_capacity(works.len());
        for work in works {
            let done = match work {
                Work::Commit(entry) => self.commit(entry, &mut tally),
                Work::Look => Ok(()),
                Work::Remove { task, expected } => self.remove(*task, *expected, &mut tally),
                Work::Sync => self.mark().map_err(Refused::Engine),
            };
            answers.push(match done {
                Ok(()) => Ok(()),
                Err(Refused::Contract(error)) => Err(error),
                // After some failures the engine rolls everything back by itself; after others it should.
                Err(Refused::Engine(fault)) if self.connection.is_autocommit() || fault.spoils() => {
                    return Err(fault.into());
                }
                Err(Refused::Engine(fault)) => Err(fault.into()),
            });
        }
        for (status, change) in &tally.counts {
            self.connection
                .prepare_cached("UPDATE status_count SET tasks = tasks + ?2 WHERE status = ?1")
                .and_then(|mut update| update.execute(params![status.as_str(), change]))
                .doing("count tasks")?;
        }
        self.note_places(tally.position)?;
        self.move_places(usize::try_from(tally.position - self.position).unwrap_or_default())?;
        // What one large event needed is not kept.
        self.data.shrink_to(DATA_KEPT);
        self.execute("COMMIT", "commit a transaction").map_err(Failed::Committing)?;
        self.position = tally.position;
        Ok(answers)
    }

    fn mark(&self) -> Result<(), Fault> {
        self.execute("UPDATE sync_mark SET marks = marks + 1", "write a mark to sync").map(|_| ())
    }
}

/// Bytes that stay reserved for the data of an event.
const DATA_KEPT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SqliteOptions;
    use crate::schema;
    use crate::work::Entry;

    #[test]
    fn a_batch_is_synced_when_it_is_asked_to_be() {
        let place = tempfile::tempdir().expect("a directory");
        let (_, connection) =
            schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default()).expect("opened");
        let mut engine = Engine::new(connection, None).expect("an engine");
        for (sync, level) in [(true, 2), (false, 1), (true, 2)] {
            let outcome = engine.run(&[&Work::Sync], sync);
            assert!(outcome.answers.iter().all(Result::is_ok), "{outcome:?}");
            let found: i64 = engine
                .connection
                .pragma_query_value(None, "synchronous", |row| row.get(0))
                .expect("the pragma has a value");
            assert_eq!(found, level);
        }
    }

    #[test]
    fn a_full_disk_is_an_error_before_the_commit_and_mends() {
        let place = tempfile::tempdir().expect("a directory");
        let (_, connection) =
            schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default()).expect("opened");
        let mut engine = Engine::new(connection, None).expect("an engine");
        let mut scribe = task_core::testing::Scribe::new("a title");
        let create = Work::Commit(Entry::new(scribe.create(None)));
        let long = scribe.record([task_core::Output::text("block", "x".repeat(100_000))]);
        let long = Work::Commit(Entry::new(long));
        assert!(engine.run(&[&create], true).answers.iter().all(Result::is_ok));

        let pages: i64 =
            engine.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("pages");
        let set = |engine: &Engine, pages: i64| {
            engine.connection.pragma_update(None, "max_page_count", pages).expect("a limit of pages");
        };
        set(&engine, pages);
        let outcome = engine.run(&[&long], true);
        assert!(matches!(outcome.answers[..], [Err(StoreError::Unavailable { .. })]), "{outcome:?}");
        assert!(!outcome.broken, "the connection is still good");
        set(&engine, pages + 1000);
        let outcome = engine.run(&[&long], true);
        assert!(matches!(outcome.answers[..], [Ok(())]), "{outcome:?}");
    }
}
