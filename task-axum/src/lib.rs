//! Agent tasks over HTTP: REST, server-sent events and OpenAPI, as a router to nest in any Axum application.
//!
//! ```
//! use axum::Router;
//! use axum::body::Body;
//! use axum::http::{Request, StatusCode};
//! use task_axum::{Guard, TaskApi, Token};
//! use task_core::{MemoryStore, RunContext, RunResult, TaskManager};
//! use tower::ServiceExt;
//!
//! async fn parrot(cx: RunContext) -> RunResult {
//!     while let Some(message) = cx.next_message().await? {
//!         cx.text("reply", message.text()).await?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
//! let token = Token::random()?;
//! let api = TaskApi::new(tasks, Guard::new(token.clone(), 3000));
//! let app: Router = Router::new().nest("/api", api.router());
//!
//! let request = Request::post("/api/tasks")
//!     .header("host", "localhost:3000")
//!     .header("authorization", format!("Bearer {}", token.reveal()))
//!     .header("content-type", "application/json")
//!     .body(Body::from(r#"{"agent_id": "parrot", "message": "hello"}"#))?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! assert!(response.headers()["location"].to_str()?.starts_with("/api/tasks/"));
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! * [`TaskApi`] – sets the router up: where directories may lie, how large bodies may be, how many streams there are.
//! * [`Guard`] and [`Token`] – who may use it. There is no default: forgetting it would let every web page start
//!   programs.
//! * [`guide`] – mounting it in an application, and the security of a server that starts agents.
//! * `GET /openapi.json` of the router describes every route; [`openapi()`] is the same document in code.
//!
//! # What holds everywhere
//!
//! * Errors are `application/problem+json` with a `code` that stays what it is. What is unknown is a `404` of that
//!   form, also a path below the API, and a path whose task id is no UUID.
//! * A `GET` changes nothing, and watching has no consequence: a stream that breaks off is never a cancel.
//! * An answer says `no-store`: states of tasks are not for caches.
//! * `work_dir` and `add_dirs` lie inside the [roots](TaskApi::roots), symlinks resolved; without roots there are no
//!   directories to name.
//!
//! # What the server around it has to do
//!
//! Hyper does not ask a body for more while the client takes nothing, so no code here notices: limit how long a write
//! may stall where the connection is, and how long the head of a request may take. Never compress or buffer
//! `text/event-stream`. Streams end when the manager begins to shut down; shut it down before waiting for connections.
#![forbid(unsafe_code)]

mod answer;
mod api;
mod body;
mod content_type;
mod dirs;
mod dto;
mod extract;
mod guard;
pub mod guide;
mod layers;
mod metrics;
mod openapi;
mod problem;
mod routes;
mod schema;
mod sse;
mod state;
mod streams;

pub use api::{TaskApi, openapi};
pub use guard::{Guard, Token};

/// The README, whose example runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
