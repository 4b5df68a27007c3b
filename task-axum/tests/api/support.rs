//! An API on a memory store whose agent the test plays itself, and what it takes to ask it.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use task_axum::{Guard, TaskApi, Token};
use task_core::testing::{Act, FaultStore, Puppet, Stage};
use task_core::{Limits, MemoryStore, TaskId, TaskManager};
use tower::ServiceExt;

pub(crate) const HOST: &str = "localhost:3000";
pub(crate) const ORIGIN: &str = "http://localhost:3000";

/// The API nested at `/api`, its manager, and the stage of the agent `puppet`.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) tasks: TaskManager,
    pub(crate) stage: Stage,
    pub(crate) token: Token,
    pub(crate) store: FaultStore,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with(|api| api).await
    }

    pub(crate) async fn with(set_up: impl FnOnce(TaskApi) -> TaskApi) -> Self {
        Self::with_limits(Limits::default(), set_up).await
    }

    pub(crate) async fn with_limits(limits: Limits, set_up: impl FnOnce(TaskApi) -> TaskApi) -> Self {
        let (puppet, stage) = Puppet::new();
        let store = FaultStore::new(MemoryStore::new());
        let tasks = TaskManager::builder(store.clone())
            .runner("puppet", puppet)
            .limits(limits)
            .max_running(4)
            .cancel_grace(Duration::from_millis(200))
            .start()
            .await
            .expect("a fresh store");
        let token = Token::random().expect("randomness");
        let api = set_up(TaskApi::new(tasks.clone(), Guard::new(token.clone(), 3000)));
        Self { router: Router::new().nest("/api", api.router()), tasks, stage, token, store }
    }

    /// A request with the token, below the API.
    pub(crate) fn request(&self, method: &str, path: &str) -> Builder {
        let bearer = format!("Bearer {}", self.token.reveal());
        bare(method, path).header("authorization", bearer)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path).body(Body::empty()).expect("a request")).await
    }

    /// A change without a body.
    pub(crate) async fn post_nothing(&self, path: &str) -> Answer {
        self.send(self.request("POST", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.change("POST", path, body, &[]).await
    }

    pub(crate) async fn change(
        &self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A new task, and its path.
    pub(crate) async fn create(&self, message: &str) -> String {
        let answer = self.post("/tasks", json!({ "agent_id": "puppet", "message": message })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        format!("/tasks/{}", answer.body["id"].as_str().expect("an id"))
    }

    /// A new task whose run has started and has its message.
    pub(crate) async fn running(&mut self, message: &str) -> (String, Act) {
        let path = self.create(message).await;
        let act = within(self.stage.next()).await;
        act.cx.next_message().await.expect("running").expect("the first message");
        (path, act)
    }

    /// A new task that is completed.
    pub(crate) async fn completed(&mut self, message: &str) -> String {
        let (path, act) = self.running(message).await;
        act.finish(Ok(()));
        within(self.tasks.wait(id(&path))).await.expect("settled");
        path
    }

    /// Opens a stream.
    pub(crate) async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let request = headers
            .iter()
            .fold(self.request("GET", path), |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(Body::empty()).expect("a request"));
        let response = within(response).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        let (parts, body) = response.into_parts();
        Stream { headers: parts.headers, body, text: String::new(), frames: VecDeque::new() }
    }

    /// Everything that could have been changed.
    pub(crate) async fn state(&self) -> Value {
        let list = self.get("/tasks?limit=200").await.body;
        let mut logs = Vec::new();
        for task in list["items"].as_array().expect("items") {
            logs.push(
                self.get(&format!("/tasks/{}/events?limit=1000", task["id"].as_str().expect("an id")))
                    .await
                    .body,
            );
        }
        json!([list, logs])
    }
}

impl Answer {
    /// The `code` of a problem, after it was checked to be one.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["type"], "about:blank");
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        self.body["code"].as_str().expect("a code")
    }

    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store");
        self.body
    }
}

/// One frame of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<u64>,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// A stream as a client reads it.
pub(crate) struct Stream {
    pub(crate) headers: HeaderMap,
    body: Body,
    text: String,
    frames: VecDeque<Frame>,
}

impl Stream {
    /// The next frame; `None` when the stream is closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let chunk = within(self.body.frame()).await?.expect("infallible").into_data().expect("data");
            self.text.push_str(std::str::from_utf8(&chunk).expect("chunks end between frames"));
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                self.frames.extend(parse(frame));
                self.text = rest.to_owned();
            }
        }
    }

    /// The next frame that is not a heartbeat, and is this.
    #[track_caller]
    pub(crate) fn expect(&mut self, event: &'static str) -> impl Future<Output = Frame> {
        async move {
            let frame = self.next().await.expect("the stream goes on");
            assert_eq!(frame.event, event, "{frame:?}");
            frame
        }
    }

    /// The events up to a control frame, which comes last.
    pub(crate) async fn until(&mut self, control: &str) -> (Vec<u64>, Frame) {
        let mut seqs = Vec::new();
        loop {
            let frame = self.next().await.expect("the stream goes on");
            match frame.id {
                Some(id) => seqs.push(id),
                None if frame.event == control => return (seqs, frame),
                None => {}
            }
        }
    }
}

/// A frame; `None` for one that only sets how long to wait.
fn parse(text: &str) -> Option<Frame> {
    let mut lines = text.split('\n');
    if text.starts_with("retry: ") {
        assert_eq!(text, "retry: 1000");
        return None;
    }
    let first = lines.next().expect("a line");
    let (id, event) = match first.strip_prefix("id: ") {
        Some(id) => (Some(id.parse().expect("a number")), lines.next().expect("an event")),
        None => (None, first),
    };
    let event = event.strip_prefix("event: ").expect("an event").to_owned();
    let data = lines.next().and_then(|line| line.strip_prefix("data: ")).expect("data");
    assert_eq!(lines.next(), None, "a frame has no other line");
    Some(Frame { id, event, data: serde_json::from_str(data).expect("JSON") })
}

/// A request without a token.
pub(crate) fn bare(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(format!("/api{path}")).header("host", HOST)
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = within(router.clone().oneshot(request)).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = within(body.collect()).await.expect("infallible").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body, text }
}

pub(crate) fn id(path: &str) -> TaskId {
    path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("the path of a task")
}

/// What should happen soon. The clock may be paused: then it is the clock of the test that passes.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(100), future).await.expect("it should have happened by now")
}
