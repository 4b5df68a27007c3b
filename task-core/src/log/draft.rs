use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::TaskError;
use crate::model::time::to_millis;
use crate::model::{Created, EventGroups, InstanceId, Output, Payload, Seq, Task, TaskId, UsageReport};
use crate::store::{Commit, Contents, Durability, KeyedEvent};

/// A commit in the making: a snapshot, and events recorded on top of it.
///
/// Recording runs the fold, so a draft never holds an event that does not follow from the ones before.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Copied at the first event if somebody else holds it, too.
    task: Arc<Task>,
    base: Seq,
    at: DateTime<Utc>,
    events: EventGroups,
    changed: bool,
    durability: Durability,
    key: Option<KeyedEvent>,
}

/// A state of a draft to go back to.
#[derive(Debug)]
pub(crate) struct Mark {
    task: Arc<Task>,
    events: usize,
    changed: bool,
    durability: Durability,
    keyed: bool,
}

impl Draft {
    /// On top of a task that exists.
    pub(crate) fn on(task: Arc<Task>, now: DateTime<Utc>) -> Self {
        // A clock that was set back must not let the log go back in time.
        let at = to_millis(now).max(task.last_event_at);
        let base = task.seq;
        Self {
            task,
            base,
            at,
            events: EventGroups::new(),
            changed: false,
            durability: Durability::Process,
            key: None,
        }
    }

    /// The beginning of a new task.
    pub(crate) fn create(id: TaskId, now: DateTime<Utc>, created: Created) -> Result<Self, TaskError> {
        let at = to_millis(now);
        let mut draft = Self::on(Arc::new(Task::begin(id, at, &created)), at);
        draft.record(created)?;
        Ok(draft)
    }

    /// The snapshot after what was recorded so far.
    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    /// The same, to be kept.
    pub(crate) fn shared_task(&self) -> Arc<Task> {
        Arc::clone(&self.task)
    }

    /// The time everything in this draft is stamped with.
    pub(crate) const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Adds an event and gives its position.
    pub(crate) fn record(&mut self, payload: impl Into<Payload>) -> Result<Seq, TaskError> {
        let payload = match payload.into() {
            Payload::Output(output) => return self.record_output(&output),
            payload => payload,
        };
        let (before, seq) = (self.events.len(), self.task.seq.next());
        self.events.push(self.task.id, seq, self.at, &payload).map_err(|error| not_recorded(&error))?;
        match Arc::make_mut(&mut self.task).apply(seq, self.at, &payload) {
            Ok(changed) => self.changed |= changed,
            Err(error) => {
                self.events.truncate(before);
                return Err(error.into());
            }
        }
        self.durability = Durability::Durable;
        Ok(seq)
    }

    /// The same for what a runner said.
    pub(crate) fn record_output(&mut self, output: &Output) -> Result<Seq, TaskError> {
        let output = self.complete(output);
        let seq = self.task.seq.next();
        let pushed = self.events.push_output(self.task.id, seq, self.at, &output);
        pushed.map_err(|error| not_recorded(&error))?;
        self.changed |= Arc::make_mut(&mut self.task).apply_output(seq, self.at, &output);
        if !output.is_progress() {
            self.durability = Durability::Durable;
        }
        Ok(seq)
    }

    /// Says that the event `seq` of this draft answers for an idempotency key.
    pub(crate) fn set_key(&mut self, key: String, seq: Seq) {
        debug_assert!(self.key.is_none(), "a commit carries one key");
        self.key = Some(KeyedEvent { key, seq });
    }

    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            task: Arc::clone(&self.task),
            events: self.events.len(),
            changed: self.changed,
            durability: self.durability,
            keyed: self.key.is_some(),
        }
    }

    /// Forgets what was recorded since `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.task = mark.task;
        self.events.truncate(mark.events);
        self.changed = mark.changed;
        self.durability = mark.durability;
        if !mark.keyed {
            self.key = None;
        }
    }

    /// The snapshot after all of it, and the commit, unless nothing was recorded.
    pub(crate) fn finish(self, origin: InstanceId) -> (Arc<Task>, Option<Commit>) {
        if self.events.is_empty() {
            return (self.task, None);
        }
        let commit = Commit::new(Contents {
            task: self.task.id,
            expected: self.base,
            events: self.events.into_events(),
            end: self.task.seq,
            status: self.task.status,
            snapshot: self.changed.then(|| Arc::clone(&self.task)),
            durability: self.durability,
            key: self.key,
            origin,
        });
        (self.task, Some(commit))
    }

    /// Fills in what only the fold knows: the sums of a usage report.
    fn complete<'a>(&self, output: &'a Output) -> Cow<'a, Output> {
        match output {
            Output::Usage(UsageReport { turn, .. }) => {
                let totals = self.task.usage.unwrap_or_default().plus(*turn);
                Cow::Owned(UsageReport { turn: *turn, totals }.into())
            }
            other => Cow::Borrowed(other),
        }
    }
}

fn not_recorded(error: &impl ToString) -> TaskError {
    TaskError::invalid("event", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completed, Content, Delivery, Event, MessageAdded, MessageId, TaskStatus};

    fn draft() -> Draft {
        let created = Created {
            agent_id: "a".to_owned(),
            title: "t".to_owned(),
            model: None,
            work_dir: None,
            enable_skills: None,
            enable_mcp: None,
            add_dirs: None,
            metadata: None,
        };
        let draft = Draft::create(TaskId::new(), DateTime::UNIX_EPOCH, created).expect("created");
        Draft::on(draft.task, DateTime::UNIX_EPOCH)
    }

    fn message() -> MessageAdded {
        let content = vec![Content::text("hi")];
        MessageAdded { message_id: MessageId::new(), content, delivery: Delivery::Queue }
    }

    #[test]
    fn what_a_change_recorded_before_it_failed_is_forgotten_whole() {
        let mut draft = draft();
        draft.record(Output::text("b", "before")).expect("recorded");
        let (before, mark) = (draft.task().clone(), draft.mark());
        let seq = draft.record(message()).expect("recorded");
        draft.set_key("key".to_owned(), seq);
        draft.rewind(mark);

        assert_eq!(*draft.task(), before);
        assert!(!draft.has_key());
        let commit = draft.finish(InstanceId::new()).1.expect("the text is left");
        assert_eq!(commit.events().len(), 1);
        assert_eq!((commit.key(), commit.snapshot()), (None, None));
        assert_eq!(commit.durability(), Durability::Process, "a text alone asks for no more");
    }

    #[test]
    fn what_does_not_follow_from_what_was_before_is_not_recorded() {
        let mut draft = draft();
        draft.record(Output::text("b", "before")).expect("recorded");
        let before = draft.task().clone();
        let done: Completed = serde_json::from_str("{}").expect("valid");
        draft.record(done).expect_err("it was not started");
        assert_eq!(*draft.task(), before);
        draft.record(Output::text("b", "after")).expect("recorded");
        let commit = draft.finish(InstanceId::new()).1.expect("the texts are left");
        assert_eq!(commit.events().iter().map(Event::kind).collect::<Vec<_>>(), ["text", "text"]);
    }

    #[test]
    fn a_key_that_was_set_before_stays_when_a_later_change_is_forgotten() {
        let mut draft = draft();
        let seq = draft.record(message()).expect("recorded");
        draft.set_key("key".to_owned(), seq);
        let mark = draft.mark();
        draft.record(message()).expect("recorded");
        draft.rewind(mark);
        let commit = draft.finish(InstanceId::new()).1.expect("a message is left");
        assert_eq!((commit.key(), commit.events().len()), (Some(("key", seq)), 1));
        assert_eq!(commit.durability(), Durability::Durable);
        assert!(commit.snapshot().is_some());
    }

    #[test]
    fn nothing_recorded_is_no_commit_and_gives_the_task_back() {
        let draft = draft();
        let before = draft.task().clone();
        let (task, commit) = draft.finish(InstanceId::new());
        assert!(commit.is_none(), "nothing to write");
        assert_eq!(task.status, TaskStatus::Pending);
        assert_eq!(*task, before);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_take_the_log_back() {
        let mut draft = draft();
        let later = DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1);
        Arc::make_mut(&mut draft.task).last_event_at = later;
        let mut draft = Draft::on(draft.task, DateTime::UNIX_EPOCH);
        assert_eq!(draft.at(), later);
        draft.record(message()).expect("recorded");
        assert_eq!(draft.task().last_event_at, later);
    }
}
