use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::id::TaskId;
use super::json::Json;
use super::output::Output;
use super::payload::{Lifecycle, Payload};
use super::seq::Seq;
use super::time;

/// One entry of a task's log. Cheap to clone: clones share the text.
///
/// The JSON that a viewer gets is made once, when the event is made or read from its store, and every viewer shares
/// it. [`Event::payload`] is the typed view; a kind this version does not know keeps its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Event(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    task: TaskId,
    seq: Seq,
    at: DateTime<Utc>,
    /// `{"task_id":…,"seq":…,"at":…,"kind":…,` and the fields of the kind, on one line.
    json: Box<str>,
    /// Where in `json` the name of the kind is.
    kind: Range<u32>,
    /// Where in `json` the fields of the kind begin: behind the comma, or at the closing brace.
    fields: u32,
}

impl Event {
    /// The event as a store kept it: the inverse of [`Event::data`], [`Event::kind`] and [`Event::at`].
    ///
    /// # Errors
    ///
    /// [`CorruptEvent`] when `kind` is no kind's name or `data` is no JSON object. The inside of the object is not
    /// parsed here: it was written by core, and a reader that needs it typed parses it then.
    pub fn from_stored(
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        kind: &str,
        data: &str,
    ) -> Result<Self, CorruptEvent> {
        if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(CorruptEvent { task, seq, what: "kind is not a word of a-z, 0-9 and _" });
        }
        let Some(fields) = data.strip_prefix('{').filter(|rest| rest.ends_with('}')) else {
            return Err(CorruptEvent { task, seq, what: "data is not a JSON object" });
        };

        let mut line = Line::begin(task, seq, at, kind, data.len());
        let comma = fields.trim_start() != "}";
        if comma {
            line.json.push(',');
        }
        let fields_from = line.json.len();
        line.json.push_str(fields);
        line.end(fields_from)
    }

    pub(crate) fn new(
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        payload: &Payload,
    ) -> Result<Self, MakeEventError> {
        match payload {
            Payload::Lifecycle(Lifecycle::Other { kind, data })
            | Payload::Output(Output::Other { kind, data })
            | Payload::Other { kind, data } => Ok(Self::from_stored(task, seq, at, kind, data.as_str())?),
            Payload::Lifecycle(lifecycle) => {
                Line::begin(task, seq, at, lifecycle.kind(), TYPICAL).write(|json| lifecycle.write(json))
            }
            Payload::Output(output) => Self::of_output(task, seq, at, output),
        }
    }

    pub(crate) fn of_output(
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        output: &Output,
    ) -> Result<Self, MakeEventError> {
        match output {
            Output::Other { kind, data } => Ok(Self::from_stored(task, seq, at, kind, data.as_str())?),
            output => {
                Line::begin(task, seq, at, output.kind(), output.weight()).write(|json| output.write(json))
            }
        }
    }

    /// The task it belongs to.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.0.task
    }

    /// Its position in the log.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.0.seq
    }

    /// When it was recorded, in milliseconds. Never earlier than the event before it; order by [`Event::seq`].
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// The name of its kind: `message`, `text`, `completed` …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.json[self.0.kind.start as usize..self.0.kind.end as usize]
    }

    /// The event as viewers get it: `{"task_id":…,"seq":…,"at":…,"kind":…, …}` on one line.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0.json
    }

    /// The fields of its kind, as one JSON object: what a store keeps beside seq, time and kind.
    #[must_use]
    pub fn data(&self) -> String {
        self.data_parts().concat()
    }

    /// What [`Event::data`] gives, in two parts: for a store that copies them to where they belong, without a text of
    /// their own in between.
    #[must_use]
    pub fn data_parts(&self) -> [&str; 2] {
        ["{", &self.0.json[self.0.fields as usize..]]
    }

    /// The typed view. Never fails: what this version does not understand is [`Payload::Other`].
    #[must_use]
    pub fn payload(&self) -> Payload {
        let (kind, json) = (self.kind(), self.json());
        if let Some(output) = Output::read(kind, json) {
            return Payload::Output(output);
        }
        if let Some(lifecycle) = Lifecycle::read(kind, json) {
            return Payload::Lifecycle(lifecycle);
        }
        let data = Json::parse(self.data()).unwrap_or_else(|_| serde_json::Value::Null.into());
        Payload::Other { kind: kind.to_owned(), data }
    }

    /// The fields as a type of the caller's, for kinds of its own.
    ///
    /// # Errors
    ///
    /// When the fields do not have the shape of a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json())
    }

    /// Bytes it holds in memory, nearly.
    pub(crate) fn weight(&self) -> usize {
        self.0.json.len() + size_of::<Inner>() + 2 * size_of::<usize>()
    }
}

impl serde::Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(self.json()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.json())
    }
}

/// A stored event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event {seq} of task {task} is damaged: {what}")]
#[non_exhaustive]
pub struct CorruptEvent {
    /// The task.
    pub task: TaskId,
    /// The event.
    pub seq: Seq,
    /// What is wrong.
    pub what: &'static str,
}

/// Why an event could not be made.
#[derive(Debug, Error)]
pub(crate) enum MakeEventError {
    #[error("the payload has no JSON form")]
    Encode(#[from] serde_json::Error),
    #[error(transparent)]
    Kind(#[from] CorruptEvent),
}

/// The JSON of an event in the making: the envelope, and then the fields of the kind.
struct Line {
    task: TaskId,
    seq: Seq,
    at: DateTime<Utc>,
    json: String,
    kind: Range<usize>,
}

impl Line {
    /// The envelope up to the quote behind the kind, with room for `data` of about that length.
    fn begin(task: TaskId, seq: Seq, at: DateTime<Utc>, kind: &str, data: usize) -> Self {
        let mut json = String::with_capacity(ENVELOPE + time::digits(seq.get()) + kind.len() + data);
        let mut uuid = uuid::Uuid::encode_buffer();
        json.push_str(r#"{"task_id":""#);
        json.push_str(task.as_uuid().hyphenated().encode_lower(&mut uuid));
        json.push_str(r#"","seq":"#);
        time::push_number(&mut json, seq.get());
        json.push_str(r#","at":""#);
        time::push(&mut json, at);
        json.push_str(r#"","kind":""#);
        let from = json.len();
        json.push_str(kind);
        let kind = from..json.len();
        json.push('"');
        Self { task, seq, at, json, kind }
    }

    /// Adds the fields as `write` appends them, as one JSON object with at least its braces.
    fn write(
        mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<Event, MakeEventError> {
        let brace = self.json.len();
        let mut json = std::mem::take(&mut self.json).into_bytes();
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
        self.json = String::from_utf8(json).map_err(|_| self.damaged("data is not text"))?;
        Ok(self.end(fields)?)
    }

    /// The event, whose fields begin there.
    fn end(self, fields: usize) -> Result<Event, CorruptEvent> {
        let offset = |at: usize| u32::try_from(at).map_err(|_| self.damaged("data exceeds 4 GiB"));
        Ok(Event(Arc::new(Inner {
            task: self.task,
            seq: self.seq,
            at: self.at,
            kind: offset(self.kind.start)?..offset(self.kind.end)?,
            fields: offset(fields)?,
            json: one_line(self.json).into_boxed_str(),
        })))
    }

    const fn damaged(&self, what: &'static str) -> CorruptEvent {
        CorruptEvent { task: self.task, seq: self.seq, what }
    }
}

/// JSON may hold line breaks only between its tokens, where a space says the same; an event must stay on one line.
fn one_line(json: String) -> String {
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        return json;
    }
    json.replace(['\n', '\r'], " ")
}

/// What the fields of a lifecycle event take, nearly.
const TYPICAL: usize = 192;

/// Bytes of the envelope besides the kind and the number; the comma before the fields is where the data has its opening
/// brace. What is left over is given back.
const ENVELOPE: usize =
    r#"{"task_id":"","seq":,"at":"","kind":"""#.len() + uuid::fmt::Hyphenated::LENGTH + time::LENGTH;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Result<Event, CorruptEvent> {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).expect("in range");
        Event::from_stored(TaskId::new(), Seq::new(7), at, kind, data)
    }

    #[test]
    fn wire_json_carries_envelope_and_fields_on_one_line() {
        let event = event("text", "{\"block\":\"b\",\n\"text\":\"hi\\n\"}").expect("valid");
        let expected = format!(
            r#"{{"task_id":"{}","seq":7,"at":"2023-11-14T22:13:20.123Z","kind":"text","block":"b", "text":"hi\n"}}"#,
            event.task()
        );
        assert_eq!(event.json(), expected);
        assert_eq!(event.data(), r#"{"block":"b", "text":"hi\n"}"#);
        assert_eq!(event.payload(), Payload::Output(Output::text("b", "hi\n")));
    }

    #[test]
    fn a_line_break_is_found_wherever_it_is() {
        for before in [0, 1, 100, 255, 256, 257, 1000] {
            for line_break in ['\n', '\r'] {
                let data = format!("{{{}{line_break}\"a\":1{line_break}}}", " ".repeat(before));
                let event = event("text", &data).expect("valid");
                assert!(!event.json().contains(['\n', '\r']), "{before} spaces before it");
                assert_eq!(event.data(), data.replace(line_break, " "));
                let weight = event.json().len()..event.json().len() + 200;
                assert!(weight.contains(&event.weight()), "nearly what it holds: {}", event.weight());
            }
        }
    }

    #[test]
    fn an_event_without_fields_is_an_object_too() {
        let event = event("completed", "{}").expect("valid");
        assert!(event.json().ends_with(r#""kind":"completed"}"#));
        assert_eq!(event.data(), "{}");
        assert!(matches!(event.payload(), Payload::Lifecycle(Lifecycle::Completed(_))));
    }

    #[test]
    fn a_kind_from_the_future_keeps_its_bytes() {
        let data = r#"{"big":123456789012345678901234567890,"z":1,"a":[1.0,2e400]}"#;
        let event = event("hologram", data).expect("valid");
        assert_eq!(event.data(), data);
        let Payload::Other { kind, data: kept } = event.payload() else {
            panic!("unknown kind became known")
        };
        assert_eq!((kind.as_str(), kept.as_str()), ("hologram", data));
    }

    #[test]
    fn a_known_kind_of_unknown_shape_is_kept_too() {
        let event = event("text", r#"{"rope":[]}"#).expect("valid");
        assert!(matches!(event.payload(), Payload::Other { .. }));
    }

    #[test]
    fn damage_is_an_error_and_names_the_event() {
        assert!(event("Text", "{}").is_err());
        assert!(event("", "{}").is_err());
        assert!(event("text\"", "{}").is_err());
        let error = event("text", "[]").expect_err("not an object");
        assert!(error.to_string().starts_with("event 7 of task "));
    }
}
