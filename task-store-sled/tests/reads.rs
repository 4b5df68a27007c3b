//! Reading a log: where it starts, where it stops, and that nothing is changed on the way.

mod common;

use common::{Place, create, log, text};
use task_core::testing::Scribe;
use task_core::{Json, Payload, Seq, TaskStore};

#[tokio::test]
async fn after_is_exclusive_and_the_end_is_empty() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    store.commit(scribe.record(text("three"))).await.expect("committed");
    let seqs = async |after, limit| -> Vec<u64> {
        let events = store.events(scribe.id(), after, limit, usize::MAX).await.expect("read");
        events.iter().map(|event| event.seq().get()).collect()
    };
    assert_eq!(seqs(Seq::ZERO, 10).await, [1, 2, 3]);
    assert_eq!(seqs(Seq::new(1), 10).await, [2, 3]);
    assert_eq!(seqs(Seq::new(1), 1).await, [2]);
    assert_eq!(seqs(Seq::ZERO, 0).await, [0; 0]);
    assert_eq!(seqs(Seq::new(3), 10).await, [0; 0]);
    assert_eq!(seqs(Seq::new(u64::MAX), usize::MAX).await, [0; 0]);
}

#[tokio::test]
async fn a_page_ends_before_its_bytes_are_exceeded_but_is_never_empty() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    for _ in 0..3 {
        store.commit(scribe.record(text(&"x".repeat(1000)))).await.expect("committed");
    }
    let count =
        async |max_bytes| store.events(scribe.id(), Seq::new(2), 10, max_bytes).await.expect("read").len();
    let one = store.events(scribe.id(), Seq::new(2), 1, usize::MAX).await.expect("read")[0].json().len();
    assert_eq!(count(0).await, 1);
    assert_eq!(count(one).await, 1);
    assert_eq!(count(2 * one).await, 2);
    assert_eq!(count(3 * one - 1).await, 2);
    assert_eq!(count(usize::MAX).await, 3);
}

#[tokio::test]
async fn a_kind_from_the_future_keeps_its_bytes() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let data = r#"{"big":123456789012345678901234567890,"nul":"\u0000","z":1,"a":[1.0,2e400],"я":"任务"}"#;
    let future =
        Payload::Other { kind: "hologram".to_owned(), data: Json::parse(data.to_owned()).expect("valid") };
    store.commit(scribe.record([future])).await.expect("committed");
    let event = store.events(scribe.id(), Seq::new(2), 1, usize::MAX).await.expect("read").remove(0);
    assert_eq!((event.kind(), event.data().as_str()), ("hologram", data));
}

#[tokio::test]
async fn everything_is_there_after_a_reopen() {
    let place = Place::new();
    let mut scribe = Scribe::new("a title");
    let store = place.open().await;
    store.commit(scribe.create(Some("key"))).await.expect("created");
    store.commit(scribe.start()).await.expect("started");
    store.commit(scribe.record(text("hello"))).await.expect("committed");
    let (events, counts) =
        (log(&store, scribe.id()).await.expect("read"), store.counts().await.expect("counted"));
    // Once closed, and once only dropped.
    store.close().await.expect("closed");
    for _ in 0..2 {
        let store = place.open().await;
        assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
        assert_eq!(log(&store, scribe.id()).await.expect("read"), events);
        assert_eq!(store.counts().await.expect("counted"), counts);
        assert!(store.find_key("key").await.expect("looked").is_some());
    }
    let store = place.open().await;
    store.commit(scribe.record(text("more"))).await.expect("the log goes on");
}
