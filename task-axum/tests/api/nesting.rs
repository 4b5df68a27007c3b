use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use serde_json::json;
use task_axum::{Guard, TaskApi};
use tower::ServiceExt;

use crate::support::{App, send};

#[derive(Clone)]
struct Own(&'static str);

#[tokio::test]
async fn the_api_nests_anywhere_in_an_app_with_its_own_state_and_parameters() {
    let app = App::new().await;
    let api = TaskApi::new(app.tasks.clone(), Guard::none());
    let router = Router::new()
        .route("/hello", get(|State(Own(name)): State<Own>| async move { name }))
        .nest("/teams/{team}/ops", api.router())
        .with_state(Own("me"));

    let request = Request::post("/teams/red/ops/tasks").header("content-type", "application/json");
    let body = json!({"agent_id": "puppet", "message": "x"}).to_string();
    let created = send(&router, request.body(Body::from(body)).expect("a request")).await;
    let location = created.headers["location"].to_str().expect("text").to_owned();
    assert!(location.starts_with("/teams/red/ops/tasks/"), "{location}");
    created.ok(201);

    let get = |path: String| Request::get(path).body(Body::empty()).expect("a request");
    send(&router, get(location)).await.ok(200);
    assert_eq!(send(&router, get("/teams/red/ops/nope".to_owned())).await.problem(404), "not_found");
    let openapi = send(&router, get("/teams/red/ops/openapi.json".to_owned())).await.ok(200);
    assert_eq!(openapi["servers"], json!([{"url": "/teams/red/ops"}]));
    let hello = router.clone().oneshot(get("/hello".to_owned())).await.expect("infallible");
    assert_eq!(hello.status(), StatusCode::OK);
    let outside = router.oneshot(get("/nope".to_owned())).await.expect("infallible");
    assert!(!outside.headers().contains_key("content-type"), "the fallback is that of the app");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let app = App::new().await;
    for path in ["", "/nope", "/tasks/a/b/c/d", "/tasks/running", "/tasks/running/nope"] {
        assert_eq!(app.get(path).await.problem(404), "not_found", "{path}");
    }
    for (method, path, allow) in [
        ("PUT", "/tasks", "GET,HEAD,POST"),
        ("POST", "/agents", "GET,HEAD"),
        ("POST", "/tasks/stream", "GET,HEAD"),
        ("GET", "/tasks/01a20446-7bfe-7042-b3eb-60cd14de8349/cancel", "POST"),
        ("GET", "/session", "DELETE,POST"),
    ] {
        let answer = app.send(app.request(method, path).body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
        let mut allowed: Vec<_> = answer.headers["allow"].to_str().expect("text").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow);
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let app = App::new().await;
    let path = app.create("hello").await;
    for path in ["/tasks", "/healthz", &path, &format!("{path}/stream")] {
        let request = app.request("HEAD", path).body(Body::empty()).expect("a request");
        let answer = app.send(request).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""), "{path}");
    }
}
