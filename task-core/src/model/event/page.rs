use chrono::{DateTime, Utc};

use super::groups::{EventGroups, GROUP_BYTES};
use super::line::Envelope;
use super::{CorruptEvent, Event};
use crate::model::id::TaskId;
use crate::model::seq::Seq;

/// Makes the events of one page of a log, as a store kept them.
///
/// The events are those that [`Event::from_stored`] makes one by one; here neighbours share what holds their text, which
/// takes a fraction of the time. Whoever keeps one of them keeps at most 16 KiB of its neighbours.
///
/// ```
/// use chrono::DateTime;
/// use task_core::{Seq, StoredPage, TaskId};
///
/// let mut page = StoredPage::new(TaskId::new(), 1 << 20);
/// for (seq, text) in [(1, r#"{"block":"b","text":"a"}"#), (2, r#"{"block":"b","text":"b"}"#)] {
///     assert!(page.push(Seq::new(seq), DateTime::UNIX_EPOCH, "text", text)?);
/// }
/// let events = page.into_events();
/// assert_eq!(events.len(), 2);
/// # Ok::<(), task_core::CorruptEvent>(())
/// ```
#[derive(Debug)]
pub struct StoredPage {
    task: TaskId,
    events: EventGroups,
    bytes: usize,
    max_bytes: usize,
}

impl StoredPage {
    /// An empty page of a task's log, for as many events as have `max_bytes` of JSON together.
    #[must_use]
    pub const fn new(task: TaskId, max_bytes: usize) -> Self {
        Self { task, events: EventGroups::new(), bytes: 0, max_bytes }
    }

    /// Adds the next event, and says whether it has found room; the first one always does.
    ///
    /// # Errors
    ///
    /// Those of [`Event::from_stored`].
    pub fn push(
        &mut self,
        seq: Seq,
        at: DateTime<Utc>,
        kind: &str,
        data: &str,
    ) -> Result<bool, CorruptEvent> {
        let bytes = Envelope::len(seq, kind) + data.len();
        if self.bytes.saturating_add(bytes) > self.max_bytes && !self.is_empty() {
            return Ok(false);
        }
        self.events.push_stored(self.task, seq, at, (kind, data), GROUP_BYTES)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(true)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, in the order in which they came.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events.into_events()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: usize) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + n as i64).expect("in range")
    }

    /// Data of so many bytes.
    fn data(bytes: usize) -> String {
        format!(r#"{{"block":"b","text":"{}"}}"#, "é".repeat(bytes / 2))
    }

    /// A page of events of these sizes, and the same one by one.
    fn page(sizes: &[usize]) -> (Vec<Event>, Vec<Event>) {
        let (task, kinds) = (TaskId::new(), ["text", "completed", "a_kind_of_the_future"]);
        let mut page = StoredPage::new(task, usize::MAX);
        let mut alone = Vec::new();
        for (n, size) in sizes.iter().enumerate() {
            let (seq, kind, data) = (Seq::new(n as u64 * 7), kinds[n % 3], data(*size));
            assert!(page.push(seq, at(n), kind, &data).expect("valid"));
            assert_eq!(page.len(), n + 1);
            alone.push(Event::from_stored(task, seq, at(n), kind, &data).expect("valid"));
        }
        (page.into_events(), alone)
    }

    #[test]
    fn its_events_are_those_that_are_made_one_by_one() {
        let sizes: Vec<usize> = (0..100).map(|n| n * n * 7 % 5000).chain([40_000, 0, 16_384, 3]).collect();
        let (events, alone) = page(&sizes);
        assert_eq!(events, alone);
        for (event, alone) in events.iter().zip(&alone) {
            assert_eq!((event.task(), event.seq(), event.at()), (alone.task(), alone.seq(), alone.at()));
            assert_eq!((event.kind(), event.data()), (alone.kind(), alone.data()));
            assert_eq!(event.payload(), alone.payload());
        }
    }

    #[test]
    fn it_has_room_for_so_many_bytes_and_for_one_event_always() {
        let task = TaskId::new();
        let all = |max_bytes| {
            let mut page = StoredPage::new(task, max_bytes);
            let pushed = |n: &u64| page.push(Seq::new(*n), at(0), "text", &data(1000)).expect("valid");
            let count = (1..=40).take_while(pushed).count();
            let events = page.into_events();
            assert_eq!(events.len(), count);
            events
        };
        let line = all(0)[0].json().len();
        for (max_bytes, count) in [(1, 1), (line, 1), (2 * line - 1, 1), (2 * line, 2), (7 * line, 7)] {
            assert_eq!(all(max_bytes).len(), count, "{max_bytes} bytes");
        }
        assert_eq!(all(usize::MAX).len(), 40);
    }

    #[test]
    fn what_is_damaged_is_an_error_and_leaves_the_others() {
        let mut page = StoredPage::new(TaskId::new(), usize::MAX);
        assert!(page.push(Seq::new(1), at(1), "text", "{}").expect("valid"));
        assert!(page.push(Seq::new(2), at(2), "text", "[]").is_err());
        assert!(page.push(Seq::new(2), at(2), "no kind", "{}").is_err());
        assert!(page.push(Seq::new(2), at(2), "text", "{\"a\":\n1}").expect("valid"));
        let lines: Vec<_> = page.into_events().iter().map(Event::data).collect();
        assert_eq!(lines, ["{}", r#"{"a": 1}"#]);
    }
}
