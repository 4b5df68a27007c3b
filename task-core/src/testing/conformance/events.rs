//! Reading a log: in order, without gap, byte for byte.

use futures::FutureExt;

use super::bench::{assert_not_found, assert_same, create, create_in, create_long, log, open, text, write};
use super::harness::Harness;
use crate::model::{Event, Json, Output, Payload, Seq, TaskId, TaskStatus};
use crate::store::TaskStore;
use crate::testing::Scribe;

/// Writes the payloads, a commit each, and compares what is read.
async fn round_trip(store: &impl TaskStore, payloads: impl IntoIterator<Item = Payload>) {
    let mut scribe = create(store, "a title").await;
    let mut given = Vec::new();
    for payload in payloads {
        let commit = scribe.record([payload]);
        given.extend_from_slice(commit.events());
        write(store, commit).await;
    }
    assert_same(&log(store, scribe.id()).await[2..], &given);
}

async fn seqs(store: &impl TaskStore, task: TaskId, after: u64, limit: usize, max_bytes: usize) -> Vec<u64> {
    let events = store.events(task, Seq::new(after), limit, max_bytes).await.expect("readable");
    events.iter().map(|event| event.seq().get()).collect()
}

pub async fn after_is_exclusive<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_long(&store, 9).await;
    for after in 0..9 {
        let rest: Vec<_> = (after + 1..=9).collect();
        assert_eq!(seqs(&store, scribe.id(), after, 100, usize::MAX).await, rest, "after {after}");
    }
}

pub async fn events_come_in_order_and_without_gap<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for events in [1_u32, 7, 1, 90, 2, 13] {
        write(&store, scribe.record((0..events).map(|n| Output::text("block", n.to_string())))).await;
    }
    let all: Vec<_> = (1..=116).collect();
    assert_eq!(seqs(&store, scribe.id(), 0, 1000, usize::MAX).await, all);
    assert_eq!(seqs(&store, scribe.id(), 57, 1000, usize::MAX).await, all[57..]);
}

pub async fn events_come_back_as_they_were_given<H: Harness>(place: &H) {
    let store = open(place).await;
    for status in TaskStatus::ALL {
        let scribe = create_in(&store, Scribe::new("a title"), status).await;
        let found = log(&store, scribe.id()).await;
        assert_eq!(
            crate::Task::fold(&found).as_ref(),
            Some(scribe.task()),
            "the log of a task that is {status}"
        );
        let last = found.last().map(|event| (event.task(), event.at()));
        assert_eq!(last, Some((scribe.id(), scribe.task().last_event_at)));
    }
}

pub async fn no_more_events_come_than_asked_for<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_long(&store, 10).await;
    for limit in 1..=12 {
        let first: Vec<_> = (1..=10.min(limit as u64)).collect();
        assert_eq!(seqs(&store, scribe.id(), 0, limit, usize::MAX).await, first);
    }
    assert_eq!(seqs(&store, scribe.id(), 0, usize::MAX, usize::MAX).await.len(), 10);
}

pub async fn pages_of_a_long_log_meet_its_end<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    write(&store, scribe.record((0..2998).map(|n| Output::text("block", n.to_string())))).await;
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = seqs(&store, scribe.id(), seen.len() as u64, 250, usize::MAX).await;
        if page.is_empty() {
            break;
        }
        pages += 1;
        seen.extend(page);
    }
    assert_eq!((pages, seen), (12, (1..=3000).collect()));
}

pub async fn no_more_bytes_come_than_about_what_was_asked_for<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for _ in 0..100 {
        write(&store, scribe.record(text(&"x".repeat(1000)))).await;
    }
    for max_bytes in [5_000, 20_000] {
        let page = store.events(scribe.id(), Seq::new(2), 1000, max_bytes).await.expect("readable");
        let bytes: usize = page.iter().map(|event| event.data().len()).sum();
        assert!(!page.is_empty() && bytes <= max_bytes + 2_000, "{bytes} bytes for {max_bytes}");
    }
}

pub async fn at_least_one_event_comes_however_few_bytes_are_asked_for<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    write(&store, scribe.record(text(&"x".repeat(100_000)))).await;
    for max_bytes in [0, 1, 1000] {
        for after in 0..3 {
            let page = seqs(&store, scribe.id(), after, 1000, max_bytes).await;
            assert_eq!(page.first(), Some(&(after + 1)), "{max_bytes} bytes after {after}");
        }
        assert_eq!(seqs(&store, scribe.id(), 2, 1000, max_bytes).await, [3]);
    }
}

pub async fn at_and_beyond_the_end_there_are_no_events<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_long(&store, 4).await;
    create_long(&store, 9).await;
    for after in [4, 5, 1_000, i64::MAX as u64, u64::MAX - 1, u64::MAX] {
        assert_eq!(seqs(&store, scribe.id(), after, 1000, usize::MAX).await, [0; 0], "after {after}");
    }
}

pub async fn events_of_an_unknown_task_are_not_found<H: Harness>(place: &H) {
    let store = open(place).await;
    create(&store, "another").await;
    let unknown = TaskId::new();
    assert_not_found(&store.events(unknown, Seq::ZERO, 10, usize::MAX).await, unknown);
    assert_not_found(&store.events(unknown, Seq::new(7), 10, 0).await, unknown);
}

pub async fn large_payloads_come_back_byte_for_byte<H: Harness>(place: &H) {
    let store = open(place).await;
    let sizes = [8 << 10, 60 << 10, 1 << 20];
    round_trip(&store, sizes.map(|size| Output::text("block", "0123456é".repeat(size / 9)).into())).await;
}

pub async fn every_character_of_unicode_comes_back<H: Harness>(place: &H) {
    let store = open(place).await;
    let chars: Vec<char> = ('\0'..=char::MAX).collect();
    let all = chars.chunks(1 << 14).map(|part| Output::text("block", part.iter().collect::<String>()).into());
    // What normalisation, trimming or a terminator would change.
    let fragile =
        ["e\u{301}", "\u{e9}", "\u{212b}", "\u{fb01}", " a ", "a\0b", "\r\n", "\u{feff}", "", "\u{200d}"];
    round_trip(&store, fragile.map(|text| Output::text("block", text).into()).into_iter().chain(all)).await;
}

pub async fn unknown_kinds_come_back_byte_for_byte<H: Harness>(place: &H) {
    let store = open(place).await;
    let bodies = [
        "{}",
        r#"{"z":1,"a":2,"z":3}"#,
        r#"{ "spaced" :  [ 1 , 2 ] }"#,
        r#"{"big":123456789012345678901234567890,"exact":1.0000000000000000000001,"e":1E+2}"#,
        r#"{"escaped":"\u00e9\/\ud83e\udd80","plain":"é🦀"}"#,
    ];
    let payload = |body: &str| Payload::Other {
        kind: "hologram_2".to_owned(),
        data: Json::parse(body.to_owned()).expect("JSON"),
    };
    round_trip(&store, bodies.map(payload)).await;
    let scribe = create(&store, "another").await;
    assert!(log(&store, scribe.id()).await.iter().all(|event| event.kind() != "hologram_2"));
}

pub async fn the_logs_of_tasks_do_not_mix<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribes =
        [create(&store, "one").await, create(&store, "two").await, create(&store, "three").await];
    for n in 0..9 {
        let scribe = &mut scribes[n % 3];
        let commit = scribe.record(text(&format!("{} {n}", scribe.id())));
        write(&store, commit).await;
    }
    for scribe in &scribes {
        let log = log(&store, scribe.id()).await;
        let own =
            |event: &Event| event.task() == scribe.id() && event.data().contains(&scribe.id().to_string());
        assert!(log.len() == 5 && log[2..].iter().all(own), "the log of one task: {log:?}");
    }
}

/// A caller may begin a read and turn to something else: a place in a line that is kept for it must not be one that others
/// need.
pub async fn reads_that_are_begun_and_left_hold_up_nobody<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_long(&store, 3).await;
    let mut left: Vec<_> = (0..100).map(|_| store.events(scribe.id(), Seq::ZERO, 10, 1 << 20)).collect();
    for read in &mut left {
        let _begun = read.now_or_never();
    }
    assert_eq!(log(&store, scribe.id()).await.len(), 3);
    drop(left);
    assert_eq!(log(&store, scribe.id()).await.len(), 3);
}
