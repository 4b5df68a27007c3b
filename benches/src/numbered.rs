//! Events that carry their number, so that whoever gets them sees what is lost, doubled, late or changed.

use std::sync::Arc;

use memchr::memmem::Finder;
use task_core::{Custom, Json, Output, RunError};

use crate::answer::{Error, Result, verify};
use crate::random::Random;
use crate::usage::nanos;
use crate::workload::words;

/// Bodies for numbered events: those of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Bodies(Arc<Known>);

#[derive(Debug)]
struct Known {
    bodies: Vec<String>,
    /// What finds where a mark begins. To make it takes longer than to use it.
    begin: Finder<'static>,
}

/// A number and a time, as an event says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) number: u64,
    /// When it was made, by a clock that all processes share.
    pub(crate) nanos: u64,
}

impl Bodies {
    /// Bodies of about so many bytes.
    pub(crate) fn new(seed: u64, bytes: usize) -> Self {
        let mut random = Random::new(seed);
        let bodies = (0..COUNT).map(|_| words(&mut random, bytes)).collect();
        Self(Arc::new(Known { bodies, begin: Finder::new(BEGIN) }))
    }

    /// Event `number`, made now.
    pub(crate) fn text(&self, number: u64) -> String {
        format!(r#"{{"n":{number},"t":{},"body":{}}}"#, nanos(), self.of(number))
    }

    /// The same as something that a runner emits.
    pub(crate) fn output(&self, number: u64) -> Result<Output> {
        Ok(Custom::new("n", Json::parse(self.text(number))?).into())
    }

    /// The mark in a text that has one, if there is any; its body must be the one of its number.
    pub(crate) fn find(&self, text: &[u8]) -> Result<Option<Mark>> {
        let Some(at) = self.0.begin.find(text) else { return Ok(None) };
        let (number, rest) = digits(&text[at + BEGIN.len()..]);
        let Some(rest) = rest.strip_prefix(b",\"t\":") else { return Err("a mark is cut".into()) };
        let (nanos, rest) = digits(rest);
        let body = rest.strip_prefix(b",\"body\":").unwrap_or_default();
        verify(body.starts_with(self.of(number).as_bytes()), || format!("event {number} has another body"))?;
        Ok(Some(Mark { number, nanos }))
    }

    fn of(&self, number: u64) -> &str {
        &self.0.bodies[(number % COUNT) as usize]
    }
}

/// What a run is told is no error by its type; here it is.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
pub(crate) fn refused(error: RunError) -> Error {
    error.message().into()
}

fn digits(text: &[u8]) -> (u64, &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end]
        .iter()
        .fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    (number, &text[end..])
}

const COUNT: u64 = 256;

/// What a mark begins with.
const BEGIN: &[u8] = b"{\"n\":";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_and_another_body_is_noticed() {
        let bodies = Bodies::new(1, 200);
        let frame = format!("id: 9\ndata: {{\"kind\":\"custom\",\"data\":{}}}", bodies.text(300));
        let mark = bodies.find(frame.as_bytes()).expect("whole").expect("there");
        assert_eq!(mark.number, 300);
        assert!(mark.nanos <= nanos());
        assert_eq!(bodies.find(b"event: heartbeat\ndata: {}").expect("fine"), None);
        let changed = frame.replace("\"text\":\"", "\"text\":\"!");
        assert!(bodies.find(changed.as_bytes()).is_err());
    }
}
