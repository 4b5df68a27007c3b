//! What is a store's file and what is not; what is refused stays as it was.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Place, create, log};
use task_core::{RunContext, RunResult, Seq, StoreError, TaskManager, TaskQuery, TaskStore};
use task_store_sqlite::SqliteStore;

/// The names and contents of a directory.
fn contents(place: &Place) -> Vec<(String, Vec<u8>)> {
    let path = place.path();
    let directory = path.parent().expect("a directory");
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("listed")
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("read"))
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_nothing_is_touched() {
    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    store.close().await.expect("closed");
    place.connection().pragma_update(None, "user_version", 99).expect("from the future");

    let before = contents(&place);
    let error = SqliteStore::open(place.path()).await.expect_err("too new");
    assert!(matches!(error, StoreError::TooNew { found: 99, supported: 2 }), "{error}");
    assert_eq!(contents(&place), before);
    assert_eq!(before.len(), 1, "the database alone: {before:?}");
}

#[tokio::test]
async fn a_newer_schema_that_is_only_in_the_log_of_the_database_is_refused_too() {
    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    // Held open, so that the log of the database stays where it is.
    let newer = place.connection();
    newer.pragma_update(None, "user_version", 99).expect("from the future");
    drop(store);

    let database_and_log =
        || (fs::read(place.path()).expect("read"), fs::read(place.file("-wal")).expect("read"));
    let before = database_and_log();
    let error = SqliteStore::open(place.path()).await.expect_err("too new");
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
    assert!(database_and_log() == before, "nothing was touched");
}

#[tokio::test]
async fn a_store_whose_file_a_newer_version_has_migrated_stops_writing() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    place.connection().pragma_update(None, "user_version", 99).expect("from the future");
    let error = store.commit(scribe.message("late")).await.expect_err("too new");
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 2);
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_not_touched() {
    for bytes in [&b"hello"[..], &b"just some notes\n".repeat(1000), &[0; 8192]] {
        let place = Place::new();
        fs::write(place.path(), bytes).expect("written");
        let before = contents(&place);
        let error = SqliteStore::open(place.path()).await.expect_err("no database");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert_eq!(contents(&place), before);
    }
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_and_not_touched() {
    let place = Place::new();
    place.connection().execute_batch("CREATE TABLE shopping (item TEXT)").expect("theirs");
    let before = contents(&place);
    let error = SqliteStore::open(place.path()).await.expect_err("theirs");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(contents(&place), before);
}

async fn read(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

/// Files as each schema left them, kept as SQL, with a kind that this version does not know among their events. Each later
/// schema adds one of its own here.
#[tokio::test]
async fn a_file_of_every_schema_opens_and_its_events_stay_as_they_were() {
    for dump in [include_str!("fixtures/schema_1.sql"), include_str!("fixtures/schema_2.sql")] {
        let place = Place::new();
        place.connection().execute_batch(dump).expect("the fixture is valid");
        let store = place.open().await;
        let page = store.list(&TaskQuery::default()).await.expect("listed");
        let [task] = &page.items[..] else { panic!("one task: {page:?}") };
        assert_eq!((task.title.as_str(), task.seq.get()), ("an old task", 4));
        let before = log(&store, task.id).await.expect("read");
        let kinds: Vec<_> = before.iter().map(|event| event.kind()).collect();
        assert_eq!(kinds, ["created", "message", "text", "hologram"]);
        assert_eq!(before[3].data(), r#"{"big":123456789012345678901234567890,"z":1,"a":[1.0,2e400]}"#);
        assert_eq!(store.counts().await.expect("counted").pending, 1);
        assert!(store.find_key("an old key").await.expect("looked").is_some());

        // It is run, which writes what is there anew.
        let tasks = TaskManager::builder(store).runner("scribe", read).start().await.expect("starts");
        tasks.wait(task.id).await.expect("it settles");
        tasks.rename(task.id, "not so old").await.expect("renamed");
        tasks.shutdown(Duration::from_secs(5)).await.expect("ends");
        place.connection().execute_batch("VACUUM").expect("rewritten");
        let store = place.open().await;
        let after = log(&store, task.id).await.expect("read");
        assert!(after.len() > before.len());
        assert_eq!(after[..before.len()], before[..]);
        assert_eq!(store.load(task.id).await.expect("there").title, "not so old");
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_an_error() {
    let place = Place::new();
    let error = SqliteStore::open(place.path().join("no/tasks.db")).await.expect_err("no directory");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(!Path::new(&place.path()).exists());
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let place = Place::new();
    fs::write(place.path(), b"").expect("written");
    let store = place.open().await;
    create(&store, "a title").await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    store.claim(task_core::InstanceId::new()).await.expect("claimed");
    for suffix in ["", "-wal", "-shm", ".owner"] {
        let mode = fs::metadata(place.file(suffix)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "tasks.db{suffix}");
    }
}

#[tokio::test]
async fn a_closed_store_leaves_one_file_and_does_nothing_more() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    store.load(scribe.id()).await.expect("a reader is open");
    let clone = store.clone();
    store.close().await.expect("closed");
    clone.close().await.expect("closing twice is fine");
    assert_eq!(contents(&place).len(), 1, "the database alone");

    let instance = scribe.instance();
    let refused = [
        clone.commit(scribe.message("late")).await.err(),
        clone.load(scribe.id()).await.err(),
        clone.events(scribe.id(), task_core::Seq::ZERO, 1, 1).await.err(),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_can_open_a_new_file_at_once() {
    let place = Place::new();
    let opening: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteStore::open(place.path()))).collect();
    for store in opening {
        let store = store.await.expect("no panic").expect("opened");
        create(&store, "a title").await;
    }
    assert_eq!(place.open().await.counts().await.expect("counted").total(), 8);
}

#[tokio::test]
async fn a_damaged_event_is_an_error_and_names_itself() {
    let place = Place::new();
    let store = place.open().await;
    let scribe = create(&store, "a title").await;
    place.connection().execute("UPDATE event SET data = 'no object' WHERE seq = 2", []).expect("damaged");
    let error = store.events(scribe.id(), Seq::new(1), 1, usize::MAX).await.expect_err("damaged");
    let StoreError::Corrupt { source: Some(source), .. } = &error else { panic!("{error}") };
    assert!(source.to_string().starts_with(&format!("event 2 of task {}", scribe.id())), "{source}");
    assert_eq!(store.events(scribe.id(), Seq::ZERO, 1, usize::MAX).await.expect("the others").len(), 1);
}
