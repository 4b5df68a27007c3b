//! The small records: what they hold and how it is laid out.

use chrono::{DateTime, Utc};
use task_core::{Event, Seq, StatusCounts, StoredPage, TaskId, TaskStatus};
use uuid::Uuid;

use crate::error::Fault;

/// What lists and the writer look at of a task, without its snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) task: TaskId,
    pub(crate) status: TaskStatus,
    /// The hash of the agent's id.
    pub(crate) agent: u64,
    pub(crate) title_folded: String,
}

impl Head {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.task.as_uuid().as_bytes().to_vec();
        bytes.extend_from_slice(&self.agent.to_be_bytes());
        put_word(&mut bytes, self.status.as_str());
        bytes.extend_from_slice(self.title_folded.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let mut read = || -> Option<Self> {
            let task = Uuid::from_bytes(*take(&mut rest)?).into();
            let agent = u64::from_be_bytes(*take(&mut rest)?);
            let status = take_word(&mut rest)?.parse().ok()?;
            let title_folded = str::from_utf8(rest).ok()?.to_owned();
            Some(Self { task, status, agent, title_folded })
        };
        read().ok_or_else(|| Fault::damaged("the head of a task cannot be read"))
    }
}

/// How many tasks are in each state, and the number of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) next: u64,
    pub(crate) counts: StatusCounts,
}

impl Counts {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.next.to_be_bytes().to_vec();
        for status in TaskStatus::ALL {
            // By name: the order of the states may change.
            put_word(&mut bytes, status.as_str());
            bytes.extend_from_slice(&self.counts.of(status).to_be_bytes());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let mut read = || -> Option<Self> {
            let next = u64::from_be_bytes(*take(&mut rest)?);
            let mut counts = StatusCounts::default();
            while !rest.is_empty() {
                let status = take_word(&mut rest)?.parse().ok()?;
                *counts.of_mut(status) = u64::from_be_bytes(*take(&mut rest)?);
            }
            Some(Self { next, counts })
        };
        read().ok_or_else(|| Fault::damaged("the counts of tasks cannot be read"))
    }

    pub(crate) fn moved(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>) -> Result<(), Fault> {
        if let Some(from) = from {
            let count = self.counts.of_mut(from);
            *count = count.checked_sub(1).ok_or_else(|| Fault::damaged("a count is too low"))?;
        }
        if let Some(to) = to {
            *self.counts.of_mut(to) += 1;
        }
        Ok(())
    }
}

/// What an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    pub(crate) number: u64,
    pub(crate) seq: Seq,
    pub(crate) key: String,
}

impl KeyEntry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.number.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.seq.get().to_be_bytes());
        bytes.extend_from_slice(self.key.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let mut read = || -> Option<Self> {
            let number = u64::from_be_bytes(*take(&mut rest)?);
            let seq = Seq::new(u64::from_be_bytes(*take(&mut rest)?));
            Some(Self { number, seq, key: str::from_utf8(rest).ok()?.to_owned() })
        };
        read().ok_or_else(|| Fault::damaged("an idempotency key cannot be read"))
    }
}

/// An event as it is stored: its time, its kind, its fields.
pub(crate) fn encode_event(event: &Event) -> Result<Vec<u8>, Fault> {
    let (kind, data) = (event.kind(), event.data_parts());
    let Ok(kind_len) = u16::try_from(kind.len()) else {
        return Err(Fault::Refused("the kind of an event has more than 65,535 letters"));
    };
    let mut bytes = Vec::with_capacity(10 + kind.len() + data.iter().map(|part| part.len()).sum::<usize>());
    bytes.extend_from_slice(&event.at().timestamp_millis().to_be_bytes());
    bytes.extend_from_slice(&kind_len.to_be_bytes());
    bytes.extend_from_slice(kind.as_bytes());
    data.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
    Ok(bytes)
}

/// Adds a stored event to a page, and says whether there was room for it.
pub(crate) fn push_event(page: &mut StoredPage, task: TaskId, seq: Seq, bytes: &[u8]) -> Result<bool, Fault> {
    let at = event_time(bytes)?;
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut read = || -> Option<(&str, &str)> {
        let kind_len = usize::from(u16::from_be_bytes(*take(&mut rest)?));
        let (kind, data) = rest.split_at_checked(kind_len)?;
        Some((str::from_utf8(kind).ok()?, str::from_utf8(data).ok()?))
    };
    let damaged = || Fault::damaged(format!("event {seq} of task {task} cannot be read"));
    let (kind, data) = read().ok_or_else(damaged)?;
    page.push(seq, at, kind, data).map_err(|error| Fault::damaged_by("an event", error))
}

/// The time of an event, which is in the first part of it.
pub(crate) fn event_time(bytes: &[u8]) -> Result<DateTime<Utc>, Fault> {
    let millis = bytes.first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
    let time = millis.and_then(DateTime::from_timestamp_millis);
    time.ok_or_else(|| Fault::damaged("an event has no time"))
}

fn put_word(bytes: &mut Vec<u8>, word: &str) {
    // The words are those of a list in the code.
    bytes.push(u8::try_from(word.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(word.as_bytes());
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

fn take_word<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [len] = *take(rest)?;
    let (word, left) = rest.split_at_checked(len.into())?;
    *rest = left;
    str::from_utf8(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_records_come_back_and_damaged_ones_are_errors() {
        let head = Head {
            task: TaskId::new(),
            status: TaskStatus::AwaitingInput,
            agent: 7,
            title_folded: "новая задача".to_owned(),
        };
        let mut counts = Counts { next: 9, ..Counts::default() };
        counts.moved(None, Some(TaskStatus::Failed)).expect("counted");
        let key = KeyEntry { number: 3, seq: Seq::new(4), key: "key".to_owned() };
        assert_eq!(Head::decode(&head.encode()).expect("whole"), head);
        assert_eq!(Counts::decode(&counts.encode()).expect("whole"), counts);
        assert_eq!(KeyEntry::decode(&key.encode()).expect("whole"), key);
        assert!(Head::decode(&head.encode()[..30]).is_err());
        assert!(Counts::decode(&counts.encode()[..12]).is_err());
        assert!(KeyEntry::decode(&key.encode()[..15]).is_err());
        counts.moved(Some(TaskStatus::Running), None).expect_err("there is none");
    }
}
