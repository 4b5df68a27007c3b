use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// The environment of a process: what is named here and nothing else.
///
/// A server holds secrets in its environment: its own token, the address of its database, keys for other agents. So a
/// child never inherits it as a whole. [`Environment::basic`] takes over what programs need to find their way around;
/// what an agent needs beyond that is named.
///
/// ```
/// use task_runners::process::Environment;
///
/// let environment = Environment::basic().inherit("ANTHROPIC_API_KEY").set("NO_COLOR", "1");
/// assert_eq!(environment.value("NO_COLOR"), Some("1".as_ref()));
/// assert_eq!(environment.value("TASKS_TOKEN"), None);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Nothing at all.
    #[must_use]
    pub const fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// What this process has of `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `LANGUAGE`, `LC_*`, `TERM`, `TZ` and
    /// `TMPDIR`.
    #[must_use]
    pub fn basic() -> Self {
        Self(std::env::vars_os().filter(|(name, _)| is_basic(name)).collect())
    }

    /// The same, and `name` as this process has it, if it does. `TASKS_…` is the server's own and is never passed on.
    #[must_use]
    pub fn inherit(mut self, name: impl Into<OsString>) -> Self {
        let name = name.into();
        if !name.as_encoded_bytes().starts_with(OWN_PREFIX)
            && let Some(value) = std::env::var_os(&name)
        {
            self.0.insert(name, value);
        }
        self
    }

    /// The same, with `name` set.
    #[must_use]
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The same without `name`.
    #[must_use]
    pub fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.0.remove(name.as_ref());
        self
    }

    /// The value of `name`.
    #[must_use]
    pub fn value(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// Names only: values may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is_basic(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| BASIC.contains(&name) || name.starts_with("LC_"))
}

const BASIC: &[&str] =
    &["HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

const OWN_PREFIX: &[u8] = b"TASKS_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_gets_through() {
        for name in ["PATH", "HOME", "LC_ALL", "LC_TIME"] {
            assert!(is_basic(name.as_ref()), "{name}");
        }
        for name in [
            "TASKS_TOKEN",
            "DATABASE_URL",
            "LD_PRELOAD",
            "BASH_ENV",
            "PATHS",
            "GIT_DIR",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(!is_basic(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn values_are_not_printed() {
        let environment = Environment::empty().set("KEY", "hunter2");
        assert_eq!(format!("{environment:?}"), r#"{"KEY"}"#);
    }
}
