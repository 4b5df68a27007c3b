//! One batch for everything that waits.
//!
//! This file talks to the engine and knows nothing of queues, threads and callers.

use std::sync::Arc;

use sled::Db;
use task_core::StoreError;

use crate::database::{Database, Level};
use crate::encoding::KeyEntry;
use crate::error::{Doing, Fault};
use crate::keys;
use crate::known::KnownTasks;
use crate::record::{self, Writes};
use crate::rows::{Refused, Tally};
use crate::work::Work;

/// The one that writes, and what it remembers between batches.
#[derive(Debug)]
pub(crate) struct Engine {
    database: Arc<Database>,
    tasks: KnownTasks,
    /// Whether something is left of removed tasks.
    purging: bool,
}

impl Engine {
    pub(crate) fn new(database: Arc<Database>) -> Result<Self, StoreError> {
        let purging = database.read(|db| Ok(next_purge(db)?.is_some()))?;
        Ok(Self { database, tasks: KnownTasks::default(), purging })
    }

    /// Whether something is left of removed tasks.
    pub(crate) const fn is_purging(&self) -> bool {
        self.purging
    }

    /// Does everything in one batch, and gives an answer for each work. What the contract refuses is left out alone.
    pub(crate) fn run(&mut self, works: &[&Work], sync: bool) -> Vec<Result<(), StoreError>> {
        let tasks = &mut self.tasks;
        let prepared = self.database.read(|db| Ok(prepare(db, tasks, works)?));
        let (tally, mut answers) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.tasks.clear();
                return refused(works, error);
            }
        };
        let purging = tally.purging;
        let syncs = works.iter().any(|work| matches!(work, Work::Sync));
        let (writes, level) = (tally.finish(), if sync { Level::Sync } else { Level::Flush });
        let writes = match writes {
            Ok(writes) => writes,
            Err(fault) => {
                self.tasks.clear();
                return works.iter().map(|_| Err(fault.clone().into())).collect();
            }
        };
        if writes.is_empty() && !syncs {
            return answers;
        }
        match self.database.write(writes.into_batch(), level) {
            Ok(()) => self.purging |= purging,
            Err(fault) => {
                self.tasks.clear();
                for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
                    *answer = Err(match &fault {
                        Fault::Broken(_) | Fault::Closed => fault.clone().into(),
                        _ => fault.indeterminate(),
                    });
                }
            }
        }
        answers
    }

    /// Deletes a piece of what was removed. Nobody waits for it; it is synced where every write has to be.
    pub(crate) fn purge(&mut self, sync: bool) -> Result<(), StoreError> {
        let level = if sync { Level::Sync } else { Level::Memory };
        let piece = self.database.read(|db| Ok(purge_piece(db)?));
        let written = piece.and_then(|piece| match piece {
            Some(piece) => Ok(self.database.write(piece.into_batch(), level)?),
            None => {
                self.purging = false;
                Ok(())
            }
        });
        // Tried again after the next start; nobody waits for it.
        self.purging &= written.is_ok();
        written
    }
}

type Prepared = (Tally, Vec<Result<(), StoreError>>);

fn prepare(db: &Db, tasks: &mut KnownTasks, works: &[&Work]) -> Result<Prepared, Fault> {
    let mut tally = Tally::new(db)?;
    let mut answers = Vec::with_capacity(works.len());
    for work in works {
        let done = match work {
            Work::Commit(entry) => tally.commit(db, tasks, entry),
            Work::Remove { task, expected } => tally.remove(db, tasks, *task, *expected),
            Work::Sync => Ok(()),
        };
        answers.push(done.map_err(|refused| match refused {
            Refused::Contract(error) => error,
            Refused::Engine(fault) => fault.into(),
        }));
    }
    Ok((tally, answers))
}

/// An error has no copies: the first gets it, the others its text.
fn refused(works: &[&Work], error: StoreError) -> Vec<Result<(), StoreError>> {
    let others = works.iter().skip(1).map(|_| match &error {
        StoreError::Closed => Err(StoreError::Closed),
        StoreError::Corrupt { what, .. } => Err(StoreError::Corrupt { what: what.clone(), source: None }),
        error => Err(StoreError::unavailable(error.to_string())),
    });
    let others: Vec<_> = others.collect();
    std::iter::once(Err(error)).chain(others).collect()
}

/// The first removed task of which something is left.
fn next_purge(db: &Db) -> Result<Option<u64>, Fault> {
    let first = db.range(keys::between(keys::PURGES, None, None)).next();
    let Some(first) = first else { return Ok(None) };
    let (key, _) = first.doing("look for removed tasks")?;
    Ok(keys::number_at(&key, keys::PURGES.len()))
}

fn purge_piece(db: &Db) -> Result<Option<Writes>, Fault> {
    let Some(number) = next_purge(db)? else { return Ok(None) };
    let mut writes = Writes::default();
    let (mut count, mut all) = (0, true);
    for prefix in [keys::snapshot(number), keys::reverses_of(number), keys::events_of(number)] {
        for key in db.range(keys::between(&prefix, None, None)).keys().take(PURGE_PIECE + 1 - count) {
            let key = key.doing("walk over what was removed")?;
            if count == PURGE_PIECE {
                all = false;
                break;
            }
            count += 1;
            if let Some(keyed) = keys::keyed_from(&key).filter(|_| prefix == keys::reverses_of(number)) {
                purge_key(db, number, &keyed, &mut writes)?;
            }
            writes.remove(key.to_vec());
        }
    }
    if all {
        writes.remove(keys::purge(number));
    }
    Ok(Some(writes))
}

/// Deletes an idempotency key, unless another task has it by now.
fn purge_key(db: &Db, number: u64, keyed: &[u8], writes: &mut Writes) -> Result<(), Fault> {
    let (first, body) = (db.get(keyed).doing("read a key")?, record::get(db, keyed)?);
    if let (Some(first), Some(body)) = (first, body)
        && KeyEntry::decode(&body)?.number == number
    {
        writes.remove_record(keyed, record::parts(&first));
    }
    Ok(())
}

/// So many keys are deleted before others get a turn.
const PURGE_PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use task_core::testing::Scribe;
    use task_core::{Commit, Output, Seq, TaskId};

    use super::*;
    use crate::options::SledOptions;
    use crate::work::Entry;
    use crate::{reader, schema};

    fn engine(place: &tempfile::TempDir) -> Engine {
        let opened = schema::open(place.path(), &SledOptions::default()).expect("opened");
        let database = Database::new(opened, Duration::from_secs(60)).expect("a database");
        Engine::new(Arc::new(database)).expect("an engine")
    }

    #[expect(clippy::needless_pass_by_value, reason = "lists of works read better")]
    fn commit(commit: Commit) -> Work {
        Work::Commit(Box::new(Entry::new(&commit).expect("it can be stored")))
    }

    fn run(engine: &mut Engine, works: &[Work]) -> Vec<Result<(), StoreError>> {
        engine.run(&works.iter().collect::<Vec<_>>(), false)
    }

    #[test]
    fn a_batch_sees_what_it_has_done_itself() {
        let place = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&place);
        for _ in 0..3 {
            // Create, write, remove, take the key again, and in the end create again what was removed.
            let (mut gone, mut duplicate, mut kept) = (Scribe::new("a"), Scribe::new("b"), Scribe::new("c"));
            let mut late = gone.clone();
            let works = [
                commit(gone.create(Some("key"))),
                commit(late.create(None)),
                commit(duplicate.create(Some("key"))),
                commit(gone.start()),
                Work::Remove { task: gone.id(), expected: Seq::new(2) },
                Work::Remove { task: gone.id(), expected: Seq::new(3) },
                commit(gone.message("late")),
                commit(kept.create(Some("key"))),
                commit(late.clone().create(None)),
            ];
            let is_of = |task: TaskId, answer: &Result<(), StoreError>| match answer {
                Err(StoreError::Duplicate { task: by, seq }) => (*by, seq.get()) == (task, 2),
                _ => false,
            };
            let answers = run(&mut engine, &works);
            assert!(answers[0].is_ok() && answers[3].is_ok() && answers[5].is_ok() && answers[7].is_ok());
            assert!(matches!(answers[1], Err(StoreError::Conflict { actual, .. }) if actual == Seq::new(2)));
            assert!(is_of(gone.id(), &answers[2]), "{answers:?}");
            assert!(matches!(answers[4], Err(StoreError::Conflict { actual, .. }) if actual == Seq::new(3)));
            assert!(matches!(answers[6], Err(StoreError::NotFound(task)) if task == gone.id()));
            assert!(answers[8].is_ok(), "{answers:?}");

            let look = |db: &Db| {
                let keyed = reader::find_key(db, "key")?.map(|keyed| keyed.task);
                Ok((keyed, reader::counts(db)?.total(), reader::load(db, gone.id())?.seq))
            };
            assert_eq!(engine.database.read(look).expect("read"), (Some(kept.id()), 2, Seq::new(2)));
            let removed = [kept.id(), gone.id()].map(|task| Work::Remove { task, expected: Seq::new(2) });
            assert!(run(&mut engine, &removed).iter().all(Result::is_ok));
        }
        while engine.is_purging() {
            engine.purge(false).expect("purged");
        }
        let keys = |db: &Db| Ok(db.iter().keys().map(|key| key.expect("read").to_vec()).collect::<Vec<_>>());
        assert_eq!(engine.database.read(keys).expect("read"), [keys::COUNTS], "nothing is left of them");
    }

    #[test]
    fn a_long_log_is_purged_in_pieces_and_a_key_that_was_taken_again_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&place);
        let (mut long, mut next) = (Scribe::new("long"), Scribe::new("next"));
        let words = || (0..PURGE_PIECE).map(|n| Output::text("block", n.to_string()));
        let works = [
            commit(long.create(Some("taken again"))),
            commit(long.record_keyed(words(), Some("gone"))),
            commit(long.record(words())),
        ];
        assert!(run(&mut engine, &works).iter().all(Result::is_ok));
        let works = [
            Work::Remove { task: long.id(), expected: long.task().seq },
            commit(next.create(Some("taken again"))),
        ];
        assert!(run(&mut engine, &works).iter().all(Result::is_ok));
        let mut pieces = 0;
        while engine.is_purging() {
            engine.purge(false).expect("purged");
            pieces += 1;
        }
        assert_eq!(pieces, 4, "two full ones, the rest, and a look that finds nothing");
        let find = |key| engine.database.read(|db| reader::find_key(db, key)).expect("looked");
        assert_eq!(find("taken again").map(|keyed| keyed.task), Some(next.id()));
        assert_eq!(find("gone"), None);
        let left = engine.database.read(|db| Ok(db.len())).expect("counted");
        // The counts; of the other task two events, a snapshot, a head, two index entries, the id, the key, its reverse.
        assert_eq!(left, 1 + 9);
    }

    #[test]
    fn what_the_contract_refuses_is_left_out_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&place);
        let (mut first, mut last) = (Scribe::new("first"), Scribe::new("last"));
        let mut late = first.clone();
        let works = [first.create(None), late.create(None), last.create(None)].map(commit);
        let answers = run(&mut engine, &works);
        assert!(matches!(answers[..], [Ok(()), Err(StoreError::Conflict { .. }), Ok(())]), "{answers:?}");
        assert_eq!(engine.database.read(reader::counts).expect("counted").total(), 2);
    }

    #[test]
    fn after_a_failed_write_nothing_is_read_or_written_until_it_is_opened_again() {
        let place = tempfile::tempdir().expect("a directory");
        let mut engine = engine(&place);
        let mut scribe = Scribe::new("a title");
        let (created, more) = (commit(scribe.create(None)), commit(scribe.record([Output::text("b", "c")])));
        assert!(run(&mut engine, &[created])[0].is_ok());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let full = Err::<(), _>(full).doing("write a batch").expect_err("it is one");
        engine.database.break_down(full);
        let answers = run(&mut engine, &[more]);
        assert!(matches!(answers[..], [Err(StoreError::Unavailable { .. })]), "{answers:?}");
        assert!(matches!(engine.database.read(reader::counts), Err(StoreError::Unavailable { .. })));
        engine.database.close().expect("it can be closed");
        let engine = self::engine(&place);
        let end = |db: &Db| Ok(reader::load(db, scribe.id())?.seq);
        assert_eq!(engine.database.read(end).expect("loaded"), Seq::new(2));
    }

    #[test]
    fn a_panic_of_the_engine_is_damage_and_the_store_stays_away_from_it() {
        let place = tempfile::tempdir().expect("a directory");
        let engine = engine(&place);
        let panicked = engine.database.read::<()>(|_| panic!("tried to serialize Uninitialized"));
        assert!(matches!(panicked, Err(StoreError::Corrupt { .. })), "{panicked:?}");
        let after = engine.database.read(reader::counts);
        assert!(matches!(after, Err(StoreError::Corrupt { .. })), "{after:?}");
        engine.database.close().expect("it can be closed");
        drop(self::engine(&place));
    }
}
