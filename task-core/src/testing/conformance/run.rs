use std::fmt;
use std::panic;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::harness::Harness;

/// What a clause does with a place: it panics when what lives there breaks the rule.
pub type Check<H> = for<'a> fn(&'a H) -> LocalBoxFuture<'a, ()>;

/// One clause of the contract and how it is checked.
pub struct Clause<H> {
    name: &'static str,
    check: Check<H>,
}

impl<H> Clause<H> {
    pub(in crate::testing) const fn new(name: &'static str, check: Check<H>) -> Self {
        Self { name, check }
    }

    /// What it says: `events::after_is_exclusive`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks it at a fresh place.
    ///
    /// # Panics
    ///
    /// When the rule is broken. There is no time limit: a rule may be broken by never answering.
    pub async fn check(&self, place: &H) {
        (self.check)(place).await;
    }
}

impl<H> fmt::Debug for Clause<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clause").field(&self.name).finish()
    }
}

/// Checks one clause on a fresh place: what each test of [`conformance!`](crate::conformance) does.
///
/// # Panics
///
/// When the store breaks the rule, or does not come to an end within ten seconds.
pub fn run<H: Harness>(check: Check<H>) {
    run_at(H::new, check);
}

/// Checks one clause on a place that is made for it.
pub(in crate::testing) fn run_at<H: 'static>(new: fn() -> H, check: Check<H>) {
    let (done, ended) = mpsc::channel();
    // On a thread of its own: whoever blocks the thread it is polled on fails the clause, too.
    let clause = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let place = new();
        let checked = runtime.block_on(async { tokio::time::timeout(TIME_LIMIT, check(&place)).await });
        runtime.shutdown_timeout(GRACE);
        checked.expect("the clause comes to an end within its time limit");
        // Nobody waits any more when even this came too late.
        done.send(()).ok();
    });
    match ended.recv_timeout(TIME_LIMIT + 2 * GRACE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("something blocks the thread it is polled on"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            clause.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
        }
    }
}

/// With the grace it is less than ten seconds, after which some who run tests end them without a word.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// What is left to a store to finish what it does on threads of its own.
const GRACE: Duration = Duration::from_millis(500);
