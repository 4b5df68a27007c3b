use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Event, Seq};

/// The newest events of one log, without gap, bounded by bytes.
///
/// Events are kept in segments behind an `Arc`, so that serving one reader costs one reference count and not a copy
/// per event.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    sealed: VecDeque<Arc<[Event]>>,
    open: Vec<Event>,
    /// The end of `open`, as far back as a reader has asked for it. Most are at the newest event, and share that alone.
    open_shared: Option<Arc<[Event]>>,
    bytes: usize,
}

impl Tail {
    /// Takes events in, and lets the oldest go once `limit` bytes are exceeded. Events that do not follow the newest
    /// one start the tail anew.
    pub(crate) fn push(&mut self, events: &[Event], limit: usize) {
        let Some(first) = events.first() else { return };
        if self.end().is_some_and(|end| end.next() != first.seq()) {
            self.clear();
        }
        for event in events {
            self.bytes += event.weight();
            self.open.push(event.clone());
            if self.open.len() == SEGMENT {
                self.sealed.push_back(std::mem::take(&mut self.open).into());
            }
        }
        self.open_shared = None;
        while self.bytes > limit {
            match self.sealed.pop_front() {
                Some(segment) => self.bytes -= segment.iter().map(Event::weight).sum::<usize>(),
                None => return self.shrink_open(limit),
            }
        }
    }

    /// Some of the events right after `after`, when they are here.
    pub(crate) fn after(&mut self, after: Seq) -> Option<EventBatch> {
        let next = after.next();
        if !self.has(next) {
            return None;
        }
        let segment = if self.open.first().is_some_and(|first| first.seq() <= next) {
            let reaches_back =
                |shared: &&Arc<[Event]>| shared.first().is_some_and(|first| first.seq() <= next);
            if self.open_shared.as_ref().filter(reaches_back).is_none() {
                let behind = self.open.partition_point(|event| event.seq() <= after);
                self.open_shared = Some(self.open[behind..].into());
            }
            Arc::clone(self.open_shared.as_ref()?)
        } else {
            let later = self.sealed.partition_point(|segment| segment[0].seq() <= next);
            Arc::clone(self.sealed.get(later.checked_sub(1)?)?)
        };
        EventBatch::after(segment, after)
    }

    /// Whether the event is here.
    pub(crate) fn has(&self, seq: Seq) -> bool {
        self.start().is_some_and(|start| start <= seq) && self.end().is_some_and(|end| seq <= end)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes held, nearly.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn start(&self) -> Option<Seq> {
        self.sealed.front().map_or_else(|| self.open.first(), |segment| segment.first()).map(Event::seq)
    }

    fn end(&self) -> Option<Seq> {
        self.open.last().or_else(|| self.sealed.back().and_then(|segment| segment.last())).map(Event::seq)
    }

    fn shrink_open(&mut self, limit: usize) {
        let mut gone = 0;
        while self.bytes > limit && gone < self.open.len() {
            self.bytes -= self.open[gone].weight();
            gone += 1;
        }
        self.open.drain(..gone);
    }
}

/// Events in order, without gap, shared with other readers: iterating clones each event, which is cheap.
#[derive(Clone, Debug)]
pub struct EventBatch {
    events: Arc<[Event]>,
    next: usize,
}

impl EventBatch {
    /// The events of `events` after `after`; `None` when there are none.
    pub(crate) fn after(events: Arc<[Event]>, after: Seq) -> Option<Self> {
        let next = events.partition_point(|event| event.seq() <= after);
        (next < events.len()).then_some(Self { events, next })
    }

    /// The events that were not yet taken.
    #[must_use]
    pub fn as_slice(&self) -> &[Event] {
        &self.events[self.next..]
    }
}

impl Iterator for EventBatch {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let event = self.events.get(self.next).cloned();
        self.next += usize::from(event.is_some());
        event
    }
}

/// Events of a sealed segment.
const SEGMENT: usize = 64;

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{Output, TaskId};

    fn events(task: TaskId, seqs: std::ops::RangeInclusive<u64>) -> Vec<Event> {
        let payload = Output::text("b", "x").into();
        seqs.map(|n| Event::new(task, Seq::new(n), DateTime::UNIX_EPOCH, &payload).expect("valid")).collect()
    }

    /// Reads from `after` to the end of the tail.
    fn drain(tail: &mut Tail, mut after: Seq) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Some(batch) = tail.after(after) {
            seqs.extend(batch.map(|event| event.seq().get()));
            after = Seq::new(*seqs.last().expect("a batch is never empty"));
        }
        seqs
    }

    #[test]
    fn serves_every_cursor_inside_and_none_outside() {
        let (task, mut tail) = (TaskId::new(), Tail::default());
        tail.push(&events(task, 101..=300), usize::MAX);
        // What is shared with one at the end is too little for one who is behind it.
        for after in (100..300).rev().chain(100..300) {
            assert_eq!(drain(&mut tail, Seq::new(after)), (after + 1..=300).collect::<Vec<_>>());
        }
        assert!(tail.after(Seq::new(99)).is_none(), "event 100 is not here");
        assert!(tail.after(Seq::new(300)).is_none(), "nothing is after the end");
    }

    #[test]
    fn stays_within_its_bytes_and_keeps_the_newest() {
        let (task, mut tail) = (TaskId::new(), Tail::default());
        let limit = 100 * events(task, 1..=1)[0].weight();
        for n in 1..=1000 {
            tail.push(&events(task, n..=n), limit);
            assert!(tail.bytes() <= limit);
        }
        assert_eq!(drain(&mut tail, Seq::new(990)), (991..=1000).collect::<Vec<_>>());
    }

    #[test]
    fn counts_what_it_holds_and_lets_no_more_go_than_it_has_to() {
        let task = TaskId::new();
        // Numbers of as many digits: all weigh the same.
        let weight = events(task, 100..=100)[0].weight();
        for places in [1, 2, 10, 62] {
            let mut tail = Tail::default();
            for n in 100..=162 {
                tail.push(&events(task, n..=n), places * weight);
                let held = places.min((n - 99) as usize);
                assert_eq!(tail.bytes(), held * weight, "at {n} of {places} places");
                let oldest = n + 1 - held as u64;
                assert_eq!(drain(&mut tail, Seq::new(oldest - 1)), (oldest..=n).collect::<Vec<_>>());
            }
        }
        // What is sealed goes as a whole.
        let mut tail = Tail::default();
        tail.push(&events(task, 100..=299), 200 * weight);
        assert_eq!(tail.bytes(), 200 * weight, "all of it fits");
        tail.clear();
        tail.push(&events(task, 100..=299), 199 * weight);
        assert_eq!(tail.bytes(), (200 - SEGMENT) * weight);
        assert_eq!(tail.after(Seq::new(100)).map(|batch| batch.as_slice().len()), None);
        assert_eq!(drain(&mut tail, Seq::new(163)), (164..=299).collect::<Vec<_>>());
    }

    #[test]
    fn one_event_above_the_limit_is_not_kept() {
        let (task, mut tail) = (TaskId::new(), Tail::default());
        tail.push(&events(task, 1..=1), 10);
        assert_eq!(tail.bytes(), 0);
        assert!(tail.after(Seq::ZERO).is_none());
    }

    #[test]
    fn a_gap_starts_it_anew() {
        let (task, mut tail) = (TaskId::new(), Tail::default());
        tail.push(&events(task, 1..=10), usize::MAX);
        tail.push(&events(task, 12..=13), usize::MAX);
        assert!(tail.after(Seq::new(5)).is_none());
        assert_eq!(drain(&mut tail, Seq::new(11)), [12, 13]);
    }
}
