//! Times for people and for programs.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// The wire form: RFC 3339, UTC, milliseconds.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Seconds since then; 0 for what is still to come.
pub(crate) fn seconds_since(at: DateTime<Utc>) -> u64 {
    let now = DateTime::<Utc>::from(SystemTime::now());
    u64::try_from(now.signed_duration_since(at).num_seconds()).unwrap_or(0)
}

/// A time that passed, to the second: `59s`, `1m05s`, `2h03m`.
pub(crate) fn elapsed(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How long ago, in one unit.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_units_people_use() {
        for (seconds, passed, ago) in [
            (0, "0s", "0s ago"),
            (59, "59s", "59s ago"),
            (65, "1m05s", "1m ago"),
            (3_599, "59m59s", "59m ago"),
            (7_380, "2h03m", "2h ago"),
            (90_000, "1d01h", "1d ago"),
        ] {
            assert_eq!(elapsed(seconds), passed);
            assert_eq!(age(seconds), ago);
        }
    }
}
