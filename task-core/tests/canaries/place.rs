//! Where broken stores live, and what goes wrong when one is opened again.

use std::sync::{Arc, Mutex};

use task_core::testing::{Harness, Scribe, Tamper};
use task_core::{Changes, StatusCounts, StoreError, Task};

use crate::disk::Disk;
use crate::fault::Fault;
use crate::store::{BrokenStore, locked};

/// A place for broken stores.
pub(crate) struct Place {
    fault: Option<Fault>,
    disk: Arc<Mutex<Disk>>,
    listeners: Changes,
}

impl Place {
    pub(crate) fn with(fault: Option<Fault>) -> Self {
        Self { fault, disk: Arc::default(), listeners: Changes::new() }
    }
}

impl Harness for Place {
    type Store = BrokenStore;

    fn new() -> Self {
        Self::with(None)
    }

    async fn open(&self) -> Result<BrokenStore, StoreError> {
        let is = |fault| self.fault == Some(fault);
        let mut disk = locked(&self.disk);
        if disk.newer && !is(Fault::NewerIsOpened) {
            return Err(StoreError::TooNew { found: 2, supported: 1 });
        }
        let again = disk.openings > 0;
        disk.openings += 1;
        let opening = disk.openings;
        if is(Fault::BornWithATask) && !again {
            let mut scribe = Scribe::new("welcome");
            disk.write(&scribe.create(None), None);
        }
        if again {
            reopen(&mut disk, self.fault);
        }
        let copy = is(Fault::HandlesCopy).then(|| Arc::new(Mutex::new(disk.clone())));
        drop(disk);
        let listeners = if is(Fault::ChangesOfOneHandle) { Changes::new() } else { self.listeners.clone() };
        let disk = copy.unwrap_or_else(|| Arc::clone(&self.disk));
        Ok(BrokenStore::new(self.fault, disk, listeners, opening))
    }
}

impl Tamper for Place {
    async fn write_newer(&self) {
        locked(&self.disk).newer = true;
    }
}

/// What goes wrong when a store is opened again.
fn reopen(disk: &mut Disk, fault: Option<Fault>) {
    match fault {
        Some(Fault::ReopenCountsNothing) => disk.counts = StatusCounts::default(),
        Some(Fault::ReopenForgetsKeys) => disk.keys.clear(),
        Some(Fault::ReopenForgetsOwners) => {
            for row in &mut disk.rows {
                let stored = row.snapshot.to_stored().replace("\"owner\":\"", "\"nobody\":\"");
                row.snapshot = Task::from_stored(&stored, row.snapshot.seq, row.snapshot.last_event_at)
                    .expect("a snapshot");
            }
        }
        Some(Fault::ReopenForgetsTheLastEvent) => {
            if let Some(row) = disk.rows.last_mut() {
                row.events.pop();
            }
        }
        Some(Fault::ReopenReversesLists) => {
            disk.rows.reverse();
            for (row, place) in disk.rows.iter_mut().zip(0..) {
                row.place = place;
            }
        }
        Some(Fault::ReopenRevivesRemoved) => {
            let removed = std::mem::take(&mut disk.removed);
            disk.rows.extend(removed);
        }
        _ => {}
    }
}
