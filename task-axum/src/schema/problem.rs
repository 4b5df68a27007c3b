use serde_json::Value;
use utoipa::{IntoResponses, ToSchema};

/// An error, as RFC 9457 has it.
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: `code` tells more.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// What is wrong, for machines: it stays what it is.
    code: String,
    /// The answer that holds, when a question was answered before.
    #[schema(required = false)]
    answer: Option<Value>,
    /// Who gave that answer.
    #[schema(required = false)]
    by: Option<String>,
}

/// What every route may answer.
#[derive(IntoResponses)]
pub(crate) enum Common {
    /// The token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// The host or the origin of the request is not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// The server is shutting down, or the store cannot be used.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What every route of one task may answer.
#[derive(IntoResponses)]
pub(crate) enum Unknown {
    /// The token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// The host or the origin of the request is not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// There is no such task. What is no UUID is no task either.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// The server is shutting down, or the store cannot be used.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What every route with a body may answer.
#[derive(IntoResponses)]
pub(crate) enum Change {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// The body is of another type than JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(#[to_schema] Problem),
    /// The body is understood, and not acceptable.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// Too many tasks wait.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Problem),
}
