use std::sync::Arc;

use task_core::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::blocking;

/// Blocking work, so many pieces at a time: the reads of a store. What is more waits in line and holds no thread.
///
/// A caller holds up nobody, also one that begins a call and then does something else without dropping it: where it has to
/// wait, a task of the runtime takes its turn. A caller that would be handed the turn itself would keep it, and with as
/// many of those as there are turns, whoever polls would wait for ever.
#[derive(Debug)]
pub struct Turns {
    free: Arc<Semaphore>,
    all: u32,
}

impl Turns {
    /// At least one, and at most 65,536.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        let all = u32::try_from(at_once).unwrap_or(MOST).clamp(1, MOST);
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Runs `work` on a blocking thread as soon as it is its turn: whoever waits longer, sooner.
    ///
    /// Cancel safe: dropped while it waits in line, `work` is not begun.
    ///
    /// # Errors
    ///
    /// Those of [`blocking::run`]; [`StoreError::Closed`] after [`Turns::close`].
    pub async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, StoreError> + Send + 'static,
    {
        let free = Arc::clone(&self.free);
        match free.try_acquire_owned() {
            Ok(turn) => return run_in(turn, work).await,
            Err(TryAcquireError::Closed) => return Err(StoreError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let (free, (answer, answered)) = (Arc::clone(&self.free), oneshot::channel());
        // It ends when its turn comes, or no turn will come any more.
        blocking::runtime()?.spawn(async move {
            let done = match free.acquire_owned().await {
                Ok(_unused) if answer.is_closed() => return,
                Ok(turn) => run_in(turn, work).await,
                Err(_) => Err(StoreError::Closed),
            };
            // Nobody may wait any more.
            let _gone = answer.send(done);
        });
        answered.await.unwrap_or_else(|_| Err(StoreError::unavailable("the runtime went away")))
    }

    /// Waits for what is under way or in line, and lets nothing else begin.
    pub async fn close(&self) {
        // An error says that it is closed already.
        let _turns = self.free.acquire_many(self.all).await;
        self.free.close();
    }
}

/// The turn ends with the work, also when nobody waits for it any more.
async fn run_in<T, F>(turn: OwnedSemaphorePermit, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    blocking::run(move || {
        let _turn = turn;
        work()
    })
    .await
}

const MOST: u32 = 1 << 16;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::time::Duration;

    use futures::poll;
    use tokio::time::timeout;

    use super::*;
    use crate::blocking::lock;

    const SOON: Duration = Duration::from_secs(30);

    /// A call that waits until it is told to end, and what tells it.
    fn held(turns: &Turns) -> (impl Future<Output = Result<(), StoreError>>, mpsc::Sender<()>) {
        held_with(turns, ())
    }

    /// One with an answer.
    fn held_with<T: Send + 'static>(
        turns: &Turns,
        answer: T,
    ) -> (impl Future<Output = Result<T, StoreError>>, mpsc::Sender<()>) {
        let (go, wait) = mpsc::channel();
        let call = turns.run(move || {
            let _told_or_dropped = wait.recv();
            Ok(answer)
        });
        (call, go)
    }

    #[tokio::test]
    async fn calls_that_are_begun_and_left_hold_up_nobody() {
        let turns = Turns::new(2);
        let (left, go): (Vec<_>, Vec<_>) = (0..20).map(|n| held_with(&turns, n)).unzip();
        let mut left: Vec<_> = left.into_iter().map(Box::pin).collect();
        for call in &mut left {
            assert!(poll!(call).is_pending());
        }
        drop(go);
        assert_eq!(timeout(SOON, turns.run(|| Ok(20))).await.expect("its turn comes").expect("done"), 20);
        for (n, call) in left.into_iter().enumerate() {
            assert_eq!(call.await.expect("done"), n, "and each has what it asked for");
        }
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_turns_and_the_others_in_order() {
        let (turns, begun) = (Turns::new(1), Arc::new(Mutex::new(Vec::new())));
        let (first, go) = held(&turns);
        let mut first = Box::pin(first);
        assert!(poll!(&mut first).is_pending());
        let mut waiting: Vec<_> = (0..9)
            .map(|n| {
                let begun = Arc::clone(&begun);
                Box::pin(turns.run(move || {
                    lock(&begun).push(n);
                    Ok(())
                }))
            })
            .collect();
        for call in &mut waiting {
            assert!(poll!(call).is_pending());
        }
        tokio::task::yield_now().await;
        assert!(lock(&begun).is_empty());
        drop(go);
        futures::future::join_all(waiting).await;
        assert_eq!(*lock(&begun), (0..9).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_in_line_is_not_begun() {
        let (turns, begun) = (Turns::new(1), Arc::new(Mutex::new(0)));
        let (first, go) = held(&turns);
        let mut first = Box::pin(first);
        assert!(poll!(&mut first).is_pending());
        let mut dropped = Box::pin(turns.run({
            let begun = Arc::clone(&begun);
            move || {
                *lock(&begun) += 1;
                Ok(())
            }
        }));
        assert!(poll!(&mut dropped).is_pending());
        drop(dropped);
        drop(go);
        turns.run(|| Ok(())).await.expect("its turn comes");
        assert_eq!(*lock(&begun), 0);
    }

    #[tokio::test]
    async fn a_close_waits_for_what_was_begun_and_what_comes_later_is_refused() {
        let turns = Turns::new(1);
        let (first, go) = held(&turns);
        let (mut first, mut close) = (Box::pin(first), Box::pin(turns.close()));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut close).is_pending());
        drop(go);
        timeout(SOON, close).await.expect("the last one ends");
        first.await.expect("done");
        let late = turns.run(|| Ok(())).await.expect_err("closed");
        assert!(matches!(late, StoreError::Closed), "{late}");
        turns.close().await;
    }

    #[tokio::test]
    async fn there_is_a_turn_and_not_too_many_whatever_is_asked_for() {
        for at_once in [0, 1, usize::MAX] {
            assert_eq!(Turns::new(at_once).run(|| Ok(7)).await.expect("done"), 7);
        }
    }
}
