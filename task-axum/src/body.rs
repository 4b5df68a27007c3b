//! What handlers take from the bodies of requests.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;

use crate::content_type::{is_json, unsupported};
use crate::problem::Problem;
use crate::state::Api;

/// The body as JSON of a `T`.
///
/// 415 for another content type, 413 for too much, 408 for too slow, 400 for what is not JSON, 422 for what is not a
/// `T`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(unsupported());
        }
        let reading = timeout(BODY_TIMEOUT, read(request.into_body(), api.body_limit));
        let bytes = reading.await.map_err(|_| {
            let detail = format!("The body did not arrive within {} s.", BODY_TIMEOUT.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
        })??;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            Category::Data => Problem::invalid(format!("The body is not what it should be: {error}")),
            Category::Eof | Category::Io | Category::Syntax => {
                Problem::bad_request("malformed", format!("The body is not JSON: {error}"))
            }
        })
    }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "a body broke off");
            Problem::bad_request("malformed", "The body could not be read to its end.")
        })?;
        if chunk.len() > limit - bytes.len() {
            linger(chunks).await;
            let detail = format!("The body is larger than {limit} bytes.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).with("limit", limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Takes in what is too much, and forgets it: many clients look for the answer only when all is sent, and find a
/// broken connection when it is closed before.
async fn linger(mut chunks: BodyDataStream) {
    let mut left = LINGER_BYTES;
    let draining = async {
        while left > 0
            && let Some(Ok(chunk)) = chunks.next().await
        {
            left = left.saturating_sub(chunk.len());
        }
    };
    // Whoever takes longer finds the connection broken.
    let _ = timeout(LINGER, draining).await;
}

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long, and how much of, a body that is too large is taken in.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 64 << 20;
