//! Several handles on one file, as several processes have them.

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use common::{Place, another_process, create, log, text};
use futures::StreamExt;
use task_core::testing::Scribe;
use task_core::{Change, InstanceId, Seq, StoreError, TaskId, TaskStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};

/// The next change, or the failure of the test.
async fn next(changes: &mut futures::stream::BoxStream<'static, Change>) -> Change {
    tokio::time::timeout(Duration::from_secs(30), changes.next()).await.expect("told").expect("open")
}

#[tokio::test]
async fn what_another_writes_is_told_and_read() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    let me = InstanceId::new();
    let mut changes = store.changes(me);
    let mut scribe = create(&other, "a title").await;
    assert_eq!(next(&mut changes).await, Change::Moved { task: scribe.id(), seq: Seq::new(2) });
    assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());

    store.commit(scribe.message("from here")).await.expect("observers write too");
    other.commit(scribe.message("from there")).await.expect("and are followed");
    loop {
        match next(&mut changes).await {
            Change::Moved { task, seq } if task == scribe.id() && seq == scribe.task().seq => break,
            Change::Moved { task, .. } if task == scribe.id() => {}
            change => panic!("{change:?}"),
        }
    }
    other.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    assert_eq!(next(&mut changes).await, Change::Removed { task: scribe.id() });
    let error = store.commit(scribe.message("late")).await.expect_err("gone");
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn own_commits_are_told_to_others_and_not_to_oneself() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let mut mine = store.changes(scribe.instance());
    let mut others = store.changes(InstanceId::new());
    store.commit(scribe.create(None)).await.expect("created");
    assert_eq!(next(&mut others).await, Change::Moved { task: scribe.id(), seq: Seq::new(2) });
    store.close().await.expect("closed");
    assert_eq!(mine.next().await, None, "nothing but the end");
    assert_eq!(others.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_comes_after_others_went_is_told() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    for title in ["first", "second"] {
        let mut changes = store.changes(InstanceId::new());
        let scribe = create(&other, title).await;
        assert_eq!(next(&mut changes).await, Change::Moved { task: scribe.id(), seq: Seq::new(2) });
        drop(changes);
        // Long enough for the one that polls to see that nobody listens.
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
}

#[tokio::test]
async fn removals_nobody_looked_at_for_too_long_are_told_as_unknown() {
    let place = Place::new();
    let quiet = SqliteOptions::default().with_poll_interval(Duration::from_millis(5));
    let store = place.open_with(quiet).await;
    // What another process leaves that has removed very many tasks.
    let removals = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1024)
        INSERT INTO removed (pos, uid) SELECT n, randomblob(16) FROM number";
    place.connection().execute_batch(removals).expect("written");
    let mut changes = store.changes(InstanceId::new());
    assert_eq!(next(&mut changes).await, Change::Unknown);
}

#[tokio::test]
async fn what_one_remembers_is_corrected_when_another_writes() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut scribe = create(&one, "a title").await;
    let mut stale = scribe.clone();
    two.commit(scribe.start()).await.expect("the other writes");
    let error = one.commit(stale.record(text("stale"))).await.expect_err("stale");
    assert!(matches!(error, StoreError::Conflict { actual, .. } if actual == Seq::new(3)), "{error}");
    one.commit(scribe.record(text("fresh"))).await.expect("committed");
    two.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    let counts = one.counts().await.expect("counted");
    assert_eq!(counts.total(), 0, "the states were right all the time: {counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_that_race_for_a_position_one_wins() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut scribe = create(&one, "a title").await;
    for n in 0..100 {
        let mut twin = scribe.clone();
        let (mine, theirs) = (scribe.record(text(&n.to_string())), twin.record(text(&n.to_string())));
        let (mine, theirs) = tokio::join!(one.commit(mine), two.commit(theirs));
        match (mine, theirs) {
            (Ok(()), Err(StoreError::Conflict { actual, .. }))
            | (Err(StoreError::Conflict { actual, .. }), Ok(())) => {
                assert_eq!(actual, scribe.task().seq);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log(&two, scribe.id()).await.expect("read").len(), 102);
}

const WRITE: &str = "TASK_STORE_SQLITE_WRITE";

/// Killed again and again while it writes, a process loses nothing that it was told is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    if let Some(path) = std::env::var_os(WRITE) {
        return write_for_ever(Path::new(&path)).await;
    }
    let place = Place::new();
    let mut acknowledged: HashSet<(TaskId, u64)> = HashSet::new();
    for cycle in 0..10 {
        let mut process = another_process("what_was_acknowledged_survives_kill_9", WRITE, &place.path());
        let output = process.stdout.take().expect("piped");
        let mut told = 0;
        for line in BufReader::new(output).lines() {
            let line = line.expect("text");
            // A line that is not whole was not told.
            let Some(ack) = line.strip_prefix("ack ").and_then(|line| line.strip_suffix(" .")) else {
                continue;
            };
            let (task, seq) = ack.split_once(' ').expect("two words");
            acknowledged.insert((task.parse().expect("a task"), seq.parse().expect("a number")));
            told += 1;
            if told == 50 + 37 * cycle {
                process.kill().expect("killed");
            }
        }
        process.wait().expect("gone");
        assert!(told >= 50, "it wrote");

        let store = place.open().await;
        let tasks: HashSet<_> = acknowledged.iter().map(|(task, _)| *task).collect();
        for task in tasks {
            let end = log(&store, task).await.expect("the log is whole").len() as u64;
            let lost = acknowledged.iter().filter(|(of, seq)| *of == task && *seq > end).count();
            assert_eq!(lost, 0, "task {task} ends at {end}");
            let snapshot = store.load(task).await.expect("loaded");
            assert_eq!(snapshot.seq.get(), end);
        }
        if cycle % 2 == 0 {
            store.close().await.expect("closed");
        }
    }
}

async fn write_for_ever(path: &Path) {
    let store = SqliteStore::open(path).await.expect("opened");
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut scribe = create(&store, &format!("task {n}")).await;
                for n in 0.. {
                    let commit = if n == 3 { scribe.start() } else { scribe.record(text("word ")) };
                    store.commit(commit).await.expect("committed");
                    let line = format!("ack {} {} .\n", scribe.id(), scribe.task().seq);
                    std::io::stdout().write_all(line.as_bytes()).expect("told");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
}
