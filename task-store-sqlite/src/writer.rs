//! The queue in front of the one connection that writes, and the drain that empties it.

use std::collections::VecDeque;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use task_core::{Change, Changes, Durability, StoreError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::answers::Answers;
use crate::batch::Outcome;
use crate::blocking::{self, lock};
use crate::engine::Engine;
use crate::error::Fault;
use crate::options::{DurabilityPolicy, SqliteOptions};
use crate::reader::Idle;
use crate::schema;
use crate::work::{Entry, Work};

/// Writes what many callers ask for, together: *group commit*.
///
/// Callers put work on a queue that is bounded by bytes and wait for the answer. One *drain* at a time, a blocking job
/// of the runtime, starts when the queue becomes non-empty, takes what is there, writes it in one transaction, answers,
/// and ends when the queue is empty. A caller that goes away takes nothing with it: its work stays in the queue.
///
/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    options: SqliteOptions,
    changes: Changes,
    /// Closed when this connection has to be: some locks go only with the last connection of the process.
    idle_readers: Arc<Idle>,
    /// Bytes that may still be put on the queue.
    room: Arc<Semaphore>,
    queue: Mutex<Queue>,
    /// Told when the queue holds as much as a lingering drain waits for.
    arrived: Condvar,
    /// Told when the drain has ended.
    idle: Notify,
    /// Only the drain takes it, and `finish` when there is none any more.
    desk: Mutex<Desk>,
    /// Syncs what was written, under [`DurabilityPolicy::Interval`].
    timer: Mutex<Timer>,
}

#[derive(Debug, Default)]
struct Timer {
    /// Whether everything written so far will be synced by the task.
    pending: bool,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    draining: bool,
    closed: bool,
    /// How many jobs a lingering drain waits for; 0 when none lingers.
    awaited: usize,
}

#[derive(Debug)]
struct Job {
    work: Work,
    answer: oneshot::Sender<Result<(), StoreError>>,
    /// Given back when it is dropped.
    room: Option<OwnedSemaphorePermit>,
}

/// Where the engine lies between batches. It is taken away to be used: one that a panic has left halfway is gone.
#[derive(Debug)]
struct Desk {
    engine: Option<Engine>,
    /// Where the last engine has stopped.
    position: i64,
}

impl Writer {
    pub(crate) fn new(
        path: PathBuf,
        options: SqliteOptions,
        changes: Changes,
        idle: Arc<Idle>,
        connection: Connection,
    ) -> Result<Self, Fault> {
        let engine = Engine::new(connection, None)?;
        Ok(Self(Arc::new(Shared {
            path,
            options,
            changes,
            idle_readers: idle,
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            queue: Mutex::default(),
            arrived: Condvar::new(),
            idle: Notify::new(),
            desk: Mutex::new(Desk { position: engine.position(), engine: Some(engine) }),
            timer: Mutex::default(),
        })))
    }

    /// Puts work on the queue, as soon as there is room, and waits until it is done.
    pub(crate) async fn submit(&self, work: Work) -> Result<(), StoreError> {
        let bytes = u32::try_from(work.bytes().min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        let room =
            Arc::clone(&self.0.room).acquire_many_owned(bytes).await.map_err(|_| StoreError::Closed)?;
        let answer = self.push(work, Some(room))?;
        // The drain answers everything, unless it was torn away in the middle of it.
        answer.await.unwrap_or_else(|_| Err(Fault::Stopped("the writer was stopped").indeterminate()))
    }

    /// Publishes what others have written since the last look.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let answer = self.push(Work::Look, None)?;
        answer.await.unwrap_or(Ok(()))
    }

    /// Accepts nothing more.
    pub(crate) fn shut(&self) {
        lock(&self.0.queue).closed = true;
        self.0.room.close();
        self.0.timer_off();
    }

    pub(crate) fn is_shut(&self) -> bool {
        lock(&self.0.queue).closed
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        loop {
            // Listening before looking, so that an end in between is not missed.
            let idle = self.0.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if !lock(&self.0.queue).draining {
                return;
            }
            idle.await;
        }
    }

    /// Moves everything into the database file and closes the connection. Blocks.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let engine = lock(&self.0.desk).engine.take();
        engine.map_or(Ok(()), Engine::close)
    }

    fn push(
        &self,
        work: Work,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let runtime = blocking::runtime()?;
        let (answer, answered) = oneshot::channel();
        let mut queue = lock(&self.0.queue);
        if queue.closed {
            return Err(StoreError::Closed);
        }
        queue.jobs.push_back(Job { work, answer, room });
        let start = !mem::replace(&mut queue.draining, true);
        let enough = queue.awaited > 0 && queue.jobs.len() >= queue.awaited;
        drop(queue);
        if start {
            let taken = Arc::new(AtomicBool::new(false));
            let drain = Drain {
                shared: Arc::clone(&self.0),
                taken: Arc::clone(&taken),
                running: false,
                ended: false,
            };
            // Nobody awaits its handle: it says itself when it has ended, and `idle` waits for that.
            let started = blocking::spawn(&runtime, move || drain.run());
            if started.is_err() && !taken.swap(true, Ordering::AcqRel) {
                self.0.fail_all(&blocking::NO_THREAD);
            }
        } else if enough {
            self.0.arrived.notify_one();
        }
        Ok(answered)
    }

    /// Syncs what was written, a while from now, unless that is already arranged.
    fn sync_later(&self, within: Duration) {
        let mut timer = lock(&self.0.timer);
        // A task that has ended with its runtime will not do it.
        if timer.pending && timer.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Ok(runtime) = blocking::runtime() else { return };
        let shared = Arc::downgrade(&self.0);
        timer.pending = true;
        timer.task = Some(runtime.spawn(async move {
            tokio::time::sleep(within).await;
            if let Some(shared) = shared.upgrade() {
                // From here on another may be arranged: what is written after this sync needs its own.
                lock(&shared.timer).pending = false;
                let _answered = Self(shared).push(Work::Sync, None);
            }
        }));
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

    /// What waits, at most a batch of it. Empty when there is only purging to do; `None` ends the drain.
    fn next(&mut self, pace: &Pace) -> Option<Vec<Job>> {
        let purging = lock(&self.shared.desk).engine.as_ref().is_some_and(Engine::is_purging);
        let mut queue = lock(&self.shared.queue);
        // After a batch of one a second caller is not expected; after a larger one, those who were answered are about to
        // come back, and a batch of half of them is worth a short wait.
        let awaited = pace.works / 2;
        if pace.works > 1 && queue.jobs.len() < awaited {
            queue.awaited = awaited;
            let lingered = self.shared.arrived.wait_timeout_while(queue, pace.patience(), |queue| {
                queue.jobs.len() < awaited && !queue.closed
            });
            queue = lingered.unwrap_or_else(PoisonError::into_inner).0;
            queue.awaited = 0;
        }
        if queue.jobs.is_empty() && (!purging || queue.closed) {
            queue.draining = false;
            self.ended = true;
            return None;
        }
        let (mut events, mut bytes, mut count) = (0, 0, 0);
        for job in &queue.jobs {
            events += job.work.events();
            bytes += job.work.bytes();
            if count > 0 && (events > BATCH_EVENTS || bytes > BATCH_BYTES) {
                break;
            }
            count += 1;
        }
        Some(queue.jobs.drain(..count).collect())
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
                jobs.into_iter().for_each(|job| job.answer(Err(fault.clone().into())));
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
                Writer(Arc::clone(&self.shared)).sync_later(within);
            }
        }
        // Answers first: whoever waits for one can go on while the others are told.
        // What others wrote came before what was written here: a task that was removed here must not seem to move after.
        let mut told: Vec<_> = foreign.into_iter().map(|change| (None, change)).collect();
        let done = works.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        told.extend(done.filter_map(|(work, _)| work.change()));
        self::answers(jobs, answers).tell();
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
            self.shared.fail_all(&Fault::Stopped("the writer was stopped"));
        }
        self.shared.idle.notify_waiters();
    }
}

impl Shared {
    /// Ends without a drain: what waits is told why.
    fn fail_all(&self, fault: &Fault) {
        let mut queue = lock(&self.queue);
        queue.draining = false;
        let left = mem::take(&mut queue.jobs);
        drop(queue);
        left.into_iter().for_each(|job| job.answer(Err(fault.clone().into())));
        self.idle.notify_waiters();
    }

    /// A new connection instead of one in a state nobody knows.
    fn reopen(&self, position: i64) -> Result<Engine, Fault> {
        Engine::new(schema::connect_writer(&self.path, &self.options)?, Some(position))
    }

    fn timer_off(&self) {
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

/// For all of a batch.
fn answers(jobs: Vec<Job>, answers: Vec<Result<(), StoreError>>) -> Answers<impl Send + 'static> {
    let (waiting, left): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.answer, (job.work, job.room))).unzip();
    Answers::new(waiting, answers, left)
}

impl Job {
    /// A caller that went away does not want to know.
    fn answer(self, answer: Result<(), StoreError>) {
        let _gone = self.answer.send(answer);
    }
}

impl Work {
    /// Who is not to be told, and what the others are told, once it is done.
    fn change(&self) -> Option<(Option<task_core::InstanceId>, Change)> {
        match self {
            Self::Commit(Entry { commit, .. }) => {
                Some((Some(commit.origin()), Change::Moved { task: commit.task(), seq: commit.end() }))
            }
            Self::Remove { task, .. } => Some((None, Change::Removed { task: *task })),
            Self::Look | Self::Sync => None,
        }
    }
}

/// How the last batch went.
#[derive(Debug, Default)]
struct Pace {
    works: usize,
    took: Duration,
}

impl Pace {
    /// How long it pays to wait for more.
    fn patience(&self) -> Duration {
        (self.took / 4).min(Duration::from_micros(200))
    }
}

/// What may wait in the queue; whoever has more waits with it.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// What one transaction takes.
const BATCH_EVENTS: usize = 4096;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

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
            let writer =
                Writer::new(path, options, Changes::new(), Arc::default(), connection).expect("a writer");
            assert_eq!(writer.0.syncs(&[&delta]), of_delta, "{policy:?}");
            assert_eq!(writer.0.syncs(&either), of_either, "{policy:?}");
            assert_eq!(writer.0.syncs(&[&delta, &Work::Sync]), of_sync, "{policy:?}");
        }
    }
}
