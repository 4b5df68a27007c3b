//! What waits to be written, and how much of it is written together.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use task_core::StoreError;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::answers::{Answer, Answers};
use crate::blocking::lock;
use crate::work::Work;

/// A queue that is bounded by bytes, and that one drain at a time takes from.
pub(crate) struct Queue<W> {
    /// Bytes that may still be put on it.
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting<W>>,
    /// Told when it holds as much as a lingering drain waits for.
    arrived: Condvar,
    /// Told when the drain has ended.
    idle: Notify,
}

struct Waiting<W> {
    jobs: VecDeque<Job<W>>,
    draining: bool,
    closed: bool,
    /// How many jobs a lingering drain waits for; 0 when none lingers.
    awaited: usize,
}

/// Work, and who waits for it.
pub(crate) struct Job<W> {
    pub(crate) work: W,
    answer: oneshot::Sender<Answer>,
    /// Given back when it is dropped.
    room: Option<Room>,
}

/// A part of the queue's room.
pub(crate) type Room = OwnedSemaphorePermit;

/// What becomes of work that was put on the queue.
pub(crate) struct Added {
    pub(crate) answer: oneshot::Receiver<Answer>,
    /// Whether nobody takes from the queue yet: whoever added has to see to it.
    pub(crate) starts: bool,
}

/// How the last batch went.
#[derive(Default)]
pub(crate) struct Pace {
    pub(crate) works: usize,
    pub(crate) took: Duration,
}

impl<W: Work> Queue<W> {
    pub(crate) fn new() -> Self {
        let waiting = Waiting { jobs: VecDeque::new(), draining: false, closed: false, awaited: 0 };
        Self {
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            waiting: Mutex::new(waiting),
            arrived: Condvar::new(),
            idle: Notify::new(),
        }
    }

    /// Waits until there is room for so many bytes, or as many as fit at all.
    pub(crate) async fn room_for(&self, bytes: usize) -> Result<Room, StoreError> {
        let bytes = u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| StoreError::Closed)
    }

    pub(crate) fn add(&self, work: W, room: Option<Room>) -> Result<Added, StoreError> {
        let (sender, answer) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        waiting.jobs.push_back(Job { work, answer: sender, room });
        let starts = !mem::replace(&mut waiting.draining, true);
        let enough = waiting.awaited > 0 && waiting.jobs.len() >= waiting.awaited;
        drop(waiting);
        if enough {
            self.arrived.notify_one();
        }
        Ok(Added { answer, starts })
    }

    /// What waits, at most a batch of it, perhaps after a short wait for more. Empty when there are only chores to do;
    /// `None` ends the drain.
    pub(crate) fn take(&self, pace: &Pace, chores: bool) -> Option<Vec<Job<W>>> {
        let mut waiting = lock(&self.waiting);
        // After a batch of one a second caller is not expected; after a larger one, those who were answered are about to
        // come back, and a batch of half of them is worth a short wait.
        let awaited = pace.works / 2;
        if pace.works > 1 && waiting.jobs.len() < awaited {
            waiting.awaited = awaited;
            let lingered = self.arrived.wait_timeout_while(waiting, pace.patience(), |waiting| {
                waiting.jobs.len() < awaited && !waiting.closed
            });
            waiting = lingered.unwrap_or_else(PoisonError::into_inner).0;
            waiting.awaited = 0;
        }
        if waiting.jobs.is_empty() && (!chores || waiting.closed) {
            waiting.draining = false;
            return None;
        }
        let (mut events, mut bytes, mut count) = (0, 0, 0);
        for job in &waiting.jobs {
            events += job.work.events();
            bytes += job.work.bytes();
            if count > 0 && (events > BATCH_EVENTS || bytes > BATCH_BYTES) {
                break;
            }
            count += 1;
        }
        Some(waiting.jobs.drain(..count).collect())
    }

    /// Ends without a drain: what waits is told why nothing was done.
    pub(crate) fn fail_all(&self, why: &'static str) {
        let mut waiting = lock(&self.waiting);
        waiting.draining = false;
        let left = mem::take(&mut waiting.jobs);
        drop(waiting);
        for job in left {
            // A caller that went away does not want to know.
            let _gone = job.answer.send(Err(StoreError::unavailable(why)));
        }
        self.idle.notify_waiters();
    }

    /// Tells those who wait for it that the drain has ended.
    pub(crate) fn drained(&self) {
        self.idle.notify_waiters();
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        loop {
            // Listening before looking, so that an end in between is not missed.
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if !lock(&self.waiting).draining {
                return;
            }
            idle.await;
        }
    }

    /// Accepts nothing more.
    pub(crate) fn shut(&self) {
        lock(&self.waiting).closed = true;
        self.room.close();
    }

    pub(crate) fn is_shut(&self) -> bool {
        lock(&self.waiting).closed
    }
}

/// What became of a batch, for those who wait.
pub(crate) fn answers<W: Work>(jobs: Vec<Job<W>>, answers: Vec<Answer>) -> Answers<impl Send + 'static> {
    let (waiting, left): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.answer, (job.work, job.room))).unzip();
    Answers::new(waiting, answers, left)
}

impl Pace {
    /// How long it pays to wait for more.
    fn patience(&self) -> Duration {
        (self.took / 4).min(Duration::from_micros(200))
    }
}

/// What may wait in the queue; whoever has more waits with it.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// What is written together.
const BATCH_EVENTS: usize = 4096;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
