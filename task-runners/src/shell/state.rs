use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::process::{Environment, Mark};

/// What one command leaves to the next, in this run or a later one: where it ended, and what it exported.
///
/// Only the difference to the environment that every command starts with is kept: the log of a task is no place for
/// what the server has in its own. Text that is not UTF-8 is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The working directory; absent before the first command.
    pub(super) dir: Option<String>,
    /// Variables that were set.
    #[serde(default)]
    exported: BTreeMap<String, String>,
    /// Variables that were taken away.
    #[serde(default)]
    unset: BTreeSet<String>,
}

impl State {
    /// What the script recorded; `None` when the record is missing or was cut short.
    pub(super) fn from_record(record: &[u8], base: &Environment) -> Option<Self> {
        let end = record.iter().position(|byte| *byte == 0)?;
        let (dir, rest) = (&record[..end], &record[end + 1..]);
        if rest != b"\0" && !rest.ends_with(b"\0\0") {
            return None;
        }
        let mut state = Self::default();
        let dir = std::str::from_utf8(dir).ok().and_then(|dir| dir.strip_suffix('\n'));
        state.dir = dir.filter(|dir| !dir.is_empty()).map(str::to_owned);

        let mut names = BTreeSet::new();
        for variable in rest.split(|byte| *byte == 0) {
            let Some((name, value)) =
                std::str::from_utf8(variable).ok().and_then(|text| text.split_once('='))
            else {
                continue;
            };
            if is_internal(name) {
                continue;
            }
            names.insert(name);
            if base.value(name) != Some(value.as_ref()) {
                state.exported.insert(name.to_owned(), value.to_owned());
            }
        }
        let base = base.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let unset = base.map(|(name, _)| name).filter(|name| !is_internal(name) && !names.contains(name));
        state.unset = unset.map(str::to_owned).collect();
        Some(state)
    }

    /// The environment of the next command, which works in `dir`.
    pub(super) fn environment(&self, base: &Environment, dir: &str) -> Environment {
        let mut environment = base.clone();
        for name in &self.unset {
            environment = environment.without(name);
        }
        for (name, value) in &self.exported {
            environment = environment.set(name, value);
        }
        // How the user got there, over symbolic links, is known to nobody else.
        environment.set("PWD", dir)
    }

    /// The same place without the variables.
    pub(super) fn without_variables(self) -> Self {
        Self { dir: self.dir, ..Self::default() }
    }
}

/// What belongs to one shell and not to the next.
fn is_internal(name: &str) -> bool {
    matches!(name, "_" | "PWD" | "SHLVL" | Mark::VARIABLE) || name.starts_with("__tasks_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Environment {
        Environment::empty().set("PATH", "/bin").set("LANG", "C")
    }

    #[test]
    fn only_differences_are_kept() {
        let record = b"/srv\n\0PATH=/bin\0A=1=2\nthree\0PWD=/srv\0TASKS_RUN_MARK=m\0__tasks_status=0\0\0";
        let state = State::from_record(record, &base()).unwrap();
        assert_eq!(state.dir.as_deref(), Some("/srv"));
        assert_eq!(state.exported, [("A".to_owned(), "1=2\nthree".to_owned())].into());
        assert_eq!(state.unset, ["LANG".to_owned()].into());

        let next = state.environment(&base(), "/srv");
        let expected = Environment::empty().set("PATH", "/bin").set("A", "1=2\nthree").set("PWD", "/srv");
        assert_eq!(next, expected);
    }

    #[test]
    fn a_record_that_was_cut_short_is_none() {
        let record = b"/srv\n\0PATH=/bin\0A=1\0\0";
        for end in 0..record.len() {
            assert_eq!(State::from_record(&record[..end], &base()), None, "{end}");
        }
        assert!(State::from_record(record, &base()).is_some());
    }

    #[test]
    fn an_empty_environment_is_a_whole_record() {
        let state = State::from_record(b"/\n\0\0", &base()).unwrap();
        assert_eq!(state.unset.len(), 2);
    }

    #[test]
    fn a_directory_may_end_with_a_line_break() {
        let state = State::from_record(b"/a\n\n\0\0", &Environment::empty()).unwrap();
        assert_eq!(state.dir.as_deref(), Some("/a\n"));
    }
}
