//! The routes, a file for each thing they are about.

mod agents;
mod messages;
mod meta;
mod requests;
mod session;
mod stream;
mod tasks;
mod watch;

use axum::http::{Method, StatusCode, Uri};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::openapi;
use crate::problem::Problem;
use crate::state::Api;

/// All routes with their descriptions: a handler gets into the router by its description alone.
pub(crate) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(agents::list))
        .routes(routes!(tasks::list, tasks::create))
        .routes(routes!(tasks::running_count))
        .routes(routes!(watch::watch))
        .routes(routes!(tasks::get, tasks::rename, tasks::delete))
        .routes(routes!(tasks::cancel))
        .routes(routes!(messages::send))
        .routes(routes!(requests::answer))
        .routes(routes!(messages::transcript))
        .routes(routes!(stream::events))
        .routes(routes!(stream::stream))
        .routes(routes!(session::open, session::close))
        .routes(routes!(meta::openapi))
        .routes(routes!(meta::healthz))
        .routes(routes!(meta::readyz))
        .routes(routes!(meta::metrics))
}

pub(crate) async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path().escape_debug()))
}

/// The router adds which methods there are, as `Allow`.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not possible at {}", uri.path().escape_debug());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
