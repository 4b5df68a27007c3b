//! The line of an event: `{"task_id":…,"seq":…,"at":…,"kind":…,` and the fields of the kind.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::{CorruptEvent, MakeEventError};
use crate::model::id::TaskId;
use crate::model::seq::Seq;
use crate::model::time;

/// Where a line is in the text that holds it, and what of it is looked at.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) seq: Seq,
    pub(super) at: DateTime<Utc>,
    from: u32,
    to: u32,
    /// Where the name of the kind begins, from the beginning of the line, and its length.
    kind: (u8, u16),
}

impl Line {
    /// All of it.
    pub(super) const fn all(&self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    /// The name of the kind.
    pub(super) const fn kind(&self) -> Range<usize> {
        let from = self.from as usize + self.kind.0 as usize;
        from..from + self.kind.1 as usize
    }

    /// What stands behind the opening brace of the data: behind a comma, unless that is the closing brace.
    pub(super) fn fields(&self, text: &str) -> Range<usize> {
        let quote = self.kind().end;
        let comma = text.as_bytes().get(quote + 1) == Some(&b',');
        quote + 1 + usize::from(comma)..self.to as usize
    }
}

/// The task of a line.
pub(super) fn task(line: &str) -> Option<TaskId> {
    let id = line.strip_prefix(BEGIN)?.get(..uuid::fmt::Hyphenated::LENGTH)?;
    id.parse().ok()
}

/// The beginning of a line, up to the quote behind the kind.
pub(super) struct Envelope {
    task: TaskId,
    seq: Seq,
    at: DateTime<Utc>,
    from: usize,
    kind: Range<usize>,
}

impl Envelope {
    /// Appends it.
    pub(super) fn push(text: &mut String, task: TaskId, seq: Seq, at: DateTime<Utc>, kind: &str) -> Self {
        let from = text.len();
        let mut uuid = uuid::Uuid::encode_buffer();
        text.push_str(BEGIN);
        text.push_str(task.as_uuid().hyphenated().encode_lower(&mut uuid));
        text.push_str(r#"","seq":"#);
        time::push_number(text, seq.get());
        text.push_str(r#","at":""#);
        time::push(text, at);
        text.push_str(r#"","kind":""#);
        let name = text.len();
        text.push_str(kind);
        let kind = name..text.len();
        text.push('"');
        Self { task, seq, at, from, kind }
    }

    /// Bytes that it takes, exactly; the comma behind it is where the data has its opening brace.
    pub(super) fn len(seq: Seq, kind: &str) -> usize {
        ENVELOPE + time::digits(seq.get()) + kind.len()
    }

    /// Appends the fields, as they stand behind the opening brace of their object.
    pub(super) fn with_fields(self, text: &mut String, fields: &str) -> Result<Line, CorruptEvent> {
        if fields.trim_start() != "}" {
            text.push(',');
        }
        // JSON may hold line breaks only between its tokens, where a space says the same.
        if memchr::memchr2(b'\n', b'\r', fields.as_bytes()).is_none() {
            text.push_str(fields);
        } else {
            text.push_str(&fields.replace(['\n', '\r'], " "));
        }
        self.end(text.len())
    }

    /// Appends the fields as `write` does, as one JSON object with at least its braces.
    pub(super) fn with_object(
        self,
        text: &mut String,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<Line, MakeEventError> {
        let brace = text.len();
        let mut json = std::mem::take(text).into_bytes();
        write(&mut json)?;
        let fields = if json.get(brace..) == Some(b"{}") {
            json.remove(brace);
            brace
        } else {
            // The object goes on where the envelope ended.
            let opening = json.get_mut(brace).filter(|opening| **opening == b'{');
            *opening.ok_or(self.damaged("data is not a JSON object"))? = b',';
            brace + 1
        };
        // One line, as above.
        if let Some(first) = memchr::memchr2(b'\n', b'\r', &json[fields..]) {
            let breaks = json[fields + first..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r'));
            breaks.for_each(|byte| *byte = b' ');
        }
        *text = String::from_utf8(json).map_err(|_| self.damaged("data is not text"))?;
        Ok(self.end(text.len())?)
    }

    fn end(self, to: usize) -> Result<Line, CorruptEvent> {
        let offset = |at: usize| u32::try_from(at).map_err(|_| self.damaged("data exceeds 4 GiB"));
        let long = |_| self.damaged("kind has more than 65,535 letters");
        // What stands before the name is never longer than a number and a time can be.
        let kind = u8::try_from(self.kind.start - self.from).map_err(long)?;
        let kind = (kind, u16::try_from(self.kind.len()).map_err(long)?);
        Ok(Line { seq: self.seq, at: self.at, from: offset(self.from)?, to: offset(to)?, kind })
    }

    const fn damaged(&self, what: &'static str) -> CorruptEvent {
        CorruptEvent { task: self.task, seq: self.seq, what }
    }
}

/// What stands before the id of the task.
const BEGIN: &str = r#"{"task_id":""#;

/// Bytes of the envelope besides the kind and the number.
const ENVELOPE: usize =
    r#"{"task_id":"","seq":,"at":"","kind":"""#.len() + uuid::fmt::Hyphenated::LENGTH + time::LENGTH;
