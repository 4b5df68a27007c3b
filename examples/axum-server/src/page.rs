//! The page at `/`: a few words, or the files of a directory.

use std::path::{Component, Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
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
    match &page.dir {
        None if path == "/" => ([(CONTENT_TYPE, "text/html; charset=utf-8")], WELCOME).into_response(),
        None => not_found(),
        Some(dir) => file(dir, path).await,
    }
}

/// A file below `dir`; `/` is `index.html`. Whatever could lead elsewhere is not there.
async fn file(dir: &Path, path: &str) -> Response {
    let name = path.trim_start_matches('/');
    let name = Path::new(if name.is_empty() { "index.html" } else { name });
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(part) => part.to_str().is_some_and(|part| !part.starts_with('.')),
        Component::CurDir | Component::ParentDir | Component::Prefix(_) | Component::RootDir => false,
    };
    if !name.components().all(is_plain) {
        return not_found();
    }
    match tokio::fs::read(dir.join(name)).await {
        Ok(bytes) => ([(CONTENT_TYPE, media_type(name))], Body::from(bytes)).into_response(),
        Err(_) => not_found(),
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
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
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

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const WELCOME: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Agent tasks</title>
<h1>Agent tasks</h1>
<p>The API is at <code>/api</code>; <code>/api/openapi.json</code> describes it.
It needs the token that the server printed when it started: <code>Authorization: Bearer …</code>.</p>
</html>
";
