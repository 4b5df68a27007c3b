//! Which page a request comes from, where a browser says.

use axum::http::HeaderMap;
use axum::http::header::ORIGIN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Another site.
    Foreign,
    /// A page of this host and port.
    Own,
    /// No page, or one that does not say.
    Unknown,
}

pub(super) fn source(headers: &HeaderMap, host: &str) -> Source {
    if fetch_sites(headers).any(|site| site.eq_ignore_ascii_case(b"cross-site")) {
        return Source::Foreign;
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Source::Unknown,
        (Some(origin), None) if origin.to_str().is_ok_and(|origin| is_own(origin, host)) => Source::Own,
        (Some(_), _) => Source::Foreign,
    }
}

/// Whether the browser says that a page of another port or another scheme of this host asks.
pub(super) fn is_from_neighbour(headers: &HeaderMap) -> bool {
    fetch_sites(headers)
        .any(|site| !site.eq_ignore_ascii_case(b"same-origin") && !site.eq_ignore_ascii_case(b"none"))
}

/// Either scheme: behind a proxy that ends TLS the server does not know its own.
fn is_own(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn fetch_sites(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all("sec-fetch-site").iter().map(|site| site.as_bytes())
}
