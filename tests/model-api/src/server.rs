use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures::stream;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::play::{Beat, play};
use crate::record::{Record, Seen};
use crate::request::{Request, tokens};
use crate::script::Script;

/// A server on a loopback port of its own. It ends when it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct FakeModelApi {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<Script>,
    record: Record,
}

impl FakeModelApi {
    /// Starts it on a port that the system picks. Without a script it says every prompt back.
    ///
    /// # Errors
    ///
    /// When there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::<Shared>::default();
        let routes = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It ends with the task alone.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, shared, serving })
    }

    /// Where it is: `http://127.0.0.1:…`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the script; what was used of the one before is forgotten.
    #[expect(clippy::needless_pass_by_value, reason = "a script is made for it: `set_script(json!(…))`")]
    pub fn set_script(&self, script: Value) {
        self.shared.set_script(&script);
    }

    /// Every request so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.record.all()
    }

    /// The conversations that models were asked to go on with: the bodies of requests for a reply, in order.
    #[must_use]
    pub fn conversations(&self) -> Vec<Value> {
        let is_asked = |seen: &Seen| seen.method == "POST" && Api::at(&seen.path).is_some();
        self.requests().into_iter().filter(is_asked).map(|seen| seen.body).collect()
    }
}

impl Drop for FakeModelApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn set_script(&self, script: &Value) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Script::new(script);
    }

    fn choose(&self, request: &Request) -> Value {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).choose(request)
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body: Option<Value> = serde_json::from_slice(&bytes).ok();
    if let Some(control) = path.strip_prefix("/_fake/") {
        return Ok(shared.control(&parts.method, control, body.as_ref()));
    }
    let place = shared.record.add(Seen {
        method: parts.method.to_string(),
        path: path.clone(),
        headers: headers(&parts.headers),
        body: body.clone().unwrap_or_default(),
        hung_up: false,
    });
    let not_found = || error(Api::Messages, 404, "not_found_error", &format!("no such path: {path}"));
    Ok(match (parts.method, body) {
        (Method::HEAD, _) => whole(200, &Value::Null),
        (Method::GET, _) if path.ends_with("/models") => whole(200, &models()),
        (Method::POST, None) => error(Api::Messages, 400, "invalid_request_error", "not JSON"),
        (Method::POST, Some(body)) if path.ends_with("/count_tokens") => {
            whole(200, &json!({ "input_tokens": tokens(body["messages"].to_string().len()) }))
        }
        (Method::POST, Some(body)) => match Api::at(&path) {
            Some(api) => shared.answer(api, &body, place).await,
            None => not_found(),
        },
        _ => not_found(),
    })
}

impl Shared {
    fn control(&self, method: &Method, what: &str, body: Option<&Value>) -> Response {
        match (method.as_str(), what, body) {
            ("GET", "health", _) => whole(200, &json!({ "ok": true })),
            ("GET", "requests", _) => {
                let requests: Vec<_> = self.record.all().iter().map(Seen::to_json).collect();
                whole(200, &json!({ "requests": requests }))
            }
            ("PUT", "script", Some(script)) => {
                self.set_script(script);
                whole(200, &json!({ "ok": true }))
            }
            _ => whole(404, &json!({ "ok": false })),
        }
    }

    async fn answer(&self, api: Api, body: &Value, place: usize) -> Response {
        let request = Request::read(api, body);
        let reply = self.choose(&request);
        let watch = Watch { record: self.record.clone(), place, is_done: false };
        tokio::time::sleep(Duration::from_millis(reply["wait_ms"].as_u64().unwrap_or(0))).await;
        if reply["error"].is_object() {
            watch.done();
            let status = reply["error"]["status"].as_u64().and_then(|status| u16::try_from(status).ok());
            let status = status.unwrap_or(500);
            let kind = reply["error"]["type"].as_str().unwrap_or(error_kind(status));
            return error(api, status, kind, reply["error"]["message"].as_str().unwrap_or(kind));
        }
        let (beats, reply) = if reply["disconnect"] == true {
            (vec![Beat::Break], None)
        } else {
            play(&reply, api.writer(&request).as_mut(), request.input_tokens)
        };
        match reply {
            Some(reply) if !request.is_streamed => {
                watch.done();
                whole(200, &reply)
            }
            _ => streamed(beats, watch),
        }
    }
}

/// Notes when a reply is dropped before its end.
struct Watch {
    record: Record,
    place: usize,
    is_done: bool,
}

impl Watch {
    fn done(mut self) -> Self {
        self.is_done = true;
        self
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_done {
            self.record.hung_up(self.place);
        }
    }
}

/// The beats of a reply. An error in the middle makes the server break the connection, before the headers if it comes
/// first.
fn streamed(beats: Vec<Beat>, watch: Watch) -> Response {
    let start = (beats.into_iter(), watch, false);
    let body = stream::unfold(start, |(mut beats, watch, has_sent)| async move {
        if has_sent {
            // It is on its way before the next, and before a break.
            tokio::task::yield_now().await;
        }
        loop {
            match beats.next() {
                Some(Beat::Pause(pause)) => tokio::time::sleep(pause).await,
                Some(Beat::Send(text)) => return Some((Ok(Bytes::from(text)), (beats, watch, true))),
                Some(Beat::Break) => {
                    let error = io::Error::from(io::ErrorKind::ConnectionReset);
                    return Some((Err(error), (beats, watch.done(), has_sent)));
                }
                None => {
                    watch.done();
                    return None;
                }
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let kind = header::HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn whole(status: u16, body: &Value) -> Response {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn error(api: Api, status: u16, kind: &str, message: &str) -> Response {
    whole(status, &api.error(kind, message))
}

const fn error_kind(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

fn models() -> Value {
    let model = json!({
        "id": "fake-model", "type": "model", "object": "model", "display_name": "fake-model",
        "created_at": "2025-01-01T00:00:00Z", "created": 0, "owned_by": "fake",
    });
    json!({ "object": "list", "has_more": false, "data": [model] })
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let shown = headers.iter().map(|(name, value)| {
        let value =
            if SECRET.contains(&name.as_str()) { "<set>" } else { value.to_str().unwrap_or("<bytes>") };
        (name.to_string(), value.into())
    });
    shown.collect()
}

const SECRET: &[&str] = &["authorization", "cookie", "x-api-key"];
