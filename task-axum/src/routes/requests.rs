use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::answer::json;
use crate::body::JsonBody;
use crate::dto::GiveAnswer;
use crate::extract::{RequestPath, TaskPath};
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// Answers a question. The first answer wins; one to an interrupted task starts its next run.
#[utoipa::path(post, path = "/tasks/{id}/requests/{request_id}", operation_id = "answer_request", tag = "messages", request_body = GiveAnswer,
    params(schema::TaskParam, ("request_id" = String, Path, description = "The question.")),
    responses(
        (status = 200, description = "The task.", body = schema::Task),
        (status = 409, description = "It was answered before; `answer` and `by` say what and by whom.",
            body = schema::Problem, content_type = "application/problem+json"),
        schema::Unknown,
        schema::Change,
    )
)]
pub(super) async fn answer(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    RequestPath(request_id): RequestPath,
    JsonBody(GiveAnswer { answer }): JsonBody<GiveAnswer>,
) -> Result<Response, Problem> {
    json(StatusCode::OK, &api.tasks.answer(id, &request_id, answer).await?)
}
