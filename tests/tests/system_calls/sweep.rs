//! One call fails, once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::child::{self, Store};
use crate::judge::{Wrong, judge};
use crate::points::{Calls, NAME, PLACE, Point};
use crate::rig::{self, Effort};

#[test]
fn sqlite_survives_every_call_that_fails() {
    sweep(Store::Sqlite);
}

#[test]
fn sled_survives_every_call_that_fails() {
    sweep(Store::Sled);
}

fn sweep(store: Store) {
    if !rig::can_trace() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join(PLACE)).expect("made");
    let calls = Calls::count(store, dir.path(), "all");
    let points = calls.points();
    let mut results = Results::new(store, points.len());
    rig::in_random_order(points, Effort::of_seconds(12), |point| {
        let outcome = try_point(store, &calls, &point);
        (point, outcome)
    })
    .into_iter()
    .for_each(|(point, outcome)| results.add(&point, outcome));
    results.end(calls.len());
}

fn try_point(store: Store, calls: &Calls, point: &Point) -> Result<Met, (Wrong, String)> {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join(PLACE);
    fs::create_dir(&place).expect("made");
    let path: &Path = &place.join(NAME);
    let told = child::run(store, path, "all", &calls.strace(point, dir.path()));
    if !point.was_met(dir.path()) {
        return Ok(Met::No);
    }
    judge(store, path, &told)?;
    Ok(match told.outcome.as_deref() {
        Some("ok") => Met::Unnoticed,
        _ if told.took > child::SOON => Met::NoticedLate,
        _ => Met::Noticed,
    })
}

/// Whether a call has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    No,
    Noticed,
    /// As SQLite does it with locks.
    NoticedLate,
    Unnoticed,
}

#[derive(Debug)]
struct Results {
    store: Store,
    all: usize,
    met: BTreeMap<&'static str, usize>,
    wrong: BTreeMap<Wrong, usize>,
    known: BTreeMap<&'static str, usize>,
    words: Vec<String>,
}

impl Results {
    fn new(store: Store, all: usize) -> Self {
        let (met, wrong, known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { store, all, met, wrong, known, words: Vec::new() }
    }

    fn add(&mut self, point: &Point, outcome: Result<Met, (Wrong, String)>) {
        let met = match outcome {
            Ok(Met::No) => "not met",
            Ok(Met::Unnoticed) => "without consequence",
            Ok(Met::Noticed) => "told",
            Ok(Met::NoticedLate) => "told late",
            Err((wrong, how)) => {
                let known = KNOWN.iter().find(|known| known.is(self.store, point, wrong));
                match known {
                    Some(known) => *self.known.entry(known.reason).or_default() += 1,
                    None => {
                        *self.wrong.entry(wrong).or_default() += 1;
                        self.words.push(format!("{point}: {wrong:?}: {how}"));
                    }
                }
                "wrong"
            }
        };
        *self.met.entry(met).or_default() += 1;
    }

    fn end(self, calls: usize) {
        let tried: usize = self.met.values().sum();
        println!("{:?}: {calls} calls, {tried} of {} points: {:?}", self.store, self.all, self.met);
        println!("{:?}: wrong: {:?}, known: {:?}", self.store, self.wrong, self.known);
        // Every other one is, so it would be in a sample, too.
        let few = tried < 50;
        assert!(few || self.met.contains_key("told"), "nobody noticed any call that failed");
        assert!(self.words.is_empty(), "{}", self.words.join("\n"));
    }
}

/// What goes wrong and cannot be mended here. Whatever is not in this list fails the test.
struct Known {
    store: Store,
    call: &'static str,
    wrong: Wrong,
    reason: &'static str,
}

impl Known {
    fn is(&self, store: Store, point: &Point, wrong: Wrong) -> bool {
        (self.store, self.call, self.wrong) == (store, point.call, wrong)
    }
}

const KNOWN: &[Known] = &[Known {
    store: Store::Sled,
    call: "pread64",
    wrong: Wrong::Lost,
    reason: "while it is opened the engine takes what it cannot read for the end of its log, and erases what follows; \
             a sector that can never be read is found before, and refused",
}];
