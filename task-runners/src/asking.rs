//! Requests of agents that are open as questions in the log of a task.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::task::Poll;

use serde_json::Value;
use task_core::RunError;

/// The requests of a turn that are open, and what comes of them: an `A` each.
pub(crate) struct Asking<A> {
    anchor: String,
    /// How often each question was asked.
    asked: HashMap<String, u32>,
    open: Vec<Open<A>>,
}

struct Open<A> {
    request: String,
    /// What the questions are called in the log.
    keys: Vec<String>,
    answering: Pin<Box<dyn Future<Output = Result<A, RunError>> + Send>>,
}

impl<A> Asking<A> {
    /// Nothing is asked yet. `anchor` names what the turn is about: the same when it is taken up again after a crash.
    pub(crate) fn new(anchor: String) -> Self {
        Self { anchor, ..Self::default() }
    }

    #[cfg(feature = "claude")]
    pub(crate) fn anchor(&self) -> &str {
        &self.anchor
    }

    /// What a question is called that has this digest: another one each time, and the same ones in the same turn after
    /// a crash.
    pub(crate) fn key(&mut self, digest: &str) -> String {
        let times = self.asked.entry(digest.to_owned()).or_default();
        *times += 1;
        format!("{}.{digest}.{times}", self.anchor)
    }

    /// Waits for what comes of `request`, which is asked under `keys`.
    pub(crate) fn ask(
        &mut self,
        request: String,
        keys: Vec<String>,
        answering: impl Future<Output = Result<A, RunError>> + Send + 'static,
    ) {
        self.open.push(Open { request, keys, answering: Box::pin(answering) });
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The next answer, and the request it is for. Waits for ever when nothing is asked. Cancel safe.
    pub(crate) async fn next_answer(&mut self) -> (String, Result<A, RunError>) {
        poll_fn(|context| {
            for at in 0..self.open.len() {
                if let Poll::Ready(answer) = self.open[at].answering.as_mut().poll(context) {
                    return Poll::Ready((self.open.swap_remove(at).request, answer));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The requests that are open.
    #[cfg(feature = "acp")]
    pub(crate) fn requests(&self) -> impl Iterator<Item = String> {
        self.open.iter().map(|open| open.request.clone())
    }

    /// Stops asking this, and gives what the questions are called.
    pub(crate) fn withdraw(&mut self, request: &str) -> Vec<String> {
        match self.open.iter().position(|open| open.request == request) {
            Some(at) => self.open.swap_remove(at).keys,
            None => Vec::new(),
        }
    }

    /// Stops asking anything.
    pub(crate) fn withdraw_all(&mut self) -> Vec<String> {
        self.open.drain(..).flat_map(|open| open.keys).collect()
    }
}

impl<A> Default for Asking<A> {
    fn default() -> Self {
        Self { anchor: String::new(), asked: HashMap::new(), open: Vec::new() }
    }
}

/// What is asked, in short: something else has another digest. The order of keys in `input` does not matter, which an
/// agent that asks the same again after a restart may have changed.
pub(crate) fn digest(tool: &str, input: &Value) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, tool).hash(&mut hasher);
        hash(input, &mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Array(items) => {
            ("array", items.len()).hash(hasher);
            items.iter().for_each(|item| hash(item, hasher));
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            ("object", fields.len()).hash(hasher);
            for (name, field) in fields {
                name.hash(hasher);
                hash(field, hasher);
            }
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {
            value.to_string().hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn leave_that_was_given_once_does_not_answer_the_next_question_and_does_after_a_crash() {
        let mut asking = Asking::<()>::new("turn".to_owned());
        let asked = [asking.key("rm"), asking.key("ls"), asking.key("rm")];
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 3, "{asked:?}");

        let mut again = Asking::<()>::new("turn".to_owned());
        assert_eq!([again.key("rm"), again.key("ls"), again.key("rm")], asked, "the turn that goes on");
        assert!(!asked.contains(&Asking::<()>::new("next".to_owned()).key("rm")), "another turn");
    }

    #[test]
    fn the_same_has_one_digest_and_something_else_another() {
        let of = |text: &str| digest("Bash", &serde_json::from_str(text).unwrap());
        let whole = of(r#"{"a": [1, {"x": "1", "y": null}], "b": true}"#);
        assert_eq!(whole, of(r#"{"b": true, "a": [1, {"y": null, "x": "1"}]}"#));
        for other in [
            r#"{"a": [1, {"x": 1, "y": null}], "b": true}"#,
            r#"{"a": [1], "x": "1", "y": null, "b": true}"#,
            r#"{"a": [{"x": "1", "y": null}, 1], "b": true}"#,
        ] {
            assert_ne!(whole, of(other), "{other}");
        }
        assert_ne!(digest("a", &Value::Null), digest("b", &Value::Null));
    }
}
