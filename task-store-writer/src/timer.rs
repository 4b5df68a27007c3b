use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::blocking::{self, lock};

/// Does something a while from now, once for all who ask for it until then.
#[derive(Debug, Default)]
pub(crate) struct Timer(Mutex<Option<Due>>);

#[derive(Debug)]
struct Due {
    /// Whether it has not begun: what is written now comes before it.
    ahead: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Timer {
    /// Sees to it that `then` is done, unless somebody has already.
    pub(crate) fn start(&self, within: Duration, then: impl FnOnce() + Send + 'static) {
        let mut due = lock(&self.0);
        // A task that has ended with its runtime will not do it.
        if due.as_ref().is_some_and(|due| due.ahead.load(Ordering::Acquire) && !due.task.is_finished()) {
            return;
        }
        let Ok(runtime) = blocking::runtime() else { return };
        let ahead = Arc::new(AtomicBool::new(true));
        let begins = Arc::clone(&ahead);
        let task = runtime.spawn(async move {
            tokio::time::sleep(within).await;
            // From here on it is to be asked for again: what is written behind it needs its own.
            begins.store(false, Ordering::Release);
            then();
        });
        *due = Some(Due { ahead, task });
    }

    pub(crate) fn stop(&self) {
        if let Some(due) = lock(&self.0).take() {
            due.task.abort();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_it_while_it_is_done_gets_another() {
        const SECOND: Duration = Duration::from_secs(1);
        let timer = Arc::new(Timer::default());
        let (done, mut rounds) = mpsc::unbounded_channel();
        let (again, first) = (Arc::clone(&timer), done.clone());
        timer.start(SECOND, move || {
            first.send(1).expect("somebody waits");
            again.start(SECOND, move || done.send(2).expect("somebody waits"));
        });
        timer.start(SECOND, || panic!("it is arranged for already"));
        assert_eq!(rounds.recv().await, Some(1));
        assert_eq!(rounds.recv().await, Some(2));
        assert_eq!(rounds.recv().await, None, "nothing more is under way");
    }
}
