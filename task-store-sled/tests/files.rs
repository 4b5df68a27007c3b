//! What is a store's directory and what is not; what is refused stays as it was; what is damaged is an error.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Place, create, log, text};
use task_core::{RunContext, RunResult, Seq, StoreError, TaskManager, TaskQuery, TaskStore};
use task_store_sled::SledStore;

/// The names and contents of everything in a directory; a directory has none.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
            found.insert(path, None);
        } else {
            let bytes = fs::read(&path).expect("read");
            found.insert(path, Some(bytes));
        }
    }
    found
}

#[tokio::test]
async fn a_newer_version_is_refused_and_nothing_is_touched() {
    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    store.close().await.expect("closed");
    for text in ["task-store-sled 99\n", "task-store-sled 99 creating\n"] {
        fs::write(place.file("version"), text).expect("from the future");
        let before = contents(&place.path());
        let error = SledStore::open(place.path()).await.expect_err("too new");
        assert!(matches!(error, StoreError::TooNew { found: 99, supported: 1 }), "{error}");
        assert!(contents(&place.path()) == before);
    }
}

#[tokio::test]
async fn a_newer_version_is_refused_before_its_engine_is_looked_at() {
    let place = Place::new();
    fs::create_dir(place.path()).expect("made");
    fs::write(place.file("version"), "task-store-sled 2").expect("from the future");
    fs::write(place.file("data"), "a file now, who knows").expect("from the future");
    let before = contents(&place.path());
    let error = SledStore::open(place.path()).await.expect_err("too new");
    assert!(matches!(error, StoreError::TooNew { found: 2, .. }), "{error}");
    assert!(contents(&place.path()) == before);
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_not_touched() {
    for (name, bytes) in [
        ("notes.txt", "just some notes"),
        ("db", "a database of sled itself, of something else"),
        ("version", ""),
        ("version", "1"),
        ("version", "task-store-sled 0"),
        ("version", "task-store-sled -1"),
        ("version", "task-store-sled 1 and more"),
        ("version", "something 1"),
    ] {
        let place = Place::new();
        fs::create_dir(place.path()).expect("made");
        fs::write(place.file(name), bytes).expect("written");
        let before = contents(&place.path());
        let error = SledStore::open(place.path()).await.expect_err("no store");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{name} {bytes}: {error:?}");
        assert!(contents(&place.path()) == before, "{name} {bytes}");
    }
    let place = Place::new();
    fs::write(place.path(), "a file").expect("written");
    let error = SledStore::open(place.path()).await.expect_err("no directory");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_directory_in_one_that_is_not_there_is_an_error() {
    let place = Place::new();
    let error = SledStore::open(place.file("no")).await.expect_err("no directory");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(!place.path().exists());
}

#[tokio::test]
async fn an_empty_directory_becomes_a_store() {
    let place = Place::new();
    fs::create_dir(place.path()).expect("made");
    let store = place.open().await;
    create(&store, "a title").await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_look_into_the_directory() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    let mode = fs::metadata(place.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_closed_store_does_nothing_more() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let clone = store.clone();
    store.close().await.expect("closed");
    clone.close().await.expect("closing twice is fine");
    let instance = scribe.instance();
    let refused = [
        clone.commit(scribe.message("late")).await.err(),
        clone.load(scribe.id()).await.err(),
        clone.events(scribe.id(), Seq::ZERO, 1, 1).await.err(),
        clone.list(&TaskQuery::default()).await.err(),
        clone.counts().await.err(),
        clone.find_key("key").await.err(),
        clone.remove(scribe.id(), scribe.task().seq).await.err(),
        clone.claim(instance).await.err(),
        clone.keep_alive(instance).await.err(),
        clone.orphans(instance).await.err(),
        clone.release(instance).await.err(),
    ];
    for (place, error) in refused.into_iter().enumerate() {
        assert!(matches!(error, Some(StoreError::Closed)), "call {place}: {error:?}");
    }
    let mut changes = clone.changes(instance);
    assert_eq!(futures::StreamExt::next(&mut changes).await, None);
}

/// Whatever is overwritten in whichever file: each call is answered, with what was written or with an error.
#[tokio::test]
async fn damaged_files_are_errors_and_neither_panics_nor_hangs() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribes = Vec::new();
    for n in 0..40 {
        let mut scribe = create(&store, &format!("task {n}")).await;
        for _ in 0..5 {
            store.commit(scribe.record(text(&"word ".repeat(n * 20)))).await.expect("committed");
        }
        scribes.push(scribe);
    }
    store.close().await.expect("closed");
    // Once more, so that there is a summary of the log, which is one more file to damage.
    place.open().await.close().await.expect("closed");

    let whole = contents(&place.path());
    let mut refused = 0;
    for (file, bytes) in whole.iter().filter_map(|(path, bytes)| Some((path, bytes.as_ref()?))) {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or_default();
        for part in [0, 1, 3, 5, 7] {
            let (mut damaged, at) = (bytes.clone(), used * part / 8);
            damaged.iter_mut().skip(at).take(64).for_each(|byte| *byte = !*byte);
            fs::write(file, &damaged).expect("damaged");
            let mut writers = scribes.clone();
            let looked = tokio::time::timeout(Duration::from_secs(60), look(&place, &mut writers));
            refused += usize::from(looked.await.expect("it does not hang"));
            restore(&place, &whole);
        }
    }
    assert!(refused > 0, "some damage was noticed");
    assert!(!look(&place, &mut scribes).await, "without damage everything is there");
}

/// Everything as it was: an open writes files of its own.
fn restore(place: &Place, whole: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    fs::remove_dir_all(place.path()).expect("removed");
    fs::create_dir(place.path()).expect("made");
    // A directory comes before what is in it.
    for (path, bytes) in whole {
        match bytes {
            Some(bytes) => fs::write(path, bytes).expect("written"),
            None => fs::create_dir(path).expect("made"),
        }
    }
}

/// Reads and writes; gives whether something was refused.
async fn look(place: &Place, scribes: &mut [task_core::testing::Scribe]) -> bool {
    let store = match SledStore::open(place.path()).await {
        Ok(store) => store,
        Err(error @ (StoreError::Corrupt { .. } | StoreError::Unavailable { .. })) => {
            assert!(!error.to_string().is_empty());
            return true;
        }
        Err(error) => panic!("{error:?}"),
    };
    let mut refused = false;
    for scribe in &mut *scribes {
        match log(&store, scribe.id()).await {
            Ok(log) => refused |= log.len() as u64 != scribe.task().seq.get(),
            Err(_) => refused = true,
        }
        refused |= store.load(scribe.id()).await.is_err();
    }
    refused |= store.list(&TaskQuery::default()).await.is_err();
    refused |= store.commit(scribes[0].message("more")).await.is_err();
    store.close().await.expect("closed");
    refused
}

/// A directory as the first version left it, kept as keys and values. Each later version adds one of its own here.
fn old(place: &Place, dump: &str) {
    fs::create_dir(place.path()).expect("made");
    fs::write(place.file("version"), "task-store-sled 1\n").expect("written");
    let engine = place.engine();
    let bytes = |hex: &str| {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>()
    };
    for line in dump.lines().filter(|line| !line.starts_with('#')) {
        let (key, value) = line.split_once(' ').expect("a key and a value");
        engine.insert(bytes(key), bytes(value)).expect("inserted");
    }
    engine.flush().expect("written");
}

async fn read(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

/// A kind that this version does not know among them.
#[tokio::test]
async fn a_directory_of_every_older_version_opens_and_its_events_stay_as_they_were() {
    for dump in [include_str!("fixtures/schema_1.txt")] {
        let place = Place::new();
        old(&place, dump);
        let store = place.open().await;
        let page = store.list(&TaskQuery::default()).await.expect("listed");
        let [task] = &page.items[..] else { panic!("one task: {page:?}") };
        assert_eq!((task.title.as_str(), task.seq.get()), ("an old task", 4));
        let before = log(&store, task.id).await.expect("read");
        let kinds: Vec<_> = before.iter().map(|event| event.kind()).collect();
        assert_eq!(kinds, ["created", "message", "text", "hologram"]);
        assert_eq!(before[3].data(), r#"{"big":123456789012345678901234567890,"z":1,"a":[1.0,2e400]}"#);
        assert_eq!(store.counts().await.expect("counted").pending, 1);
        let keyed = store.find_key("an old key").await.expect("looked").expect("found");
        assert_eq!((keyed.task, keyed.seq), (task.id, Seq::new(2)));

        // It is run, which writes what is there anew.
        let tasks = TaskManager::builder(store).runner("scribe", read).start().await.expect("starts");
        tasks.wait(task.id).await.expect("it settles");
        tasks.rename(task.id, "not so old").await.expect("renamed");
        tasks.shutdown(Duration::from_secs(5)).await.expect("ends");
        let store = place.open().await;
        let after = log(&store, task.id).await.expect("read");
        assert!(after.len() > before.len());
        assert_eq!(after[..before.len()], before[..]);
        assert_eq!(store.load(task.id).await.expect("there").title, "not so old");
    }
}
