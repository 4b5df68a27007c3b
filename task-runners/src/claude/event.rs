use serde_json::Value;
use task_core::{NoticeLevel, Output, RawOutput};

/// What a line of the agent means to the run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// It wants leave, or an answer.
    Asked(Asked),
    /// A turn came to its result. It may not be over: that is when the session is idle.
    Ended(Ended),
    /// What became of a message that it was sent.
    Fate { message: String, fate: Fate },
    /// What viewers see.
    Output(Output),
    /// An answer to a control request of ours.
    Responded { request: String, error: Option<String> },
    /// The name of its session.
    Session(String),
    /// What the session does.
    State(Activity),
    /// A request of a kind that has no answer here.
    Unsupported(String),
    /// It no longer wants the answer to this request.
    Withdrawn(String),
}

/// A request of the agent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// Its name in the protocol.
    pub(super) request: String,
    pub(super) call_id: Option<String>,
    pub(super) tool: String,
    pub(super) input: Value,
    /// Why leave is needed, where the agent says.
    pub(super) reason: Option<String>,
    /// Rules that would save the next question.
    pub(super) suggestions: Vec<Value>,
}

/// The result of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) is_error: bool,
    /// `completed`, `api_error`, `aborted_tools`, `max_turns` …; empty when the agent does not say.
    pub(super) reason: String,
    /// What went wrong.
    pub(super) words: String,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Cancelled,
    Completed,
    Queued,
    Started,
}

/// What a session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Idle,
    Running,
    /// It waits for an answer.
    Waiting,
}

/// Adds what viewers see.
pub(super) fn outputs(events: &mut Vec<Event>, outputs: impl IntoIterator<Item = Output>) {
    events.extend(outputs.into_iter().map(Event::Output));
}

/// What has no kind of its own, as it came.
pub(super) fn raw(line: &Value) -> Event {
    Event::Output(RawOutput::new(SOURCE, line.clone()).into())
}

pub(super) fn notice(level: NoticeLevel, words: String) -> Event {
    Event::Output(Output::notice(level, words))
}

/// Who said what has no other kind.
const SOURCE: &str = "claude";
