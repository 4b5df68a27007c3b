//! About the server itself.

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::answer::{json, typed};
use crate::dto::Health;
use crate::extract::{Params, invalid_query};
use crate::openapi::{Version, document};
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// This description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "server",
    params(("version" = Option<String>, Query, description = "`3.1`, or `3.2` to have the items of the streams described too.")),
    responses(
        (status = 200, description = "The description.", body = Object),
        (status = 400, description = "There is no such version.", body = schema::Problem, content_type = "application/problem+json"),
        schema::Common,
    )
)]
pub(super) async fn openapi(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    params: Params,
) -> Result<Response, Problem> {
    let version = match params.filled("version")? {
        None | Some("3.1") => Version::V3_1,
        Some("3.2") => Version::V3_2,
        Some(other) => {
            return Err(invalid_query(
                "version",
                format!("`{}` is neither 3.1 nor 3.2", other.escape_debug()),
            ));
        }
    };
    let prefix = uri.path().strip_suffix("/openapi.json").unwrap_or_default();
    let document =
        document(api.description.clone(), version, prefix).map_err(|error| Problem::internal(&error))?;
    json(StatusCode::OK, &document)
}

/// Whether the process lives. Needs no token.
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "server", security(()), responses(
    (status = 200, description = "It does.", body = Health),
))]
pub(super) async fn healthz() -> Result<Response, Problem> {
    json(StatusCode::OK, &Health { status: "ok" })
}

/// Whether the store can be reached.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readiness", tag = "server", responses(
    (status = 200, description = "It can.", body = Health),
    schema::Common,
))]
pub(super) async fn readyz(State(api): State<Api>) -> Result<Response, Problem> {
    api.tasks.counts().await?;
    json(StatusCode::OK, &Health { status: "ok" })
}

/// What is counted, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "server", responses(
    (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
    schema::Common,
))]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let counts = api.tasks.counts().await?;
    let text = api.metrics.text(&counts, &api.streams);
    Ok(typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}
