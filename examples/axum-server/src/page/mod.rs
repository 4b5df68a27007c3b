//! The page at `/`: the one that was built into the program, or the files of a directory.

mod assets;
mod built;
mod dir;

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use task_axum::Guard;

/// What is served outside of the API.
#[derive(Clone)]
struct Page {
    guard: Guard,
    dir: Option<PathBuf>,
}

/// The routes outside of the API, to be the fallback of the server.
pub(crate) fn router(guard: Guard, dir: Option<PathBuf>) -> Router {
    Router::new().fallback(serve).with_state(Page { guard, dir }).layer(from_fn(secure))
}

async fn serve(State(page): State<Page>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if !page.guard.allows_host(request.version(), request.uri(), request.headers()) {
        return (StatusCode::FORBIDDEN, "This server does not answer for that host.\n").into_response();
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [("allow", "GET, HEAD")], "Only GET is possible here.\n")
            .into_response();
    }
    // The addresses that the page itself tells apart.
    let path = if matches!(path, "/chat" | "/tasks") { "/" } else { path };
    match &page.dir {
        None => built::file(path, request.headers()),
        Some(dir) => dir::file(dir, path).await,
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

fn media_type(name: &Path) -> &'static str {
    match name.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// What agents say ends up in this page, so it runs nothing but its own scripts and talks to nobody but this server.
async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// Trusted Types make the browser refuse text that would become a script, whatever part of the page tries it. Pictures
/// of agents are in their messages, as `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' \
data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
