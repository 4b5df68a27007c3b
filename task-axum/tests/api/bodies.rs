use axum::body::Body;
use serde_json::json;

use crate::support::{Answer, App};

async fn post(app: &App, body: impl Into<Body>) -> Answer {
    let request = app.request("POST", "/tasks").header("content-type", "application/json");
    app.send(request.body(body.into()).expect("a request")).await
}

#[tokio::test]
async fn bodies_that_cannot_be_are_refused_and_change_nothing() {
    let app = App::new().await;
    app.create("hello").await;
    let before = app.state().await;
    for (body, status, code) in [
        ("", 400, "malformed"),
        ("{", 400, "malformed"),
        (r#"{"agent_id": "puppet", "message": "x"} x"#, 400, "malformed"),
        ("{\"agent_id\": \"puppet\", \"message\": \"\u{1}\"}", 400, "malformed"),
        (r#"{"agent_id": "puppet", "message": "\ud800"}"#, 400, "malformed"),
        ("[]", 422, "invalid"),
        ("null", 422, "invalid"),
        ("{}", 422, "invalid"),
        (r#"{"agent_id": 1, "message": "x"}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet"}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet", "message": ""}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet", "message": "x", "command": "rm"}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet", "agent_id": "puppet", "message": "x"}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet", "message": "x", "metadata": []}"#, 422, "invalid"),
        (r#"{"agent_id": "puppet", "message": "x", "model": "-p"}"#, 422, "invalid"),
        (r#"{"agent_id": "", "message": "x"}"#, 422, "unknown_agent"),
    ] {
        assert_eq!(post(&app, body).await.problem(status), code, "{body}");
    }
    let deep = format!(r#"{{"agent_id": "puppet", "message": "x", "metadata": {}}}"#, "[".repeat(100_000));
    assert_eq!(post(&app, deep).await.problem(422), "invalid");
    assert_eq!(post(&app, vec![b'"', 0xff, b'"']).await.status.as_u16(), 400);
    assert_eq!(app.state().await, before);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = App::with(|api| api.body_limit(1_000)).await;
    let body = json!({"agent_id": "puppet", "message": "x".repeat(1_000)});
    let answer = post(&app, body.to_string()).await;
    assert_eq!(answer.problem(413), "too_large");
    assert_eq!(app.get("/tasks").await.ok(200)["items"], json!([]));
    let small = json!({"agent_id": "puppet", "message": "x".repeat(900)});
    assert_eq!(post(&app, small.to_string()).await.status.as_u16(), 201);
}

#[tokio::test]
async fn a_body_of_a_megabyte_is_taken_and_judged_by_its_message() {
    let app = App::new().await;
    let body = json!({"agent_id": "puppet", "message": "x".repeat(1_000_000)});
    assert_eq!(post(&app, body.to_string()).await.problem(422), "limit");
    let body = json!({"agent_id": "puppet", "message": "x".repeat(2_000_000)});
    assert_eq!(post(&app, body.to_string()).await.problem(413), "too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let app = App::new().await;
    let never = futures::stream::pending::<Result<axum::body::Bytes, std::convert::Infallible>>();
    assert_eq!(post(&app, Body::from_stream(never)).await.problem(408), "request_timeout");
}

#[tokio::test]
async fn a_charset_does_not_matter() {
    let app = App::new().await;
    let request = app.request("POST", "/tasks").header("content-type", "Application/JSON; charset=utf-8");
    let body = json!({"agent_id": "puppet", "message": "x"}).to_string();
    app.send(request.body(Body::from(body)).expect("a request")).await.ok(201);
}
