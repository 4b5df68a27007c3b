//! Numbers for tests, the same for the same seed.

use task_core::TaskId;
pub use task_core::testing::Random;

/// The number in an environment variable, if there is one.
#[must_use]
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What `SEED` says, or another one each time. Printed, so that the test of that name can be repeated.
#[must_use]
pub fn seed(name: &str) -> u64 {
    let seed = number("SEED").unwrap_or_else(|| TaskId::new().as_uuid().as_u64_pair().1);
    println!("{name}: SEED={seed}");
    seed
}
