//! The agent as a process that speaks the protocol.

use std::io;
use std::path::Path;

use serde_json::Value;
use task_core::RunError;

use super::AcpRunner;
use super::connection::{Came, Connection};
use super::launch;
use super::request::{Answer, Call, Decision, Refusal, Request};
use crate::process::{Ladder, Mark};
use crate::stdio::{Agent, Step};
use crate::text::{shortened, text};

/// A process of the agent.
pub(super) struct Peer {
    agent: Agent,
    connection: Connection,
    /// What the protocol broke with.
    broken: Option<String>,
}

/// What an agent does next.
#[derive(Debug)]
pub(super) enum Heard {
    Answered(Call, Answer),
    /// It wants leave, under this id.
    Asked(String, Value),
    /// It ended, or can be heard no more.
    Ended,
    /// A line that is not as it should be.
    Noise(String),
    /// A notification.
    Said(Value),
    /// A request that has no answer here but that it is not known.
    Unknown(Value),
    /// A line on stderr.
    Warned(String),
    /// It no longer wants the answer to what it asked under this id.
    Withdrawn(String),
}

impl Peer {
    pub(super) async fn start(runner: &AcpRunner, dir: &Path, mark: Mark) -> Result<Self, RunError> {
        let agent = Agent::start(launch::command(runner, dir), &runner.program, launch::INSTALL, mark)?;
        let connection = Connection::open().await.map_err(|Refusal { words, .. }| {
            RunError::new(format!("the protocol of the agent cannot be spoken: {words}"))
        })?;
        Ok(Self { agent, connection, broken: None })
    }

    pub(super) fn request(&mut self, request: Request<'_>) -> Call {
        self.connection.request(request)
    }

    pub(super) fn cancel(&self, session: &str) {
        self.connection.cancel(session);
    }

    pub(super) fn decide(&mut self, request: &str, decision: Decision) {
        self.connection.decide(request, decision);
    }

    /// What it does next. Cancel safe.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            let step = tokio::select! {
                biased;
                came = self.connection.next() => {
                    match came {
                        Came::Answered(call, answer) => return Heard::Answered(call, answer),
                        Came::Asked(request, params) => return Heard::Asked(request, params),
                        Came::Broken(words) => {
                            self.broken = Some(words);
                            return Heard::Ended;
                        }
                        Came::Line(line) => self.agent.tell_line(&line),
                    }
                    continue;
                }
                step = self.agent.step(), if self.connection.is_settled() => step,
            };
            match step {
                Step::Ended => return Heard::Ended,
                Step::Noise(words) => return Heard::Noise(words),
                Step::Said(line) => {
                    if let Some(heard) = self.said(line) {
                        return heard;
                    }
                }
                Step::Warned(line) => return Heard::Warned(line),
                Step::Wrote => {}
            }
        }
    }

    fn said(&mut self, line: Value) -> Option<Heard> {
        let method = text(&line, "method").to_owned();
        let id = line.get("id").filter(|id| !id.is_null());
        match (method.as_str(), id) {
            ("$/cancel_request", None) => Some(Heard::Withdrawn(line["params"]["requestId"].to_string())),
            (_, None) if !method.is_empty() => Some(Heard::Said(line)),
            _ if self.connection.hear(line.clone()) => {
                let is_unknown = !method.is_empty() && method != "session/request_permission";
                is_unknown.then(|| Heard::Unknown(line))
            }
            _ => {
                let line = shortened(&line.to_string(), SAMPLE);
                Some(Heard::Noise(format!("The agent wrote a line that the protocol does not know: {line}")))
            }
        }
    }

    /// How it ended when it should not have, in words.
    pub(super) fn obituary(&self) -> RunError {
        match &self.broken {
            Some(words) => RunError::new(format!("the protocol broke: {words}{}", self.agent.tail())),
            None => self.agent.obituary(),
        }
    }

    /// The last it wrote to stderr, to be put behind other words.
    pub(super) fn tail(&self) -> String {
        self.agent.tail()
    }

    /// Ends it. Whatever it still says is dropped.
    pub(super) async fn stop(self, ladder: &Ladder) -> io::Result<()> {
        self.agent.stop(ladder).await
    }
}

/// Characters of a line that is shown.
const SAMPLE: usize = 400;
