//! Times as the wire shows them: RFC 3339, UTC, milliseconds.

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serializer};

/// Cuts a time to the milliseconds that are stored, so that a value read back equals the value written.
pub(crate) fn to_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

pub(crate) fn text(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(LENGTH);
    push(&mut text, at);
    text
}

/// Appends the time. Every event has one: the digits of the years that occur are written by hand, at a tenth of the cost.
pub(crate) fn push(text: &mut String, at: DateTime<Utc>) {
    let Some(year) = u32::try_from(at.year()).ok().filter(|year| *year <= 9999) else {
        return text.push_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true));
    };
    // Else each part is looked for with the offset of the zone, which is none.
    let at = at.naive_utc();
    // A leap second has a thousand milliseconds more, and the number of the second before it.
    let millis = at.nanosecond() / 1_000_000;
    let (second, millis) = (at.second() + millis / 1000, millis % 1000);
    let mut written = *b"0000-00-00T00:00:00.000Z";
    for (number, digits) in [
        (year, 0..4),
        (at.month(), 5..7),
        (at.day(), 8..10),
        (at.hour(), 11..13),
        (at.minute(), 14..16),
        (second, 17..19),
        (millis, 20..23),
    ] {
        write_digits(&mut written[digits], number.into());
    }
    push_ascii(text, &written);
}

/// Appends a number.
pub(crate) fn push_number(text: &mut String, number: u64) {
    // The largest has twenty digits.
    let mut written = [b'0'; 20];
    let digits = digits(number);
    write_digits(&mut written[..digits], number);
    push_ascii(text, &written[..digits]);
}

/// How many digits a number has.
pub(crate) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Writes as many of the last digits of the number as there is room for, with zeros in front.
fn write_digits(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn push_ascii(text: &mut String, written: &[u8]) {
    // It is, so nothing is ever left out.
    text.push_str(str::from_utf8(written).unwrap_or_default());
}

pub(crate) fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    DateTime::<Utc>::deserialize(deserializer).map(to_millis)
}

/// The same for a time that may be absent.
pub(crate) mod option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<DateTime<Utc>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<DateTime<Utc>>::deserialize(deserializer).map(|at| at.map(super::to_millis))
    }
}

/// Of a time between the years 0 and 9999.
pub(crate) const LENGTH: usize = "2026-01-02T03:04:05.678Z".len();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_what_chrono_writes(millis in -70_000_000_000_000_i64..300_000_000_000_000) {
            let at = DateTime::from_timestamp_millis(millis).expect("in range");
            prop_assert_eq!(text(at), at.to_rfc3339_opts(SecondsFormat::Millis, true));
        }

        #[test]
        fn numbers_are_what_the_formatter_writes(number in any::<u64>(), shift in 0..64) {
            let (mut text, number) = (String::new(), number >> shift);
            push_number(&mut text, number);
            prop_assert_eq!(text.len(), digits(number));
            prop_assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn numbers_at_the_edges_are_what_the_formatter_writes() {
        for number in [0, 1, 9, 10, 99, 100, u64::MAX] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn times_at_the_edges_are_what_chrono_writes() {
        for at in [
            "0000-01-01T00:00:00Z",
            "0999-12-31T23:59:59.999Z",
            "1969-12-31T23:59:59.001Z",
            "9999-12-31T23:59:59.999Z",
            "2016-12-31T23:59:60.500Z",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
        ] {
            let at: DateTime<Utc> = at.parse().expect("a time");
            assert_eq!(text(at), at.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
    }
}
