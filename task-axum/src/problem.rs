use std::error::Error;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use task_core::{StoreError, TaskError, with_causes};

/// An answer that is an error: `application/problem+json`, as RFC 9457 has it.
///
/// `code` is for machines and stays what it is; `detail` is for people. What went wrong inside is logged and not told.
#[derive(Debug)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<u32>,
    extra: Map<String, Value>,
}

/// The document. The mirror of it in the description is `schema::Problem`.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Parts { status, code, detail, retry_after: None, extra: Map::new() }))
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Understood, and not acceptable.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// Something is broken here. `error` is logged; the client gets a sentence.
    pub(crate) fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %with_causes(error), "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here; the log of the server says what.",
        )
    }

    /// Says when to try again, in seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extra.insert(name.to_owned(), value.into());
        self
    }

    fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Closed => Self::shut_down(),
            StoreError::InvalidCursor(_) => Self::bad_request("invalid_cursor", error.to_string()),
            StoreError::NotFound(_) => Self::not_found(error.to_string()),
            _ => {
                tracing::error!(error = %with_causes(error), "the store failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_unavailable",
                    "The store cannot be used at the moment; the log of the server says why.",
                )
                .retry_after(STORE_RETRY)
            }
        }
    }

    fn shut_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down.")
            .retry_after(STORE_RETRY)
    }
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        let detail = error.to_string();
        match error {
            TaskError::AlreadyAnswered { request_id, answer, by } => {
                Self::new(StatusCode::CONFLICT, "already_answered", detail)
                    .with("request_id", request_id)
                    .with("answer", answer)
                    .with("by", by)
            }
            TaskError::CursorAhead { end, .. } => {
                Self::new(StatusCode::CONFLICT, "cursor_ahead", detail).with("end", end.get())
            }
            TaskError::Invalid { .. } => Self::invalid(detail),
            TaskError::Limit { limit, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", detail).with("limit", limit)
            }
            TaskError::NotFound(_) => Self::not_found(detail),
            TaskError::NoRequest(_) => Self::new(StatusCode::NOT_FOUND, "no_request", detail),
            TaskError::RunEnded { .. } => Self::new(StatusCode::CONFLICT, "wrong_state", detail),
            TaskError::ShutDown => Self::shut_down(),
            TaskError::Store(error) => Self::store(&error),
            TaskError::TooManyPending { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_pending", detail)
                    .retry_after(PENDING_RETRY)
            }
            TaskError::UnknownAgent { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_agent", detail)
            }
            TaskError::WrongState(states) => Self::new(StatusCode::CONFLICT, "wrong_state", detail)
                .with("task_status", states.from.as_str()),
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { status, code, detail, retry_after, extra } = *self.0;
        let document = Document {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &detail,
            code,
            extra: &extra,
        };
        // Text, numbers and JSON values with text for keys: this always has a JSON form.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Seconds after which a store that failed may have recovered.
const STORE_RETRY: u32 = 2;

/// Seconds after which a pending task may have found its place.
const PENDING_RETRY: u32 = 5;
