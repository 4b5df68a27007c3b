//! The open database, and the state in which nobody may use it any more.

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use sled::{Batch, Db};
use task_core::{StoreError, with_causes};
use task_store_writer::blocking::lock;

use crate::error::{Doing, Fault, guarded};
use crate::hands::Hands;
use crate::owner::Lock;
use crate::schema::{DATA, Opened};
use crate::sums;

/// The engine, behind what makes it safe to call.
///
/// * A reader sees a batch once it is written, whole: what the engine has in memory earlier could be taken back by a
///   crash. So reads wait for the batch being written, and a batch for the reads under way, which are short.
/// * After a panic, or a write that failed, memory and file may differ, and nothing is read or written any more.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    gate: RwLock<Option<Open>>,
    /// Why nothing works any more.
    broken: Mutex<Option<Arc<Fault>>>,
    hands: Hands,
    /// Given back when the engine has closed its files.
    lock: Mutex<Option<Lock>>,
}

#[derive(Clone)]
struct Open {
    db: Db,
    file: Arc<File>,
}

impl Database {
    pub(crate) fn new(opened: Opened, patience: Duration) -> Result<Self, Fault> {
        let Opened { path, db, file, lock } = opened;
        let open = Open { db, file: Arc::new(file) };
        Ok(Self {
            path,
            gate: RwLock::new(Some(open)),
            broken: Mutex::default(),
            hands: Hands::new(patience)?,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Runs `work` on what was written, between two batches.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        let open = gate.as_ref().ok_or(StoreError::Closed)?;
        guarded("read", || work(&open.db)).map_err(|fault| self.break_down(fault))?
    }

    /// Writes a batch, all of it or, when it fails, perhaps all of it.
    pub(crate) fn write(&self, batch: Batch, level: Level) -> Result<(), Fault> {
        let gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        let Open { db, file } = gate.as_ref().ok_or(Fault::Closed)?.clone();
        let written = self.hands.run("write a batch", move || {
            db.apply_batch(batch).doing("apply a batch")?;
            if level >= Level::Flush {
                // The engine hands everything to the operating system and waits until that has begun to write it ...
                db.flush().doing("flush a batch")?;
            }
            if level >= Level::Sync {
                // ... but does not sync. A descriptor of its own also learns of errors that another was told of.
                file.sync_data().doing("sync a batch")?;
            }
            Ok(())
        });
        // While nobody reads: what failed may be half in memory.
        written.map_err(|fault| self.break_down(fault))
    }

    /// Closes the engine, which writes what it still has.
    pub(crate) fn close(&self) -> Result<(), Fault> {
        let open = self.gate.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Open { db, file }) = open else { return Ok(()) };
        let (path, broken) = (self.path.clone(), self.check().is_err());
        // It may wait for ever for a thread of its own that has panicked.
        self.hands.run("close the database", move || {
            drop(db);
            file.sync_data().doing("sync at the end")?;
            wait_until_free(&file)?;
            // What has failed is looked at by the engine, which may mend it.
            if broken { Ok(()) } else { sums::leave(&path, &path.join(DATA)) }
        })?;
        lock(&self.lock).take();
        Ok(())
    }

    /// Notes that nothing may be read or written any more, and why.
    pub(crate) fn break_down(&self, fault: Fault) -> Fault {
        tracing::error!(
            error = %with_causes(&fault),
            "the store has failed and has to be opened again"
        );
        lock(&self.broken).get_or_insert_with(|| Arc::new(fault.clone()));
        fault
    }

    fn check(&self) -> Result<(), Fault> {
        match &*lock(&self.broken) {
            Some(first) => Err(Fault::Broken(Arc::clone(first))),
            None => Ok(()),
        }
    }
}

/// A thread of the engine that has just written holds the file, and its lock, for a moment after the engine is gone.
/// Whoever opens it in that moment would be refused.
fn wait_until_free(file: &File) -> Result<(), Fault> {
    for _ in 0..FREE_TRIES {
        match file.try_lock() {
            Ok(()) => return file.unlock().doing("give the file back"),
            Err(TryLockError::WouldBlock) => thread::sleep(FREE_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error).doing("wait for the file"),
        }
    }
    Err(Fault::Stalled { doing: "wait for the file" })
}

impl fmt::Debug for Open {
    /// Without the engine, which would print all that is stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("file", &self.file).finish_non_exhaustive()
    }
}

/// How far a batch has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// At some time.
    Memory,
    /// To the operating system: it survives the death of the process.
    Flush,
    /// To the disk.
    Sync,
}

/// Ten seconds, where a few milliseconds are to be expected.
const FREE_TRIES: u32 = 10_000;
const FREE_PAUSE: Duration = Duration::from_millis(1);
