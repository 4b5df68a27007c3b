//! Hints of what others change: late or together, but never left out.

use std::collections::HashMap;

use futures::StreamExt;
use futures::stream::BoxStream;

use super::bench::{create, load, open, text, write};
use super::harness::Harness;
use crate::model::{InstanceId, Seq, TaskId};
use crate::store::{Change, TaskStore};
use crate::testing::Scribe;

/// Listens until one change makes `wanted` true, or tells to look at everything. Gives what was heard.
pub(super) async fn hear(
    changes: &mut BoxStream<'static, Change>,
    mut wanted: impl FnMut(&Change) -> bool,
) -> Vec<Change> {
    let mut heard = Vec::new();
    loop {
        let change = changes.next().await.expect("the stream goes on");
        heard.push(change);
        if change == Change::Unknown || wanted(&change) {
            return heard;
        }
    }
}

pub(super) fn moved(change: &Change, to: &Scribe) -> bool {
    matches!(*change, Change::Moved { task, seq } if task == to.id() && seq >= to.task().seq)
}

pub async fn commits_of_others_are_heard<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut changes = store.changes(InstanceId::new());
    let mut scribe = create(&store, "a title").await;
    hear(&mut changes, |change| moved(change, &scribe)).await;
    for _ in 0..3 {
        write(&store, scribe.record(text("more"))).await;
        hear(&mut changes, |change| moved(change, &scribe)).await;
    }
}

pub async fn what_changes_before_the_first_look_is_heard<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let mut changes = store.changes(InstanceId::new());
    write(&store, scribe.start()).await;
    // Nothing else comes, so nothing can make up for it.
    hear(&mut changes, |change| moved(change, &scribe)).await;
}

pub async fn own_commits_are_not_heard<H: Harness>(place: &H) {
    let store = open(place).await;
    let me = InstanceId::new();
    let mut changes = store.changes(me);
    let mut mine = Scribe::new("mine").with_instance(me);
    write(&store, mine.create(None)).await;
    write(&store, mine.start()).await;
    let other = create(&store, "of another").await;
    let mut heard = hear(&mut changes, |change| moved(change, &other)).await;
    // What was told together keeps no order: what comes now was told after all of it.
    let later = create(&store, "later").await;
    heard.extend(hear(&mut changes, |change| moved(change, &later)).await);
    let of_mine = |change: &&Change| matches!(change, Change::Moved { task, .. } if *task == mine.id());
    assert_eq!(heard.iter().find(of_mine), None);
}

pub async fn a_removal_is_heard<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create(&store, "a title").await;
    let mut changes = store.changes(InstanceId::new());
    store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    hear(&mut changes, |change| *change == Change::Removed { task: scribe.id() }).await;
}

pub async fn what_is_heard_is_there<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let mut changes = store.changes(InstanceId::new());
    let (reading, task) = (store.clone(), scribe.id());
    let listener = tokio::spawn(async move {
        let mut heard = Seq::ZERO;
        while heard < Seq::new(12) {
            let change = changes.next().await.expect("the stream goes on");
            let there = load(&reading, task).await.seq;
            if let Change::Moved { seq, .. } = change {
                assert!(there >= seq, "the log has grown to where the hint says");
            }
            heard = there;
        }
    });
    for _ in 0..10 {
        write(&store, scribe.record(text("more"))).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(load(&store, task).await.seq, Seq::new(12));
    listener.await.expect("it hears of everything");
}

pub async fn one_who_does_not_listen_for_long_misses_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut changes = store.changes(InstanceId::new());
    let mut scribes = Vec::new();
    for n in 0..40 {
        scribes.push(create(&store, &n.to_string()).await);
    }
    for scribe in scribes.iter_mut().rev() {
        for _ in 0..5 {
            let commit = scribe.record(text("more"));
            write(&store, commit).await;
        }
    }
    let removed = scribes.remove(7);
    store.remove(removed.id(), removed.task().seq).await.expect("removed");
    let mut waiting: HashMap<TaskId, Seq> =
        scribes.iter().map(|scribe| (scribe.id(), scribe.task().seq)).collect();
    waiting.insert(removed.id(), Seq::ZERO);
    hear(&mut changes, |change| {
        match *change {
            Change::Moved { task, seq } if task != removed.id() => {
                if waiting.get(&task).is_some_and(|end| seq >= *end) {
                    waiting.remove(&task);
                }
            }
            Change::Removed { task } => {
                waiting.remove(&task);
            }
            Change::Moved { .. } | Change::Unknown => {}
        }
        waiting.is_empty()
    })
    .await;
}

pub async fn every_listener_hears<H: Harness>(place: &H) {
    let store = open(place).await;
    let clone = store.clone();
    let mut listeners = [store.changes(InstanceId::new()), clone.changes(InstanceId::new())];
    drop(store.changes(InstanceId::new()));
    for n in 0..3 {
        let scribe = create(&store, &n.to_string()).await;
        for changes in &mut listeners {
            hear(changes, |change| moved(change, &scribe)).await;
        }
    }
}

pub async fn the_stream_ends_when_the_store_is_closed<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut changes = store.changes(InstanceId::new());
    let scribe = create(&store, "a title").await;
    let waiting = tokio::spawn({
        let mut changes = store.changes(InstanceId::new());
        async move { while changes.next().await.is_some() {} }
    });
    tokio::task::yield_now().await;
    store.close().await.expect("closed");
    waiting.await.expect("it ends also while somebody waits");
    while let Some(change) = changes.next().await {
        assert!(change == Change::Unknown || moved(&change, &scribe), "{change:?}");
    }
    assert_eq!(store.changes(InstanceId::new()).next().await, None, "also for those who come later");
}
