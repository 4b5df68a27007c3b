//! The protocol over its crate: the one module that knows it.
//!
//! What is said to an agent is made of the crate's types. What an agent says is read as JSON: one that adds a field, a
//! kind or a reason to stop is understood as far as before.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, EmbeddedResource, EmbeddedResourceResource, ImageContent,
    Implementation, InitializeRequest, ListSessionsRequest, LoadSessionRequest, NewSessionRequest,
    PromptRequest, RequestPermissionOutcome, RequestPermissionResponse, ResourceLink, ResumeSessionRequest,
    SelectedPermissionOutcome, SessionConfigOptionValue, SetSessionConfigOptionRequest,
    SetSessionModeRequest, TextContent, TextResourceContents,
};
use agent_client_protocol::v1::{ConnectionTo, Responder};
use agent_client_protocol::{
    Agent, Client, Error, Handled, JsonRpcMessage, Lines, UntypedMessage, on_receive_request,
};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::{SinkExt, Stream};
use serde_json::{Value, json};
use task_core::Content;

use super::request::{Answer, Call, Decision, Place, Refusal, Request, Takes};

/// One side of a conversation in the protocol. It does nothing but on [`Connection::next`].
pub(super) struct Connection {
    /// Runs the protocol. `None` once it broke.
    driver: Option<Running<Result<(), Error>>>,
    peer: ConnectionTo<Agent>,
    heard: UnboundedSender<io::Result<String>>,
    said: UnboundedReceiver<String>,
    asked: UnboundedReceiver<(Value, Responder)>,
    /// Requests of the agent that have no answer yet, by their ids.
    open: HashMap<String, Responder>,
    pending: Vec<Pending>,
    calls: u64,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request that was sent.
struct Pending {
    call: Call,
    id: Value,
    /// Its answer was heard, and is on its way through the protocol.
    is_heard: bool,
    answer: Running<Result<Value, Error>>,
}

/// What a conversation comes to.
#[derive(Debug)]
pub(super) enum Came {
    Answered(Call, Answer),
    /// A request for leave, under this id.
    Asked(String, Value),
    /// The protocol cannot go on.
    Broken(String),
    /// A line for the agent.
    Line(String),
}

impl Connection {
    pub(super) async fn open() -> Result<Self, Refusal> {
        let (heard, lines) = unbounded();
        let (lines_out, said) = unbounded::<String>();
        let (ask, asked) = unbounded();
        let (connected, peer) = oneshot::channel();
        let transport = Lines::new(lines_out.sink_map_err(io::Error::other), lines);
        let protocol = Client
            .v1()
            .on_receive_request(
                async move |request: UntypedMessage, responder: Responder, _| {
                    if request.method != PERMISSION {
                        // The crate answers that it is not known.
                        return Ok(Handled::No { message: (request, responder), retry: false });
                    }
                    // Nobody listens any more only when all of this is dropped.
                    let _ = ask.unbounded_send((request.params, responder));
                    Ok(Handled::Yes)
                },
                on_receive_request!(),
            )
            .connect_with(transport, async move |peer| {
                let _ = connected.send(peer);
                std::future::pending().await
            });
        let mut driver: Running<_> = Box::pin(protocol);
        let peer = tokio::select! {
            biased;
            ended = &mut driver => Err(ended.err().map_or_else(Refusal::default, refusal)),
            peer = peer => peer.map_err(|_| Refusal::default()),
        };
        let (driver, open) = (Some(driver), HashMap::new());
        Ok(Self { driver, peer: peer?, heard, said, asked, open, pending: Vec::new(), calls: 0 })
    }

    /// Sends a request.
    pub(super) fn request(&mut self, request: Request<'_>) -> Call {
        self.calls += 1;
        let call = Call(self.calls);
        match message(request) {
            Ok(message) => {
                let sent = self.peer.send_request(message);
                let id = serde_json::to_value(sent.id()).unwrap_or_default();
                self.pending.push(Pending { call, id, is_heard: false, answer: Box::pin(sent.block_task()) });
            }
            Err(error) => {
                let answer = Box::pin(std::future::ready(Err(error)));
                self.pending.push(Pending { call, id: Value::Null, is_heard: false, answer });
            }
        }
        call
    }

    /// Asks the agent to stop its turn.
    pub(super) fn cancel(&self, session: &str) {
        // It fails when the protocol is broken, which is told elsewhere.
        let _ = self.peer.send_notification(CancelNotification::new(session.to_owned()));
    }

    /// Answers a request for leave. One that nobody asked, or that is answered, is none.
    pub(super) fn decide(&mut self, request: &str, decision: Decision) {
        let Some(responder) = self.open.remove(request) else { return };
        let outcome = match decision {
            Decision::Cancelled => RequestPermissionOutcome::Cancelled,
            Decision::Selected(option) => {
                RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option))
            }
        };
        let response = serde_json::to_value(RequestPermissionResponse::new(outcome)).unwrap_or_default();
        let _ = responder.respond(response);
    }

    /// Takes a line of the agent that is a request or an answer. Says whether it was either.
    pub(super) fn hear(&mut self, mut line: Value) -> bool {
        if !line.is_object() || line.get("id").is_none() {
            return false;
        }
        if line.get("method").is_none() {
            let is_answer = make_answer(&mut line);
            match self.pending.iter_mut().find(|pending| pending.id == line["id"]) {
                Some(pending) => pending.is_heard = true,
                None if !is_answer => return false,
                None => {}
            }
            if !is_answer {
                // The agent will say no more about it.
                let error = json!({ "code": INTERNAL, "message": format!("the agent answered what is no answer: {line}") });
                line = json!({ "id": line["id"], "error": error });
            }
        } else if !line["method"].is_string() {
            return false;
        }
        // Some leave it out.
        line["jsonrpc"] = json!("2.0");
        // Nobody listens any more only when the protocol is broken, which is told elsewhere.
        let _ = self.heard.unbounded_send(Ok(line.to_string()));
        true
    }

    /// Whether every answer that was heard has come through: until then nothing that was said after it counts.
    pub(super) fn is_settled(&self) -> bool {
        !self.pending.iter().any(|pending| pending.is_heard)
    }

    /// What comes next. Cancel safe.
    pub(super) async fn next(&mut self) -> Came {
        poll_fn(|context| {
            if let Some(driver) = &mut self.driver
                && let Poll::Ready(ended) = driver.as_mut().poll(context)
            {
                self.driver = None;
                self.pending.clear();
                let words = ended.err().map_or_else(String::new, |error| error.to_string());
                return Poll::Ready(Came::Broken(words));
            }
            for at in 0..self.pending.len() {
                if let Poll::Ready(answer) = self.pending[at].answer.as_mut().poll(context) {
                    let call = self.pending.swap_remove(at).call;
                    return Poll::Ready(Came::Answered(call, answer.map_err(refusal)));
                }
            }
            if let Poll::Ready(Some((params, responder))) = Pin::new(&mut self.asked).poll_next(context) {
                let id = serde_json::to_string(responder.id()).unwrap_or_default();
                self.open.insert(id.clone(), responder);
                return Poll::Ready(Came::Asked(id, params));
            }
            match Pin::new(&mut self.said).poll_next(context) {
                Poll::Ready(Some(line)) => Poll::Ready(Came::Line(line)),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

/// Sees to it that the line is an answer as the crate takes it: one that it drops would be waited for.
fn make_answer(line: &mut Value) -> bool {
    let Some(fields) = line.as_object_mut() else { return false };
    // Some name both, one of them as nothing.
    if fields.get("error").is_some_and(Value::is_null) {
        fields.remove("error");
    }
    let Some(error) = fields.get("error") else { return fields.contains_key("result") };
    let has_code = error["code"].as_i64().is_some_and(|code| i32::try_from(code).is_ok());
    if !has_code || !error["message"].is_string() {
        return false;
    }
    fields.remove("result");
    true
}

/// The crate's form of a request.
fn message(request: Request<'_>) -> Result<UntypedMessage, Error> {
    match request {
        Request::Initialize => InitializeRequest::new(ProtocolVersion::V1)
            .client_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .to_untyped_message(),
        Request::List { after } => {
            ListSessionsRequest::new().cursor(after.map(str::to_owned)).to_untyped_message()
        }
        Request::Load(session, Place { dir, more }) => {
            let more = more.iter().map(Into::into).collect();
            LoadSessionRequest::new(session.to_owned(), dir).additional_directories(more).to_untyped_message()
        }
        Request::New(Place { dir, more }) => {
            let more = more.iter().map(Into::into).collect();
            NewSessionRequest::new(dir).additional_directories(more).to_untyped_message()
        }
        Request::Prompt { session, content, takes } => {
            PromptRequest::new(session.to_owned(), blocks(content, takes)).to_untyped_message()
        }
        Request::Resume(session, Place { dir, more }) => {
            let more = more.iter().map(Into::into).collect();
            let resume = ResumeSessionRequest::new(session.to_owned(), dir).additional_directories(more);
            let mut message = resume.to_untyped_message()?;
            // The crate leaves an empty list out, which some agents do not take.
            message.params["mcpServers"] = json!([]);
            Ok(message)
        }
        Request::SetMode { session, mode } => {
            SetSessionModeRequest::new(session.to_owned(), mode.to_owned()).to_untyped_message()
        }
        // Not in the protocol any more, and spoken by agents that have no option for it.
        Request::SetModel { session, model } => {
            UntypedMessage::new("session/set_model", json!({ "sessionId": session, "modelId": model }))
        }
        Request::SetOption { session, option, value } => {
            let value = SessionConfigOptionValue::value_id(value.to_owned());
            SetSessionConfigOptionRequest::new(session.to_owned(), option.to_owned(), value)
                .to_untyped_message()
        }
        // An extension. Where no turn is under way the agent must not begin one: the next prompt does.
        Request::Steer { session, content, takes } => UntypedMessage::new(
            "_session/steering",
            json!({
                "sessionId": session, "prompt": blocks(content, takes),
                "_meta": { "steering": { "idleBehavior": "promptRequired" } },
            }),
        ),
    }
}

/// A message as the agent takes it: what it does not take becomes words.
fn blocks(content: &[Content], takes: Takes) -> Vec<ContentBlock> {
    let text = |text: String| ContentBlock::Text(TextContent::new(text));
    let block = |content: &Content| match content {
        Content::Image { media_type, data } if takes.images => {
            Some(ContentBlock::Image(ImageContent::new(data, media_type)))
        }
        Content::Image { media_type, .. } => {
            Some(text(format!("(a picture, {media_type}, which this agent cannot take)")))
        }
        Content::Resource { uri, text: Some(words), .. } if takes.resources => {
            let words = TextResourceContents::new(words, uri);
            let resource = EmbeddedResource::new(EmbeddedResourceResource::TextResourceContents(words));
            Some(ContentBlock::Resource(resource))
        }
        Content::Resource { uri, text: Some(words), .. } => Some(text(format!("{uri}:\n\n{words}"))),
        Content::Resource { uri, name, .. } => {
            let name = name.as_ref().unwrap_or(uri);
            Some(ContentBlock::ResourceLink(ResourceLink::new(name, uri)))
        }
        Content::Text { text: words } => Some(text(words.clone())),
        // Nobody knows what it says.
        _ => None,
    };
    content.iter().filter_map(block).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "errors are handed over")]
fn refusal(error: Error) -> Refusal {
    let details = match &error.data {
        Some(Value::String(words)) => Some(words.as_str()),
        Some(data) => ["details", "message", "error"].iter().find_map(|key| data[*key].as_str()),
        None => None,
    };
    let mut words = error.message.clone();
    if let Some(details) = details.filter(|details| !words.contains(details)) {
        words = format!("{words}: {details}");
    }
    Refusal { code: i32::from(error.code).into(), words }
}

/// The code of an error of the agent.
const INTERNAL: i32 = -32_603;

/// The request for leave.
const PERMISSION: &str = "session/request_permission";
