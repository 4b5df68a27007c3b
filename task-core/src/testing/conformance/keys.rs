//! Idempotency keys: one event each, as long as its task is there.

use tokio::task::JoinSet;

use super::bench::{Picture, conflict, create, create_keyed, find_key, open, text, write};
use super::harness::Harness;
use crate::model::{Output, Seq};
use crate::store::{Keyed, StoreError, TaskStore};
use crate::testing::Scribe;

/// The event a refused key stands for.
fn duplicate(result: Result<(), StoreError>) -> Keyed {
    match result {
        Err(StoreError::Duplicate { task, seq }) => Keyed::new(task, seq),
        other => panic!("not refused: {other:?}"),
    }
}

pub async fn a_key_finds_its_event<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "first").await;
    write(&store, scribe.record(text("more"))).await;
    let many = ["a", "b", "c"].map(|word| Output::text("block", word));
    write(&store, scribe.record_keyed(many, Some("second"))).await;
    write(&store, scribe.record(text("more"))).await;
    create_keyed(&store, "another", "third").await;
    assert_eq!(find_key(&store, "first").await, Some(Keyed::new(scribe.id(), Seq::new(2))));
    assert_eq!(find_key(&store, "second").await, Some(Keyed::new(scribe.id(), Seq::new(6))));
}

pub async fn any_text_can_be_a_key_and_no_two_are_the_same<H: Harness>(place: &H) {
    let store = open(place).await;
    let long = "k".repeat(400);
    let longer = format!("{long}k");
    let keys = [
        "key", "Key", " key", "key ", "k%", "k_y", "é", "e\u{301}", "任务", "a\0b", "a", "'", "", &long,
        &longer,
    ];
    let mut scribes = Vec::new();
    for key in keys {
        assert_eq!(find_key(&store, key).await, None, "{key:?} before it is used");
        scribes.push(create_keyed(&store, "a title", key).await);
    }
    for (key, scribe) in keys.iter().zip(&scribes) {
        assert_eq!(find_key(&store, key).await, Some(Keyed::new(scribe.id(), Seq::new(2))), "{key:?}");
    }
}

pub async fn an_unknown_key_finds_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    create_keyed(&store, "a title", "message/1").await;
    for key in ["message", "message/", "message/11", "essage/1", "MESSAGE/1", ""] {
        assert_eq!(find_key(&store, key).await, None, "{key:?}");
    }
}

pub async fn a_key_that_is_taken_is_refused_and_the_event_named<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    write(&store, scribe.record_keyed(text("one"), Some("key"))).await;
    write(&store, scribe.record(text("two"))).await;
    let taken = Keyed::new(scribe.id(), Seq::new(3));
    assert_eq!(duplicate(store.commit(Scribe::new("new").create(Some("key"))).await), taken);
    let mut other = create(&store, "another").await;
    assert_eq!(duplicate(store.commit(other.record_keyed(text("x"), Some("key"))).await), taken);
    assert_eq!(duplicate(store.commit(scribe.record_keyed(text("x"), Some("key"))).await), taken);
}

pub async fn a_key_that_is_taken_changes_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_keyed(&store, "a title", "key").await;
    let before = Picture::of(&store, &["key"]).await;
    duplicate(store.commit(Scribe::new("new").create(Some("key"))).await);
    assert_eq!(Picture::of(&store, &["key"]).await, before, "no new task");
    duplicate(store.commit(scribe.clone().record_keyed(text("x"), Some("key"))).await);
    assert_eq!(Picture::of(&store, &["key"]).await, before, "no new event");
    write(&store, scribe.clone().start()).await;
}

pub async fn the_key_of_a_refused_commit_is_free<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let mut stale = scribe.clone();
    write(&store, scribe.record(text("in time"))).await;
    conflict(store.commit(stale.record_keyed(text("late"), Some("key"))).await, scribe.id());
    assert_eq!(find_key(&store, "key").await, None);
    write(&store, scribe.record_keyed(text("again"), Some("key"))).await;
    assert_eq!(find_key(&store, "key").await, Some(Keyed::new(scribe.id(), Seq::new(4))));
}

pub async fn a_key_is_free_again_when_its_task_is_removed<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "one").await;
    write(&store, scribe.record_keyed(text("x"), Some("two"))).await;
    let kept = create_keyed(&store, "another", "three").await;
    store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    for key in ["one", "two"] {
        assert_eq!(find_key(&store, key).await, None);
        let scribe = create_keyed(&store, "next", key).await;
        assert_eq!(find_key(&store, key).await, Some(Keyed::new(scribe.id(), Seq::new(2))));
    }
    assert_eq!(find_key(&store, "three").await, Some(Keyed::new(kept.id(), Seq::new(2))));
}

pub async fn of_many_commits_with_one_key_exactly_one_is_written<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut writers = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        writers.spawn(async move {
            let mut scribe = Scribe::new("a title");
            store.commit(scribe.create(Some("key"))).await.map(|()| scribe.id())
        });
    }
    let (written, refused): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().partition(Result::is_ok);
    let written: Vec<_> = written.into_iter().flatten().collect();
    assert_eq!(written.len(), 1, "one commit has the key");
    for refused in refused {
        assert_eq!(duplicate(refused.map(drop)).task, written[0]);
    }
    assert_eq!(find_key(&store, "key").await.map(|keyed| keyed.task), Some(written[0]));
    assert_eq!(store.counts().await.expect("readable").total(), 1);
}
