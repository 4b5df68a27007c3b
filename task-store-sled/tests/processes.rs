//! One process at a time, and what is left when it is killed.

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use common::{Place, another_process, create, log, text};
use task_core::testing::Scribe;
use task_core::{InstanceId, Output, Seq, StoreError, TaskId, TaskStore};
use task_store_sled::SledStore;

#[tokio::test]
async fn a_second_open_is_refused_in_clear_words_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let error = SledStore::open(place.path()).await.expect_err("it is open");
    assert!(matches!(error, StoreError::Owned { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains("sled allows one process at a time"), "{text}");
    store.commit(scribe.message("the first goes on")).await.expect("committed");
}

#[tokio::test]
async fn a_closed_or_dropped_store_can_be_opened_at_once() {
    let place = Place::new();
    for n in 0..30 {
        let store = place.open().await;
        create(&store, "a title").await;
        if n % 2 == 0 {
            store.close().await.expect("closed");
            // The handle is still there, and has nothing open.
            let again = place.open().await;
            assert!(matches!(store.counts().await, Err(StoreError::Closed)));
            drop(again);
        }
    }
    assert_eq!(place.open().await.counts().await.expect("counted").total(), 30);
}

const HOLD: &str = "TASK_STORE_SLED_HOLD";

#[tokio::test]
async fn another_process_is_refused_until_the_first_is_killed() {
    if let Some(path) = std::env::var_os(HOLD) {
        return hold(Path::new(&path)).await;
    }
    let place = Place::new();
    let mut process =
        another_process("another_process_is_refused_until_the_first_is_killed", HOLD, &place.path());
    let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let open = lines.map(|line| line.expect("text")).find(|line| line.contains("open"));
    assert!(open.is_some(), "the other process opens");
    let error = SledStore::open(place.path()).await.expect_err("it is open");
    let StoreError::Owned { by } = &error else { panic!("{error:?}") };
    assert!(by.starts_with(&format!("process {};", process.id())), "{by}");
    process.kill().expect("killed");
    process.wait().expect("gone");
    let store = place.open().await;
    store.claim(InstanceId::new()).await.expect("nobody is the owner");
}

async fn hold(path: &Path) {
    let store = SledStore::open(path).await.expect("opened");
    store.claim(InstanceId::new()).await.expect("free");
    println!("open");
    std::future::pending().await
}

const WRITE: &str = "TASK_STORE_SLED_WRITE";

/// Killed again and again while it writes, a process loses nothing that it was told is written, and of a commit there is
/// all or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_and_no_commit_is_torn() {
    if let Some(path) = std::env::var_os(WRITE) {
        return write_for_ever(Path::new(&path)).await;
    }
    let place = Place::new();
    let mut acknowledged: HashMap<TaskId, u64> = HashMap::new();
    for cycle in 0..10 {
        let test = "what_was_acknowledged_survives_kill_9_and_no_commit_is_torn";
        let mut process = another_process(test, WRITE, &place.path());
        let output = process.stdout.take().expect("piped");
        let mut told = 0;
        for line in BufReader::new(output).lines() {
            let line = line.expect("text");
            // A line that is not whole was not told.
            let Some(ack) = line.strip_prefix("ack ").and_then(|line| line.strip_suffix(" .")) else {
                continue;
            };
            let (task, seq) = ack.split_once(' ').expect("two words");
            acknowledged.insert(task.parse().expect("a task"), seq.parse().expect("a number"));
            told += 1;
            if told == 50 + 37 * cycle {
                process.kill().expect("killed");
            }
        }
        process.wait().expect("gone");
        assert!(told >= 50, "it wrote");

        let store = place.open().await;
        for (task, acknowledged) in &acknowledged {
            let log = log(&store, *task).await.expect("the log is whole");
            let end = log.len() as u64;
            assert!(*acknowledged <= end, "task {task} ends at {end}, not at {acknowledged}");
            assert_eq!(store.load(*task).await.expect("loaded").seq.get(), end);
            // Created, message, started, and then three at a time.
            assert!(end <= 3 || end.is_multiple_of(3), "task {task} ends at {end}");
        }
        let counts = store.counts().await.expect("counted");
        let listed = store.list(&task_core::TaskQuery::default().with_limit(1000)).await.expect("listed");
        assert_eq!(listed.items.len() as u64, counts.total());
        if cycle % 2 == 0 {
            store.close().await.expect("closed");
        }
    }
    assert!(!acknowledged.is_empty());
}

async fn write_for_ever(path: &Path) {
    let store = SledStore::open(path).await.expect("opened");
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut scribe = Scribe::new(&format!("task {n}"));
                let mut commit = scribe.create(None);
                for n in 0_usize.. {
                    store.commit(commit).await.expect("committed");
                    let line = format!("ack {} {} .\n", scribe.id(), scribe.task().seq);
                    std::io::stdout().write_all(line.as_bytes()).expect("told");
                    // The last one has several parts, now and then.
                    let last = "x".repeat(if n % 16 == 0 { 30_000 } else { n % 700 });
                    commit = match n {
                        0 => scribe.start(),
                        _ => scribe.record(["a", "b", last.as_str()].map(|text| Output::text("block", text))),
                    };
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
}

#[tokio::test]
async fn of_the_owners_in_one_process_the_first_wins_until_it_releases() {
    let place = Place::new();
    let store = place.open().await;
    let (first, second) = (InstanceId::new(), InstanceId::new());
    let is_owned = |result| matches!(result, Err(StoreError::Owned { .. }));
    store.claim(first).await.expect("free");
    store.claim(first).await.expect("claiming again changes nothing");
    store.keep_alive(first).await.expect("the owner");
    assert!(is_owned(store.clone().claim(second).await));
    assert!(is_owned(store.keep_alive(second).await));
    store.release(second).await.expect("nothing to release");
    store.keep_alive(first).await.expect("still the owner");
    store.release(first).await.expect("released");
    assert!(is_owned(store.keep_alive(first).await));
    store.claim(second).await.expect("free");
}

#[tokio::test]
async fn orphans_run_under_somebody_else_in_the_order_of_their_creation() {
    let place = Place::new();
    let store = place.open().await;
    let (me, gone) = (InstanceId::new(), InstanceId::new());
    create(&store, "pending").await;
    let mut tasks = [me, gone, gone, gone].map(|by| Scribe::new("a title").with_instance(by));
    for scribe in &mut tasks {
        store.commit(scribe.create(None)).await.expect("created");
    }
    for scribe in tasks.iter_mut().rev() {
        store.commit(scribe.start()).await.expect("started");
    }
    let [mine, lost, also_lost, interrupted] = &mut tasks;
    store.commit(interrupted.interrupt()).await.expect("interrupted");
    store.commit(lost.record(text("no change of state"))).await.expect("committed");
    assert_eq!(store.orphans(me).await.expect("looked"), [lost.id(), also_lost.id()]);
    assert_eq!(store.orphans(gone).await.expect("looked"), [mine.id()]);
    assert_eq!(store.load(lost.id()).await.expect("loaded").seq, Seq::new(4));
}

#[tokio::test]
async fn own_commits_are_told_to_others_and_not_to_oneself() {
    use futures::StreamExt;
    use task_core::Change;

    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let mut mine = store.changes(scribe.instance());
    let mut others = store.changes(InstanceId::new());
    store.commit(scribe.create(None)).await.expect("created");
    assert_eq!(others.next().await, Some(Change::Moved { task: scribe.id(), seq: Seq::new(2) }));
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    assert_eq!(others.next().await, Some(Change::Removed { task: scribe.id() }));
    store.close().await.expect("closed");
    assert_eq!(mine.next().await, Some(Change::Removed { task: scribe.id() }), "a removal has no origin");
    assert_eq!((mine.next().await, others.next().await), (None, None));
}
