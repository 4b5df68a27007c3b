mod groups;
mod line;
mod page;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use thiserror::Error;

pub(crate) use self::groups::EventGroups;
use self::line::{Envelope, Line};
pub use self::page::StoredPage;
use super::id::TaskId;
use super::json::Json;
use super::output::Output;
use super::payload::{Lifecycle, Payload};
use super::seq::Seq;

/// One entry of a task's log. Cheap to clone: clones share the text.
///
/// The JSON that a viewer gets is made once, when the event is made or read from its store, and every viewer shares
/// it. [`Event::payload`] is the typed view; a kind this version does not know keeps its bytes.
///
/// Events of one commit, and those read together, share what holds their text with some neighbours: one that is kept keeps
/// at most 16 KiB of them.
#[derive(Clone)]
pub struct Event {
    group: Arc<Group>,
    index: u32,
}

/// Events that share what holds their text.
struct Group {
    text: Box<str>,
    lines: Lines,
}

/// Many commits are of one event: nothing is added for others.
enum Lines {
    One(Line),
    Many(Box<[Line]>),
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
        let fields = stored_fields(task, seq, kind, data)?;
        let mut text = String::with_capacity(Envelope::len(seq, kind) + data.len());
        let line = Envelope::push(&mut text, None, (task, seq, at, kind)).with_fields(&mut text, fields)?;
        let group = Group { text: text.into_boxed_str(), lines: Lines::One(line) };
        Ok(Self { group: Arc::new(group), index: 0 })
    }

    /// One that is alone.
    #[cfg(test)]
    pub(crate) fn new(
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        payload: &super::Payload,
    ) -> Result<Self, MakeEventError> {
        let mut events = EventGroups::new();
        events.push(task, seq, at, payload)?;
        Ok(events.into_events().remove(0))
    }

    /// The events of these lines of `text`.
    fn group(text: String, mut lines: Vec<Line>) -> impl Iterator<Item = Self> {
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let lines = match lines.pop_if(|_| count == 1) {
            Some(line) => Lines::One(line),
            None => Lines::Many(lines.into_boxed_slice()),
        };
        let group = Arc::new(Group { text: text.into_boxed_str(), lines });
        (0..count).map(move |index| Self { group: Arc::clone(&group), index })
    }

    fn line(&self) -> &Line {
        match &self.group.lines {
            Lines::One(line) => line,
            Lines::Many(lines) => &lines[self.index as usize],
        }
    }

    /// The task it belongs to.
    #[must_use]
    pub fn task(&self) -> TaskId {
        // Seldom asked for, so it is in the line alone, where it always is.
        line::task(self.json()).unwrap_or_else(|| uuid::Uuid::nil().into())
    }

    /// Its position in the log.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.line().seq
    }

    /// When it was recorded, in milliseconds. Never earlier than the event before it; order by [`Event::seq`].
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.line().at
    }

    /// The name of its kind: `message`, `text`, `completed` …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.group.text[self.line().kind()]
    }

    /// The event as viewers get it: `{"task_id":…,"seq":…,"at":…,"kind":…, …}` on one line.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.group.text[self.line().all()]
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
        let text = &*self.group.text;
        ["{", &text[self.line().fields(text)]]
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
        let beside = match &self.group.lines {
            Lines::One(_) => size_of::<Group>() + 2 * size_of::<usize>(),
            Lines::Many(_) => size_of::<Line>(),
        };
        self.json().len() + beside
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        // Everything else is in it.
        self.json() == other.json()
    }
}

impl Eq for Event {}

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

/// The fields of `data`, behind the opening brace.
fn stored_fields<'a>(task: TaskId, seq: Seq, kind: &str, data: &'a str) -> Result<&'a str, CorruptEvent> {
    if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(CorruptEvent { task, seq, what: "kind is not a word of a-z, 0-9 and _" });
    }
    let fields = data.strip_prefix('{').filter(|rest| rest.ends_with('}'));
    fields.ok_or(CorruptEvent { task, seq, what: "data is not a JSON object" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::output::Custom;

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
    fn what_runners_say_in_lines_is_on_one_line_too() {
        let json = Json::parse("{\n  \"a\": [\n    1\r\n  ]\n}".to_owned()).expect("valid");
        let output = Output::from(Custom::new("shape", json));
        let event =
            Event::new(TaskId::new(), Seq::new(7), DateTime::UNIX_EPOCH, &output.into()).expect("valid");
        assert!(event.json().ends_with(r#"{   "a": [     1    ] }}"#), "{}", event.json());
        assert!(!event.json().contains(['\n', '\r']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(event.json()).expect("valid")["seq"], 7);
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
