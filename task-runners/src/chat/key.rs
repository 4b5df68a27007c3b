use std::path::PathBuf;

/// Where the key of a server is kept. The key itself is read for each request, and is in no event, log or `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Source);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Environment(String),
    File(PathBuf),
}

impl Key {
    /// The value of an environment variable of this process. `TASKS_…` is the server's own and is never sent.
    #[must_use]
    pub fn from_env(name: impl Into<String>) -> Self {
        Self(Source::Environment(name.into()))
    }

    /// The contents of a file, without the white space around it.
    #[must_use]
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// Why this can never be a key.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.0 {
            Source::Environment(name) if name.starts_with(OWN_PREFIX) => {
                Some(format!("`{name}` is a setting of the server itself and is never sent"))
            }
            Source::Environment(name) if name.is_empty() || name.contains(['=', '\0']) => {
                Some(format!("`{name}` is no name of a variable"))
            }
            Source::Environment(_) | Source::File(_) => None,
        }
    }

    /// The key, or why there is none.
    pub(super) fn read(&self) -> Result<String, String> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let key = match &self.0 {
            Source::Environment(name) => std::env::var(name)
                .map_err(|_| format!("the key is missing: the server has no variable `{name}`")),
            Source::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("the key is missing: cannot read {}: {error}", path.display())),
        }?;
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{} holds no key: one line of visible ASCII characters", self.place()));
        }
        Ok(key.to_owned())
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match &self.0 {
            Source::Environment(name) => format!("the variable `{name}`"),
            Source::File(path) => format!("the file {}", path.display()),
        }
    }
}

const OWN_PREFIX: &str = "TASKS_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_the_server_is_no_key() {
        let error = Key::from_env("TASKS_TOKEN").read().expect_err("refused");
        assert!(error.contains("never sent"), "{error}");
    }

    #[test]
    fn a_key_is_one_word() {
        let path = std::env::temp_dir().join(format!("runners-test-key-{}", task_core::TaskId::new()));
        for (text, key) in [("sk-1\n", Some("sk-1")), ("", None), ("a\nb", None), ("ключ", None)] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(Key::from_file(&path).read().ok().as_deref(), key, "{text:?}");
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(Key::from_file(&path).read().expect_err("gone").contains("cannot read"));
    }
}
