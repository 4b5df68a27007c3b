use std::collections::HashMap;
use std::sync::{Arc, Weak};

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::model::{InstanceId, Seq, TaskId};
use crate::rt::lock;
use crate::rt::sync::{Mutex, Notify};

/// A hint that a task was changed by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The log of the task has grown, at least to this position.
    Moved {
        /// The task.
        task: TaskId,
        /// Where its log ended.
        seq: Seq,
    },
    /// The task was removed.
    Removed {
        /// The task.
        task: TaskId,
    },
    /// Something changed, and it is not known what: look at everything.
    Unknown,
}

/// What a store uses to serve [`TaskStore::changes`](crate::TaskStore::changes): it tells every listener but the one
/// that made the change.
///
/// A listener that does not keep up holds one entry per changed task, not one per change. Clones share the
/// listeners.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    listeners: Vec<Weak<Listener>>,
    closed: bool,
}

#[derive(Debug)]
struct Listener {
    except: InstanceId,
    waiting: Mutex<Waiting>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: HashMap<TaskId, Change>,
    unknown: bool,
    closed: bool,
}

impl Changes {
    /// Without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether telling would reach anybody but `origin`.
    #[must_use]
    pub fn has_listeners(&self, origin: Option<InstanceId>) -> bool {
        let shared = lock(&self.shared);
        shared.listeners.iter().filter_map(Weak::upgrade).any(|listener| Some(listener.except) != origin)
    }

    /// Tells every listener but `origin`.
    pub fn publish(&self, origin: Option<InstanceId>, change: Change) {
        let mut shared = lock(&self.shared);
        shared.listeners.retain(|listener| {
            let Some(listener) = listener.upgrade() else { return false };
            if Some(listener.except) != origin {
                let mut waiting = lock(&listener.waiting);
                match change {
                    Change::Moved { task, seq } => {
                        let further =
                            |waiting: &Change| matches!(waiting, Change::Moved { seq: to, .. } if *to > seq);
                        // What others wrote may be told late: the log does not go back.
                        if !waiting.changes.get(&task).is_some_and(further) {
                            waiting.changes.insert(task, change);
                        }
                    }
                    Change::Removed { task } => {
                        waiting.changes.insert(task, change);
                    }
                    Change::Unknown => waiting.unknown = true,
                }
                drop(waiting);
                listener.moved.notify_one();
            }
            true
        });
    }

    /// Ends all streams, once they have told what is waiting.
    pub fn close(&self) {
        let mut shared = lock(&self.shared);
        shared.closed = true;
        for listener in shared.listeners.drain(..).filter_map(|listener| listener.upgrade()) {
            lock(&listener.waiting).closed = true;
            listener.moved.notify_one();
        }
    }

    /// Everything published from now on, but what comes from `except`.
    #[must_use]
    pub fn listen(&self, except: InstanceId) -> BoxStream<'static, Change> {
        let listener = Arc::new(Listener { except, waiting: Mutex::default(), moved: Notify::new() });
        let mut shared = lock(&self.shared);
        if shared.closed {
            return stream::empty().boxed();
        }
        shared.listeners.push(Arc::downgrade(&listener));
        drop(shared);

        stream::unfold(listener, |listener| async move {
            loop {
                let (batch, closed) = {
                    let mut waiting = lock(&listener.waiting);
                    let mut batch: Vec<_> = waiting.changes.drain().map(|(_, change)| change).collect();
                    if std::mem::take(&mut waiting.unknown) {
                        batch.push(Change::Unknown);
                    }
                    (batch, waiting.closed)
                };
                if !batch.is_empty() {
                    return Some((stream::iter(batch), listener));
                }
                if closed {
                    return None;
                }
                // `notify_one` stores a permit, so a change between the look above and this wait is not lost.
                listener.moved.notified().await;
            }
        })
        .flatten()
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listeners_hear_others_and_not_themselves() {
        let (me, other) = (InstanceId::new(), InstanceId::new());
        let changes = Changes::new();
        assert!(!changes.has_listeners(None));
        let mut mine = changes.listen(me);
        let reached = [None, Some(me), Some(other)].map(|origin| changes.has_listeners(origin));
        assert_eq!(reached, [true, false, true], "nobody is told what it did itself");
        let (task, removed) = (TaskId::new(), TaskId::new());

        changes.publish(Some(me), Change::Removed { task: removed });
        changes.publish(Some(other), Change::Moved { task, seq: Seq::new(1) });
        changes.publish(Some(other), Change::Moved { task, seq: Seq::new(2) });
        changes.publish(None, Change::Moved { task, seq: Seq::new(1) });
        changes.close();

        assert_eq!(
            mine.next().await,
            Some(Change::Moved { task, seq: Seq::new(2) }),
            "changes of a task merge, also when they are told late"
        );
        assert_eq!(mine.next().await, None, "a closed store ends the stream");
        assert_eq!(changes.listen(other).next().await, None, "also for those who come later");
    }
}
