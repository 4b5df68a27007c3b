use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use task_core::{Limits, TaskId};

use crate::support::{App, id, within};

#[tokio::test]
async fn agents_are_listed() {
    let app = App::new().await;
    let agents = app.get("/agents").await.ok(200);
    let expected =
        json!({"id": "puppet", "name": "puppet", "description": null, "model": null, "available": true});
    assert_eq!(agents, json!([expected]));
}

#[tokio::test]
async fn a_created_task_is_pending_and_is_where_location_says() {
    let app = App::new().await;
    let body = json!({
        "agent_id": "puppet", "message": "fix the build", "model": "opus", "enable_skills": true,
        "enable_mcp": false, "metadata": {"ticket": 7},
    });
    let created = app.post("/tasks", body).await;
    let location = created.headers["location"].to_str().expect("text").to_owned();
    let task = created.ok(201);
    assert_eq!(location, format!("/api/tasks/{}", task["id"].as_str().expect("an id")));
    assert_eq!(task["status"], "pending");
    assert_eq!(task["title"], "fix the build");
    assert_eq!(task["model"], "opus");
    assert_eq!((&task["enable_skills"], &task["enable_mcp"]), (&json!(true), &json!(false)));
    assert_eq!(task["metadata"], json!({"ticket": 7}));
    let found = app.get(location.strip_prefix("/api").expect("below the API")).await.ok(200);
    assert_eq!(found["id"], task["id"]);
}

#[tokio::test]
async fn a_task_has_every_member_and_null_for_what_is_absent() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let task = app.get(&path).await.ok(200);
    // Their order means nothing, and depends on how serde_json was built.
    let members: BTreeSet<_> = task.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = BTreeSet::from([
        "id",
        "agent_id",
        "session_id",
        "status",
        "title",
        "model",
        "created_at",
        "started_at",
        "completed_at",
        "error",
        "work_dir",
        "seq",
        "run",
        "last_event_at",
        "queued_messages",
        "requests",
        "usage",
        "metadata",
        "enable_skills",
        "enable_mcp",
        "add_dirs",
    ]);
    assert_eq!(members, expected);
    assert_eq!(task["error"], Value::Null);
}

#[tokio::test]
async fn content_blocks_follow_the_short_message() {
    let app = App::new().await;
    let body = json!({
        "agent_id": "puppet", "message": "look", "content": [
            {"type": "image", "media_type": "image/png", "data": "aGk="},
            {"type": "resource", "uri": "file:///a.rs"},
        ],
    });
    let task = app.post("/tasks", body).await.ok(201);
    let events = app.get(&format!("/tasks/{}/events", task["id"].as_str().expect("an id"))).await.ok(200);
    let content = &events["events"][1]["content"];
    assert_eq!(content[0], json!({"type": "text", "text": "look"}));
    assert_eq!(content[1], json!({"type": "image", "media_type": "image/png", "data": "aGk="}));
    assert_eq!(content[2], json!({"type": "resource", "uri": "file:///a.rs"}));
}

#[tokio::test]
async fn one_idempotency_key_is_one_task() {
    let app = App::new().await;
    let body = json!({"agent_id": "puppet", "message": "once"});
    let first = app.change("POST", "/tasks", body.clone(), &[("idempotency-key", "k1")]).await.ok(201);
    let again = app.change("POST", "/tasks", body.clone(), &[("idempotency-key", "k1")]).await.ok(200);
    let other = app.change("POST", "/tasks", body, &[("idempotency-key", "k2")]).await.ok(201);
    assert_eq!(first["id"], again["id"]);
    assert_ne!(first["id"], other["id"]);
}

#[tokio::test]
async fn two_idempotency_keys_are_none() {
    let app = App::new().await;
    let keys = [("idempotency-key", "k1"), ("idempotency-key", "k2")];
    let answer = app.change("POST", "/tasks", json!({"agent_id": "puppet", "message": "x"}), &keys).await;
    assert_eq!(answer.problem(400), "invalid_header");
}

#[tokio::test]
async fn an_unknown_agent_is_refused() {
    let app = App::new().await;
    let answer = app.post("/tasks", json!({"agent_id": "nobody", "message": "x"})).await;
    assert_eq!(answer.problem(422), "unknown_agent");
    assert!(answer.body["detail"].as_str().expect("text").contains("nobody"));
}

#[tokio::test]
async fn too_many_pending_tasks_are_refused_with_a_time_to_retry() {
    let mut limits = Limits::default();
    limits.pending_tasks = 0;
    let app = App::with_limits(limits, |api| api).await;
    let answer = app.post("/tasks", json!({"agent_id": "puppet", "message": "x"})).await;
    assert_eq!(answer.problem(429), "too_many_pending");
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn a_task_can_be_renamed() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let renamed = app.change("PATCH", &path, json!({"title": "Ein Titel"}), &[]).await.ok(200);
    assert_eq!(renamed["title"], "Ein Titel");
    let empty = app.change("PATCH", &path, json!({"title": "  "}), &[]).await;
    assert_eq!(empty.problem(422), "invalid");
    let long = app.change("PATCH", &path, json!({"title": "x".repeat(201)}), &[]).await;
    assert_eq!(long.problem(422), "limit");
    assert_eq!(long.body["limit"], 200);
    assert_eq!(app.get(&path).await.ok(200)["title"], "Ein Titel");
}

#[tokio::test]
async fn a_deleted_task_is_gone_and_a_second_time_unknown() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let deleted = app.delete(&path).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(app.delete(&path).await.problem(404), "not_found");
    assert_eq!(app.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_running_task_is_cancelled_before_it_is_deleted() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let cancelled = act.cx.cancelled();
    let (deleted, ()) = tokio::join!(app.delete(&path), async {
        within(cancelled).await;
        act.finish(Ok(()));
    });
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_running_task_is_asked_to_stop_and_stops() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let asked = app.post_nothing(&format!("{path}/cancel")).await.ok(202);
    assert_eq!(asked["status"], "running");
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled");
    let again = app.post_nothing(&format!("{path}/cancel")).await.ok(200);
    assert_eq!(again["status"], "cancelled");
}

#[tokio::test]
async fn a_completed_task_cannot_be_cancelled() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let answer = app.post_nothing(&format!("{path}/cancel")).await;
    assert_eq!(answer.problem(409), "wrong_state");
    assert_eq!(answer.body["task_status"], "completed");
}

#[tokio::test]
async fn what_is_no_id_of_a_task_is_unknown() {
    let app = App::new().await;
    app.create("hello").await;
    let stranger = TaskId::new();
    let braced = format!("%7B{stranger}%7D");
    for id in [stranger.to_string().as_str(), "nonsense", "%00", "%ff", "running", braced.as_str()] {
        for end in ["", "/messages", "/events", "/stream"] {
            assert_eq!(app.get(&format!("/tasks/{id}{end}")).await.problem(404), "not_found", "{id}{end}");
        }
        assert_eq!(app.delete(&format!("/tasks/{id}")).await.problem(404), "not_found");
        assert_eq!(app.post_nothing(&format!("/tasks/{id}/cancel")).await.problem(404), "not_found");
        let message = app.post(&format!("/tasks/{id}/message"), json!({"message": "x"})).await;
        assert_eq!(message.problem(404), "not_found");
        let renamed = app.change("PATCH", &format!("/tasks/{id}"), json!({"title": "x"}), &[]).await;
        assert_eq!(renamed.problem(404), "not_found");
        let answered = app.post(&format!("/tasks/{id}/requests/1"), json!({"answer": "x"})).await;
        assert_eq!(answered.problem(404), "not_found");
    }
}
