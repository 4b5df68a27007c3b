//! Who may ask: the checks every request passes before anything else looks at it.

mod host;
mod origin;
mod session;
mod token;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version};

use self::origin::Source;
pub(crate) use self::session::{Sessions, cookies};
pub use self::token::Token;
use crate::content_type::{is_json, unsupported};
use crate::problem::Problem;

/// Who may use the API.
///
/// One `POST` starts a program with the rights of the user, so an API that anybody can reach is a way in for
/// everybody: for any page the user visits (it can send requests to `127.0.0.1`, and after rebinding its own name
/// read the answers), for other users of the machine, and for the network. A guard checks, in this order:
///
/// 1. The `Host` is one of the allowed ones, name and port, exactly: otherwise `403 host_not_allowed`. This is what
///    stops a page whose name was rebound.
/// 2. The request is not from another site: `Sec-Fetch-Site: cross-site`, or an `Origin` that is not this one, is
///    `403 foreign_origin`.
/// 3. It has the token, as `Authorization: Bearer …` or by the cookie that `POST /session` gave for it: otherwise
///    `401 unauthorized`. Never in the query, where logs would keep it. `GET /healthz` needs none.
/// 4. A change by cookie names its exact `Origin`: otherwise `403 origin_required`.
/// 5. A change is JSON: `415 unsupported_media_type` for anything else a page could send unasked.
///
/// ```
/// use task_axum::{Guard, Token};
///
/// let token = Token::random()?;
/// let guard = Guard::new(token, 3000).allow_host("tasks.example.org");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Guard(Option<Rules>);

#[derive(Clone, Debug)]
struct Rules {
    port: u16,
    hosts: Vec<String>,
    token: Option<Token>,
}

impl Guard {
    /// Everything is checked; `port` is the one the server listens on. The loopback names are allowed hosts.
    pub fn new(token: Token, port: u16) -> Self {
        Self(Some(Rules { port, hosts: host::loopback(port), token: Some(token) }))
    }

    /// Nothing is checked: for applications that do all of it themselves, before a request comes here.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Everything but the token is checked: whatever runs on this machine may use the API. Only for servers that
    /// listen on a loopback address.
    pub fn without_token(port: u16) -> Self {
        Self(Some(Rules { port, hosts: host::loopback(port), token: None }))
    }

    /// Allows one more host, as browsers write it: with its port, unless that is the default of its scheme.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        if let Some(rules) = &mut self.0 {
            rules.hosts.push(host.into().to_ascii_lowercase());
        }
        self
    }

    /// Whether a request to this host is allowed: for other routes of the same server.
    #[must_use]
    pub fn allows_host(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(rules) = &self.0 else { return true };
        host::named(version, uri, headers).is_some_and(|host| rules.allows(&host))
    }

    /// What there is to trade for a cookie.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.0.as_ref()?.token.as_ref()
    }

    /// The name of the cookie. Browsers send cookies to every port of a host, so each port has its own.
    pub(crate) fn cookie_name(&self) -> String {
        format!("tasks_session_{}", self.0.as_ref().map_or(0, |rules| rules.port))
    }

    pub(crate) fn admit(&self, request: &Request, sessions: &Sessions) -> Result<(), Problem> {
        let Some(rules) = &self.0 else { return Ok(()) };
        let (method, headers) = (request.method(), request.headers());
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);

        let host = host::named(request.version(), request.uri(), headers).filter(|host| rules.allows(host));
        let Some(host) = host else {
            let detail = "The header `Host` names no host this server answers for.";
            return Err(Problem::forbidden("host_not_allowed", detail));
        };
        let source = origin::source(headers, &host);
        if source == Source::Foreign {
            let detail = "The request comes from a page of another site.";
            return Err(Problem::forbidden("foreign_origin", detail));
        }
        if !is_open(method, request.uri().path())
            && let Some(token) = &rules.token
        {
            self.authenticate(token, headers, sessions, changes, source)?;
        }
        if changes && !is_json(headers) && (has_body(headers) || headers.contains_key("content-type")) {
            return Err(unsupported());
        }
        Ok(())
    }

    fn authenticate(
        &self,
        token: &Token,
        headers: &HeaderMap,
        sessions: &Sessions,
        changes: bool,
        source: Source,
    ) -> Result<(), Problem> {
        let unauthorized = || {
            let detail = "A token is needed: `Authorization: Bearer …`, or a session.";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        };
        if headers.contains_key(AUTHORIZATION) {
            return if token::bearer(headers).is_some_and(|given| token.is(given)) {
                Ok(())
            } else {
                Err(unauthorized())
            };
        }
        if !sessions.has_any_of(&session::cookies(headers, &self.cookie_name())) {
            return Err(unauthorized());
        }
        // Pages of other ports of this host are the same site, and their requests carry the cookie.
        if origin::is_from_neighbour(headers) {
            return Err(Problem::forbidden(
                "foreign_origin",
                "The request comes from a page of another origin.",
            ));
        }
        if changes && source != Source::Own {
            let detail = "A change by cookie needs the header `Origin`.";
            return Err(Problem::forbidden("origin_required", detail));
        }
        Ok(())
    }
}

impl Rules {
    fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| allowed == host)
    }
}

/// What needs no token: whether the process lives, and the way to a session.
fn is_open(method: &Method, path: &str) -> bool {
    match path {
        "/healthz" => matches!(*method, Method::GET | Method::HEAD),
        "/session" => *method == Method::POST,
        _ => false,
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get("content-length");
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}
