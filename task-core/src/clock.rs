use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};

/// Where times come from, so that tests can hold them still.
///
/// Timers run on tokio's clock; this one only stamps events. It is read wherever events are written, for whoever asked
/// and for runs that nobody asked for: when it panics, core warns and takes the time of the operating system instead.
pub trait Clock: Send + Sync + 'static {
    /// The time now. Core cuts it to milliseconds and never lets the events of a log go back in time.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to hold")]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

impl<F> Clock for F
where
    F: Fn() -> DateTime<Utc> + Send + Sync + 'static,
{
    fn now(&self) -> DateTime<Utc> {
        self()
    }
}

/// The time of a clock that may panic.
pub(crate) fn read(clock: &dyn Clock) -> DateTime<Utc> {
    // What a clock keeps between calls is its own.
    catch_unwind(AssertUnwindSafe(|| clock.now())).unwrap_or_else(|_| {
        tracing::warn!("the clock panicked; the time is that of the operating system");
        SystemClock.now()
    })
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
