//! A clock that the explorer moves.
//!
//! Time stands still until the task of [`pass`] is chosen to run; then it jumps to the next timer. So a timer may end
//! before or after anything else that is possible at the moment, as in reality, and no later than the schedule allows:
//! when nothing but time could go on and the next timer is beyond the limit, the explorer sees a deadlock. A lost
//! wake-up that a sweep would heal after half a minute is found that way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::ops::Add;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) use tokio::time::MissedTickBehavior;

/// A moment, counted from the start of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

/// Ends at its moment.
#[derive(Debug)]
pub(crate) struct Sleep {
    until: Instant,
    timer: Option<(Instant, u64)>,
}

/// Ticks at once, and then at equal distances.
#[derive(Debug)]
pub(crate) struct Interval {
    next: Instant,
    period: Duration,
}

/// The time was over before the future was done.
#[derive(Debug, thiserror::Error)]
#[error("deadline has elapsed")]
pub(crate) struct Elapsed;

#[derive(Default)]
struct Clock {
    now: Duration,
    timers: BTreeMap<(Instant, u64), Waker>,
    started: u64,
    limit: Duration,
    /// Whoever lets time pass, while no timer is within the limit.
    waiting: Option<Waker>,
}

thread_local! {
    /// An exploration runs on one thread of the system, one schedule after the other.
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// Starts a schedule at time zero and lets time pass in it, up to `limit`. Never ends.
pub(crate) fn pass(limit: Duration) -> impl Future<Output = ()> + Send {
    // What a schedule before this one left behind is dropped outside of the borrow: wakers have drops of their own.
    drop(CLOCK.with(|clock| clock.replace(Clock { limit, ..Clock::default() })));
    async {
        loop {
            poll_fn(timer_within_limit).await;
            // A choice: whatever else can run may run first.
            shuttle::future::yield_now().await;
            if let Some(waker) = CLOCK.with(|clock| clock.borrow_mut().advance()) {
                waker.wake();
            }
        }
    }
}

pub(crate) fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

pub(crate) const fn sleep_until(until: Instant) -> Sleep {
    Sleep { until, timer: None }
}

pub(crate) async fn timeout<F: Future>(duration: Duration, work: F) -> Result<F::Output, Elapsed> {
    timeout_at(Instant::now() + duration, work).await
}

pub(crate) async fn timeout_at<F: Future>(until: Instant, work: F) -> Result<F::Output, Elapsed> {
    super::select! {
        biased;
        done = work => Ok(done),
        () = sleep_until(until) => Err(Elapsed),
    }
}

pub(crate) fn interval(period: Duration) -> Interval {
    Interval { next: Instant::now(), period }
}

fn timer_within_limit(cx: &mut Context<'_>) -> Poll<()> {
    CLOCK.with(|clock| {
        let mut clock = clock.borrow_mut();
        if clock.next_within_limit().is_some() {
            return Poll::Ready(());
        }
        clock.waiting = Some(cx.waker().clone());
        Poll::Pending
    })
}

impl Clock {
    fn next_within_limit(&self) -> Option<(Instant, u64)> {
        self.timers.keys().next().copied().filter(|(at, _)| at.0 <= self.limit)
    }

    /// Moves to the next timer, and gives whom it wakes.
    fn advance(&mut self) -> Option<Waker> {
        let timer = self.next_within_limit()?;
        self.now = self.now.max(timer.0.0);
        self.timers.remove(&timer)
    }
}

impl Instant {
    pub(crate) fn now() -> Self {
        Self(CLOCK.with(|clock| clock.borrow().now))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let waiting = CLOCK.with(|clock| {
            let mut clock = clock.borrow_mut();
            if clock.now >= until.0 {
                return None;
            }
            let timer = self.timer.unwrap_or_else(|| {
                clock.started += 1;
                (until, clock.started)
            });
            clock.timers.insert(timer, cx.waker().clone());
            Some((timer, clock.waiting.take()))
        });
        let Some((timer, clock)) = waiting else { return Poll::Ready(()) };
        self.timer = Some(timer);
        if let Some(clock) = clock {
            clock.wake();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            // While the thread ends there is no clock any more.
            drop(CLOCK.try_with(|clock| clock.borrow_mut().timers.remove(&timer)));
        }
    }
}

impl Interval {
    pub(crate) async fn tick(&mut self) -> Instant {
        let at = self.next;
        sleep_until(at).await;
        self.next = at + self.period;
        at
    }

    /// Nothing is ever missed here.
    pub(crate) const fn set_missed_tick_behavior(&mut self, _: MissedTickBehavior) {}
}
