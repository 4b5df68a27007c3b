//! The drain: takes what waits, writes it in one batch, answers, and ends when nothing waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use task_core::{Change, Changes, InstanceId, StoreError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::batch::Engine;
use crate::blocking::{self, lock};
use crate::database::Database;
use crate::error::Fault;
use crate::options::DurabilityPolicy;
use crate::queue::{self, Added, Job, Pace, Queue, Room};
use crate::work::Work;

/// What all who write share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: Arc<Database>,
    pub(crate) durability: DurabilityPolicy,
    pub(crate) changes: Changes,
    pub(crate) queue: Queue,
    /// Only the drain takes it.
    pub(crate) engine: Mutex<Engine>,
    /// Syncs what was written, under [`DurabilityPolicy::Interval`].
    pub(crate) timer: Mutex<Timer>,
}

#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// Whether everything written so far will be synced by the task.
    pending: bool,
    task: Option<JoinHandle<()>>,
}

impl Shared {
    /// Puts work on the queue, and makes sure that it is taken.
    pub(crate) fn push(
        self: &Arc<Self>,
        work: Work,
        room: Option<Room>,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let runtime = blocking::runtime()?;
        let Added { answer, starts } = self.queue.add(work, room)?;
        if starts {
            let taken = Arc::new(AtomicBool::new(false));
            let drain =
                Drain { shared: Arc::clone(self), taken: Arc::clone(&taken), running: false, ended: false };
            // Nobody awaits its handle: it says itself when it has ended, and `idle` waits for that.
            let started = blocking::spawn(&runtime, move || drain.run());
            if started.is_err() && !taken.swap(true, Ordering::AcqRel) {
                self.queue.fail_all(&blocking::NO_THREAD);
            }
        }
        Ok(answer)
    }

    /// Syncs what was written, a while from now, unless that is already arranged.
    fn sync_later(self: &Arc<Self>, within: Duration) {
        let mut timer = lock(&self.timer);
        // A task that has ended with its runtime will not do it.
        if timer.pending && timer.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Ok(runtime) = blocking::runtime() else { return };
        let shared = Arc::downgrade(self);
        timer.pending = true;
        timer.task = Some(runtime.spawn(async move {
            tokio::time::sleep(within).await;
            if let Some(shared) = shared.upgrade() {
                // From here on another may be arranged: what is written after this sync needs its own.
                lock(&shared.timer).pending = false;
                let _answered = shared.push(Work::Sync, None);
            }
        }));
    }

    pub(crate) fn timer_off(&self) {
        if let Some(task) = lock(&self.timer).task.take() {
            task.abort();
        }
    }

    /// Whether a batch is synced.
    ///
    /// Where something must survive a power cut, all are: also one in which nothing asks for it. The engine copies old
    /// pages to the end of its file and soon writes over the old ones. What was written over is on the disk, and the
    /// copies are not before a sync: a cut in between takes what had been safe for long, or even all, as the database
    /// does not open. That was seen after 8 of 25 cuts that came while there were text deltas alone.
    fn syncs(&self, works: &[&Work]) -> bool {
        match self.durability {
            DurabilityPolicy::Durable => true,
            DurabilityPolicy::Interval(_) => works.iter().any(|work| matches!(work, Work::Sync)),
            DurabilityPolicy::Process => false,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.timer_off();
    }
}

/// One run of the drain. Dropped before its end, by a panic or a runtime that goes away, it fails what waits instead of
/// leaving it waiting for ever.
struct Drain {
    shared: Arc<Shared>,
    /// Whether it was begun, or is not to begin any more: what waited was told so.
    taken: Arc<AtomicBool>,
    running: bool,
    ended: bool,
}

impl Drain {
    fn run(mut self) {
        if self.taken.swap(true, Ordering::AcqRel) {
            return;
        }
        self.running = true;
        let mut pace = Pace::default();
        while let Some(jobs) = self.next(&pace) {
            let start = Instant::now();
            let works = jobs.len();
            self.write(jobs);
            pace = Pace { works, took: start.elapsed() };
        }
    }

    fn next(&mut self, pace: &Pace) -> Option<Vec<Job>> {
        let purging = lock(&self.shared.engine).is_purging();
        let jobs = self.shared.queue.take(pace, purging);
        self.ended = jobs.is_none();
        jobs
    }

    fn write(&self, jobs: Vec<Job>) {
        let shared = &*self.shared;
        let mut engine = lock(&shared.engine);
        if jobs.is_empty() {
            if let Err(error) = engine.purge(shared.syncs(&[])) {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not purge removed events");
            }
            return;
        }
        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let answers = engine.run(&works, shared.syncs(&works));
        drop(engine);

        if let DurabilityPolicy::Interval(within) = shared.durability {
            let synced = |(work, answer): (&&Work, &Result<(), StoreError>)| {
                matches!(work, Work::Sync) && answer.is_ok()
            };
            if !works.iter().zip(&answers).any(synced) {
                self.shared.sync_later(within);
            }
        }
        // Answers first: whoever waits for one can go on while the others are told.
        let done = works.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        let told: Vec<_> = done.filter_map(|(work, _)| work.change()).collect();
        queue::answers(jobs, answers).tell();
        for (origin, change) in told {
            if shared.changes.has_listeners(origin) {
                shared.changes.publish(origin, change);
            }
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        // A runtime that goes away drops one that was not begun.
        let torn = if self.running { !self.ended } else { !self.taken.swap(true, Ordering::AcqRel) };
        if torn {
            if std::thread::panicking() {
                // Whatever it has done by then, nobody knows.
                self.shared.database.break_down(STOPPED);
            }
            self.shared.queue.fail_all(&STOPPED);
        }
        self.shared.queue.drained();
    }
}

impl Work {
    /// Who is not to be told, and what the others are told, once it is done.
    fn change(&self) -> Option<(Option<InstanceId>, Change)> {
        match self {
            Self::Commit(entry) => {
                Some((Some(entry.origin), Change::Moved { task: entry.task, seq: entry.end }))
            }
            Self::Remove { task, .. } => Some((None, Change::Removed { task: *task })),
            Self::Sync => None,
        }
    }
}

pub(crate) const STOPPED: Fault = Fault::Stopped("the writer was stopped");

#[cfg(test)]
mod tests {
    use task_core::Output;
    use task_core::testing::Scribe;

    use super::*;
    use crate::options::SledOptions;
    use crate::schema;
    use crate::work::Entry;

    #[test]
    fn every_batch_is_synced_where_anything_must_survive_a_power_cut() {
        let place = tempfile::tempdir().expect("a directory");
        let mut scribe = Scribe::new("a title");
        let work = |commit| Work::Commit(Box::new(Entry::new(&commit).expect("it can be stored")));
        let durable = work(scribe.create(None));
        let delta = work(scribe.record([Output::text("block", "delta")]));
        for (policy, of_delta, of_either, of_sync) in [
            (DurabilityPolicy::Durable, true, true, true),
            (DurabilityPolicy::Interval(Duration::from_secs(1)), false, false, true),
            (DurabilityPolicy::Process, false, false, false),
        ] {
            let opened = schema::open(place.path(), &SledOptions::default()).expect("opened");
            let database = Arc::new(Database::new(opened, Duration::from_secs(60)).expect("a database"));
            let shared = Shared {
                engine: Mutex::new(Engine::new(Arc::clone(&database)).expect("an engine")),
                database,
                durability: policy,
                changes: Changes::new(),
                queue: Queue::new(),
                timer: Mutex::default(),
            };
            assert_eq!(shared.syncs(&[&delta]), of_delta, "{policy:?}");
            assert_eq!(shared.syncs(&[&delta, &durable]), of_either, "{policy:?}");
            assert_eq!(shared.syncs(&[&delta, &Work::Sync]), of_sync, "{policy:?}");
        }
    }
}
