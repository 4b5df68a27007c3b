//! What the broken store gives of one task.

use chrono::SubsecRound;
use task_core::{Event, Seq, StoreError, Task};

use crate::disk::Row;
use crate::fault::Fault;

pub(crate) fn snapshot(row: &Row, fault: Option<Fault>) -> Task {
    let from = if fault == Some(Fault::SnapshotNotUpdated) { &row.first } else { &row.snapshot };
    let mut task = from.clone();
    if fault != Some(Fault::SnapshotSeqIsOld)
        && let Some(newest) = row.events.last()
    {
        (task.seq, task.last_event_at) = (newest.seq(), newest.at());
    }
    if fault == Some(Fault::SnapshotLosesMetadata) {
        task.metadata = None;
    }
    task
}

pub(crate) fn events(
    row: &Row,
    fault: Option<Fault>,
    after: Seq,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Event>, StoreError> {
    let is = |other| fault == Some(other);
    if is(Fault::BeyondEndFails) && after > row.end() {
        return Err(StoreError::unavailable("out of range"));
    }
    let first = if is(Fault::AfterInclusive) { after } else { after.next() };
    let limit = if is(Fault::LimitIgnored) { usize::MAX } else { limit };
    let mut bytes = 0_usize;
    let mut events: Vec<_> = row
        .events
        .iter()
        .filter(|event| event.seq() >= first && event.seq() > Seq::ZERO && after < Seq::new(u64::MAX))
        .filter(|event| !(is(Fault::EventsLost) && event.seq().get() % 7 == 0))
        .take(limit)
        .take_while(|event| {
            bytes = bytes.saturating_add(event.data().len());
            let free = bytes == event.data().len() && !is(Fault::ZeroBytesGiveNothing);
            free || bytes <= max_bytes || is(Fault::ByteLimitIgnored)
        })
        .map(|event| altered(event, fault))
        .collect();
    if is(Fault::EventsReversed) {
        events.reverse();
    }
    Ok(events)
}

/// The event as a careless store would give it back.
fn altered(event: &Event, fault: Option<Fault>) -> Event {
    let (mut at, mut data) = (event.at(), event.data());
    match fault {
        Some(Fault::EventsTruncated) if data.len() > 65_535 => {
            data.truncate(60_000);
            data = format!("{{\"cut\":{}}}", data.len());
        }
        Some(Fault::JsonReencoded) => {
            let value: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
            data = value.to_string();
        }
        Some(Fault::TimesInSeconds) => at = at.trunc_subsecs(0),
        Some(Fault::UnicodeNormalised) => data = data.replace("e\u{301}", "\u{e9}"),
        _ => return event.clone(),
    }
    Event::from_stored(event.task(), event.seq(), at, event.kind(), &data).unwrap_or_else(|_| event.clone())
}
