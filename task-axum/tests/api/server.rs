use std::time::Duration;

use serde_json::json;
use task_core::testing::Fault;

use crate::support::{App, within};

#[tokio::test]
async fn a_server_that_is_well_says_so() {
    let app = App::new().await;
    assert_eq!(app.get("/healthz").await.ok(200), json!({"status": "ok"}));
    assert_eq!(app.get("/readyz").await.ok(200), json!({"status": "ok"}));
}

/// Core tries again for a while; the clock is paused, so that the test need not wait.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_unavailable_and_keeps_its_secrets() {
    let app = App::new().await;
    app.store.fail([Fault::Unavailable; 10_000]);
    let answer = app.post("/tasks", json!({"agent_id": "puppet", "message": "x"})).await;
    assert_eq!(answer.problem(503), "store_unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.text.contains("disk"), "{}", answer.text);
}

#[tokio::test]
async fn a_server_that_is_shut_down_says_so() {
    let app = App::new().await;
    let path = app.create("hello").await;
    within(app.tasks.shutdown(Duration::ZERO)).await.expect("shut down");
    for answer in [
        app.get("/readyz").await,
        app.get("/tasks").await,
        app.get(&format!("{path}/stream")).await,
        app.get("/tasks/stream").await,
        app.get("/metrics").await,
        app.post("/tasks", json!({"agent_id": "puppet", "message": "x"})).await,
        app.delete(&path).await,
    ] {
        assert_eq!(answer.problem(503), "shutting_down");
        assert!(answer.headers.contains_key("retry-after"));
    }
    app.get("/healthz").await.ok(200);
}

#[tokio::test]
async fn metrics_count_tasks_streams_events_and_answers() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    app.get("/nope").await.problem(404);
    let mut ended = app.stream(&format!("{path}/stream"), &[]).await;
    let (seqs, _) = ended.until("end").await;
    drop(ended);
    let _open = app.stream("/tasks/stream", &[]).await;

    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"tasks{status="completed"} 1"#,
        r#"tasks{status="running"} 0"#,
        "task_streams_open 1",
        "task_streams_limit 64",
        &format!("task_stream_events_total {}", seqs.len()),
        r#"task_http_responses_total{code="201"} 1"#,
        r#"task_http_responses_total{code="404"} 1"#,
    ] {
        assert!(metrics.text.lines().any(|found| found == line), "{line} in\n{}", metrics.text);
    }
    for line in metrics.text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a sample");
        assert!(value.parse::<u64>().is_ok() && name.starts_with("task"), "{line}");
    }
}
