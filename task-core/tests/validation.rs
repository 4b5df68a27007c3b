//! Bad input gets a clear error and changes nothing.

mod common;

use std::time::Duration;

use common::{create, stage, stage_with};
use task_core::{
    Content, Limits, MemoryStore, Message, NewTask, TaskError, TaskId, TaskQuery, TranscriptQuery,
};

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_task_is_refused_and_nothing_is_stored() {
    let (tasks, _stage) = stage().await;
    let ok = || NewTask::new("puppet", "go");
    let long = "x".repeat(300_000);
    let big: serde_json::Map<_, _> = [("k".to_owned(), long.clone().into())].into_iter().collect();
    let cases = [
        (NewTask::new("nobody", "go"), "there is no agent `nobody`"),
        (NewTask::new("puppet", " \n\t"), "message: it is empty"),
        (NewTask::with_content("puppet", vec![]), "message: it is empty"),
        (
            NewTask::with_content("puppet", vec![Content::Unknown, "x".into()]),
            "content: a block has a type other than",
        ),
        (
            NewTask::new("puppet", long.as_str()),
            "the size of the message in bytes is 300000, and at most 262144",
        ),
        (ok().title(""), "title: it is empty"),
        (ok().title("a\nb"), "title: it has control characters"),
        (ok().title("x".repeat(201)), "the length of the title in characters is 201, and at most 200"),
        (ok().model("--dangerous"), "model: `--dangerous` is not a name"),
        (ok().model("a b"), "model: `a b` is not a name"),
        (ok().model("x".repeat(200)), "is 200, and at most 128"),
        (ok().work_dir(""), "work_dir: `` is not a path"),
        (ok().work_dir("a\0b"), "work_dir: `a\\0b` is not a path"),
        (ok().add_dirs(vec!["/ok".to_owned(), String::new()]), "add_dirs: `` is not a path"),
        (ok().metadata(big), "the size of the metadata in bytes"),
        (ok().idempotency_key(""), "idempotency key: it is empty"),
        (ok().idempotency_key("k".repeat(256)), "is 256, and at most 255"),
    ];
    for (new, words) in cases {
        let error = tasks.create(new.clone()).await.expect_err("refused").to_string();
        assert!(error.contains(words), "{error:?} should say {words:?} for {new:?}");
    }
    assert_eq!(tasks.counts().await.expect("counted").total(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_message_is_refused_and_nothing_is_stored() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let _act = stage.next().await;
    let seq = tasks.get(task.id).await.expect("exists").seq;
    for message in
        [Message::new(""), Message::new("x".repeat(300_000)), Message::new("x").idempotency_key("\n")]
    {
        assert!(tasks.send(task.id, message).await.is_err());
    }
    assert!(matches!(tasks.rename(task.id, " ").await, Err(TaskError::Invalid { .. })));
    assert!(matches!(tasks.rename(task.id, &"x".repeat(201)).await, Err(TaskError::Limit { .. })));
    assert_eq!(tasks.get(task.id).await.expect("exists").seq, seq);
}

#[tokio::test(start_paused = true)]
async fn a_task_takes_only_so_many_messages_that_wait() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let _act = stage.next().await;
    let mut accepted = 1;
    let error = loop {
        match tasks.send(task.id, "more").await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(accepted, 1_000);
    assert!(matches!(error, TaskError::Limit { limit: 1_000, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn pages_of_nothing_are_refused() {
    let (tasks, _stage) = stage().await;
    let task = create(&tasks).await;
    assert!(tasks.list(&TaskQuery::default().with_limit(0)).await.is_err());
    assert!(tasks.transcript(task.id, TranscriptQuery::default().with_limit(0)).await.is_err());
    let cursor = task_core::Cursor::new("elsewhere");
    assert_eq!((cursor.as_str(), cursor.to_string().as_str()), ("elsewhere", "elsewhere"));
    assert!(tasks.list(&TaskQuery::default().with_cursor(cursor)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_task_however_often_it_is_asked_for() {
    let (tasks, _stage) = stage().await;
    let new = || NewTask::new("puppet", "go").idempotency_key("key-1");
    let creations = (0..64).map(|_| tasks.create_once(new()));
    let created: Vec<_> =
        futures::future::join_all(creations).await.into_iter().map(|one| one.expect("created")).collect();
    assert_eq!(created.iter().filter(|one| !one.repeated).count(), 1);
    assert!(created.iter().all(|one| one.task.id == created[0].task.id));
    assert_eq!(tasks.counts().await.expect("counted").total(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_key_is_another_task_and_another_message() {
    let (tasks, _stage) = stage().await;
    let new = |key: &str| NewTask::new("puppet", "go").idempotency_key(key);
    let (one, other) =
        (tasks.create(new("a")).await.expect("created"), tasks.create(new("b")).await.expect("created"));
    assert_ne!(one.id, other.id);
    for (task, key) in [(one.id, "a"), (one.id, "b"), (other.id, "a")] {
        let message = Message::new("more").idempotency_key(key);
        assert!(!tasks.send(task, message.clone()).await.expect("accepted").repeated, "{key}");
        assert!(tasks.send(task, message).await.expect("found").repeated, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_to_a_task_that_is_not_there_is_refused_at_once() {
    let (tasks, _stage) = stage().await;
    let begun = tokio::time::Instant::now();
    let nobody = TaskId::new();
    for refused in [
        tasks.rename(nobody, "a title").await.map(drop),
        tasks.send(nobody, "hello?").await.map(drop),
        tasks.cancel(nobody).await.map(drop),
    ] {
        assert!(matches!(refused, Err(TaskError::NotFound(task)) if task == nobody), "{refused:?}");
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn everything_in_a_message_counts_for_its_size() {
    let mut limits = Limits::default();
    limits.message_bytes = 100;
    let (tasks, _stage) = stage_with(MemoryStore::new(), |builder| builder.limits(limits)).await;
    let image =
        |media_type: &str, data: &str| Content::Image { media_type: media_type.into(), data: data.into() };
    let resource = |uri: &str, name: &str, text: &str| Content::Resource {
        uri: uri.into(),
        name: Some(name.into()),
        media_type: None,
        text: Some(text.into()),
    };
    let (much, more) = ("x".repeat(50), "x".repeat(51));
    for (content, bytes) in [
        (vec![image(&much, &much)], 100),
        (vec![image(&much, &more)], 101),
        (vec![resource(&much, &much, "")], 100),
        (vec![resource(&much, "", &much)], 100),
        (vec![resource(&much, "x", &much)], 101),
        (vec![Content::text(much.as_str()), image(&much, "")], 100),
        (vec![Content::text(more.as_str()), image(&much, "")], 101),
    ] {
        let outcome = tasks.create(NewTask::with_content("puppet", content.clone())).await;
        assert_eq!(outcome.is_ok(), bytes <= 100, "{content:?}: {outcome:?}");
        if let Err(error) = outcome {
            assert!(matches!(error, TaskError::Limit { actual: 101, limit: 100, .. }), "{error}");
        }
    }
}
