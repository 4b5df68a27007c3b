use std::fmt;

use hyper::Uri;

use super::key::Key;

/// Where a model is: the base of an OpenAI-compatible interface, and the key it wants, if any.
///
/// ```
/// use task_runners::chat::{Endpoint, Key};
///
/// let local = Endpoint::new("http://127.0.0.1:8080/v1")?;
/// let shared = Endpoint::new("http://models.example:8000/v1")?.key(Key::from_env("MODELS_KEY"));
/// assert!(Endpoint::new("https://models.example/v1").is_err());
/// # Ok::<(), task_runners::chat::InvalidUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Endpoint {
    /// As in the URL, IPv6 without its brackets.
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
    key: Option<Key>,
}

impl Endpoint {
    /// The server at this URL, `http://HOST[:PORT]/v1` mostly; `chat/completions` and `models` are below it. Nothing is
    /// looked up or connected here.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`] when it is no such URL. There is no TLS here: `https` needs a proxy on this machine.
    pub fn new(base_url: &str) -> Result<Self, InvalidUrl> {
        let wrong = |reason| InvalidUrl { url: base_url.to_owned(), reason };
        let uri: Uri = base_url.parse().map_err(|_| wrong("this is not http://HOST[:PORT]/PATH"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(wrong(
                    "https is not spoken here; let a proxy on this machine do it, and name that",
                ));
            }
            _ => return Err(wrong("this does not begin with http://")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("there is no host in it"))?;
        if authority.as_str().contains('@') {
            let url = format!("http://…@{}", authority.host());
            return Err(InvalidUrl { url, reason: "a name or password in it would be shown; use a key" });
        }
        if uri.query().is_some() || base_url.contains('#') {
            return Err(wrong("there may be nothing behind its path"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(wrong("there is no host in it"));
        }
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix(CHAT).unwrap_or(path).trim_end_matches('/');
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(authority.host()) => 80,
            None => return Err(wrong("its port is no number up to 65535")),
        };
        Ok(Self { host: host.to_owned(), port, path: path.to_owned(), key: None })
    }

    /// Sets the key to send along, as `Authorization: Bearer`.
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) const fn authorization(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// For the `Host` header, and the way a URL is written.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(super) fn chat_path(&self) -> String {
        format!("{}/{CHAT}", self.path)
    }

    pub(super) fn models_path(&self) -> String {
        format!("{}/models", self.path)
    }
}

/// The base URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

/// A URL that leads to no model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl {
    url: String,
    reason: &'static str,
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.url, self.reason)
    }
}

impl std::error::Error for InvalidUrl {}

const CHAT: &str = "chat/completions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_as_people_write_them() {
        for (url, shown) in [
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
            ("http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"),
            ("http://localhost", "http://localhost:80"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("http://h:1/a/v1/chat/completions", "http://h:1/a/v1"),
        ] {
            assert_eq!(Endpoint::new(url).map(|endpoint| endpoint.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for url in [
            "",
            "localhost:8080",
            "/v1",
            "ftp://h/v1",
            "https://h/v1",
            "http://",
            "http:///v1",
            "http://h:99999/v1",
            "http://h:x/v1",
            "http://h/v1?key=1",
            "http://h/v1#a",
            "http://h /v1",
        ] {
            assert!(Endpoint::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = Endpoint::new("http://me:hunter2@h/v1").expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
