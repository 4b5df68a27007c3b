//! The log of a task: as a page, and as a stream.

use std::task::{Context, Poll};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use task_core::{Chunk, Event, EventBatch, Seq, Subscription, TaskError, TaskStatus, with_causes};

use crate::answer::json;
use crate::dto::EventPage;
use crate::extract::{Params, TaskPath, number};
use crate::problem::Problem;
use crate::schema;
use crate::sse::{self, Fill, Frames, Source};
use crate::state::Api;

/// A page of the log.
#[utoipa::path(get, path = "/tasks/{id}/events", operation_id = "list_events", tag = "events", params(schema::TaskParam, schema::EventQuery),
    responses(
        (status = 200, description = "The page.", body = EventPage<'static>),
        (status = 400, description = "A parameter is not valid.", body = schema::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The cursor is beyond the end of the log.", body = schema::Problem, content_type = "application/problem+json"),
        schema::Unknown,
    )
)]
pub(super) async fn events(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    params: Params,
) -> Result<Response, Problem> {
    let limit = params.limit(DEFAULT_EVENTS, MAX_EVENTS)?;
    let after = Seq::new(params.position("after")?.unwrap_or(0));
    let events = api.tasks.events(id, after, limit).await?;
    // Loaded after the page, so that its end is never before that of the page.
    let end = api.tasks.get(id).await?.seq;
    if after > end {
        return Err(TaskError::CursorAhead { cursor: after, end }.into());
    }
    let seq = events.last().map_or(after, Event::seq);
    let raw = events.iter().map(|event| serde_json::from_str::<&RawValue>(event.json()));
    let raw: Vec<_> = raw.collect::<Result<_, _>>().map_err(|error| Problem::internal(&error))?;
    json(StatusCode::OK, &EventPage { events: raw, seq, has_more: seq < end })
}

/// The log as server-sent events: what is stored, then what comes, each event once, in order.
#[utoipa::path(get, path = "/tasks/{id}/stream", operation_id = "follow_task", tag = "events", params(schema::TaskParam, schema::StreamQuery),
    responses(
        (status = 200, description = "The stream. `caught_up`, `heartbeat` and `end` have no id.",
            content((String = "text/event-stream", item_schema = inline(schema::LogFrame)))),
        (status = 204, description = "The task is settled, and the cursor is at the end of its log."),
        (status = 400, description = "The cursor is not a number.", body = schema::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The cursor is beyond the end of the log.", body = schema::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many streams are open.", body = schema::Problem, content_type = "application/problem+json"),
        schema::Unknown,
    )
)]
pub(super) async fn stream(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = cursor(&headers, &params)?;
    let follows = params.flag("follow")?;
    let place = api.streams.place()?;
    let mut events = api.tasks.subscribe(id, after);
    if follows {
        events = events.following();
    }
    // The first chunk decides: what is wrong is told before the stream begins.
    match events.next_chunk().await.unwrap_or(Err(TaskError::ShutDown))? {
        Chunk::CaughtUp { status, .. } if status.is_settled() && !follows => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        first => Ok(sse::response(api, place, LogSource { first: Some(first), ready: None, events })),
    }
}

/// The last event the client has seen. A client that comes back says so in the header, whatever its address says.
fn cursor(headers: &HeaderMap, params: &Params) -> Result<Seq, Problem> {
    let Some(header) = headers.get("last-event-id").filter(|id| !id.is_empty()) else {
        return Ok(Seq::new(params.position("after")?.unwrap_or(0)));
    };
    header
        .to_str()
        .ok()
        .and_then(number)
        .map(Seq::new)
        .ok_or_else(|| Problem::bad_request("invalid_header", "Last-Event-ID: it is not a number"))
}

/// A log on its way into frames.
struct LogSource {
    first: Option<Chunk>,
    /// What did not fit into the frames before.
    ready: Option<EventBatch>,
    events: Subscription,
}

/// The fields of `caught_up` and `end`.
#[derive(Serialize)]
struct Position {
    seq: Seq,
    status: TaskStatus,
}

impl Source for LogSource {
    fn fill(&mut self, cx: &mut Context<'_>, frames: &mut Frames) -> Fill {
        loop {
            if let Some(batch) = &mut self.ready {
                for event in batch {
                    frames.event(&event);
                    if frames.is_full() {
                        return Fill::Full;
                    }
                }
                self.ready = None;
            }
            let chunk = match self.first.take() {
                Some(chunk) => Ok(chunk),
                None => match self.events.poll_chunk(cx) {
                    Poll::Pending => return Fill::Waiting,
                    Poll::Ready(None) => return Fill::Ended,
                    Poll::Ready(Some(chunk)) => chunk,
                },
            };
            match chunk {
                Ok(Chunk::CaughtUp { seq, status }) => frames.control("caught_up", &Position { seq, status }),
                Ok(Chunk::Ended { seq, status }) => {
                    frames.control("end", &Position { seq, status });
                    return Fill::Ended;
                }
                Ok(Chunk::Events(batch)) => self.ready = Some(batch),
                Ok(_) => {}
                // The end of the server, or of the task. Whoever comes back is told which.
                Err(TaskError::ShutDown | TaskError::NotFound(_)) => return Fill::Ended,
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "a stream broke off");
                    return Fill::Ended;
                }
            }
        }
    }
}

/// Events a page has unless asked otherwise.
const DEFAULT_EVENTS: usize = 256;

/// Events a page may have.
const MAX_EVENTS: usize = 1_000;
