use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The position of an event in the log of its task: contiguous, from 1.
///
/// As a cursor, a `Seq` names the last event already seen: reading *after* it is exclusive, everywhere.
///
/// ```
/// use task_core::Seq;
///
/// assert_eq!(Seq::ZERO.next(), Seq::new(1));      // the first event of a task
/// assert_eq!("42".parse::<Seq>()?, Seq::new(42));
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event: reading after it gives everything.
    pub const ZERO: Self = Self(0);

    /// The position `n`.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position of the following event. Saturates at the end of the number range.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one; [`Seq::ZERO`] stays where it is.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl From<u64> for Seq {
    fn from(n: u64) -> Self {
        Self(n)
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl FromStr for Seq {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_its_number_in_every_form() {
        for n in [0, 1, 42, u64::MAX] {
            let seq = Seq::from(n);
            assert_eq!((seq, u64::from(seq), seq.get()), (Seq::new(n), n, n));
            assert_eq!(seq.to_string().parse(), Ok(seq));
        }
        assert!("-1".parse::<Seq>().is_err());
    }

    #[test]
    fn positions_stop_at_both_ends() {
        assert_eq!(Seq::ZERO.previous(), Seq::ZERO);
        assert_eq!(Seq::new(u64::MAX).next(), Seq::new(u64::MAX));
        assert_eq!((Seq::new(7).next(), Seq::new(7).previous()), (Seq::new(8), Seq::new(6)));
    }
}
