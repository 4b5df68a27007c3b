//! What is synced, and when.

mod common;

use std::time::Duration;

use common::{Place, create, text};
use task_core::TaskStore;
use task_store_sqlite::{DurabilityPolicy, SqliteOptions};

/// How often something was written only to sync what was before it.
fn marks(place: &Place) -> i64 {
    place.connection().query_row("SELECT marks FROM sync_mark", [], |row| row.get(0)).expect("a row")
}

#[tokio::test(start_paused = true)]
async fn an_interval_syncs_once_for_everything_written_in_it() {
    let place = Place::new();
    let hour = Duration::from_secs(3600);
    let store =
        place.open_with(SqliteOptions::default().with_durability(DurabilityPolicy::Interval(hour))).await;
    let mut scribe = create(&store, "a title").await;
    store.commit(scribe.record(text("more"))).await.expect("committed");
    assert_eq!(marks(&place), 0, "not yet");
    tokio::time::sleep(2 * hour).await;
    assert_eq!(marks(&place), 1, "once");
    tokio::time::sleep(2 * hour).await;
    assert_eq!(marks(&place), 1, "nothing was written since");
    store.commit(scribe.record(text("more"))).await.expect("committed");
    tokio::time::sleep(2 * hour).await;
    assert_eq!(marks(&place), 2);
}

#[tokio::test(start_paused = true)]
async fn other_policies_need_no_timer() {
    for policy in [DurabilityPolicy::Durable, DurabilityPolicy::Process] {
        let place = Place::new();
        let store = place.open_with(SqliteOptions::default().with_durability(policy)).await;
        let mut scribe = create(&store, "a title").await;
        store.commit(scribe.record(text("more"))).await.expect("committed");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(marks(&place), 0, "{policy:?}");
    }
}
