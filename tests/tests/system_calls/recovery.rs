//! A process that opens a store after a crash crashes itself, at each of its calls, twice: then everything is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::child::{self, Store, Told};
use crate::files::copy;
use crate::judge::{Wrong, found};
use crate::points::{Calls, NAME, PLACE, Point};
use crate::rig::{self, Effort};

#[test]
fn sqlite_survives_crashes_while_it_recovers() {
    crash_again(Store::Sqlite);
}

#[test]
fn sled_survives_crashes_while_it_recovers() {
    crash_again(Store::Sled);
}

fn crash_again(store: Store) {
    if !rig::can_trace() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let crashes = crashes(store, dir.path());
    let mut points = Vec::new();
    for (crash, (place, told)) in crashes.iter().enumerate() {
        let counted = tempfile::tempdir().expect("a directory");
        copy(place, &counted.path().join(PLACE));
        let calls = Calls::count(store, counted.path(), "read");
        println!("{store:?}: after crash {crash} with {} events: {} calls", told.tried.len(), calls.len());
        let calls = std::sync::Arc::new(calls);
        points.extend(
            calls.points_once().into_iter().map(|point| (crash, std::sync::Arc::clone(&calls), point)),
        );
    }
    let all = points.len();
    let outcomes = rig::in_random_order(points, Effort::of_seconds(6), |(crash, calls, point)| {
        let (place, told) = &crashes[crash];
        let outcome = try_point(store, place, told, &calls, &point);
        outcome.map_err(|(wrong, how)| format!("crash {crash}, {point}: {wrong:?}: {how}"))
    });
    let crashed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count();
    println!("{store:?}: {} of {all} points, {crashed} crashed twice", outcomes.len());
    let words: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(crashed > 0, "no process has crashed");
    assert!(words.is_empty(), "{}", words.join("\n"));
}

/// Stores as processes have left them that crashed: at the end, and in the middle of writing.
fn crashes(store: Store, dir: &Path) -> Vec<(PathBuf, Told)> {
    let count = dir.join("count");
    fs::create_dir_all(count.join(PLACE)).expect("made");
    let calls = Calls::count(store, &count, "all");
    let writes = calls.points_once().into_iter().filter(|point| point.call == "pwrite64").collect::<Vec<_>>();
    let (early, late) = (writes.len() / 3, writes.len() * 2 / 3);
    let at_the_end = crash(store, &dir.join("end"), &[]);
    assert_eq!(at_the_end.1.outcome.as_deref(), Some("ok"), "it has done everything: {at_the_end:?}");
    let mut crashes = vec![at_the_end];
    for (name, nth) in [("early", early), ("late", late)] {
        // An engine that writes in threads of its own does not share the calls among them in the same way each time: a
        // number that none of them came to this time is followed by the ones before it.
        let cut_short = writes[..=nth].iter().rev().find_map(|point| {
            let dir = dir.join(format!("{name} {}", point.nth));
            let left = crash(store, &dir, &calls.strace(point, &dir));
            left.1.outcome.is_none().then_some(left)
        });
        crashes.push(cut_short.expect("a process that has not come to its end"));
    }
    assert!(crashes.iter().all(|(_, told)| !told.tried.is_empty()), "each has tried to write: {crashes:?}");
    crashes
}

/// A process that crashed, under strace with these arguments, if there are any: the store it left, and what it said.
fn crash(store: Store, dir: &Path, strace: &[String]) -> (PathBuf, Told) {
    let place = dir.join(PLACE);
    fs::create_dir_all(&place).expect("made");
    let told = child::run(store, &place.join(NAME), "crash", strace);
    assert!(told.death.is_some(), "it has crashed: {told:?}");
    (place, told)
}

fn try_point(
    store: Store,
    crashed: &Path,
    told: &Told,
    calls: &Calls,
    point: &Point,
) -> Result<bool, (Wrong, String)> {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join(PLACE);
    copy(crashed, &place);
    let path = place.join(NAME);
    let mut told = told.clone();
    let mut crashes = 0;
    for _ in 0..2 {
        told.go_on(store, &path, &["read"], &calls.strace(point, dir.path()));
        if told.hung {
            return Err((Wrong::Hung, format!("{told:?}")));
        }
        crashes += usize::from(told.death.is_some());
    }
    let first = found(store, &path, &told)?;
    let second = found(store, &path, &told)?;
    if first != second {
        return Err((Wrong::Untrue, "two looks found two states".to_owned()));
    }
    Ok(crashes == 2)
}
