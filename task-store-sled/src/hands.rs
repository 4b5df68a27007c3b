use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{Doing, Fault, guarded};

/// A thread that calls the engine where it might never come back.
///
/// The engine writes on threads of its own and waits for them without a limit, also for one that has panicked. Whoever
/// waits here goes on after a while; the thread is then left behind, which a blocking thread of the runtime could not
/// be: the runtime would wait for it at its end.
#[derive(Debug)]
pub(crate) struct Hands {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
    /// Whether the thread was left behind once: it may be for ever.
    stalled: AtomicBool,
}

type Job = Box<dyn FnOnce() + Send>;

impl Hands {
    pub(crate) fn new(patience: Duration) -> Result<Self, Fault> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let work = move || todo.into_iter().for_each(|job| job());
        let thread = thread::Builder::new().name("task-store-sled".to_owned()).spawn(work);
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread.doing("start a thread")?),
            patience,
            stalled: false.into(),
        })
    }

    /// Runs `work` there and waits for it, for as long as there is patience.
    pub(crate) fn run<T, F>(&self, doing: &'static str, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Fault> + Send + 'static,
    {
        if self.stalled.load(Ordering::Relaxed) {
            // What it holds of the engine would wait for the same thing when it is dropped.
            std::mem::forget(work);
            return Err(Fault::Stalled { doing });
        }
        let (answer, answered) = mpsc::sync_channel(1);
        let job = Box::new(move || {
            // Nobody may wait any more.
            let _gone = answer.send(guarded(doing, work).and_then(|done| done));
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(Fault::Stopped("the thread that writes has ended"));
        }
        match answered.recv_timeout(self.patience) {
            Ok(done) => done,
            Err(RecvTimeoutError::Timeout) => {
                self.stalled.store(true, Ordering::Relaxed);
                Err(Fault::Stalled { doing })
            }
            Err(RecvTimeoutError::Disconnected) => Err(Fault::Stopped("the thread that writes has ended")),
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        let idle = self.run("end a thread", || Ok(())).is_ok();
        self.jobs = None;
        if let Some(thread) = self.thread.take().filter(|_| idle) {
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_thread_goes_on() {
        let hands = Hands::new(Duration::from_secs(60)).expect("a thread");
        assert_eq!(hands.run("count", || Ok(1)).expect("done"), 1);
        let panicked = hands.run::<(), _>("count", || panic!("two")).expect_err("panicked");
        assert!(matches!(&panicked, Fault::Panicked { message, .. } if message == "two"), "{panicked}");
        assert_eq!(hands.run("count", || Ok(3)).expect("the thread goes on"), 3);
    }

    #[test]
    fn a_stall_is_an_error_and_whoever_waits_goes_on() {
        let hands = Hands::new(Duration::from_millis(1)).expect("a thread");
        let (never, wait) = mpsc::channel::<()>();
        let stalled = hands.run("wait", move || Ok(wait.recv().is_ok())).expect_err("stalled");
        assert!(matches!(stalled, Fault::Stalled { doing: "wait" }), "{stalled}");
        let after = hands.run("count", || Ok(1)).expect_err("the thread is given up");
        assert!(matches!(after, Fault::Stalled { doing: "count" }), "{after}");
        drop(hands);
        drop(never);
    }
}
