//! One place that is open several times, as by several processes.

use futures::StreamExt;

use super::bench::{
    assert_not_found, conflict, counts, create, create_keyed, entry, find_key, ids, load, log, open, text,
    walk, write,
};
use super::changes::{hear, moved};
use super::harness::Harness;
use super::ownership::assert_owned;
use super::subscribe::{observer, seqs, settle};
use crate::model::{InstanceId, Seq, TaskStatus};
use crate::store::{Change, StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

pub async fn what_one_writes_the_others_see_at_once<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let mut scribe = create_keyed(&one, "a title", "key").await;
    write(&other, scribe.start()).await;
    write(&one, scribe.record(text("more"))).await;
    for store in [&one, &other] {
        assert_eq!(load(store, scribe.id()).await, *scribe.task());
        assert_eq!(log(store, scribe.id()).await.len(), 4);
        assert_eq!(ids(&walk(store, &TaskQuery::default()).await), [scribe.id()]);
        assert_eq!(counts(store).await.of(TaskStatus::Running), 1);
        assert_eq!(find_key(store, "key").await.map(|keyed| keyed.task), Some(scribe.id()));
    }
    other.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    assert_not_found(&one.load(scribe.id()).await, scribe.id());
    assert_not_found(&one.commit(scribe.record(text("late"))).await, scribe.id());
    create_keyed(&one, "next", "key").await;
}

pub async fn of_two_that_write_at_one_position_one_wins<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let mut scribe = create(&one, "a title").await;
    for n in 0..10 {
        let mut loser = scribe.clone();
        let (first, second) = if n % 2 == 0 { (&one, &other) } else { (&other, &one) };
        write(first, scribe.record(text("in time"))).await;
        let end = scribe.task().seq.get();
        assert_eq!(conflict(second.commit(loser.record(text("late"))).await, scribe.id()), (end - 1, end));
    }
    let duplicate = create_keyed(&one, "a title", "key").await;
    let again = other.commit(Scribe::new("again").create(Some("key"))).await;
    assert!(matches!(again, Err(StoreError::Duplicate { task, .. }) if task == duplicate.id()), "{again:?}");
}

pub async fn counts_are_right_for_all<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let mut scribe = create(&one, "a title").await;
    for (store, status) in [(&other, TaskStatus::Running), (&one, TaskStatus::Failed)] {
        let commit =
            if status == TaskStatus::Running { scribe.start() } else { scribe.record([entry(status)]) };
        write(store, commit).await;
        for store in [&one, &other] {
            let counts = counts(store).await;
            assert_eq!((counts.of(status), counts.total()), (1, 1), "{counts:?}");
        }
    }
}

pub async fn one_of_them_is_the_owner<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let (first, second) = (InstanceId::new(), InstanceId::new());
    one.claim(first).await.expect("free");
    assert_owned(&other.claim(second).await);
    assert_owned(&other.keep_alive(second).await);
    one.release(first).await.expect("released");
    other.claim(second).await.expect("free again");
    assert_owned(&one.claim(first).await);
    other.close().await.expect("closed");
    one.claim(first).await.expect("closing gives ownership back");
}

pub async fn what_one_changes_the_others_hear<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let mut changes = other.changes(InstanceId::new());
    let mut scribe = create(&one, "a title").await;
    hear(&mut changes, |change| moved(change, &scribe)).await;
    write(&one, scribe.record(text("more"))).await;
    hear(&mut changes, |change| moved(change, &scribe)).await;
    one.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    hear(&mut changes, |change| *change == Change::Removed { task: scribe.id() }).await;
}

pub async fn a_reader_follows_what_another_writes<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let tasks = observer(&other).await;
    let mut scribe = create(&one, "a title").await;
    let reader = tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::ZERO)));
    for _ in 0..5 {
        write(&one, scribe.record(text("more"))).await;
        tokio::task::yield_now().await;
    }
    settle(&one, &mut scribe).await;
    assert_eq!(reader.await.expect("no panic"), (1..=8).collect::<Vec<_>>());
}

pub async fn one_that_closes_leaves_the_others_open<H: Harness>(place: &H) {
    let (one, other) = (open(place).await, open(place).await);
    let mut changes = other.changes(InstanceId::new());
    let mut scribe = create(&one, "a title").await;
    one.close().await.expect("closed");
    write(&other, scribe.start()).await;
    assert_eq!(load(&other, scribe.id()).await, *scribe.task());
    hear(&mut changes, |change| moved(change, &scribe)).await;
    other.close().await.expect("closed");
    while changes.next().await.is_some() {}
}
