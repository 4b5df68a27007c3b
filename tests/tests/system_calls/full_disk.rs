//! A disk that is full: runs and commands are told, viewers see nothing that is not stored, and when there is room again
//! it goes on, on SQLite in the same process and on sled once it is opened again.

use crate::child::{Store, Told};
use crate::rig;

#[test]
fn sqlite_goes_on_when_there_is_room_again() {
    let Some(told) = fill(Store::Sqlite) else { return };
    let settled =
        told.iter().find(|line| line.starts_with("settled ")).map(String::as_str).unwrap_or_default();
    assert!(settled.starts_with("settled failed the store failed"), "{settled}");
    assert!(told.iter().any(|line| line == "readable 10"), "it can be read all the time");
}

#[test]
fn sled_says_that_it_has_to_be_opened_again_and_then_goes_on() {
    let Some(told) = fill(Store::Sled) else { return };
    let refused = |what: &str, how: &str| {
        told.iter().any(|line| line.starts_with(&format!("refused {what} ")) && line.contains(how))
    };
    assert!(refused("create", "has to be opened again"), "{told:?}");
    assert!(refused("open", "No space left"), "it cannot even be opened before there is room: {told:?}");
    assert!(told.iter().any(|line| line.starts_with("settled interrupted")), "{told:?}");
}

/// Runs the process on a small disk, and gives what it said. Nothing when there can be no such disk here.
fn fill(store: Store) -> Option<Vec<String>> {
    if !rig::can_mount() {
        return None;
    }
    let (dir, mut told) = (tempfile::tempdir().expect("a directory"), Told::default());
    told.fill_disk(store, dir.path());
    assert!(!told.hung && told.death.is_none(), "{told:?}");
    assert_eq!(told.outcome.as_deref(), Some("ok"), "{:?} {}", told.said, told.stderr);
    assert!(!told.stderr.contains("panicked") || store == Store::Sled, "{}", told.stderr);
    // The process has compared what a viewer saw with the log; here, what its run was told is stored.
    let stopped = told.said.iter().find_map(|line| line.strip_prefix("stopped ")).expect("the run was told");
    let stored: usize = stopped.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    let texts = told.read.values().filter(|event| event.contains("\"kind\":\"text\"")).count();
    println!("{store:?}: {stored} texts acknowledged, {texts} there, the last of them written afterwards");
    assert!(stored > 10 && texts > stored, "{texts} of {stored}");
    Some(told.said)
}
