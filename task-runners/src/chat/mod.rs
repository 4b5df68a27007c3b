//! The chat agent: a model behind an OpenAI-compatible endpoint.

mod attempt;
mod conversation;
mod decoder;
mod endpoint;
mod exchange;
mod failure;
mod key;
mod models;
mod piece;
mod session;
mod tools;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use task_core::{AgentRunner, Capabilities, RunContext, RunResult};

use decoder::AnswerLimits;
pub use endpoint::{Endpoint, InvalidUrl};
pub use key::Key;
pub use models::ModelsError;
use session::Session;

/// Lets a model answer each message of a task: Ollama, llama.cpp, vLLM, and whatever else takes `chat/completions`
/// requests and streams.
///
/// ```
/// use task_runners::chat::{ChatRunner, Endpoint};
///
/// let ollama = Endpoint::new("http://127.0.0.1:11434/v1")?;
/// let runner = ChatRunner::new(ollama).model("qwen3:4b").system("Answer in one sentence.").parameter("temperature", 0.2);
/// # Ok::<(), task_runners::chat::InvalidUrl>(())
/// ```
///
/// # A message is a turn
///
/// A turn is one request with the whole conversation, and one answer: `thinking` and `text` as they arrive, `usage` if
/// the server tells it, then `turn_ended`: `done`, `max_tokens`, `refused`, `interrupted`, `cancelled` or `failed`. A
/// turn that fails, fails the run; the next message goes on. The model is offered no tools; one that calls some all
/// the same is shown with what it called, as failed.
///
/// # The session is the log of the task
///
/// Nothing is kept but what every viewer sees: the conversation is read from the log at the start of a run. So a task
/// goes on after a restart or a failure as if nothing had happened, with an answer that broke off as far as it came.
/// Reasoning is not sent back. The system prompt and the settings are those of today, not those of the first run.
///
/// # When the server has trouble
///
/// A request is repeated, with a notice and growing pauses, while the server cannot be reached or says that it is busy
/// (429, 5xx), and nothing of the answer has arrived: [`ChatRunner::retries`]. An answer that breaks off is not
/// repeated: it would be in the log twice. What a server may send is limited: [`ChatRunner::max_line`],
/// [`ChatRunner::max_answer`].
///
/// # Stopping
///
/// Cancelling, and a message sent with [`Delivery::Interrupt`](task_core::Delivery::Interrupt), close the connection at
/// once, which is how these servers are told to stop. Messages to steer wait for their turn.
#[derive(Clone, Debug)]
#[must_use]
pub struct ChatRunner {
    endpoint: Endpoint,
    model: Option<String>,
    system: Option<String>,
    parameters: Map<String, Value>,
    retries: u32,
    patience: Duration,
    limits: AnswerLimits,
}

impl ChatRunner {
    /// Asks this server, for the model that the task names.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            model: None,
            system: None,
            parameters: Map::new(),
            retries: RETRIES,
            patience: PATIENCE,
            limits: AnswerLimits { line: MAX_LINE, answer: MAX_ANSWER },
        }
    }

    /// Sets the model for tasks that name none. Without this it is the first that the server lists.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the system prompt. Without this there is none.
    pub fn system(mut self, prompt: impl Into<String>) -> Self {
        self.system = Some(prompt.into());
        self
    }

    /// Sends `name` along with each request: `temperature`, `max_tokens`, `seed` … What the runner itself sets
    /// (`messages`, `model`, `stream`, `stream_options`) stays as it is.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Sets how often a request is repeated, at most, before the run fails. 4 unless set: about 8 s of pauses, unless
    /// the server asks for other ones.
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets how long the server may say nothing, at the beginning of an answer and within it, before the turn fails.
    /// 5 min unless set: a large model takes long to load, and a long conversation long to read.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how many bytes one line of an answer may have. 1 MiB unless set.
    pub const fn max_line(mut self, bytes: usize) -> Self {
        self.limits.line = bytes;
        self
    }

    /// Sets how many bytes one answer may have, its JSON included. 32 MiB unless set.
    pub const fn max_answer(mut self, bytes: usize) -> Self {
        self.limits.answer = bytes;
        self
    }
}

#[async_trait]
impl AgentRunner for ChatRunner {
    async fn run(&self, cx: RunContext) -> RunResult {
        Session::open(self, cx).await?.run().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_interrupt()
    }
}

const RETRIES: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(300);
const MAX_LINE: usize = 1 << 20;
const MAX_ANSWER: usize = 32 << 20;
