use serde_json::{Map, Value, json};
use task_core::{NoticeLevel, RunContext, RunError, Usage};

use super::ChatRunner;
use super::conversation::Conversation;
use super::decoder::Decoder;
use super::exchange::{Exchange, Query};
use super::failure::Failure;
use super::key::Key;
use super::piece::Piece;
use super::tools::Tools;

/// One request, and its answer on its way into the log.
pub(super) struct Attempt<'a> {
    pub(super) runner: &'a ChatRunner,
    pub(super) cx: &'a RunContext,
    pub(super) conversation: &'a mut Conversation,
    /// The model, once it is known.
    pub(super) model: &'a mut Option<String>,
    /// Names the turn within the run.
    pub(super) turn: &'a str,
    /// Whether anything of the answer is in the log.
    pub(super) has_begun: bool,
}

/// Why there is no answer.
pub(super) enum Trouble {
    /// The run cannot go on.
    Run(RunError),
    Server(Failure),
}

/// What an answer comes to, besides its text.
#[derive(Default)]
struct Summary {
    finish: Option<String>,
    tools: Tools,
    usage: Option<Usage>,
    is_over: bool,
}

impl Attempt<'_> {
    /// Gives why the turn ended.
    pub(super) async fn run(&mut self) -> Result<&'static str, Trouble> {
        let key = self.runner.endpoint.authorization().map(Key::read).transpose().map_err(Failure::new)?;
        let outcome = self.ask(key.as_deref()).await;
        outcome.map_err(|trouble| match trouble {
            Trouble::Server(failure) => Trouble::Server(failure.without(key.as_deref())),
            Trouble::Run(error) => Trouble::Run(error),
        })
    }

    async fn ask(&mut self, key: Option<&str>) -> Result<&'static str, Trouble> {
        let ChatRunner { endpoint, patience, limits, .. } = self.runner;
        let model = self.known_model().await?;
        let body = self.body(&model);
        let query =
            Query { endpoint, path: endpoint.chat_path(), body: Some(&body), key, patience: *patience };
        let mut exchange = Exchange::begin(query).await?;
        if exchange.status != 200 {
            let words = exchange.document(endpoint, MAX_ERROR).await?;
            let failure = Failure::from_status(endpoint, &model, exchange.status, &words);
            return Err(Failure { wait: exchange.retry_after, ..failure }.into());
        }

        let mut decoder = Decoder::new(*limits, exchange.is_document);
        let mut summary = Summary::default();
        while !summary.is_over {
            let bytes = exchange.chunk(endpoint).await?;
            summary.is_over = bytes.is_none();
            let pieces = match bytes {
                Some(bytes) => decoder
                    .push(&bytes)
                    .map_err(|excess| Failure::new(format!("{endpoint} sent {}", excess.0)))?,
                None => decoder.finish(),
            };
            for piece in pieces {
                self.take(piece, &model, &mut summary).await?;
            }
        }
        self.conclude(summary, decoder.unreadable()).await
    }

    async fn take(&mut self, piece: Piece, model: &str, summary: &mut Summary) -> Result<(), Trouble> {
        match piece {
            Piece::End => {
                // That it is whole is also why it ended, if nothing else is said.
                summary.finish.get_or_insert_default();
                summary.is_over = true;
            }
            Piece::Failed(error) => {
                return Err(Failure::from_server(&self.runner.endpoint, model, None, &error).into());
            }
            Piece::Finish(reason) => summary.finish = Some(reason),
            Piece::Text(text) => {
                self.has_begun = true;
                for part in parts(&text) {
                    self.cx.text(format!("{}-text", self.turn), part).await?;
                    // Only what the log took was said.
                    self.conversation.say(part);
                }
            }
            Piece::Thinking(text) => {
                self.has_begun = true;
                for part in parts(&text) {
                    self.cx.thinking(format!("{}-thinking", self.turn), part).await?;
                }
            }
            Piece::Tool(call) => summary.tools.take(call),
            Piece::Usage(usage) => summary.usage = Some(usage),
        }
        Ok(())
    }

    async fn conclude(&self, summary: Summary, unreadable: usize) -> Result<&'static str, Trouble> {
        let Summary { finish, tools, usage, is_over: _ } = summary;
        let has_tools = !tools.is_empty();
        tools.show(self.cx, &format!("{}-{}", self.turn, self.cx.run())).await?;
        if unreadable > 0 {
            let words = format!("{unreadable} pieces of the answer could not be read");
            self.cx.notice(NoticeLevel::Warning, words).await?;
        }
        if let Some(usage) = usage {
            self.cx.emit(task_core::UsageReport::from(usage)).await?;
        }
        let Some(finish) = finish else {
            if !self.has_begun && !has_tools {
                let words = format!("{} answered, but not as a chat does", self.runner.endpoint);
                return Err(Failure::new(words).into());
            }
            let words = "the answer may not be whole: the server did not say that it ended";
            self.cx.notice(NoticeLevel::Warning, words).await?;
            return Ok("done");
        };
        Ok(match finish.as_str() {
            "length" | "max_tokens" => "max_tokens",
            "content_filter" | "refusal" => "refused",
            _ => "done",
        })
    }

    /// The model that was asked for, or else the first that the server has.
    async fn known_model(&mut self) -> Result<String, Trouble> {
        if let Some(model) = &*self.model {
            return Ok(model.clone());
        }
        let endpoint = &self.runner.endpoint;
        let models = endpoint.list_models(self.runner.patience).await?;
        let first =
            models.into_iter().next().ok_or_else(|| Failure::new(format!("{endpoint} has no model")))?;
        Ok(self.model.insert(first).clone())
    }

    fn body(&self, model: &str) -> Value {
        let mut body: Map<String, Value> = self.runner.parameters.clone();
        body.insert("model".to_owned(), model.into());
        body.insert("messages".to_owned(), self.conversation.messages(self.runner.system.as_deref()));
        body.insert("stream".to_owned(), true.into());
        // Without this, few servers tell what an answer cost.
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        body.into()
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Server(failure)
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// The text in parts that fit into an event.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (0..=rest.len().min(PART)).rev().find(|end| rest.is_char_boundary(*end))?;
        let (part, next) = rest.split_at(end);
        rest = next;
        (!part.is_empty()).then_some(part)
    })
}

/// Bytes of text in one event.
const PART: usize = 64 << 10;

/// Bytes of an error that are read.
const MAX_ERROR: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_parted_between_characters() {
        let text = format!("x{}", "任".repeat(100_000));
        let parts: Vec<_> = parts(&text).collect();
        assert!(parts.len() > 4 && parts.iter().all(|part| part.len() <= PART));
        assert_eq!(parts.concat(), text);
    }
}
