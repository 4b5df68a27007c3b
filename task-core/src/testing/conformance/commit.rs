//! Writing: whole or not at all, and only where the writer thinks the log ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use futures::FutureExt;
use serde_json::json;
use tokio::task::{JoinSet, yield_now};

use super::bench::{
    Picture, assert_not_found, assert_same, conflict, create, create_keyed, load, log, open, question, ten,
    text, walk, write,
};
use super::harness::Harness;
use crate::log::Draft;
use crate::model::{Created, InstanceId, Output, RunStarted, Seq, SessionSet, TaskId, Usage, UsageReport};
use crate::store::{StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

pub async fn a_committed_task_is_loaded<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = Scribe::new("a title");
    let commits = [scribe.create(None), scribe.start(), scribe.record(text("hello"))];
    let given: Vec<_> = commits.iter().flat_map(|commit| commit.events().to_vec()).collect();
    for commit in commits {
        write(&store, commit).await;
    }
    assert_eq!(load(&store, scribe.id()).await, *scribe.task());
    assert_same(&log(&store, scribe.id()).await, &given);
}

pub async fn every_clone_sees_a_commit_at_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let clone = store.clone();
    let mut scribe = create(&store, "a title").await;
    write(&clone, scribe.start()).await;
    write(&store, scribe.record(text("hello"))).await;
    for store in [&store, &clone, &clone.clone()] {
        assert_eq!(load(store, scribe.id()).await, *scribe.task());
        assert_eq!(log(store, scribe.id()).await.len(), 4);
    }
}

pub async fn an_unknown_task_cannot_be_loaded<H: Harness>(place: &H) {
    let store = open(place).await;
    create(&store, "another").await;
    let unknown = TaskId::new();
    assert_not_found(&store.load(unknown).await, unknown);
}

pub async fn the_first_commit_of_an_existing_task_conflicts<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = Scribe::new("a title");
    let mut again = scribe.clone();
    write(&store, scribe.create(None)).await;
    let before = Picture::of(&store, &[]).await;
    assert_eq!(conflict(store.commit(again.create(None)).await, scribe.id()), (0, 2));
    assert_eq!(Picture::of(&store, &[]).await, before);
}

pub async fn a_stale_commit_conflicts<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let mut stale = scribe.clone();
    write(&store, scribe.start()).await;
    for late in [stale.clone().start(), stale.clone().record(text("late")), stale.message("late")] {
        assert_eq!(conflict(store.commit(late).await, scribe.id()), (2, 3));
    }
    write(&store, scribe.record(text("in time"))).await;
}

pub async fn a_stale_commit_changes_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "taken").await;
    let stale = scribe.clone();
    write(&store, scribe.record(text("in time"))).await;
    let keys = ["taken", "free"];
    let before = Picture::of(&store, &keys).await;
    for late in [
        stale.clone().start(),
        stale.clone().record_keyed(text("late"), Some("free")),
        ten(&mut stale.clone(), "another title"),
    ] {
        conflict(store.commit(late).await, scribe.id());
        assert_eq!(Picture::of(&store, &keys).await, before);
    }
}

pub async fn a_commit_ahead_of_the_log_conflicts<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let lost = scribe.record(text("never written"));
    let before = Picture::of(&store, &[]).await;
    assert_eq!(conflict(store.commit(scribe.record(text("ahead"))).await, scribe.id()), (3, 2));
    assert_eq!(Picture::of(&store, &[]).await, before);
    write(&store, lost).await;
}

pub async fn a_conflict_names_both_positions<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let mut stale = scribe.clone();
    write(&store, ten(&mut scribe, "more")).await;
    write(&store, ten(&mut scribe, "and more")).await;
    assert_eq!(conflict(store.commit(stale.message("late")).await, scribe.id()), (2, 22));
}

pub async fn of_many_writers_on_one_position_exactly_one_wins<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for round in 1..=3 {
        let mut writers = JoinSet::new();
        for writer in 0..20 {
            let (store, mut scribe) = (store.clone(), scribe.clone());
            let commit = scribe.record(text(&format!("{round}.{writer}")));
            writers.spawn(async move { store.commit(commit).await.map(|()| scribe) });
        }
        let (mut winners, end) = (Vec::new(), scribe.task().seq.get());
        for result in writers.join_all().await {
            match result {
                Ok(winner) => winners.push(winner),
                Err(error) => assert_eq!(conflict(Err(error), scribe.id()), (end, end + 1)),
            }
        }
        assert_eq!(winners.len(), 1, "one writer wins each position");
        scribe = winners.remove(0);
        assert_eq!(log(&store, scribe.id()).await.len() as u64, end + 1);
    }
}

pub async fn no_commit_of_concurrent_writers_is_lost<H: Harness>(place: &H) {
    let store = open(place).await;
    let task = create(&store, "a title").await.id();
    let mut writers = JoinSet::new();
    for writer in 0..5 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..8 {
                // As core does: on a conflict load, decide anew, write.
                loop {
                    let mut scribe = Scribe::continuing(load(&store, task).await);
                    match store.commit(scribe.record(text(&format!("{writer}.{n}")))).await {
                        Ok(()) => break,
                        Err(StoreError::Conflict { .. }) => yield_now().await,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let log = log(&store, task).await;
    let different: BTreeSet<_> = log[2..].iter().map(crate::Event::data).collect();
    assert_eq!((log.len(), different.len()), (42, 40), "each was written once");
}

pub async fn many_events_are_written_whole_or_not_at_all<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let many = |from: u32| (from..from + 500).map(|n| Output::text("block", n.to_string()));
    let mut stale = scribe.clone();
    let commit = scribe.record(many(0));
    let given = commit.events().to_vec();
    write(&store, commit).await;
    conflict(store.commit(stale.record(many(1000))).await, scribe.id());
    assert_same(&log(&store, scribe.id()).await[2..], &given);
}

pub async fn a_reader_never_sees_part_of_a_commit<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "0").await;
    let task = scribe.id();
    let writing = store.clone();
    let writer = tokio::spawn(async move {
        for n in 1..=20 {
            write(&writing, ten(&mut scribe, &n.to_string())).await;
            yield_now().await;
        }
    });
    let whole = |seq: Seq, title: &str| {
        assert_eq!(seq.get() % 10, 2, "the end of a commit");
        assert_eq!(title, ((seq.get() - 2) / 10).to_string(), "the snapshot after that commit");
    };
    while !writer.is_finished() {
        let loaded = load(&store, task).await;
        whole(loaded.seq, &loaded.title);
        let events = store.events(task, Seq::ZERO, 1000, usize::MAX).await.expect("readable");
        assert_eq!(events.len() % 10, 2, "events of whole commits");
        let listed = store.list(&TaskQuery::default()).await.expect("readable").items.remove(0);
        whole(listed.seq, &listed.title);
        yield_now().await;
    }
    writer.await.expect("the writer comes to its end");
}

pub async fn a_commit_that_is_not_waited_for_lands_whole_or_not_at_all<H: Harness>(place: &H) {
    let store = open(place).await;
    for patience in 0..4 {
        let mut scribe = create(&store, "0").await;
        let task = scribe.id();
        let mut commit = store.commit(ten(&mut scribe, "1"));
        for _ in 0..patience {
            if commit.as_mut().now_or_never().is_some() {
                break;
            }
            yield_now().await;
        }
        drop(commit);
        // It may still land. Whoever writes next finds out as always: from the log.
        loop {
            let found = load(&store, task).await;
            let end = (found.seq.get(), found.title.as_str());
            assert!(end == (2, "0") || end == (12, "1"), "a whole commit or none, not {end:?}");
            match store.commit(ten(&mut Scribe::continuing(found), "2")).await {
                Ok(()) => break,
                Err(StoreError::Conflict { .. }) => yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
        let end = log(&store, task).await.len();
        assert!(end == 12 || end == 22, "whole commits, not {end} events");
    }
}

pub async fn a_commit_to_an_unknown_task_is_not_found<H: Harness>(place: &H) {
    let store = open(place).await;
    create(&store, "another").await;
    let before = Picture::of(&store, &["key"]).await;
    let mut scribe = Scribe::new("never created");
    scribe.create(None);
    let task = scribe.id();
    assert_not_found(&store.commit(scribe.start()).await, task);
    assert_not_found(&store.commit(scribe.record_keyed(text("x"), Some("key"))).await, task);
    assert_eq!(Picture::of(&store, &["key"]).await, before);
    assert_not_found(&store.load(task).await, task);
}

pub async fn a_commit_to_a_removed_task_is_not_found<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    assert_not_found(&store.commit(scribe.start()).await, scribe.id());
    assert_not_found(&store.commit(scribe.record(text("x"))).await, scribe.id());
}

pub async fn a_snapshot_is_kept_as_it_is_given<H: Harness>(place: &H) {
    let store = open(place).await;
    let created = Created {
        agent_id: "agent é \u{1F980} \"'\\".to_owned(),
        title: "title\tñ 任务 \u{0}".to_owned(),
        model: Some("model".to_owned()),
        work_dir: Some("/somewhere/'quoted'".to_owned()),
        enable_skills: Some(false),
        enable_mcp: Some(true),
        add_dirs: Some(vec!["a".to_owned(), String::new()]),
        metadata: json!({"n": 1.5, "deep": {"list": [null, true, "é"]}, "": 0}).as_object().cloned(),
    };
    let at = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
    let (id, instance) = (TaskId::new(), InstanceId::new());
    let first = Draft::create(id, at, created).expect("created").finish(instance);
    let mut draft = Draft::on(Arc::clone(&first.0), at + TimeDelta::milliseconds(4));
    draft.record(RunStarted { run: 1, reason: "created".to_owned(), instance }).expect("legal");
    draft.record(SessionSet { session_id: "session".to_owned() }).expect("legal");
    draft.record(question("one")).expect("legal");
    draft.record(question("two")).expect("legal");
    draft.record(Output::Usage(UsageReport::from(Usage::default()))).expect("legal");
    let second = draft.finish(instance);
    for (given, commit) in [first, second] {
        write(&store, commit.expect("events")).await;
        assert_eq!(load(&store, id).await, *given);
        assert_eq!(walk(&store, &TaskQuery::default()).await, [Arc::unwrap_or_clone(given)]);
    }
}

pub async fn seq_and_time_are_those_of_the_newest_event_without_a_new_snapshot<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for n in 1..=3 {
        let commit = scribe.record(text("more"));
        assert!(commit.snapshot().is_none(), "text changes nothing that a list shows");
        write(&store, commit).await;
        let newest = load(&store, scribe.id()).await;
        assert_eq!((newest.seq.get(), newest.last_event_at), (2 + n, scribe.task().last_event_at));
        assert_eq!(newest, *scribe.task());
        assert_eq!(walk(&store, &TaskQuery::default()).await, [newest]);
    }
}
