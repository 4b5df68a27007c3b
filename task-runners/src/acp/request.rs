use std::path::Path;

use serde_json::Value;
use task_core::Content;

/// What is asked of an agent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request<'a> {
    /// Who it is, and what it can do.
    Initialize,
    /// Which sessions it has, but for those before this place in the list.
    List { after: Option<&'a str> },
    /// To go on in a session, and to tell all that was said in it.
    Load(&'a str, Place<'a>),
    /// To begin a session.
    New(Place<'a>),
    /// To answer a message. There is one such request at a time.
    Prompt { session: &'a str, content: &'a [Content], takes: Takes },
    /// To go on in a session.
    Resume(&'a str, Place<'a>),
    /// To work in this mode.
    SetMode { session: &'a str, mode: &'a str },
    /// To use this model, where models are no option.
    SetModel { session: &'a str, model: &'a str },
    /// To set an option of the session to one of its values.
    SetOption { session: &'a str, option: &'a str, value: &'a str },
    /// To take a message into the turn that is under way.
    Steer { session: &'a str, content: &'a [Content], takes: Takes },
}

/// Where a session works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    /// Where else it may.
    pub(super) more: &'a [String],
}

/// What an agent takes beside text and links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Takes {
    pub(super) images: bool,
    pub(super) resources: bool,
}

/// Names a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call(pub(super) u64);

/// What a request came to.
pub(super) type Answer = Result<Value, Refusal>;

/// An error of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    /// In the words of the agent.
    pub(super) words: String,
}

impl Refusal {
    /// Whether what was asked for is not there: a session that nobody knows any more, for example.
    pub(super) fn is_not_found(&self) -> bool {
        self.code == NOT_FOUND
    }

    /// Whether somebody has to log in first.
    pub(super) const fn wants_login(&self) -> bool {
        self.code == LOGIN
    }
}

/// What is done about a request for leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The turn was cancelled before anybody decided.
    Cancelled,
    /// The option of this name was chosen.
    Selected(String),
}

// Codes of the protocol.
const LOGIN: i64 = -32_000;
const NOT_FOUND: i64 = -32_002;
