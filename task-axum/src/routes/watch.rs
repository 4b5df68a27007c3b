//! The list of tasks as a stream.

use std::task::{Context, Poll};

use axum::extract::State;
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use task_core::{TaskChange, TaskError, TaskId, TaskWatch, with_causes};

use super::tasks::query;
use crate::dto::TaskList;
use crate::extract::Params;
use crate::problem::Problem;
use crate::schema;
use crate::sse::{self, Fill, Frames, Source};
use crate::state::Api;

/// The list as server-sent events: `snapshot`, a page of the list, then `task`, `removed` and `counts` as they
/// change. It tells what is, not each step; a client that connects again starts with a new snapshot.
///
/// The parameters choose what the snapshot shows; changes are told of every task.
#[utoipa::path(get, path = "/tasks/stream", operation_id = "watch_tasks", tag = "tasks", params(schema::ListQuery), responses(
    (status = 200, description = "The stream. No frame has an id.",
        content((String = "text/event-stream", item_schema = inline(schema::ListFrame)))),
    (status = 400, description = "A parameter is not valid.", body = schema::Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many streams are open.", body = schema::Problem, content_type = "application/problem+json"),
    schema::Common,
))]
pub(super) async fn watch(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = query(&params)?;
    let place = api.streams.place()?;
    let mut watch = api.tasks.watch(query);
    // The snapshot decides: what is wrong is told before the stream begins.
    let first = watch.next().await?.ok_or(TaskError::ShutDown)?;
    Ok(sse::response(api, place, ListSource { first: Some(first), next: next(watch) }))
}

/// The list on its way into frames.
struct ListSource {
    first: Option<TaskChange>,
    next: BoxFuture<'static, (TaskWatch, Result<Option<TaskChange>, TaskError>)>,
}

/// The fields of `removed`.
#[derive(Serialize)]
struct Removed {
    id: TaskId,
}

impl Source for ListSource {
    fn fill(&mut self, cx: &mut Context<'_>, frames: &mut Frames) -> Fill {
        loop {
            if frames.is_full() {
                return Fill::Full;
            }
            let change = match self.first.take() {
                Some(change) => change,
                None => {
                    let Poll::Ready((watch, change)) = self.next.poll_unpin(cx) else { return Fill::Waiting };
                    match change {
                        Ok(Some(change)) => {
                            self.next = next(watch);
                            change
                        }
                        Ok(None) => return Fill::Ended,
                        Err(error) => {
                            tracing::error!(error = %with_causes(&error), "a stream of the list broke off");
                            return Fill::Ended;
                        }
                    }
                }
            };
            match change {
                TaskChange::Counts(counts) => frames.control("counts", &counts),
                TaskChange::Removed(id) => frames.control("removed", &Removed { id }),
                TaskChange::Snapshot { page, counts } => {
                    frames.control("snapshot", &TaskList::new(page, counts))
                }
                TaskChange::Task(task) => frames.control("task", &*task),
                _ => {}
            }
        }
    }
}

fn next(mut watch: TaskWatch) -> BoxFuture<'static, (TaskWatch, Result<Option<TaskChange>, TaskError>)> {
    async move {
        let change = watch.next().await;
        (watch, change)
    }
    .boxed()
}
