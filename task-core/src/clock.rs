use std::fmt;

use chrono::{DateTime, Utc};

/// Where times come from, so that tests can hold them still.
///
/// Timers run on tokio's clock; this one only stamps events.
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

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
