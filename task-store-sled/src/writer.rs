//! How a batch is written: what the [writer](task_store_writer) of this store calls.

use std::sync::Arc;

use task_core::{StoreError, with_causes};
use task_store_writer::Batch;

use crate::batch::Engine;
use crate::database::Database;
use crate::error::Fault;
use crate::options::DurabilityPolicy;
use crate::work::Work;

/// What callers put their work on.
pub(crate) type Writer = task_store_writer::Writer<Desk>;

/// The engine, and when it has to sync.
#[derive(Debug)]
pub(crate) struct Desk {
    database: Arc<Database>,
    durability: DurabilityPolicy,
    engine: Engine,
}

impl Desk {
    pub(crate) fn new(database: Arc<Database>, durability: DurabilityPolicy) -> Result<Self, StoreError> {
        let engine = Engine::new(Arc::clone(&database))?;
        Ok(Self { database, durability, engine })
    }
}

impl task_store_writer::Engine for Desk {
    type Work = Work;

    fn write(&mut self, works: &[&Work]) -> Batch<Work> {
        let answers = self.engine.run(works, syncs(self.durability, works));
        let mut batch = Batch::new(answers);
        if let DurabilityPolicy::Interval(within) = self.durability {
            let synced = |(work, answer): (&&Work, &Result<(), StoreError>)| {
                matches!(work, Work::Sync) && answer.is_ok()
            };
            if !works.iter().zip(&batch.answers).any(synced) {
                batch.later = Some((within, Work::Sync));
            }
        }
        batch
    }

    fn has_chores(&self) -> bool {
        self.engine.is_purging()
    }

    fn do_chore(&mut self) {
        if let Err(error) = self.engine.purge(syncs(self.durability, &[])) {
            tracing::warn!(error = %with_causes(&error), "could not purge removed events");
        }
    }

    /// What is in memory may not be what is written.
    fn torn(&mut self) {
        self.database.break_down(Fault::Stopped("the writer was stopped"));
    }
}

/// Whether a batch is synced.
///
/// Where something must survive a power cut, all are: also one in which nothing asks for it. The engine copies old pages
/// to the end of its file and soon writes over the old ones. What was written over is on the disk, and the copies are not
/// before a sync: a cut in between takes what had been safe for long, or even all, as the database does not open. That
/// was seen after 8 of 25 cuts that came while there were text deltas alone.
fn syncs(policy: DurabilityPolicy, works: &[&Work]) -> bool {
    match policy {
        DurabilityPolicy::Durable => true,
        DurabilityPolicy::Interval(_) => works.iter().any(|work| matches!(work, Work::Sync)),
        DurabilityPolicy::Process => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use task_core::testing::Scribe;
    use task_core::{Commit, Output};
    use task_store_writer::Engine as _;

    use super::*;
    use crate::options::SledOptions;
    use crate::schema;
    use crate::work::Entry;

    #[expect(clippy::needless_pass_by_value, reason = "it reads better")]
    fn work(commit: Commit) -> Work {
        Work::Commit(Box::new(Entry::new(&commit).expect("it can be stored")))
    }

    fn desk(place: &tempfile::TempDir, durability: DurabilityPolicy) -> Desk {
        let opened = schema::open(place.path(), &SledOptions::default()).expect("opened");
        let database = Database::new(opened, Duration::from_secs(60)).expect("a database");
        Desk::new(Arc::new(database), durability).expect("a desk")
    }

    #[test]
    fn every_batch_is_synced_where_anything_must_survive_a_power_cut() {
        let mut scribe = Scribe::new("a title");
        let durable = work(scribe.create(None));
        let delta = work(scribe.record([Output::text("block", "delta")]));
        for (policy, of_delta, of_either, of_sync) in [
            (DurabilityPolicy::Durable, true, true, true),
            (DurabilityPolicy::Interval(Duration::from_secs(1)), false, false, true),
            (DurabilityPolicy::Process, false, false, false),
        ] {
            assert_eq!(syncs(policy, &[&delta]), of_delta, "{policy:?}");
            assert_eq!(syncs(policy, &[&delta, &durable]), of_either, "{policy:?}");
            assert_eq!(syncs(policy, &[&delta, &Work::Sync]), of_sync, "{policy:?}");
        }
    }

    #[test]
    fn only_an_interval_asks_for_a_sync_and_only_behind_what_was_not_synced() {
        let interval = DurabilityPolicy::Interval(Duration::from_secs(1));
        for policy in [DurabilityPolicy::Durable, interval, DurabilityPolicy::Process] {
            let place = tempfile::tempdir().expect("a directory");
            let (mut desk, mut scribe) = (desk(&place, policy), Scribe::new("a title"));
            let later = desk.write(&[&work(scribe.create(None))]).later;
            match policy {
                DurabilityPolicy::Interval(within) => {
                    assert!(matches!(later, Some((after, Work::Sync)) if after == within), "{later:?}");
                }
                _ => assert!(later.is_none(), "{policy:?}: {later:?}"),
            }
            let later = desk.write(&[&work(scribe.start()), &Work::Sync]).later;
            assert!(later.is_none(), "{policy:?}: {later:?}");
        }
    }

    #[test]
    fn after_a_panic_in_the_middle_nothing_is_written_until_it_is_opened_again() {
        let place = tempfile::tempdir().expect("a directory");
        let (mut desk, mut scribe) = (self::desk(&place, DurabilityPolicy::Durable), Scribe::new("a title"));
        assert!(desk.write(&[&work(scribe.create(None))]).answers[0].is_ok());
        let more = work(scribe.start());
        desk.torn();
        let answers = desk.write(&[&more]).answers;
        assert!(matches!(answers[..], [Err(StoreError::Unavailable { .. })]), "{answers:?}");
        desk.database.close().expect("it can be closed");
        let mut desk = self::desk(&place, DurabilityPolicy::Durable);
        assert!(desk.write(&[&more]).answers[0].is_ok());
    }
}
