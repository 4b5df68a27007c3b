//! What handlers take from requests; whatever does not fit is a [`Problem`].

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use task_core::TaskId;

use crate::problem::Problem;

/// The body as JSON of a `T`.
///
/// 415 for another content type, 413 for too much, 408 for too slow, 400 for what is not JSON, 422 for what is not a
/// `T`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(unsupported());
        }
        let bytes = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await;
        let bytes = bytes.map_err(|_| {
            let detail = format!("The body did not arrive within {} s.", BODY_TIMEOUT.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
        })?;
        let bytes = bytes.map_err(|rejection| unreadable(&rejection))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            Category::Data => Problem::invalid(format!("The body is not what it should be: {error}")),
            Category::Eof | Category::Io | Category::Syntax => {
                Problem::bad_request("malformed", format!("The body is not JSON: {error}"))
            }
        })
    }
}

/// Whether the content type is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let essence = first.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

pub(crate) fn unsupported() -> Problem {
    let detail = "A change needs the header `Content-Type: application/json`.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body is larger than this server accepts.",
        )
    } else {
        Problem::bad_request("malformed", "The body could not be read to its end.")
    }
}

/// The task that the path names. What is no task's id is the name of no task: 404.
pub(crate) struct TaskPath(pub(crate) TaskId);

impl<S: Send + Sync> FromRequestParts<S> for TaskPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = path_param(parts, state, "id").await?;
        let id = text.parse::<TaskId>().ok().filter(|id| id.to_string().eq_ignore_ascii_case(&text));
        id.map(Self).ok_or_else(|| Problem::not_found(format!("there is no task {}", text.escape_debug())))
    }
}

/// The question that the path names, as it stands there.
pub(crate) struct RequestPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for RequestPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_param(parts, state, "request_id").await.map(Self)
    }
}

/// The innermost parameter of that name: whoever nests the API may have parameters of their own.
async fn path_param<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, Problem> {
    let unknown = || Problem::not_found("there is nothing of that name");
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| unknown())?;
    params
        .iter()
        .filter(|(key, _)| *key == name)
        .last()
        .map(|(_, value)| value.to_owned())
        .ok_or_else(unknown)
}

/// The query, with what is repeated. Parameters nobody asks for are not looked at.
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Params {
    /// All values of a parameter.
    pub(crate) fn all<'a, 'b>(&'a self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be there once.
    pub(crate) fn one<'a>(&'a self, name: &str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(invalid_query(name, "it is there more than once")),
        }
    }

    /// The same, and empty is absent: what a form sends for a field that was not filled in.
    pub(crate) fn filled<'a>(&'a self, name: &str) -> Result<Option<&'a str>, Problem> {
        Ok(self.one(name)?.filter(|value| !value.is_empty()))
    }

    /// A number from 1 to `max`.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.one("limit")? else { return Ok(default) };
        let limit = number(text).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=max).contains(n));
        limit.ok_or_else(|| {
            invalid_query("limit", format!("`{}` is not a number from 1 to {max}", text.escape_debug()))
        })
    }

    /// A position in a log.
    pub(crate) fn position(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let wrong = || invalid_query(name, format!("`{}` is not a number", text.escape_debug()));
        number(text).ok_or_else(wrong).map(Some)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => {
                Err(invalid_query(name, format!("`{}` is neither `true` nor `false`", other.escape_debug())))
            }
        }
    }

    /// All values of a parameter, separated by commas where there are several in one.
    pub(crate) fn list<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, Problem> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .filter(|word| !word.is_empty())
            .map(|word| word.parse().map_err(|error: T::Err| invalid_query(name, error.to_string())))
            .collect()
    }
}

/// Digits as a number. One too big for any log is beyond the end of every log.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

pub(crate) fn invalid_query(name: &str, reason: impl Display) -> Problem {
    Problem::bad_request("invalid_query", format!("{name}: {reason}"))
}

/// The header `Idempotency-Key`.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = |reason| Problem::bad_request("invalid_header", format!("Idempotency-Key: {reason}"));
        let mut keys = parts.headers.get_all("idempotency-key").iter();
        match (keys.next(), keys.next()) {
            (None, _) => Ok(Self(None)),
            (Some(key), None) => {
                let key = key.to_str().map_err(|_| wrong("it is not made of visible ASCII characters"))?;
                Ok(Self(Some(key.to_owned())))
            }
            (Some(_), Some(_)) => Err(wrong("it is there more than once")),
        }
    }
}

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
