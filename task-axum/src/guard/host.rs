//! Which host a request is for.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri, Version};

/// The loopback names as browsers write them.
pub(super) fn loopback(port: u16) -> Vec<String> {
    let names = ["localhost", "127.0.0.1", "[::1]"];
    let mut hosts: Vec<_> = names.iter().map(|name| format!("{name}:{port}")).collect();
    if port == HTTP_PORT {
        hosts.extend(names.map(str::to_owned));
    }
    hosts
}

/// The one host the request names, in lower case. `None` when it names none, several, or not the same twice.
pub(super) fn named(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(HOST).iter();
    let header = match (given.next(), given.next()) {
        (Some(host), None) => Some(host.to_str().ok()?.to_ascii_lowercase()),
        (None, _) => None,
        (Some(_), Some(_)) => return None,
    };
    let authority = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    match (header, authority) {
        (Some(header), Some(authority)) => (header == authority).then_some(header),
        (Some(header), None) => Some(header),
        // HTTP/2 has it in the target.
        (None, Some(authority)) if version >= Version::HTTP_2 => Some(authority),
        (None, _) => None,
    }
}

const HTTP_PORT: u16 = 80;
