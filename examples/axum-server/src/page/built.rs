use std::path::Path;
use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::assets::{DIGEST, FILES, INDEX};
use super::{media_type, not_found};

/// A file of the page in the program.
///
/// Names of files are the same in every version, so the address names the version: it holds for ever, and a page that
/// was left open finds nothing of another version rather than something that does not fit.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Response {
    if path == "/" {
        return index(headers);
    }
    let name = path.strip_prefix("/assets/").and_then(|rest| rest.strip_prefix(DIGEST)?.strip_prefix('/'));
    match FILES.iter().find(|(file, _)| Some(*file) == name) {
        Some((name, bytes)) => {
            ([(CONTENT_TYPE, media_type(Path::new(name))), (CACHE_CONTROL, FOR_EVER)], *bytes).into_response()
        }
        None => not_found(),
    }
}

fn index(headers: &HeaderMap) -> Response {
    static ETAG_OF_PAGE: LazyLock<String> = LazyLock::new(|| format!("\"{DIGEST}\""));
    // The page is built to lie beside its files.
    static PAGE: LazyLock<String> =
        LazyLock::new(|| INDEX.replace("=\"./", &format!("=\"/assets/{DIGEST}/")));
    let etag = ETAG_OF_PAGE.as_str();
    if headers.get_all(IF_NONE_MATCH).iter().any(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    ([(CONTENT_TYPE, media_type(Path::new("index.html"))), (ETAG, etag)], PAGE.as_str()).into_response()
}

const FOR_EVER: &str = "public, max-age=31536000, immutable";
