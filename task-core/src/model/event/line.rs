//! The line of an event: `{"task_id":…,"seq":…,"at":…,"kind":…,` and the fields of the kind.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::CorruptEvent;
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

    /// Where the number begins.
    const fn seq_at(&self) -> usize {
        self.from as usize + BEGIN.len() + uuid::fmt::Hyphenated::LENGTH + SEQ.len()
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
    /// Appends it to a text that may have the line `before` of the same task: what both have in common is copied.
    pub(super) fn push(
        text: &mut String,
        before: Option<&Line>,
        (task, seq, at, kind): (TaskId, Seq, DateTime<Utc>, &str),
    ) -> Self {
        let from = text.len();
        match before {
            Some(before) => text.extend_from_within(before.from as usize..before.seq_at()),
            None => {
                let mut uuid = uuid::Uuid::encode_buffer();
                text.push_str(BEGIN);
                text.push_str(task.as_uuid().hyphenated().encode_lower(&mut uuid));
                text.push_str(SEQ);
            }
        }
        time::push_number(text, seq.get());
        match before.filter(|before| before.at == at) {
            Some(before) => {
                let behind_seq = before.seq_at() + time::digits(before.seq.get());
                text.extend_from_within(behind_seq..before.kind().start);
            }
            None => {
                text.push_str(AT);
                time::push(text, at);
                text.push_str(KIND);
            }
        }
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

/// What stands before the id of the task, the number, the time and the kind.
const BEGIN: &str = r#"{"task_id":""#;
const SEQ: &str = r#"","seq":"#;
const AT: &str = r#","at":""#;
const KIND: &str = r#"","kind":""#;

/// Bytes of the envelope besides the kind and the number.
const ENVELOPE: usize = BEGIN.len()
    + uuid::fmt::Hyphenated::LENGTH
    + SEQ.len()
    + AT.len()
    + time::LENGTH
    + KIND.len()
    + r#"""#.len();
