//! A paused clock does not run away while the store works: users' tests with timeouts hold.

mod common;

use std::time::Duration;

use common::{Place, create, text};
use task_core::{Seq, TaskQuery, TaskStore};
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
