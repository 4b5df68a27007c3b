//! A cookie for a token, so that a page need not keep the token.

use axum::extract::{OriginalUri, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::body::JsonBody;
use crate::dto::OpenSession;
use crate::guard::cookies;
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// Trades the token for a cookie. Where no token is needed there is nothing to trade, and no cookie.
#[utoipa::path(post, path = "/session", operation_id = "open_session", tag = "session", request_body = OpenSession, security(()), responses(
    (status = 204, description = "The cookie is set; it ends with the browser's session, and with the server.",
        headers(("Set-Cookie" = String, description = "`HttpOnly; SameSite=Strict`"))),
    schema::Common,
    schema::Change,
))]
pub(super) async fn open(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    JsonBody(OpenSession { token }): JsonBody<OpenSession>,
) -> Result<Response, Problem> {
    let Some(expected) = api.guard.token() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    if !expected.is(&token) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "This is not the token."));
    }
    let session = api.sessions.open().map_err(|error| Problem::internal(&error))?;
    set_cookie(&api, uri.path(), &session, "")
}

/// Logs out.
#[utoipa::path(delete, path = "/session", operation_id = "close_session", tag = "session", responses(
    (status = 204, description = "The session is over, and the cookie is taken back."),
    schema::Common,
))]
pub(super) async fn close(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.sessions.close(&cookies(&headers, &api.guard.cookie_name()));
    set_cookie(&api, uri.path(), "", "; Max-Age=0")
}

/// The cookie goes to this API alone: its path is the prefix the API is nested under.
fn set_cookie(api: &Api, path: &str, value: &str, more: &str) -> Result<Response, Problem> {
    let prefix = path.trim_end_matches('/').strip_suffix("/session").filter(|prefix| !prefix.is_empty());
    let prefix = prefix.filter(|prefix| !prefix.contains([';', ','])).unwrap_or("/");
    let name = api.guard.cookie_name();
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Strict; Path={prefix}{more}");
    let cookie = HeaderValue::try_from(cookie).map_err(|error| Problem::internal(&error))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}
