use std::time::Duration;

use serde_json::Value;

use super::endpoint::Endpoint;

/// Why a request came to nothing, in words for people, and whether it is worth trying again.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) words: String,
    /// It may pass: the server cannot be reached, or is busy.
    pub(super) is_passing: bool,
    /// Nobody listens there.
    pub(super) is_unreachable: bool,
    /// When the server would like to be asked again.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    /// One that stays.
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), is_passing: false, is_unreachable: false, wait: None }
    }

    /// One that may pass.
    pub(super) fn passing(words: impl Into<String>) -> Self {
        Self { is_passing: true, ..Self::new(words) }
    }

    /// Nobody listens there, which may pass.
    pub(super) fn unreachable(words: impl Into<String>) -> Self {
        Self { is_unreachable: true, ..Self::passing(words) }
    }

    /// What a server answered instead of an answer.
    pub(super) fn from_status(endpoint: &Endpoint, model: &str, status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => Self::from_server(endpoint, model, Some(status), &value),
            Err(_) => Self::from_words(endpoint, model, Some(status), "", text.trim()),
        }
    }

    /// An error as servers describe it: an object, or a text, mostly inside of another as `error`.
    pub(super) fn from_server(endpoint: &Endpoint, model: &str, status: Option<u16>, value: &Value) -> Self {
        let error = value.get("error").unwrap_or(value);
        let status = status.or_else(|| code(error));
        let kind: String = ["code", "type"]
            .iter()
            .filter_map(|name| error.get(name)?.as_str())
            .map(|word| format!("{word} "))
            .collect();
        let words = ["message", "detail", "error"].iter().find_map(|name| error.get(name)?.as_str());
        let words = words.or_else(|| error.as_str()).map_or_else(|| error.to_string(), str::to_owned);
        Self::from_words(endpoint, model, status, &kind, &words)
    }

    fn from_words(endpoint: &Endpoint, model: &str, status: Option<u16>, kind: &str, words: &str) -> Self {
        let said = format!("{kind}{words}").to_lowercase();
        let words = presentable(words);
        let status = status.unwrap_or_default();
        let has = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
        if status < 429 && has(CONTEXT) || status == 413 {
            return Self::new(format!("the conversation is too long for the model `{model}`: {words}"));
        }
        if matches!(status, 0 | 400 | 404) && said.contains("model") && has(UNKNOWN) {
            return Self::new(format!("{endpoint} does not have the model `{model}`: {words}"));
        }
        match status {
            401 | 403 => {
                let key = endpoint.authorization().map_or_else(|| "no key".to_owned(), |key| key.place());
                Self::new(format!("{endpoint} refuses the key ({key}): {words}"))
            }
            404 | 405 => Self::new(format!(
                "there is no chat at {endpoint} ({status}): the base of such a URL mostly ends with /v1: {words}"
            )),
            408 | 425 | 429 => Self::passing(format!("{endpoint} has too much to do ({status}): {words}")),
            500.. => Self::passing(format!("{endpoint} has trouble ({status}): {words}")),
            _ if has(BUSY) => Self::passing(format!("{endpoint} has too much to do: {words}")),
            0 => Self::new(format!("{endpoint} gave up: {words}")),
            _ => Self::new(format!("{endpoint} refuses the request ({status}): {words}")),
        }
    }

    /// The same without the key: some servers repeat it in what they say.
    pub(super) fn without(mut self, key: Option<&str>) -> Self {
        if let Some(key) = key {
            self.words = self.words.replace(key, "…");
        }
        self
    }
}

/// Errors in the middle of a stream carry the status in themselves.
fn code(error: &Value) -> Option<u16> {
    let code = ["code", "status", "status_code"].iter().find_map(|name| error.get(name)?.as_u64())?;
    u16::try_from(code).ok().filter(|code| (400..600).contains(code))
}

/// One line of limited length without control characters.
fn presentable(words: &str) -> String {
    let line = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None if line.is_empty() => "it does not say why".to_owned(),
        None => line,
    }
}

// How the servers in use say it, in lower case: their codes, then their words.
const CONTEXT: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "maximum context",
];
const UNKNOWN: &[&str] = &["not found", "not_found", "does not exist", "no such model", "unknown model"];
const BUSY: &[&str] = &["overloaded", "rate_limit", "rate limit", "too many requests", "server_busy"];

/// Characters of what a server says.
const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(status: u16, body: &str) -> (String, bool) {
        let endpoint = Endpoint::new("http://h:1/v1").expect("a URL");
        let failure = Failure::from_status(&endpoint, "m", status, body.as_bytes());
        (failure.words, failure.is_passing)
    }

    #[test]
    fn what_servers_say_is_told_apart() {
        for (status, body, expected, passing) in [
            // OpenAI, vLLM, llama.cpp, Ollama: each says the same in its own way.
            (400, r#"{"error":{"code":"context_length_exceeded","message":"too many"}}"#, "too long", false),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens."}"#,
                "too long",
                false,
            ),
            (
                400,
                r#"{"error":{"type":"exceed_context_size_error","message":"the request exceeds"}}"#,
                "too long",
                false,
            ),
            (
                404,
                r#"{"error":{"message":"model \"m\" not found, try pulling it first"}}"#,
                "does not have the model `m`",
                false,
            ),
            (
                404,
                r#"{"error":{"code":"model_not_found","message":"The model `m` does not exist"}}"#,
                "does not have",
                false,
            ),
            (404, "404 page not found", "mostly ends with /v1", false),
            (401, r#"{"error":"unauthorized"}"#, "refuses the key (no key): unauthorized", false),
            (429, r#"{"error":{"message":"slow down"}}"#, "too much to do (429): slow down", true),
            (503, r#"{"error":{"message":"Loading model"}}"#, "has trouble (503): Loading model", true),
            (502, "<html>\n bad\u{7} gateway</html>", "<html> bad gateway</html>", true),
            (400, r#"{"detail":"temperature is too high"}"#, "refuses the request (400): temperature", false),
            (500, "", "it does not say why", true),
        ] {
            let (words, is_passing) = words(status, body);
            assert!(words.contains(expected), "{body}: {words}");
            assert_eq!(is_passing, passing, "{words}");
        }
    }

    #[test]
    fn an_error_in_a_stream_carries_its_own_status() {
        let endpoint = Endpoint::new("http://h:1/v1").expect("a URL");
        for (error, passing) in [
            (json!({"error": {"code": 503, "message": "busy"}}), true),
            (json!({"error": {"type": "overloaded_error", "message": "Overloaded"}}), true),
            (json!({"error": "out of memory"}), false),
            (json!({"error": {}}), false),
        ] {
            assert_eq!(Failure::from_server(&endpoint, "m", None, &error).is_passing, passing, "{error}");
        }
    }

    #[test]
    fn long_words_are_cut() {
        let (words, _) = words(400, &"任".repeat(10_000));
        assert!(words.chars().count() < LONGEST + 100, "{}", words.len());
    }
}
