use std::error::Error;

/// An error and what caused it, in words: `the store failed: the store is unavailable: the disk is full`.
///
/// The errors of this crate say what went wrong and leave why to their [`source`](Error::source), so that nothing is
/// said twice by whoever prints both. This is for those who print one text: a command line, a log without fields. A
/// cause that an error repeats at its end is not said again. Line breaks stay as they are.
///
/// ```
/// use task_core::{StoreError, TaskError, with_causes};
///
/// let error = TaskError::from(StoreError::unavailable("the disk is full"));
/// assert_eq!(error.to_string(), "the store failed");
/// assert_eq!(with_causes(&error), "the store failed: the store is unavailable: the disk is full");
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !words.ends_with(&next) {
            words.push_str(": ");
            words.push_str(&next);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        source: Option<Box<Self>>,
    }

    fn link(words: &'static str, source: Option<Link>) -> Link {
        Link { words, source: source.map(Box::new) }
    }

    #[test]
    fn every_cause_is_said_in_order() {
        let error = link("no plan", Some(link("no file", Some(link("no disk", None)))));
        assert_eq!(with_causes(&error), "no plan: no file: no disk");
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_said_again() {
        let error = link("no plan: no file", Some(link("no file", Some(link("no disk", None)))));
        assert_eq!(with_causes(&error), "no plan: no file: no disk");
    }
}
