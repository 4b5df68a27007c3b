//! The drain: takes what waits, writes it in one transaction, answers, and ends when nothing waits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use task_core::{Change, Changes, Durability, InstanceId, StoreError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::batch::Outcome;
use crate::blocking::{self, lock};
use crate::engine::Engine;
use crate::error::Fault;
use crate::options::{DurabilityPolicy, SqliteOptions};
use crate::queue::{self, Added, Job, Pace, Queue, Room};
use crate::reader::Idle;
use crate::schema;
use crate::work::{Entry, Work};

/// What all who write share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) options: SqliteOptions,
    pub(crate) changes: Changes,
    /// Closed when this connection has to be: some locks go only with the last connection of the process.
    pub(crate) idle_readers: Arc<Idle>,
    pub(crate) queue: Queue,
    /// Only the drain takes it, and a close when there is none any more.
    pub(crate) desk: Mutex<Desk>,
    /// Syncs what was written, under [`DurabilityPolicy::Interval`].
    pub(crate) timer: Mutex<Timer>,
}

#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// Whether everything written so far will be synced by the task.
    pending: bool,
    task: Option<JoinHandle<()>>,
}

/// Where the engine lies between batches. It is taken away to be used: one that a panic has left halfway is gone.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) engine: Option<Engine>,
    /// Where the last engine has stopped.
    pub(crate) position: i64,
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

    /// A new connection instead of one in a state nobody knows.
    fn reopen(&self, position: i64) -> Result<Engine, Fault> {
        Engine::new(schema::connect_writer(&self.path, &self.options)?, Some(position))
    }

    pub(crate) fn timer_off(&self) {
        if let Some(task) = lock(&self.timer).task.take() {
            task.abort();
        }
    }

    /// Whether a batch is synced: the strictest that one of its parts asks for, where the store leaves it to them.
    fn syncs(&self, works: &[&Work]) -> bool {
        match self.options.durability {
            DurabilityPolicy::Durable => works.iter().any(|work| work.durability() > Durability::Process),
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
        let purging = lock(&self.shared.desk).engine.as_ref().is_some_and(Engine::is_purging);
        let jobs = self.shared.queue.take(pace, purging);
        self.ended = jobs.is_none();
        jobs
    }

    fn write(&self, jobs: Vec<Job>) {
        let shared = &*self.shared;
        let mut desk = lock(&shared.desk);
        if shared.idle_readers.take_spoiled() {
            desk.engine = None;
        }
        let mut engine = match desk.engine.take().map_or_else(|| shared.reopen(desk.position), Ok) {
            Ok(engine) => engine,
            Err(fault) => {
                queue::fail(jobs, &fault);
                return;
            }
        };
        if jobs.is_empty() {
            if let Err(fault) = engine.purge() {
                tracing::warn!(error = &fault as &dyn std::error::Error, "could not purge removed events");
            }
            desk.engine = Some(engine);
            return;
        }

        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let Outcome { answers, foreign, broken } = engine.run(&works, shared.syncs(&works));
        desk.position = engine.position();
        if broken {
            tracing::warn!(path = %shared.path.display(), "a transaction failed; the database is opened again");
            drop(engine);
            shared.idle_readers.clear();
        } else {
            desk.engine = Some(engine);
        }
        drop(desk);

        if let DurabilityPolicy::Interval(within) = shared.options.durability {
            let synced = |(work, answer): (&&Work, &Result<(), StoreError>)| {
                matches!(work, Work::Sync) && answer.is_ok()
            };
            if works.iter().any(|work| work.writes()) && !works.iter().zip(&answers).any(synced) {
                self.shared.sync_later(within);
            }
        }
        // Answers first: whoever waits for one can go on while the others are told.
        // What others wrote came before what was written here: a task that was removed here must not seem to move after.
        let mut told: Vec<_> = foreign.into_iter().map(|change| (None, change)).collect();
        let done = works.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        told.extend(done.filter_map(|(work, _)| work.change()));
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
            self.shared.queue.fail_all(&Fault::Stopped("the writer was stopped"));
        }
        self.shared.queue.drained();
    }
}

impl Work {
    /// Who is not to be told, and what the others are told, once it is done.
    fn change(&self) -> Option<(Option<InstanceId>, Change)> {
        match self {
            Self::Commit(Entry { commit, .. }) => {
                Some((Some(commit.origin()), Change::Moved { task: commit.task(), seq: commit.end() }))
            }
            Self::Remove { task, .. } => Some((None, Change::Removed { task: *task })),
            Self::Look | Self::Sync => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_the_strictest_durability_in_it() {
        use task_core::Output;
        use task_core::testing::Scribe;

        let place = tempfile::tempdir().expect("a directory");
        let mut scribe = Scribe::new("a title");
        let durable = Work::Commit(Entry::new(scribe.create(None)));
        let delta = Work::Commit(Entry::new(scribe.record([Output::text("block", "delta")])));
        let (either, within) = ([&delta, &durable], Duration::from_secs(1));
        for (policy, of_delta, of_either, of_sync) in [
            (DurabilityPolicy::Durable, false, true, true),
            (DurabilityPolicy::Interval(within), false, false, true),
            (DurabilityPolicy::Process, false, false, false),
        ] {
            let options = SqliteOptions::default().with_durability(policy);
            let (path, connection) =
                schema::open_writer(&place.path().join("a.db"), &options).expect("opened");
            let engine = Engine::new(connection, None).expect("an engine");
            let shared = Shared {
                path,
                options,
                changes: Changes::new(),
                idle_readers: Arc::default(),
                queue: Queue::new(),
                desk: Mutex::new(Desk { position: engine.position(), engine: Some(engine) }),
                timer: Mutex::default(),
            };
            assert_eq!(shared.syncs(&[&delta]), of_delta, "{policy:?}");
            assert_eq!(shared.syncs(&either), of_either, "{policy:?}");
            assert_eq!(shared.syncs(&[&delta, &Work::Sync]), of_sync, "{policy:?}");
        }
    }
}
