//! One owner at a time, whatever happens to the one before.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;

use chrono::DateTime;
use common::{Place, another_process, create};
use task_core::testing::Scribe;
use task_core::{Event, InstanceId, Seq, StoreError, TaskStore};
use task_store_sqlite::SqliteStore;

fn is_owned(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Owned { by }) => by,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_second_is_refused_until_the_first_releases() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    let (first, second) = (InstanceId::new(), InstanceId::new());
    store.claim(first).await.expect("free");
    store.claim(first).await.expect("claiming again changes nothing");
    store.keep_alive(first).await.expect("the owner");
    let name = format!("process {} (instance {first})", std::process::id());
    for by in [
        is_owned(store.claim(second).await),
        is_owned(store.clone().claim(second).await),
        is_owned(other.claim(second).await),
        is_owned(store.keep_alive(second).await),
    ] {
        assert_eq!(by, name);
    }
    is_owned(other.keep_alive(second).await);

    store.release(second).await.expect("nothing to release");
    store.keep_alive(first).await.expect("still the owner");
    store.release(first).await.expect("released");
    is_owned(store.keep_alive(first).await);
    other.claim(second).await.expect("free");
    is_owned(store.claim(first).await);
}

#[tokio::test]
async fn closing_and_dropping_release() {
    let place = Place::new();
    let store = place.open().await;
    store.claim(InstanceId::new()).await.expect("free");
    store.close().await.expect("closed");
    let store = place.open().await;
    store.claim(InstanceId::new()).await.expect("released by close");
    drop(store);
    place.open().await.claim(InstanceId::new()).await.expect("released by drop");
}

#[tokio::test]
async fn a_link_to_the_file_has_the_same_owner() {
    let place = Place::new();
    let store = place.open().await;
    store.claim(InstanceId::new()).await.expect("free");
    let link = place.file(".link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path(), &link).expect("linked");
    #[cfg(not(unix))]
    let link = place.path();
    let other = SqliteStore::open(link).await.expect("opened");
    is_owned(other.claim(InstanceId::new()).await);
}

#[tokio::test]
async fn orphans_run_under_somebody_else() {
    let place = Place::new();
    let store = place.open().await;
    let (me, gone) = (InstanceId::new(), InstanceId::new());
    create(&store, "pending").await;
    let mut mine = Scribe::new("mine").with_instance(me);
    let mut lost = Scribe::new("lost").with_instance(gone);
    let mut ended = Scribe::new("ended").with_instance(gone);
    for scribe in [&mut mine, &mut lost, &mut ended] {
        store.commit(scribe.create(None)).await.expect("created");
        store.commit(scribe.start()).await.expect("started");
    }
    let cancelled = Event::from_stored(ended.id(), Seq::ZERO, DateTime::UNIX_EPOCH, "cancelled", "{}");
    store.commit(ended.record([cancelled.expect("valid").payload()])).await.expect("ended");
    assert_eq!(store.orphans(me).await.expect("looked"), [lost.id()]);
    assert_eq!(store.orphans(gone).await.expect("looked"), [mine.id()]);
}

const CLAIM: &str = "TASK_STORE_SQLITE_CLAIM";

#[tokio::test]
async fn an_owner_that_was_killed_is_no_owner() {
    if let Some(path) = std::env::var_os(CLAIM) {
        return claim_and_stay(Path::new(&path)).await;
    }
    let place = Place::new();
    let store = place.open().await;
    let mut process = another_process("an_owner_that_was_killed_is_no_owner", CLAIM, &place.path());
    let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let owns = lines.map(|line| line.expect("text")).find(|line| line.contains("claimed"));
    assert!(owns.is_some(), "the other process claims");

    let me = InstanceId::new();
    let by = is_owned(store.claim(me).await);
    assert!(by.starts_with(&format!("process {} (instance ", process.id())), "{by}");
    process.kill().expect("killed");
    process.wait().expect("gone");
    store.claim(me).await.expect("free at once");
}

async fn claim_and_stay(path: &Path) {
    let store = SqliteStore::open(path).await.expect("opened");
    store.claim(InstanceId::new()).await.expect("free");
    println!("claimed");
    std::future::pending().await
}
