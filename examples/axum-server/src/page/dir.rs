use std::path::{Component, Path};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{media_type, not_found};

/// A file below `dir`; `/` is `index.html`. Whatever could lead elsewhere is not there.
pub(super) async fn file(dir: &Path, path: &str) -> Response {
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
