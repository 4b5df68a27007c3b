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

    /// Deletes a piece of what was removed.
    pub(crate) fn purge(&mut self) -> Result<(), StoreError> {
        let piece = self.database.read(|db| Ok(purge_piece(db)?));
        let written = piece.and_then(|piece| match piece {
            Some(piece) => Ok(self.database.write(piece.into_batch(), Level::Memory)?),
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
