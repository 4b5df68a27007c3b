//! What every request passes, and what every answer carries.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::state::Api;

/// The layer around all handlers: whoever the guard does not admit gets no further.
pub(crate) async fn admit(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.guard.admit(&request, &api.sessions) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The outermost layer: the headers of every answer, and the count of it.
///
/// There is no header that lets other sites read answers. `Date` is the server's to add.
pub(crate) async fn finish(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    api.metrics.answered(response.status());
    response
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
