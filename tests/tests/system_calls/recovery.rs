//! A process that opens a store after a crash crashes itself, at each of its calls, twice: then everything is there.

use std::fs;

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
fn crashes(store: Store, dir: &std::path::Path) -> Vec<(std::path::PathBuf, Told)> {
    let count = dir.join("count");
    fs::create_dir_all(count.join(PLACE)).expect("made");
    let calls = Calls::count(store, &count, "all");
    let writes = calls.points_once().into_iter().filter(|point| point.call == "pwrite64").collect::<Vec<_>>();
    let (early, late) = (writes[writes.len() / 3].clone(), writes[writes.len() * 2 / 3].clone());
    let crash = |name: &str, point: Option<Point>| {
        let place = dir.join(name).join(PLACE);
        fs::create_dir_all(&place).expect("made");
        let strace = point.map(|point| calls.strace(&point, &dir.join(name))).unwrap_or_default();
        let told = child::run(store, &place.join(NAME), "crash", &strace);
        let whole = told.outcome.as_deref() == Some("ok");
        assert!(
            told.death.is_some() && whole == strace.is_empty() && !told.tried.is_empty(),
            "{name}: {told:?}"
        );
        (place, told)
    };
    vec![crash("end", None), crash("early", Some(early)), crash("late", Some(late))]
}

fn try_point(
    store: Store,
    crashed: &std::path::Path,
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
