//! Files that were cut short or in which bits have turned: an error that names the place, or what was written.
//!
//! The files are those of stores that were closed. What each engine notices differs, and is counted: SQLite has no
//! checksums of its pages, so a bit that turns inside a text can be served as that text. Each open looks at everything
//! that sled has written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_tasks_tests::random::{Random, seed};
use task_core::testing::Scribe;
use task_core::{Output, TaskStore};
use task_store_sled::SledStore;
use task_store_sqlite::SqliteStore;

use crate::child::{Store, Told};
use crate::files::{copy, files};
use crate::points::{NAME, PLACE};
use crate::rig::{self, Effort, index_below};

#[test]
fn sqlite_says_what_is_damaged() {
    damage(Store::Sqlite);
}

#[test]
fn sled_says_what_is_damaged() {
    damage(Store::Sled);
}

/// One way to damage one file.
#[derive(Clone, Debug)]
struct Damage {
    /// From the directory of the store.
    file: PathBuf,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Cut { bytes: usize },
    Turned { byte: usize, bit: u32 },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// Nothing but what was written, and all of it.
    Everything,
    /// Some logs, and an error for the others.
    Part,
    /// An error for everything.
    Refused,
    /// Less than was written, and no error.
    Silence,
    /// Something that was not written.
    Untrue,
}

fn damage(store: Store) {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = dir.path().join(PLACE);
    fs::create_dir(&whole).expect("made");
    let written = write(store, &whole.join(NAME));
    let tasks: Vec<_> = {
        let mut tasks: Vec<_> = written.tried.keys().map(|(task, _)| task.clone()).collect();
        tasks.dedup();
        tasks
    };
    let damages = damages(&whole);
    let all = damages.len();
    let outcomes = rig::in_random_order(damages, Effort::of_seconds(4), |damage| {
        (damage.clone(), try_damage(store, &whole, &written, &tasks, &damage))
    });
    let mut found: BTreeMap<(&str, Found), usize> = BTreeMap::new();
    let mut words = Vec::new();
    for (damage, outcome) in &outcomes {
        let how = if matches!(damage.how, How::Cut { .. }) { "cut" } else { "turned" };
        match outcome {
            Ok(outcome) => *found.entry((how, *outcome)).or_default() += 1,
            Err(how) => words.push(format!("{damage:?}: {how}")),
        }
    }
    println!("{store:?}: {} of {all}: {found:?}", outcomes.len());
    assert!(words.is_empty(), "{}", words.join("\n"));
    let count = |of: Found| {
        found.iter().filter(|((_, found), _)| *found == of).map(|(_, count)| count).sum::<usize>()
    };
    assert!(count(Found::Refused) > 0, "no damage was noticed");
    if store == Store::Sled {
        assert_eq!(count(Found::Silence) + count(Found::Untrue), 0, "every file is compared with its sum");
    }
}

/// A closed store with some tasks, and what is in it.
fn write(store: Store, path: &Path) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let open = async || match store {
            Store::Sled => Arc::new(SledStore::open(path).await.expect("opened")) as Arc<dyn TaskStore>,
            Store::Sqlite => Arc::new(SqliteStore::open(path).await.expect("opened")),
        };
        let (mut opened, mut told) = (open().await, Told::default());
        for n in 0..8 {
            if n == 4 {
                // In between, so that there is a summary of the log, one more file to damage, and a log behind it.
                opened.close().await.expect("closed");
                opened = open().await;
            }
            let mut scribe = Scribe::new(&format!("task {n}"));
            let mut commits = vec![scribe.create(Some(&format!("key {n}")))];
            for part in 0..5 {
                let text = format!("{part} ").repeat(1 << (n + part));
                commits.push(scribe.record([Output::text("block", text)]));
            }
            for commit in commits {
                for event in commit.events() {
                    let place = (event.task().to_string(), event.seq().get());
                    told.tried.insert(place, event.json().to_owned());
                }
                opened.commit(commit).await.expect("written");
            }
        }
        opened.close().await.expect("closed");
        told
    })
}

/// Every file cut at every sector, and as many turned bits.
fn damages(whole: &Path) -> Vec<Damage> {
    let mut random = Random::new(seed("damage"));
    let mut damages = Vec::new();
    for path in files(whole) {
        let file = path.strip_prefix(whole).expect("it is in there").to_owned();
        // Who has the store open, or had it, is in these and of no consequence.
        if file.extension().is_some_and(|extension| extension == "owner") || file.ends_with("lock") {
            continue;
        }
        let bytes = usize::try_from(path.metadata().expect("there").len()).expect("small");
        for at in (0..bytes).step_by(SECTOR) {
            damages.push(Damage { file: file.clone(), how: How::Cut { bytes: at } });
            let (byte, bit) =
                (index_below(&mut random, bytes), u32::try_from(random.below(8)).expect("small"));
            damages.push(Damage { file: file.clone(), how: How::Turned { byte, bit } });
        }
    }
    damages
}

fn try_damage(
    store: Store,
    whole: &Path,
    written: &Told,
    tasks: &[String],
    damage: &Damage,
) -> Result<Found, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join(PLACE);
    copy(whole, &place);
    let file = place.join(&damage.file);
    let mut bytes = fs::read(&file).expect("there");
    match damage.how {
        How::Cut { bytes: at } => bytes.truncate(at),
        How::Turned { byte, bit } => bytes[byte] ^= 1 << bit,
    }
    fs::write(&file, bytes).expect("damaged");

    let (mut told, path) = (Told::default(), place.join(NAME));
    let mut words = vec!["look"];
    words.extend(tasks.iter().map(String::as_str));
    told.go_on(store, &path, &words, &[]);
    let outcome = told.outcome.as_deref().unwrap_or_default();
    if told.hung || told.death.is_some() || outcome.is_empty() {
        return Err(format!("{:?} {:?} {}", told.outcome, told.death, told.stderr));
    }
    let refused = told.unreadable.iter().map(|line| line.split_once(' ').map_or("", |(_, error)| error));
    let refused: Vec<_> = refused.chain(outcome.strip_prefix("error open ")).collect();
    for error in &refused {
        let typed = error.starts_with("corrupt ")
            || error.starts_with("gap ")
            || error.starts_with("unavailable ")
            || error.starts_with("not-found ");
        let named = !error.starts_with("corrupt ") || error.contains(&*path.to_string_lossy());
        if !typed || !named {
            return Err(format!("the error is {error}"));
        }
    }
    let untrue = told.read.iter().find(|(place, event)| written.tried.get(*place) != Some(event));
    let lost = refused.iter().any(|error| error.starts_with("not-found "));
    Ok(match (untrue, refused.len()) {
        (Some(_), _) => Found::Untrue,
        (None, 0) if told.read.len() == written.tried.len() => Found::Everything,
        (None, 0) => Found::Silence,
        (None, _) if lost => Found::Silence,
        (None, _) if told.read.is_empty() => Found::Refused,
        (None, _) => Found::Part,
    })
}

const SECTOR: usize = 512;
