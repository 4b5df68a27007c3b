use chrono::{DateTime, Utc};

use super::line::{Envelope, Line};
use super::{CorruptEvent, Event, MakeEventError, stored_fields};
use crate::model::id::TaskId;
use crate::model::output::Output;
use crate::model::payload::{Lifecycle, Payload};
use crate::model::seq::Seq;

/// Events in the making, in the order of a log: neighbours share what holds their text.
#[derive(Debug)]
pub(crate) struct EventGroups {
    events: Vec<Event>,
    /// Those that are not events yet.
    text: String,
    lines: Vec<Line>,
    /// The JSON of one payload.
    json: Vec<u8>,
}

impl EventGroups {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self { events: Vec::new(), text: String::new(), lines: Vec::new(), json: Vec::new() }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.events.len() + self.lines.len()
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an event, or nothing.
    pub(crate) fn push(
        &mut self,
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        payload: &Payload,
    ) -> Result<(), MakeEventError> {
        match payload {
            Payload::Output(output) => self.push_output(task, seq, at, output),
            Payload::Lifecycle(Lifecycle::Other { kind, data }) | Payload::Other { kind, data } => {
                Ok(self.push_stored(task, seq, at, (kind, data.as_str()), 0)?)
            }
            Payload::Lifecycle(lifecycle) => {
                self.push_written(task, seq, at, lifecycle.kind(), |json| lifecycle.write(json))
            }
        }
    }

    /// The same for what a runner said.
    pub(crate) fn push_output(
        &mut self,
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        output: &Output,
    ) -> Result<(), MakeEventError> {
        match output {
            Output::Other { kind, data } => Ok(self.push_stored(task, seq, at, (kind, data.as_str()), 0)?),
            output => self.push_written(task, seq, at, output.kind(), |json| output.write(json)),
        }
    }

    fn push_written(
        &mut self,
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        kind: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<(), MakeEventError> {
        let mut json = std::mem::take(&mut self.json);
        json.clear();
        json.reserve(TYPICAL);
        write(&mut json)?;
        let data = str::from_utf8(&json).map_err(|_| CorruptEvent { task, seq, what: "data is not text" })?;
        let pushed = self.push_stored(task, seq, at, (kind, data), 0);
        self.json = json;
        Ok(pushed?)
    }

    /// The same for what a store has kept. A group of which it is the first has room for as many bytes.
    pub(super) fn push_stored(
        &mut self,
        task: TaskId,
        seq: Seq,
        at: DateTime<Utc>,
        (kind, data): (&str, &str),
        room: usize,
    ) -> Result<(), CorruptEvent> {
        let fields = stored_fields(task, seq, kind, data)?;
        let bytes = Envelope::len(seq, kind) + data.len();
        if self.lines.len() == GROUP || self.text.len() + bytes > GROUP_BYTES {
            self.seal();
        }
        if self.lines.is_empty() {
            self.text.reserve_exact(bytes.max(room));
        }
        let envelope = Envelope::push(&mut self.text, self.lines.last(), (task, seq, at, kind));
        match envelope.with_fields(&mut self.text, fields) {
            Ok(line) => self.lines.push(line),
            Err(error) => {
                self.text.truncate(self.lines_end());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Forgets all but the first.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.lines.truncate(len.saturating_sub(self.events.len()));
        self.text.truncate(self.lines_end());
        self.events.truncate(len);
    }

    /// The events, in the order in which they came.
    pub(crate) fn into_events(mut self) -> Vec<Event> {
        self.seal();
        self.events
    }

    fn lines_end(&self) -> usize {
        self.lines.last().map_or(0, |last| last.all().end)
    }

    fn seal(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let (text, lines) = (std::mem::take(&mut self.text), std::mem::take(&mut self.lines));
        self.events.extend(Event::group(text, lines));
    }
}

/// Bytes of JSON that most payloads do not exceed.
const TYPICAL: usize = 1 << 10;

/// Events that share what holds their text, and bytes of it: so much of its neighbours is kept by one that is kept. Larger
/// ones make reading no faster.
const GROUP: usize = 16;
pub(super) const GROUP_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Lines;
    use crate::model::json::Json;
    use crate::model::output::Custom;

    fn text(bytes: usize) -> Payload {
        Output::text("b", "é".repeat(bytes / 2)).into()
    }

    /// Events of these payloads, in one go.
    fn events(task: TaskId, payloads: &[Payload]) -> Vec<Event> {
        let mut events = EventGroups::new();
        for (seq, payload) in (1..).map(Seq::new).zip(payloads) {
            events.push(task, seq, DateTime::UNIX_EPOCH, payload).expect("valid");
        }
        assert_eq!((events.len(), events.is_empty()), (payloads.len(), payloads.is_empty()));
        events.into_events()
    }

    #[test]
    fn each_event_is_what_it_is_alone() {
        let second = |seconds| DateTime::from_timestamp(seconds, 999_000_000).expect("in range");
        let times = [9, 9, 9, 10, 10, 253_402_300_800, 253_402_300_800, -62_167_219_201, 9].map(second);
        // As long as others, longer than the one before, and shorter.
        let seqs = [1, 9, 10, 99, 100, 7, 1_000_000, u64::MAX].map(Seq::new);
        let json = Json::parse("{\n\"a\": 1}".to_owned()).expect("valid");
        let payloads = [
            text(9),
            Output::from(Custom::new("shape", json)).into(),
            Payload::Lifecycle(serde_json::from_str("{}").map(Lifecycle::Completed).expect("valid")),
            text(20_000),
            Payload::Other {
                kind: "of_the_future".to_owned(),
                data: Json::parse("{}".to_owned()).expect("valid"),
            },
        ];
        let task = TaskId::new();
        let mut together = EventGroups::new();
        let mut alone = Vec::new();
        let all = times.into_iter().cycle().zip(seqs.into_iter().cycle()).zip(payloads.iter().cycle());
        for ((at, seq), payload) in all.take(360) {
            together.push(task, seq, at, payload).expect("valid");
            alone.push(Event::new(task, seq, at, payload).expect("valid"));
        }
        for (event, alone) in together.into_events().iter().zip(&alone) {
            assert_eq!(event.json(), alone.json());
            assert_eq!((event.seq(), event.at(), event.kind()), (alone.seq(), alone.at(), alone.kind()));
            assert_eq!(event.data(), alone.data());
        }
    }

    #[test]
    fn an_event_keeps_little_of_its_neighbours() {
        let neighbours = |event: &Event| match &event.group.lines {
            Lines::One(_) => 0,
            Lines::Many(lines) => lines.len() - 1,
        };
        let sizes: Vec<_> = (0..200).map(|n| text(n * 97 % 3000)).collect();
        let shared = events(TaskId::new(), &sizes);
        assert!(shared.iter().any(|event| neighbours(event) > 2), "some share");
        for event in shared {
            assert!(neighbours(&event) < GROUP && event.group.text.len() <= GROUP_BYTES);
        }
        let small = events(TaskId::new(), &vec![text(1); 40]);
        assert_eq!(small.iter().map(neighbours).max(), Some(GROUP - 1));
        let large = events(TaskId::new(), &[text(100), text(20_000), text(100)]);
        assert!(large.iter().all(|event| neighbours(event) == 0), "what is large is alone");
    }

    #[test]
    fn what_is_forgotten_or_could_not_be_made_leaves_the_others() {
        let task = TaskId::new();
        let payloads: Vec<_> = (0..40).map(|n| text(n * 300 % 1700)).collect();
        let whole = events(task, &payloads);
        for len in 0..=40 {
            let mut some = EventGroups::new();
            let push = |some: &mut EventGroups, n: usize| {
                let seq = Seq::new(n as u64 + 1);
                some.push(task, seq, DateTime::UNIX_EPOCH, &payloads[n]).expect("valid");
            };
            (0..40).for_each(|n| push(&mut some, n));
            some.truncate(len);
            let data = Json::parse("{}".to_owned()).expect("valid");
            let no_kind = Payload::Other { kind: "no kind".to_owned(), data };
            some.push(task, Seq::new(1), DateTime::UNIX_EPOCH, &no_kind).expect_err("it has no kind");
            assert_eq!(some.len(), len);
            (len..40).for_each(|n| push(&mut some, n));
            let events = some.into_events();
            assert_eq!(events, whole, "after {len}");
            for event in &events {
                let held: usize = match &event.group.lines {
                    Lines::One(line) => line.all().len(),
                    Lines::Many(lines) => lines.iter().map(|line| line.all().len()).sum(),
                };
                assert_eq!(event.group.text.len(), held, "nothing is left of what was forgotten");
            }
        }
    }
}
