use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use task_core::{Message, Seq, TranscriptQuery};

use crate::answer::json;
use crate::body::JsonBody;
use crate::dto::{MessageAccepted, SendMessage, blocks};
use crate::extract::{IdempotencyKey, Params, TaskPath};
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// Sends a message to a task. To a settled one it starts the next run.
#[utoipa::path(post, path = "/tasks/{id}/message", operation_id = "send_message", tag = "messages", request_body = SendMessage,
    params(
        schema::TaskParam,
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with the same key give the same message."),
    ),
    responses(
        (status = 202, description = "It is accepted; the log tells when it is delivered, or why not.", body = MessageAccepted),
        (status = 200, description = "The message this key sent before.", body = MessageAccepted),
        schema::Unknown,
        schema::Change,
    )
)]
pub(super) async fn send(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<SendMessage>,
) -> Result<Response, Problem> {
    let SendMessage { message, content, delivery } = body;
    let mut message = Message::with_content(blocks(message, content)).delivery(delivery.unwrap_or_default());
    message.idempotency_key = key;
    let sent = api.tasks.send(id, message).await?;
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, &MessageAccepted { message_id: sent.message_id, seq: sent.seq, status: sent.status })
}

/// A task as a conversation: the newest messages, unless told otherwise. The stream after `seq` continues it exactly.
#[utoipa::path(get, path = "/tasks/{id}/messages", operation_id = "list_messages", tag = "messages",
    params(schema::TaskParam, schema::TranscriptQuery),
    responses(
        (status = 200, description = "The page, in the order of the conversation.", body = schema::TranscriptPage),
        (status = 400, description = "A parameter is not valid.", body = schema::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The cursor is beyond the end of the log.", body = schema::Problem, content_type = "application/problem+json"),
        schema::Unknown,
    )
)]
pub(super) async fn transcript(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    params: Params,
) -> Result<Response, Problem> {
    let mut query = TranscriptQuery::default();
    query.limit = params.limit(query.limit, MAX_MESSAGES)?;
    query.before = params.position("before")?.map(Seq::new);
    query.after = params.position("after")?.map(Seq::new);
    json(StatusCode::OK, &api.tasks.transcript(id, query).await?)
}

/// Messages a page may have.
const MAX_MESSAGES: usize = 1_000;
