//! Records of any size in values of a few KiB.
//!
//! The engine writes a page that is larger than an eighth of a MiB into a file of its own, which it never syncs: after a
//! power cut the database would not open. A page has some twenty values, so none may be larger than [`PART`].

use std::ops::Deref;

use sled::IVec;

use crate::error::{Doing, Fault};

/// The largest value. Twenty of them and their keys are well below the limit of a page.
pub(crate) const PART: usize = 4096;

/// What is to be written together, in order: what comes later wins.
#[derive(Debug, Default)]
pub(crate) struct Writes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Writes {
    pub(crate) fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.push((key, Some(value)));
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.0.push((key, None));
    }

    /// Removes a record with all its parts.
    pub(crate) fn remove_record(&mut self, key: &[u8], parts: u32) {
        self.remove(key.to_vec());
        (1..parts).for_each(|part| self.remove(part_key(key, part)));
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_batch(self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (key, value) in self.0 {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

/// Puts a record under `key`, in as many parts as it needs. `before` parts were there before.
pub(crate) fn put(writes: &mut Writes, key: &[u8], body: &[u8], before: u32) -> Result<u32, Fault> {
    let Ok(len) = u32::try_from(body.len()) else {
        return Err(Fault::Refused("a record has more than 4 GiB"));
    };
    let (first, rest) = body.split_at(body.len().min(PART - LEN));
    let mut value = Vec::with_capacity(LEN + first.len());
    value.extend_from_slice(&len.to_be_bytes());
    value.extend_from_slice(first);
    writes.insert(key.to_vec(), value);
    let mut parts = 1;
    for part in rest.chunks(PART) {
        writes.insert(part_key(key, parts), part.to_vec());
        parts += 1;
    }
    for left in parts..before {
        writes.remove(part_key(key, left));
    }
    Ok(parts)
}

/// How many parts a record has, by the value under its key.
pub(crate) fn parts(value: &[u8]) -> u32 {
    let rest = len(value).unwrap_or_default().saturating_sub(PART - LEN);
    u32::try_from(rest.div_ceil(PART)).unwrap_or(u32::MAX).saturating_add(1)
}

/// How many parts the record under `key` has.
pub(crate) fn count(db: &sled::Db, key: &[u8]) -> Result<Option<u32>, Fault> {
    Ok(db.get(key).doing("look at a record")?.map(|value| parts(&value)))
}

/// A record as it was put.
pub(crate) enum Body {
    Whole(IVec),
    Joined(Vec<u8>),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Whole(value) => &value[LEN..],
            Self::Joined(bytes) => bytes,
        }
    }
}

/// The record under `key`.
pub(crate) fn get(db: &sled::Db, key: &[u8]) -> Result<Option<Body>, Fault> {
    let Some(value) = db.get(key).doing("read a record")? else { return Ok(None) };
    let whole = len(&value).is_some_and(|len| len + LEN == value.len());
    if whole {
        return Ok(Some(Body::Whole(value)));
    }
    let after = part_key(key, 1)..=part_key(key, u32::MAX);
    join(key, &value, db.range(after)).map(Some)
}

/// Records one after the other, from a walk over their keys, which have `key_len` bytes.
pub(crate) struct Records {
    entries: sled::Iter,
    key_len: usize,
}

impl Records {
    pub(crate) const fn new(entries: sled::Iter, key_len: usize) -> Self {
        Self { entries, key_len }
    }

    fn read(&mut self, entry: sled::Result<(IVec, IVec)>) -> Result<(IVec, Body), Fault> {
        let (key, value) = entry.doing("walk over records")?;
        if key.len() != self.key_len {
            return Err(Fault::damaged(format!("a part of a record has no beginning: {key:?}")));
        }
        if len(&value).is_some_and(|len| len + LEN == value.len()) {
            return Ok((key, Body::Whole(value)));
        }
        let body = join(&key, &value, &mut self.entries)?;
        Ok((key, body))
    }
}

impl Iterator for Records {
    type Item = Result<(IVec, Body), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(self.read(entry))
    }
}

fn join(
    key: &[u8],
    first: &[u8],
    entries: impl Iterator<Item = sled::Result<(IVec, IVec)>>,
) -> Result<Body, Fault> {
    let damaged = || Fault::damaged(format!("a record is not whole: {key:?}"));
    let len = len(first).ok_or_else(damaged)?;
    // Nothing is reserved by what is stored: it may be wrong.
    let mut bytes = first[LEN..].to_vec();
    let (mut entries, mut part) = (entries, 1);
    while bytes.len() < len {
        let (found, value) = entries.next().ok_or_else(damaged)?.doing("read a part of a record")?;
        if *found != *part_key(key, part) || value.is_empty() {
            return Err(damaged());
        }
        bytes.extend_from_slice(&value);
        part += 1;
    }
    if bytes.len() == len { Ok(Body::Joined(bytes)) } else { Err(damaged()) }
}

fn len(value: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*value.first_chunk()?)).ok()
}

fn part_key(key: &[u8], part: u32) -> Vec<u8> {
    [key, &part.to_be_bytes()].concat()
}

/// Before the first part: how long the whole is.
const LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(parts: u32) -> Vec<u8> {
        let len = (PART - LEN) + (parts as usize - 1) * PART;
        (0..len).map(|n| n as u8).collect()
    }

    #[test]
    fn records_of_any_size_come_back_in_small_values() {
        let place = tempfile::tempdir().expect("a directory");
        let db = sled::open(place.path()).expect("opened");
        let mut expected = Vec::new();
        for (n, len) in
            [0, 1, PART - LEN - 1, PART - LEN, PART - LEN + 1, 2 * PART, 100_000].into_iter().enumerate()
        {
            let (mut writes, key) = (Writes::default(), [n as u8; 3]);
            let body: Vec<_> = (0..len).map(|n| (n * 7) as u8).collect();
            let count = put(&mut writes, &key, &body, 0).expect("put");
            db.apply_batch(writes.into_batch()).expect("applied");
            assert_eq!(parts(&db.get(key).expect("read").expect("there")), count);
            assert_eq!(*get(&db, &key).expect("read").expect("there"), *body);
            expected.push((key.to_vec(), body));
        }
        let walked: Vec<_> = Records::new(db.iter(), 3)
            .map(|record| record.map(|(key, body)| (key.to_vec(), body.to_vec())).expect("read"))
            .collect();
        assert!(walked == expected);
        assert!(db.iter().values().all(|value| value.expect("read").len() <= PART));
    }

    #[test]
    fn a_smaller_record_leaves_no_parts_of_the_larger_one() {
        let place = tempfile::tempdir().expect("a directory");
        let db = sled::open(place.path()).expect("opened");
        let mut before = 0;
        for parts in [3, 2, 5, 1] {
            let mut writes = Writes::default();
            before = put(&mut writes, b"key", &value(parts), before).expect("put");
            db.apply_batch(writes.into_batch()).expect("applied");
            assert_eq!((before, db.len()), (parts, parts as usize));
        }
    }

    #[test]
    fn a_record_with_a_part_missing_is_damaged() {
        let place = tempfile::tempdir().expect("a directory");
        let db = sled::open(place.path()).expect("opened");
        for missing in [1, 2] {
            let mut writes = Writes::default();
            put(&mut writes, b"key", &value(3), 0).expect("put");
            db.apply_batch(writes.into_batch()).expect("applied");
            db.remove(part_key(b"key", missing)).expect("removed");
            assert!(matches!(get(&db, b"key"), Err(Fault::Damaged { .. })));
            assert!(matches!(Records::new(db.iter(), 3).next(), Some(Err(Fault::Damaged { .. }))));
        }
    }
}
