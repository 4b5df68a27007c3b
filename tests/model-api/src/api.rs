use serde_json::{Value, json};

use crate::chat::{self, ChatWriter};
use crate::messages::{self, MessagesWriter};
use crate::play::Writer;
use crate::request::{Request, Turn};
use crate::responses::{self, ResponsesWriter};

/// A wire format. Another one is a variant here, and a file with its reader and its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Api {
    /// OpenAI Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
}

impl Api {
    /// The format that is spoken at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        [("/chat/completions", Self::Chat), ("/messages", Self::Messages), ("/responses", Self::Responses)]
            .into_iter()
            .find_map(|(tail, api)| path.ends_with(tail).then_some(api))
    }

    /// Its name in a script.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
        }
    }

    /// The conversation in a request.
    pub(crate) fn turns(self, body: &Value) -> Vec<Turn> {
        match self {
            Self::Chat => chat::turns(body),
            Self::Messages => messages::turns(body),
            Self::Responses => responses::turns(body),
        }
    }

    /// What writes a reply to this request.
    pub(crate) fn writer(self, request: &Request) -> Box<dyn Writer> {
        match self {
            Self::Chat => Box::new(ChatWriter::new(request)),
            Self::Messages => Box::new(MessagesWriter::new(request)),
            Self::Responses => Box::new(ResponsesWriter::new(request)),
        }
    }

    /// The body of an error.
    pub(crate) fn error(self, kind: &str, message: &str) -> Value {
        match self {
            Self::Chat | Self::Responses => {
                json!({ "error": { "message": message, "type": kind, "param": null, "code": kind } })
            }
            Self::Messages => {
                json!({ "type": "error", "error": { "type": kind, "message": message } })
            }
        }
    }
}
