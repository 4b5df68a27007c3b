//! From some call on nothing is synced or written any more, or the process is gone in the middle of it: commands are
//! refused or not answered, and the next process does the same again with the same keys. What was refused may be there; nothing is there twice, and nothing in the
//! place of something else.

use std::collections::BTreeMap;
use std::fs;

use crate::child::{Store, Told};
use crate::points::{Calls, NAME, PLACE, Point};
use crate::rig::{self, Effort};

#[test]
fn sqlite_has_a_failed_command_once_or_not_at_all() {
    repeat(Store::Sqlite);
}

#[test]
fn sled_has_a_failed_command_once_or_not_at_all() {
    repeat(Store::Sled);
}

fn repeat(store: Store) {
    if !rig::can_trace() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join(PLACE)).expect("made");
    let calls = Calls::count(store, dir.path(), "commands");
    let points = calls.points().into_iter().chain(calls.points_once());
    let points: Vec<_> = points.filter(|point| FAILING.contains(&point.call)).collect();
    let all = points.len();
    let outcomes = rig::in_random_order(points, Effort::of_seconds(6), |point| {
        try_point(store, &calls, &point).map_err(|how| format!("{point}: {how}"))
    });
    let mut counts = Counts::default();
    let mut words = Vec::new();
    for outcome in &outcomes {
        match outcome {
            Ok(found) => counts.add(found),
            Err(how) => words.push(how.as_str()),
        }
    }
    println!("{store:?}: {} of {all} points: {counts:?}", outcomes.len());
    assert!(words.is_empty(), "{}", words.join("\n"));
    // A sample may have none.
    if outcomes.len() == all {
        assert!(counts.refused > 0 && counts.reappeared > 0, "{counts:?}");
    }
}

/// What became of the commands of one process, or of many.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    /// Of those that were refused.
    reappeared: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        let Self { accepted, refused, reappeared } = other;
        self.accepted += accepted;
        self.refused += refused;
        self.reappeared += reappeared;
    }
}

fn try_point(store: Store, calls: &Calls, point: &Point) -> Result<Counts, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join(PLACE);
    fs::create_dir(&place).expect("made");
    let path = place.join(NAME);
    let mut told = Told::default();
    told.go_on(store, &path, &["commands"], &calls.strace_from(point, dir.path()));
    if !point.is_last() {
        ended_well(&told)?;
    }
    let (first, refused) =
        (sent(&told), told.said.iter().filter(|line| line.starts_with("refused ")).count());
    told.go_on(store, &path, &["again"], &[]);
    ended_well(&told)?;
    let second = sent(&told);
    for (key, (seq, _)) in &first {
        let again = second.get(key).ok_or_else(|| format!("`{key}` was refused afterwards: {told:?}"))?;
        if again != &(seq.clone(), "repeated".to_owned()) {
            return Err(format!("`{key}` was accepted as event {seq}, and then {again:?}"));
        }
    }
    // Whether each is there once: the process has told its log, which it has found whole.
    for key in second.keys().filter(|key| *key != "create") {
        let text = format!("\"text\":\"{key}\"");
        let times = told
            .read
            .values()
            .filter(|event| event.contains("\"kind\":\"message\"") && event.contains(&text));
        let times = times.count();
        if times != 1 {
            return Err(format!("`{key}` is there {times} times: {:?}", told.read.values()));
        }
    }
    let reappeared =
        second.iter().filter(|(key, (_, how))| how == "repeated" && !first.contains_key(*key)).count();
    Ok(Counts { accepted: first.len(), refused, reappeared })
}

fn ended_well(told: &Told) -> Result<(), String> {
    if told.outcome.as_deref() == Some("ok") && told.death.is_none() && !told.hung {
        Ok(())
    } else {
        Err(format!(
            "{:?} {:?} hung: {} {:?} {}",
            told.outcome, told.death, told.hung, told.said, told.stderr
        ))
    }
}

/// By key: as which event, and whether it was there before.
fn sent(told: &Told) -> BTreeMap<String, (String, String)> {
    let sent = told.said.iter().filter_map(|line| line.strip_prefix("sent "));
    sent.map(|line| {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let [key, seq, how] = &words[..] else { panic!("three words: {line}") };
        (key.clone(), (seq.clone(), how.clone()))
    })
    .collect()
}

/// What a disk does that is broken, as far as it can leave a commit half told.
const FAILING: [&str; 4] = ["fdatasync", "fsync", "pwrite64", "sync_file_range"];
