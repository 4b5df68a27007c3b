//! The drain: takes what waits, has it written in one batch, answers, and ends when nothing waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use task_core::{Changes, StoreError};
use tokio::sync::oneshot;

use crate::answers::Answer;
use crate::blocking::{self, lock};
use crate::engine::Engine;
use crate::queue::{self, Added, Job, Pace, Queue, Room};
use crate::timer::Timer;
use crate::work::Work;

/// What all who write share.
pub(crate) struct Shared<E: Engine> {
    /// Only the drain takes it, and who closes the store when there is none any more.
    pub(crate) engine: Mutex<E>,
    pub(crate) changes: Changes,
    pub(crate) queue: Queue<E::Work>,
    pub(crate) timer: Timer,
}

impl<E: Engine> Shared<E> {
    /// Puts work on the queue, and makes sure that it is taken.
    pub(crate) fn push(
        self: &Arc<Self>,
        work: E::Work,
        room: Option<Room>,
    ) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let runtime = blocking::runtime()?;
        let Added { answer, starts } = self.queue.add(work, room)?;
        if starts {
            let taken = Arc::new(AtomicBool::new(false));
            let drain =
                Drain { shared: Arc::clone(self), taken: Arc::clone(&taken), running: false, ended: false };
            // Nobody awaits its handle: it says itself when it has ended, and `idle` waits for that.
            let started = blocking::spawn(&runtime, move || drain.run());
            if started.is_none() && !taken.swap(true, Ordering::AcqRel) {
                self.queue.fail_all(blocking::NO_THREAD);
            }
        }
        Ok(answer)
    }
}

/// One run of the drain. Dropped before its end, by a panic or a runtime that goes away, it fails what waits instead of
/// leaving it waiting for ever.
struct Drain<E: Engine> {
    shared: Arc<Shared<E>>,
    /// Whether it was begun, or is not to begin any more: what waited was told so.
    taken: Arc<AtomicBool>,
    running: bool,
    ended: bool,
}

impl<E: Engine> Drain<E> {
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

    fn next(&mut self, pace: &Pace) -> Option<Vec<Job<E::Work>>> {
        let chores = lock(&self.shared.engine).has_chores();
        let jobs = self.shared.queue.take(pace, chores);
        self.ended = jobs.is_none();
        jobs
    }

    fn write(&self, jobs: Vec<Job<E::Work>>) {
        let Shared { engine, changes, timer, .. } = &*self.shared;
        if jobs.is_empty() {
            lock(engine).do_chore();
            return;
        }
        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let batch = lock(engine).write(&works);
        if let Some((within, work)) = batch.later {
            let shared = Arc::downgrade(&self.shared);
            timer.start(within, move || {
                if let Some(shared) = shared.upgrade() {
                    // Nobody waits for it; when it fails, the engine asks for another.
                    let _answered = shared.push(work, None);
                }
            });
        }
        let mut told: Vec<_> = batch.foreign.into_iter().map(|change| (None, change)).collect();
        let done = works.iter().zip(&batch.answers).filter(|(_, answer)| answer.is_ok());
        told.extend(done.filter_map(|(work, _)| Some((work.origin(), work.change()?))));
        // Answers first: whoever waits for one can go on while the others are told.
        queue::answers(jobs, batch.answers).tell();
        for (origin, change) in told {
            if changes.has_listeners(origin) {
                changes.publish(origin, change);
            }
        }
    }
}

impl<E: Engine> Drop for Drain<E> {
    fn drop(&mut self) {
        // Only a panic ends one that was begun.
        let panicked = self.running && !self.ended;
        if panicked {
            lock(&self.shared.engine).torn();
        }
        // A runtime that goes away drops one that was not begun.
        if panicked || !self.taken.swap(true, Ordering::AcqRel) {
            self.shared.queue.fail_all(STOPPED);
        }
        self.shared.queue.drained();
    }
}

/// What is said when the drain has ended before its time.
pub(crate) const STOPPED: &str = "the writer was stopped";
