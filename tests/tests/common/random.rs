//! Chance that can be repeated.

use task_core::TaskId;

/// Numbers that look random enough, the same for the same seed (splitmix64).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

/// What `SEED` says, or another one each time. Printed, so that a run can be repeated.
pub fn seed(name: &str) -> u64 {
    let seed = number("SEED").unwrap_or_else(|| TaskId::new().as_uuid().as_u64_pair().1);
    println!("{name}: SEED={seed}");
    seed
}

/// The number in an environment variable.
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
