use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use crate::error::TaskError;
use crate::log::Draft;
use crate::model::{InputAnswered, InputRequest, RequestKind, RequestOption};

/// A question to whoever looks after the task.
///
/// ```
/// use std::time::Duration;
/// use task_core::{Ask, RequestOption};
///
/// let ask = Ask::permission("Run `rm -r build`?")
///     .option(RequestOption::new("allow", "Allow"))
///     .option(RequestOption::new("deny", "Deny"))
///     .default_after(Duration::from_secs(3600), "deny");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a question is asked with `RunContext::ask`"]
pub struct Ask {
    kind: RequestKind,
    prompt: String,
    options: Vec<RequestOption>,
    default: Option<(Duration, Value)>,
    call_id: Option<String>,
    pub(super) key: Option<String>,
}

impl Ask {
    /// A question whose answer may be anything, mostly text.
    pub fn question(prompt: impl Into<String>) -> Self {
        Self::new(RequestKind::Question, prompt)
    }

    /// A permission. The answer is the id of one of its options.
    pub fn permission(prompt: impl Into<String>) -> Self {
        Self::new(RequestKind::Permission, prompt)
    }

    fn new(kind: RequestKind, prompt: impl Into<String>) -> Self {
        Self { kind, prompt: prompt.into(), options: Vec::new(), default: None, call_id: None, key: None }
    }

    /// Adds an answer to choose.
    pub fn option(mut self, option: RequestOption) -> Self {
        self.options.push(option);
        self
    }

    /// Takes `answer` when nobody answered after `wait`. Without this the question waits for ever.
    pub fn default_after(mut self, wait: Duration, answer: impl Into<Value>) -> Self {
        self.default = Some((wait, answer.into()));
        self
    }

    /// Says which tool call waits for the answer.
    pub fn call_id(mut self, call_id: impl Into<String>) -> Self {
        self.call_id = Some(call_id.into());
        self
    }

    /// Names the question, for runs that are interrupted and repeat: the next run, asking under the same name, gets
    /// the answer that was given meanwhile. A question without a name is known by what it asks: the next run gets the
    /// answer if it asks exactly the same.
    ///
    /// A name is 1 to 100 letters, digits, `-`, `_`, `.` or `:`. Asking twice under one name gives the first answer
    /// twice.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What is asked, in short: another question has another digest. 128 bits.
    pub(super) fn digest(&self) -> String {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, self.kind, &self.prompt, &self.call_id).hash(&mut hasher);
            self.options
                .iter()
                .for_each(|option| (&option.id, &option.label, &option.kind).hash(&mut hasher));
            hasher.finish()
        };
        format!("{:016x}{:016x}", half(0), half(1))
    }

    /// The question as the log will hold it, but for its deadline.
    pub(super) fn into_request(self, request_id: &str) -> OpenRequest {
        let Self { kind, prompt, options, default, call_id, key: _ } = self;
        let (wait, default) = default.unzip();
        let request_id = request_id.to_owned();
        let request =
            InputRequest { request_id, request: kind, prompt, options, deadline: None, default, call_id };
        OpenRequest { request, wait }
    }

    pub(super) fn check(&self, prompt_limit: usize) -> Result<(), TaskError> {
        TaskError::check("the prompt of a question in bytes", self.prompt.len(), prompt_limit)?;
        if self.kind == RequestKind::Permission && self.options.is_empty() {
            return Err(TaskError::invalid("options", "a permission needs at least one answer to choose"));
        }
        let Some(key) = &self.key else { return Ok(()) };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if key.is_empty() || key.len() > 100 || !key.chars().all(legal) {
            let reason = format!("`{key}` is not 1 to 100 letters, digits, `-`, `_`, `.` or `:`");
            return Err(TaskError::invalid("key", reason));
        }
        Ok(())
    }
}

/// A question on its way into the log.
pub(super) struct OpenRequest {
    request: InputRequest,
    wait: Option<Duration>,
}

impl OpenRequest {
    /// Opens the question unless it is open, if no answer came since `answers_seen` were counted. Gives the count, and
    /// whether the question is open now.
    pub(super) fn open(
        &self,
        draft: &mut Draft,
        answers_seen: Option<u64>,
        limit: usize,
    ) -> Result<(u64, bool), TaskError> {
        let task = draft.task();
        let answers = task.book.answers;
        if task.request(&self.request.request_id).is_some() {
            return Ok((answers, true));
        }
        if answers_seen != Some(answers) {
            return Ok((answers, false));
        }
        TaskError::check("the number of open questions", task.requests.len() + 1, limit)?;
        let far = TimeDelta::days(FAR_DAYS);
        let wait = self.wait.map(|wait| TimeDelta::from_std(wait).unwrap_or(far).min(far));
        let deadline = wait.map(|wait| draft.at() + wait);
        draft.record(InputRequest { deadline, ..self.request.clone() })?;
        Ok((answers, true))
    }
}

/// What was answered, and by whom.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The answer: the id of an option, text, or any JSON value.
    pub value: Value,
    /// `user`, or `deadline` when the default was taken.
    pub by: String,
}

impl Answer {
    /// The answer as text: itself when it is text, its JSON otherwise.
    #[must_use]
    pub fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }
}

impl From<InputAnswered> for Answer {
    fn from(answered: InputAnswered) -> Self {
        Self { value: answered.answer, by: answered.by }
    }
}

/// A deadline that a calendar cannot express is a century away.
const FAR_DAYS: i64 = 36_500;

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::Scribe;

    /// Whoever asks has looked for an answer before: one that came in between must not be asked for again.
    #[test]
    fn a_question_is_opened_only_when_no_answer_came_since_it_was_looked_for_one() {
        let mut scribe = Scribe::new("a title");
        scribe.create(None);
        scribe.start();
        for (seen_before, answered) in [(0, 1), (1, 2)] {
            let other = Ask::question("other").into_request("1.other").request;
            assert_eq!(scribe.task().book.answers, seen_before);
            scribe.record([other]);
            let (request_id, by) = ("1.other".to_owned(), "user".to_owned());
            scribe.record([InputAnswered { request_id, answer: true.into(), by }]);

            let mut draft = Draft::on(scribe.task().clone().into(), chrono::DateTime::UNIX_EPOCH);
            let question = Ask::question("who?").into_request("1.who");
            let mut open = |seen| question.open(&mut draft, seen, 1).expect("within the limit");
            assert_eq!(open(None), (answered, false));
            assert_eq!(open(Some(seen_before)), (answered, false));
            assert_eq!(open(Some(answered)), (answered, true));
            assert_eq!(open(None), (answered, true), "it is open already");
            assert_eq!(draft.task().requests.len(), 1);
        }
    }
}
