use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::failure::Failure;

/// One request over a connection of its own, and its answer as it arrives.
///
/// Nothing is spawned: dropping this, or the call that makes it, closes the connection at once.
pub(super) struct Exchange {
    pub(super) status: u16,
    /// Whether the body is one JSON document rather than a stream of events.
    pub(super) is_document: bool,
    pub(super) retry_after: Option<Duration>,
    body: Incoming,
    wire: Wire,
    patience: Duration,
    /// Kept, because the connection ends without it.
    _sender: SendRequest<String>,
}

/// What to send.
pub(super) struct Query<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) path: String,
    /// A request without one is a GET.
    pub(super) body: Option<&'a Value>,
    pub(super) key: Option<&'a str>,
    /// How long the server may say nothing.
    pub(super) patience: Duration,
}

impl Exchange {
    /// Sends the request, and waits until the answer begins.
    pub(super) async fn begin(query: Query<'_>) -> Result<Self, Failure> {
        let Query { endpoint, path, body, key, patience } = query;
        let request = request(endpoint, path, body, key)?;
        let stream = timeout(CONNECT.min(patience), TcpStream::connect(endpoint.address())).await;
        let stream =
            stream.map_err(|_| "it does not answer".to_owned()).and_then(|stream| stream.map_err(words));
        let stream =
            stream.map_err(|why| Failure::unreachable(format!("{endpoint} cannot be reached: {why}")))?;
        let broken =
            |error| Failure::passing(format!("{endpoint} broke the connection off: {}", words(error)));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let mut wire = Wire(Some(connection));
        let response = timeout(patience, wire.during(sender.send_request(request))).await;
        let response = response.map_err(|_| silent(endpoint, patience))?.map_err(broken)?;
        Ok(Self {
            status: response.status().as_u16(),
            is_document: is_document(&response),
            retry_after: retry_after(&response),
            body: response.into_body(),
            wire,
            patience,
            _sender: sender,
        })
    }

    /// The next bytes of the body; `None` after its end, which is known to be its end.
    pub(super) async fn chunk(&mut self, endpoint: &Endpoint) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let frame = timeout(self.patience, self.wire.during(frame)).await;
            match frame.map_err(|_| silent(endpoint, self.patience))? {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(Failure::passing(format!(
                        "{endpoint} broke the answer off: {}",
                        words(error)
                    )));
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The whole body, or the first `limit` bytes of it.
    pub(super) async fn document(&mut self, endpoint: &Endpoint, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut document = Vec::new();
        while document.len() < limit
            && let Some(bytes) = self.chunk(endpoint).await?
        {
            document.extend_from_slice(&bytes);
        }
        document.truncate(limit);
        Ok(document)
    }
}

/// The connection, which moves only while it is polled; `None` once it has ended.
struct Wire(Option<Connection<TokioIo<TcpStream>, String>>);

impl Wire {
    /// Waits for `work`, and lets the connection move meanwhile.
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        poll_fn(|cx| {
            if let Some(connection) = &mut self.0
                && Pin::new(connection).poll(cx).is_ready()
            {
                // Whatever ended it, the work is told.
                self.0 = None;
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}

fn request(
    endpoint: &Endpoint,
    path: String,
    body: Option<&Value>,
    key: Option<&str>,
) -> Result<Request<String>, Failure> {
    let mut request = Request::builder()
        .method(if body.is_some() { Method::POST } else { Method::GET })
        .uri(path)
        .header(HOST, endpoint.authority())
        .header(ACCEPT, "text/event-stream, application/json")
        .header(USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(key) = key {
        // Its characters were looked at when it was read.
        let mut value =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| Failure::new("this is no key"))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    request.body(body).map_err(|error| Failure::new(format!("there is no request for {endpoint}: {error}")))
}

fn is_document(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("application/json")
}

/// In seconds; the other form, a date, is not worth a clock.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Not worth a repetition: it would take as long again.
fn silent(endpoint: &Endpoint, patience: Duration) -> Failure {
    Failure::new(format!("{endpoint} said nothing for {patience:?}"))
}

/// An error and its causes.
fn words(error: impl std::error::Error) -> String {
    task_core::RunError::from(error).message().to_owned()
}

const CONNECT: Duration = Duration::from_secs(10);
