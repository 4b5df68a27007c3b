use std::io;
use std::path::PathBuf;
use std::time::Duration;

use axum::{Router, middleware};
use serde_json::Value;
use task_core::TaskManager;

use crate::dirs::Roots;
use crate::guard::{Guard, Sessions};
use crate::layers;
use crate::metrics::Metrics;
use crate::openapi::{Version, document};
use crate::routes;
use crate::state::{Api, Parts};
use crate::streams::Streams;

/// The HTTP interface of a [`TaskManager`]: settings, then a [router](TaskApi::router).
#[derive(Debug)]
#[must_use = "the interface is made by `router`"]
pub struct TaskApi {
    tasks: TaskManager,
    guard: Guard,
    roots: Roots,
    body_limit: usize,
    max_streams: usize,
    heartbeat: Duration,
}

impl TaskApi {
    /// An interface to `tasks` for those whom `guard` admits.
    pub fn new(tasks: TaskManager, guard: Guard) -> Self {
        Self {
            tasks,
            guard,
            roots: Roots::default(),
            body_limit: BODY_LIMIT,
            max_streams: MAX_STREAMS,
            heartbeat: HEARTBEAT,
        }
    }

    /// Sets where the directories of tasks may lie; the first one is where a task works that names none. Relative
    /// directories are taken from there. Without roots no task can name a directory.
    ///
    /// # Errors
    ///
    /// When a root is no directory that can be found.
    pub fn roots<I>(mut self, roots: I) -> io::Result<Self>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        self.roots = Roots::new(roots.into_iter().map(Into::into))?;
        Ok(self)
    }

    /// Sets how many bytes a body may have. 1 MiB unless set.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how many streams may be open at a time. 64 unless set.
    pub const fn max_streams(mut self, streams: usize) -> Self {
        self.max_streams = streams;
        self
    }

    /// Sets after how much silence a stream says that it lives. 15 s unless set.
    pub const fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every;
        self
    }

    /// The router: nest it under any path, in an application with any state.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let Self { tasks, guard, roots, body_limit, max_streams, heartbeat } = self;
        let (router, description) = routes::all().split_for_parts();
        let streams = Streams::new(max_streams, heartbeat);
        let sessions = Sessions::default();
        let metrics = Metrics::default();
        let api =
            Api::new(Parts { tasks, guard, roots, body_limit, streams, sessions, metrics, description });

        // The first layer is the innermost.
        router
            .fallback(routes::unknown_path)
            .method_not_allowed_fallback(routes::wrong_method)
            .with_state(api.clone())
            .layer(middleware::from_fn_with_state(api.clone(), layers::admit))
            .layer(middleware::from_fn_with_state(api, layers::finish))
    }
}

/// The OpenAPI 3.1 description of the API, as `GET /openapi.json` gives it for an API at `prefix`.
///
/// # Errors
///
/// When it has no JSON form, which would be a fault of this crate.
pub fn openapi(prefix: &str) -> Result<Value, serde_json::Error> {
    document(routes::all().into_openapi(), Version::V3_1, prefix)
}

const BODY_LIMIT: usize = 1 << 20;
const MAX_STREAMS: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(15);
