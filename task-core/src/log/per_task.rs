//! What there is one of for each task.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::model::TaskId;
use crate::rt::lock;
use crate::rt::sync::Mutex;

/// One `T` for each task that needs one. It keeps none of them: they go with their last owner, who has to say so.
#[derive(Debug)]
pub(super) struct PerTask<T>(Mutex<HashMap<TaskId, Weak<T>>>);

impl<T> PerTask<T> {
    /// The one of that task, if somebody has it.
    pub(super) fn get(&self, task: TaskId) -> Option<Arc<T>> {
        lock(&self.0).get(&task).and_then(Weak::upgrade)
    }

    /// The one of that task, made when nobody has it.
    pub(super) fn get_or_make(&self, task: TaskId, make: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = lock(&self.0);
        if let Some(found) = kept.get(&task).and_then(Weak::upgrade) {
            return found;
        }
        let made = Arc::new(make());
        kept.insert(task, Arc::downgrade(&made));
        made
    }

    /// All that somebody has.
    pub(super) fn all(&self) -> Vec<Arc<T>> {
        lock(&self.0).values().filter_map(Weak::upgrade).collect()
    }

    /// Called when the last owner of one lets it go. Another may have been made since.
    pub(super) fn forget(&self, task: TaskId) {
        let mut kept = lock(&self.0);
        if kept.get(&task).is_some_and(|one| one.strong_count() == 0) {
            kept.remove(&task);
        }
    }

    /// The tasks of which it knows, also of one that is gone and was not forgotten.
    #[cfg(test)]
    pub(super) fn tasks(&self) -> Vec<TaskId> {
        lock(&self.0).keys().copied().collect()
    }
}

impl<T> Default for PerTask<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_made_since_is_not_forgotten_with_the_one_before() {
        let (numbers, task) = (PerTask::default(), TaskId::new());
        drop(numbers.get_or_make(task, || 1));
        assert!(numbers.get(task).is_none() && numbers.all().is_empty());
        let second = numbers.get_or_make(task, || 2);
        // Its last owner comes late to say that it let the first one go.
        numbers.forget(task);
        assert!(numbers.get(task).is_some_and(|found| Arc::ptr_eq(&found, &second)));
        drop(second);
        numbers.forget(task);
        assert_eq!(numbers.tasks(), []);
    }
}
