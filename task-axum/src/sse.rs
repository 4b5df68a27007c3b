//! Server-sent events: the frames, and the body that yields them.

use std::convert::Infallible;
use std::fmt;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{SecondsFormat, Utc};
use futures::Stream;
use serde::Serialize;
use task_core::Event;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use crate::answer::typed;
use crate::state::Api;

/// Where the frames of a stream come from.
pub(crate) trait Source: Send + Unpin + 'static {
    /// Writes every frame that is at hand, until the frames are full.
    fn fill(&mut self, cx: &mut Context<'_>, frames: &mut Frames) -> Fill;
}

/// How [`Source::fill`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Nothing follows.
    Ended,
    /// There may be more at hand.
    Full,
    /// More comes later; the context will be woken.
    Waiting,
}

/// Frames that go out together.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    text: String,
    events: u64,
}

impl Frames {
    /// An event of a log: its number is the cursor of whoever read it.
    pub(crate) fn event(&mut self, event: &Event) {
        self.events += 1;
        // Writing to text cannot fail. Neither the kind nor the JSON has a line break: see `Event`.
        let _ = write!(self.text, "id: {}\nevent: {}\ndata: {}\n\n", event.seq(), event.kind(), event.json());
    }

    /// A frame that moves no cursor: it has no id.
    pub(crate) fn control<T: Serialize>(&mut self, name: &str, data: &T) {
        match serde_json::to_string(data) {
            Ok(data) => {
                let _ = write!(self.text, "event: {name}\ndata: {data}\n\n");
            }
            Err(error) => tracing::error!(%error, name, "a frame has no JSON form"),
        }
    }

    fn heartbeat(&mut self) {
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        self.control("heartbeat", &serde_json::json!({ "at": at }));
    }

    /// Whether it is time to send them.
    pub(crate) const fn is_full(&self) -> bool {
        self.text.len() >= CHUNK
    }
}

/// The answer that streams what `source` has, in the place that was taken for it.
pub(crate) fn response(api: Api, place: OwnedSemaphorePermit, source: impl Source) -> Response {
    let every = api.streams.heartbeat();
    let body = Chunks {
        source,
        heartbeat: Box::pin(sleep(every)),
        every,
        begun: false,
        ended: false,
        api,
        _place: place,
    };
    let mut response = typed(StatusCode::OK, "text/event-stream", Body::from_stream(body));
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The body of a stream: it yields everything that is at hand as one chunk, and is asked for the next one only when
/// the connection has taken it. So a reader that is slow, or does not read, holds one chunk and costs nothing more.
struct Chunks<S> {
    source: S,
    heartbeat: Pin<Box<Sleep>>,
    every: Duration,
    begun: bool,
    ended: bool,
    api: Api,
    _place: OwnedSemaphorePermit,
}

impl<S: Source> Stream for Chunks<S> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let mut frames = Frames::default();
        if !this.begun {
            this.begun = true;
            frames.text.push_str(RETRY);
        }
        this.ended = this.source.fill(cx, &mut frames) == Fill::Ended;
        if frames.text.is_empty() {
            if this.ended {
                return Poll::Ready(None);
            }
            if this.heartbeat.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            frames.heartbeat();
        }
        this.heartbeat.as_mut().reset(Instant::now() + this.every);
        this.api.metrics.sent(frames.events);
        Poll::Ready(Some(Ok(frames.text.into())))
    }
}

impl<S> fmt::Debug for Chunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Browsers wait so long before they connect again, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

/// Bytes that are sent together, if there are so many.
const CHUNK: usize = 64 << 10;

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
