use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;
use task_axum::TaskApi;
use tower::ServiceExt;

use crate::support::{App, id, within};

#[tokio::test]
async fn a_stream_replays_then_goes_on_live_then_ends() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
    let (replayed, caught_up) = stream.until("caught_up").await;
    assert_eq!(replayed, (1..=caught_up.data["seq"].as_u64().expect("a number")).collect::<Vec<_>>());
    assert_eq!(caught_up.data["status"], "running");

    act.cx.text("a", "live\nnews").await.expect("running");
    let text = stream.expect("text").await;
    assert_eq!(text.data["text"], "live\nnews");
    assert_eq!(text.id, Some(replayed.len() as u64 + 1));
    assert_eq!(text.data["task_id"], id(&path).to_string());

    act.finish(Ok(()));
    stream.expect("completed").await;
    let end = stream.expect("end").await;
    assert_eq!(end.data, json!({"seq": text.id.expect("an event") + 1, "status": "completed"}));
    assert_eq!(end.id, None);
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn the_answer_is_an_event_stream_that_nobody_keeps() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let stream = app.stream(&format!("{path}/stream"), &[]).await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
}

#[tokio::test]
async fn cut_anywhere_and_resumed_every_event_comes_once() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    for n in 0..20 {
        act.cx.custom("n", &n).await.expect("running");
    }
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled");
    let end = app.get(&path).await.ok(200)["seq"].as_u64().expect("a number");

    for cut in 0..end {
        let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
        let mut seqs = Vec::new();
        while (seqs.len() as u64) < cut {
            seqs.extend(stream.next().await.expect("the stream goes on").id);
        }
        drop(stream);
        let last = cut.to_string();
        // What the header says goes before what the address says.
        let mut stream = app.stream(&format!("{path}/stream?after=3"), &[("last-event-id", &last)]).await;
        let (rest, _) = stream.until("end").await;
        seqs.extend(rest);
        assert_eq!(seqs, (1..=end).collect::<Vec<_>>(), "cut after {cut}");
    }
}

#[tokio::test]
async fn the_end_of_a_settled_task_has_no_content() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let end = app.get(&path).await.ok(200)["seq"].as_u64().expect("a number");
    let answer = app.get(&format!("{path}/stream?after={end}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
    let mut stream = app.stream(&format!("{path}/stream?after={}", end - 1), &[]).await;
    assert_eq!(stream.until("end").await.0, [end]);
}

#[tokio::test]
async fn a_stream_that_follows_stays_for_the_next_run() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let end = app.get(&path).await.ok(200)["seq"].as_u64().expect("a number");
    let mut stream = app.stream(&format!("{path}/stream?after={end}&follow=true"), &[]).await;
    stream.expect("caught_up").await;
    app.post(&format!("{path}/message"), json!({"message": "again"})).await.ok(202);
    let act = within(app.stage.next()).await;
    act.cx.next_message().await.expect("running");
    act.finish(Ok(()));
    for event in ["message", "run_started", "message_delivered", "completed"] {
        stream.expect(event).await;
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_is_refused_before_the_stream_begins() {
    let app = App::new().await;
    let path = app.create("hello").await;
    assert_eq!(app.get(&format!("{path}/stream?after=x")).await.problem(400), "invalid_query");
    assert_eq!(app.get(&format!("{path}/stream?follow=perhaps")).await.problem(400), "invalid_query");
    assert_eq!(app.get(&format!("{path}/stream?after=99")).await.problem(409), "cursor_ahead");
    let request = app.request("GET", &format!("{path}/stream")).header("last-event-id", "abc");
    assert_eq!(
        app.send(request.body(Body::empty()).expect("a request")).await.problem(400),
        "invalid_header"
    );
    let request = app.request("GET", &format!("{path}/stream")).header("last-event-id", "99");
    assert_eq!(app.send(request.body(Body::empty()).expect("a request")).await.problem(409), "cursor_ahead");
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats_without_an_id() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
    stream.until("caught_up").await;
    for _ in 0..3 {
        let begun = tokio::time::Instant::now();
        let heartbeat = stream.expect("heartbeat").await;
        assert_eq!(heartbeat.id, None);
        assert!(heartbeat.data["at"].as_str().expect("a time").ends_with('Z'));
        assert_eq!(begun.elapsed().as_secs(), 15);
    }
    act.cx.text("a", "x").await.expect("running");
    stream.expect("text").await;
}

#[tokio::test(start_paused = true)]
async fn the_time_between_heartbeats_can_be_set() {
    let app = App::with(|api| api.heartbeat(Duration::from_secs(3))).await;
    let mut stream = app.stream("/tasks/stream", &[]).await;
    stream.expect("snapshot").await;
    let begun = tokio::time::Instant::now();
    stream.expect("heartbeat").await;
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn one_stream_too_many_is_refused_until_another_is_dropped() {
    let app = App::with(|api: TaskApi| api.max_streams(2)).await;
    let path = app.create("hello").await;
    let first = app.stream(&format!("{path}/stream"), &[]).await;
    let _second = app.stream("/tasks/stream", &[]).await;
    for path in [format!("{path}/stream"), "/tasks/stream".to_owned()] {
        let refused = app.get(&path).await;
        assert_eq!(refused.problem(429), "too_many_streams");
        assert!(refused.headers.contains_key("retry-after"));
    }
    drop(first);
    app.stream(&format!("{path}/stream"), &[]).await;
}

#[tokio::test]
async fn streams_that_are_refused_take_no_place() {
    let app = App::with(|api: TaskApi| api.max_streams(1)).await;
    let path = app.create("hello").await;
    app.get(&format!("{path}/stream?after=99")).await.problem(409);
    app.get(&format!("/tasks/{}/stream", task_core::TaskId::new())).await.problem(404);
    app.stream(&format!("{path}/stream"), &[]).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_task_is_deleted() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let mut stream = app.stream(&format!("{path}/stream?follow=true"), &[]).await;
    stream.until("caught_up").await;
    app.delete(&path).await.ok(204);
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn streams_end_when_the_manager_is_shut_down() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let mut log = app.stream(&format!("{path}/stream?follow=true"), &[]).await;
    let mut list = app.stream("/tasks/stream", &[]).await;
    within(app.tasks.shutdown(Duration::ZERO)).await.expect("shut down");
    while log.next().await.is_some() {}
    while list.next().await.is_some() {}
}

#[tokio::test]
async fn watching_and_going_away_changes_nothing() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let before = app.state().await;
    for _ in 0..10 {
        let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
        stream.next().await.expect("the first event");
    }
    assert_eq!(app.state().await, before);
    assert!(!act.cx.is_cancelled());
}

#[tokio::test]
async fn everything_at_hand_is_one_chunk() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    for n in 0..300 {
        act.cx.custom("n", &n).await.expect("running");
    }
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled");
    let request = app.request("GET", &format!("{path}/stream")).body(Body::empty()).expect("a request");
    let mut body = app.router.clone().oneshot(request).await.expect("infallible").into_body();
    let mut chunks = Vec::new();
    while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
        chunks.push(frame.expect("infallible").into_data().expect("data").len());
    }
    let (_, whole) = chunks.split_last().expect("chunks");
    assert!(whole.iter().all(|len| (64 << 10..65 << 10).contains(len)), "{chunks:?}");
}
