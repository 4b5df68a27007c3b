//! An application that has routes, a state and users of its own, and gets agent tasks below a path of its choice.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, serve};
use task_axum::{Guard, TaskApi};
use task_core::{RunContext, RunResult, TaskManager};
use task_store_sqlite::SqliteStore;
use tokio::net::TcpListener;

#[derive(Clone)]
struct App {
    greeting: &'static str,
    key: Arc<str>,
}

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

fn router(app: App, tasks: TaskManager) -> Router {
    // The application knows its users: nothing gets past its own check, so the API has none.
    let api = TaskApi::new(tasks, Guard::none()).router();
    Router::new()
        .route("/hello", get(async |State(app): State<App>| app.greeting))
        .nest("/agents/v1", api)
        .layer(from_fn_with_state(app.clone(), only_with_key))
        .with_state(app)
}

async fn only_with_key(State(app): State<App>, request: Request, next: Next) -> Result<Response, StatusCode> {
    let given = request.headers().get("x-api-key").map(|key| key.as_bytes());
    if given == Some(app.key.as_bytes()) { Ok(next.run(request).await) } else { Err(StatusCode::UNAUTHORIZED) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tasks =
        TaskManager::builder(SqliteStore::open("tasks.db").await?).runner("parrot", parrot).start().await?;
    let app = App { greeting: "hello", key: std::env::var("APP_KEY")?.into() };
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    Ok(serve(listener, router(app, tasks)).await?)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: &Router, request: axum::http::request::Builder, body: &str) -> (StatusCode, String, String) {
        let request = request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let location = headers.get("location").map_or("", |path| path.to_str().unwrap()).to_owned();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, location, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn tasks_live_below_the_prefix_behind_the_check_of_the_application() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(dir.path().join("tasks.db")).await.unwrap();
        let tasks = TaskManager::builder(store).runner("parrot", parrot).start().await.unwrap();
        let router = router(App { greeting: "hello", key: "k".into() }, tasks);
        let with_key = |request: axum::http::request::Builder| request.header("x-api-key", "k");

        let (status, _, text) = ask(&router, with_key(Request::get("/hello")), "").await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "hello"));
        for path in ["/hello", "/agents/v1/tasks"] {
            assert_eq!(ask(&router, Request::get(path), "").await.0, StatusCode::UNAUTHORIZED);
        }
        let task = r#"{"agent_id": "parrot", "message": "over here"}"#;
        let (status, path, _) = ask(&router, with_key(Request::post("/agents/v1/tasks")), task).await;
        assert_eq!(status, StatusCode::CREATED);
        assert!(path.starts_with("/agents/v1/tasks/"), "{path}");
        let (status, _, stream) = ask(&router, with_key(Request::get(format!("{path}/stream"))), "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(stream.contains("over here") && stream.contains("event: end"), "{stream}");
    }
}
