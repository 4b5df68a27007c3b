//! Where things lie in the tree: one tree for everything, so that what belongs together is written together.
//!
//! | key | value |
//! |---|---|
//! | `a` agent, status, number | an index entry |
//! | `c` | how many tasks are in each state, and the next number |
//! | `d` status, number | an index entry |
//! | `e` number, seq | an event |
//! | `k` hash, slot | an idempotency key, and the event it stands for |
//! | `p` number | a removed task of which something is left |
//! | `r` number, hash, slot | an idempotency key of this task |
//! | `s` number | a snapshot |
//! | `t` number | what lists and the writer look at |
//! | `u` id | the number of a task |
//!
//! Tasks are numbered in the order of their creation, and no number is used twice. Numbers are big-endian, so that the
//! order of keys is theirs. An agent is in a key as a hash, so that long names make no long keys: whoever reads it
//! compares the names.

use std::ops::Range;

use task_core::{Seq, TaskId, TaskStatus};

pub(crate) const COUNTS: &[u8] = b"c";

pub(crate) const EVENT_LEN: usize = 17;
pub(crate) const KEYED_LEN: usize = 11;

pub(crate) fn agent_index(agent: u64, status: TaskStatus, number: u64) -> Vec<u8> {
    numbered(agent_status(agent, status), number)
}

/// What all index entries of an agent and a status begin with.
pub(crate) fn agent_status(agent: u64, status: TaskStatus) -> Vec<u8> {
    let mut key = numbered(b"a".to_vec(), agent);
    key.extend_from_slice(status.as_str().as_bytes());
    key.push(0);
    key
}

pub(crate) fn status_index(status: TaskStatus, number: u64) -> Vec<u8> {
    numbered(in_status(status), number)
}

/// What all index entries of a status begin with.
pub(crate) fn in_status(status: TaskStatus) -> Vec<u8> {
    let mut key = b"d".to_vec();
    key.extend_from_slice(status.as_str().as_bytes());
    key.push(0);
    key
}

pub(crate) fn event(number: u64, seq: Seq) -> Vec<u8> {
    numbered(events_of(number), seq.get())
}

pub(crate) fn events_of(number: u64) -> Vec<u8> {
    numbered(b"e".to_vec(), number)
}

/// Where an event is, from its key or that of a part of it.
pub(crate) fn seq_of(key: &[u8]) -> Option<Seq> {
    number_at(key, EVENT_LEN - 8).map(Seq::new)
}

pub(crate) fn keyed(hash: u64, slot: u16) -> Vec<u8> {
    let mut key = keyed_of(hash);
    key.extend_from_slice(&slot.to_be_bytes());
    key
}

/// What all idempotency keys of a hash begin with.
pub(crate) fn keyed_of(hash: u64) -> Vec<u8> {
    numbered(b"k".to_vec(), hash)
}

pub(crate) fn purge(number: u64) -> Vec<u8> {
    numbered(PURGES.to_vec(), number)
}

/// That `keyed` is an idempotency key of a task.
pub(crate) fn reverse(number: u64, keyed: &[u8]) -> Vec<u8> {
    let mut key = reverses_of(number);
    key.extend_from_slice(&keyed[1..]);
    key
}

pub(crate) fn reverses_of(number: u64) -> Vec<u8> {
    numbered(b"r".to_vec(), number)
}

/// The inverse of [`reverse`].
pub(crate) fn keyed_from(reverse: &[u8]) -> Option<Vec<u8>> {
    let mut key = b"k".to_vec();
    key.extend_from_slice(reverse.get(9..)?);
    Some(key)
}

pub(crate) fn snapshot(number: u64) -> Vec<u8> {
    numbered(b"s".to_vec(), number)
}

pub(crate) fn head(number: u64) -> Vec<u8> {
    numbered(HEADS.to_vec(), number)
}

pub(crate) fn uid(task: TaskId) -> Vec<u8> {
    let mut key = b"u".to_vec();
    key.extend_from_slice(task.as_uuid().as_bytes());
    key
}

/// The number a key has behind `start` other bytes.
pub(crate) fn number_at(key: &[u8], start: usize) -> Option<u64> {
    let bytes = key.get(start..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes))
}

/// Everything that begins with `prefix`, from `after` on, exclusive, to `before`, exclusive, in what follows it.
pub(crate) fn between(prefix: &[u8], after: Option<u64>, before: Option<u64>) -> Range<Vec<u8>> {
    let start = match after {
        // Behind all parts of the record.
        Some(number) => successor(numbered(prefix.to_vec(), number)),
        None => prefix.to_vec(),
    };
    let end = match before {
        Some(number) => numbered(prefix.to_vec(), number),
        None => successor(prefix.to_vec()),
    };
    // The engine expects an empty range to be one in order.
    if start > end { end.clone()..end } else { start..end }
}

/// The first key behind everything that begins with `prefix`, which begins with a letter.
fn successor(mut prefix: Vec<u8>) -> Vec<u8> {
    while prefix.last() == Some(&u8::MAX) {
        prefix.pop();
    }
    if let Some(last) = prefix.last_mut() {
        *last += 1;
    }
    prefix
}

fn numbered(mut key: Vec<u8>, number: u64) -> Vec<u8> {
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// FNV-1a: stable for ever, as it is stored. Whoever chooses names that collide makes only their own searches slower.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(crate) const HEADS: &[u8] = b"t";
pub(crate) const PURGES: &[u8] = b"p";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_is_between_with_all_its_parts() {
        let part = |number| [head(number), vec![0, 0, 0, 1]].concat();
        let range = between(HEADS, Some(1), Some(3));
        for (key, inside) in [
            (head(1), false),
            (part(1), false),
            (head(2), true),
            (part(2), true),
            (head(3), false),
            (head(u64::MAX), false),
        ] {
            assert_eq!(range.contains(&key), inside, "{key:?}");
        }
        let all = between(HEADS, None, None);
        assert!(
            all.contains(&head(0)) && all.contains(&part(u64::MAX)) && !all.contains(&uid(TaskId::new()))
        );
        assert!(between(HEADS, Some(u64::MAX), None).is_empty(), "nothing is behind the last");
        assert!(between(HEADS, Some(5), Some(2)).is_empty());
    }

    #[test]
    fn the_hash_is_the_one_that_is_stored() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
