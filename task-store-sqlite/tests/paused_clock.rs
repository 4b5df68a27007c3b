//! A paused clock does not run away while the store works: users' tests with timeouts hold.

mod common;

use std::time::Duration;

use common::{Place, create, text};
use futures::StreamExt;
use task_core::{InstanceId, Seq, TaskQuery, TaskStore};
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn no_call_takes_an_hour() {
    let place = Place::new();
    let store = timeout(HOUR, place.open()).await.expect("in time");
    let mut scribe = timeout(HOUR, create(&store, "a title")).await.expect("in time");
    timeout(HOUR, store.commit(scribe.record(text("more")))).await.expect("in time").expect("committed");
    timeout(HOUR, store.load(scribe.id())).await.expect("in time").expect("loaded");
    timeout(HOUR, store.events(scribe.id(), Seq::ZERO, 9, 9)).await.expect("in time").expect("read");
    timeout(HOUR, store.list(&TaskQuery::default())).await.expect("in time").expect("listed");
    timeout(HOUR, store.counts()).await.expect("in time").expect("counted");
    timeout(HOUR, store.claim(scribe.instance())).await.expect("in time").expect("claimed");
    timeout(HOUR, store.orphans(scribe.instance())).await.expect("in time").expect("looked");
    timeout(HOUR, store.remove(scribe.id(), Seq::new(3))).await.expect("in time").expect("removed");
    timeout(HOUR, store.close()).await.expect("in time").expect("closed");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_waits_for_another_process_is_in_time() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let commit = common::begun(timeout(HOUR, store.commit(scribe.record(text("waits")))));
    other.execute_batch("ROLLBACK").expect("ended");
    commit.await.expect("in time").expect("committed");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_another_process_is_told_in_time() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    let mut changes = store.changes(InstanceId::new());
    let waiting = timeout(HOUR, changes.next());
    let (change, scribe) = tokio::join!(waiting, create(&other, "a title"));
    let task_core::Change::Moved { task, .. } = change.expect("in time").expect("open") else {
        panic!("moved")
    };
    assert_eq!(task, scribe.id());
}
