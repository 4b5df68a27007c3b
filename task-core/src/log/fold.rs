//! The fold: what each event makes of the snapshot. The only place where a task changes.

use chrono::{DateTime, Utc};

use crate::model::{
    Bookkeeping, Created, Delivery, Event, Lifecycle, Output, Payload, Queued, Seq, Task, TaskId, TaskStatus,
    TransitionError,
};

impl Task {
    /// The snapshot before the first event.
    pub(crate) fn begin(id: TaskId, at: DateTime<Utc>, created: &Created) -> Self {
        Self {
            id,
            agent_id: created.agent_id.clone(),
            session_id: None,
            status: TaskStatus::Pending,
            title: created.title.clone(),
            model: created.model.clone(),
            created_at: at,
            started_at: None,
            completed_at: None,
            error: None,
            work_dir: created.work_dir.clone(),
            seq: Seq::ZERO,
            run: 0,
            last_event_at: at,
            queued_messages: 0,
            requests: Vec::new(),
            usage: None,
            metadata: created.metadata.clone(),
            enable_skills: created.enable_skills,
            enable_mcp: created.enable_mcp,
            add_dirs: created.add_dirs.clone(),
            book: Bookkeeping {
                pending_since: Some(at),
                pending_reason: Some("created".to_owned()),
                ..Bookkeeping::default()
            },
        }
    }

    /// The fold of a whole log, from its first event. `None` when it does not begin with `created` or an event does
    /// not follow from the ones before.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter().peekable();
        let first = events.peek()?;
        let Payload::Lifecycle(Lifecycle::Created(created)) = first.payload() else { return None };
        let mut task = Self::begin(first.task(), first.at(), &created);
        for event in events {
            if event.seq() != task.seq.next() {
                return None;
            }
            task.apply(event.seq(), event.at(), &event.payload()).ok()?;
        }
        Some(task)
    }

    /// Takes one event in, and tells whether anything but `seq` and `last_event_at` changed.
    pub(crate) fn apply(
        &mut self,
        seq: Seq,
        at: DateTime<Utc>,
        payload: &Payload,
    ) -> Result<bool, TransitionError> {
        let changed = match payload {
            Payload::Lifecycle(lifecycle) => {
                self.live(seq, at, lifecycle)?;
                true
            }
            Payload::Output(output) => return Ok(self.apply_output(seq, at, output)),
            Payload::Other { .. } => false,
        };
        self.moved(seq, at);
        Ok(changed)
    }

    /// The same for what a runner said, which every state takes.
    pub(crate) fn apply_output(&mut self, seq: Seq, at: DateTime<Utc>, output: &Output) -> bool {
        self.moved(seq, at);
        match output {
            Output::Usage(report) => {
                self.usage = Some(report.totals);
                true
            }
            _ => false,
        }
    }

    const fn moved(&mut self, seq: Seq, at: DateTime<Utc>) {
        self.seq = seq;
        self.last_event_at = at;
    }

    fn live(&mut self, seq: Seq, at: DateTime<Utc>, lifecycle: &Lifecycle) -> Result<(), TransitionError> {
        match lifecycle {
            Lifecycle::CancelRequested(_) => self.book.cancelling = true,
            Lifecycle::Cancelled(_) => self.settle(TaskStatus::Cancelled, at)?,
            Lifecycle::Checkpoint(_) => self.book.checkpoint = Some(seq),
            Lifecycle::Completed(_) => self.settle(TaskStatus::Completed, at)?,
            Lifecycle::Created(_) | Lifecycle::Other { .. } => {}
            Lifecycle::Failed(failed) => {
                self.settle(TaskStatus::Failed, at)?;
                self.error = Some(failed.error.clone());
            }
            Lifecycle::InputAnswered(answered) => {
                self.requests.retain(|request| request.request_id != answered.request_id);
                self.book.answers += 1;
                if self.status == TaskStatus::AwaitingInput && self.requests.is_empty() {
                    self.become_(TaskStatus::Running)?;
                } else if self.status.is_settled() {
                    self.wait(at, "answer")?;
                }
            }
            Lifecycle::InputRequested(request) => {
                self.requests.push(request.clone());
                if self.status == TaskStatus::Running {
                    self.become_(TaskStatus::AwaitingInput)?;
                }
            }
            Lifecycle::Interrupted(_) => self.settle(TaskStatus::Interrupted, at)?,
            Lifecycle::Message(message) => {
                self.queue(Queued { id: message.message_id, seq, delivery: message.delivery });
                if self.status.is_settled() {
                    self.wait(at, "message")?;
                }
            }
            Lifecycle::MessageDelivered(delivered) => {
                self.unqueue(delivered.message_id);
                self.book.took_message = true;
            }
            Lifecycle::MessageRefused(refused) => self.unqueue(refused.message_id),
            Lifecycle::Renamed(renamed) => self.title.clone_from(&renamed.title),
            Lifecycle::Requeued(requeued) => self.wait(at, &requeued.reason)?,
            Lifecycle::RunStarted(started) => {
                let waits = !self.requests.is_empty();
                self.become_(if waits { TaskStatus::AwaitingInput } else { TaskStatus::Running })?;
                self.run = started.run;
                self.started_at = Some(at);
                self.completed_at = None;
                self.error = None;
                self.book.owner = Some(started.instance);
                self.book.cancelling = false;
                self.book.pending_since = None;
                self.book.pending_reason = None;
                self.book.run_seq = seq;
                self.book.took_message = false;
                if self.book.chain == 0 {
                    self.book.chain = started.run;
                }
            }
            Lifecycle::Session(session) => self.session_id = Some(session.session_id.clone()),
        }
        Ok(())
    }

    /// The run is over. Questions outlive it only when it was interrupted: then the next run asks them again.
    fn settle(&mut self, status: TaskStatus, at: DateTime<Utc>) -> Result<(), TransitionError> {
        self.become_(status)?;
        self.completed_at = Some(at);
        self.book.owner = None;
        self.book.cancelling = false;
        self.book.pending_since = None;
        self.book.pending_reason = None;
        if status != TaskStatus::Interrupted {
            self.requests.clear();
            self.book.chain = 0;
        }
        Ok(())
    }

    /// A settled task waits for its next run.
    fn wait(&mut self, at: DateTime<Utc>, reason: &str) -> Result<(), TransitionError> {
        self.become_(TaskStatus::Pending)?;
        self.completed_at = None;
        self.book.pending_since = Some(at);
        self.book.pending_reason = Some(reason.to_owned());
        Ok(())
    }

    fn become_(&mut self, status: TaskStatus) -> Result<(), TransitionError> {
        if !self.status.can_become(status) {
            return Err(TransitionError::new(self.status, status));
        }
        self.status = status;
        Ok(())
    }

    fn queue(&mut self, message: Queued) {
        self.book.queued.push(message);
        self.queued_messages = count(&self.book.queued);
    }

    fn unqueue(&mut self, message: crate::MessageId) {
        self.book.queued.retain(|queued| queued.id != message);
        self.queued_messages = count(&self.book.queued);
    }

    /// The message the runner gets next: one that interrupts goes first, the others in the order they came.
    pub(crate) fn next_queued(&self) -> Option<Queued> {
        self.next_queued_as(&[Delivery::Interrupt]).or_else(|| self.book.queued.first().copied())
    }

    /// The first message that was sent with one of these deliveries.
    pub(crate) fn next_queued_as(&self, deliveries: &[Delivery]) -> Option<Queued> {
        self.book.queued.iter().find(|queued| deliveries.contains(&queued.delivery)).copied()
    }

    /// The name of the question that the runner calls `key`: the same in all runs of a chain that interruptions
    /// broke, another one in the next chain.
    pub(crate) fn request_id(&self, key: &str) -> String {
        format!("{}.{key}", self.book.chain)
    }
}

fn count(queued: &[Queued]) -> u32 {
    u32::try_from(queued.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::log::Draft;
    use crate::model::{
        CancelRequested, Cancelled, Completed, Content, Failed, InputAnswered, InputRequest, InstanceId,
        Interrupted, MessageAdded, MessageDelivered, MessageId, MessageRefused, RequestKind, Requeued,
        RunStarted,
    };

    /// Whatever is recorded in whatever order: the state moves only along the table, and a refused step changes
    /// nothing.
    #[derive(Clone, Debug)]
    enum Step {
        Answer,
        Ask,
        Cancel,
        Cancelled,
        Complete,
        Deliver,
        Fail,
        Interrupt,
        Message,
        Refuse,
        Requeue,
        Start,
        Text,
    }

    fn step() -> impl Strategy<Value = Step> {
        use Step::*;
        prop::sample::select(vec![
            Answer, Ask, Cancel, Cancelled, Complete, Deliver, Fail, Interrupt, Message, Refuse, Requeue,
            Start, Text,
        ])
    }

    fn payload(step: &Step, task: &Task) -> Payload {
        let reason = || "why".to_owned();
        let first = || task.book.queued.first().map_or_else(MessageId::new, |queued| queued.id);
        match step {
            Step::Answer => {
                let request_id =
                    task.requests.first().map_or_else(reason, |request| request.request_id.clone());
                InputAnswered { request_id, answer: 1.into(), by: "user".to_owned() }.into()
            }
            Step::Ask => InputRequest {
                request_id: task.seq.to_string(),
                request: RequestKind::Question,
                prompt: reason(),
                options: Vec::new(),
                deadline: None,
                default: None,
                call_id: None,
            }
            .into(),
            Step::Cancel => CancelRequested {}.into(),
            Step::Cancelled => Cancelled {}.into(),
            Step::Complete => Completed {}.into(),
            Step::Deliver => MessageDelivered { message_id: first(), run: task.run }.into(),
            Step::Fail => Failed { error: reason() }.into(),
            Step::Interrupt => Interrupted { reason: reason() }.into(),
            Step::Message => MessageAdded {
                message_id: MessageId::new(),
                content: vec![Content::text("x")],
                delivery: Delivery::Queue,
            }
            .into(),
            Step::Refuse => MessageRefused { message_id: first(), reason: reason() }.into(),
            Step::Requeue => Requeued { reason: reason() }.into(),
            Step::Start => {
                RunStarted { run: task.run + 1, reason: reason(), instance: InstanceId::new() }.into()
            }
            Step::Text => Output::text("b", "x").into(),
        }
    }

    proptest! {
        #[test]
        fn every_log_moves_along_the_table_and_folds_to_its_snapshot(steps in prop::collection::vec(step(), 0..60)) {
            let created = Created {
                agent_id: "a".to_owned(), title: "t".to_owned(), model: None, work_dir: None, enable_skills: None,
                enable_mcp: None, add_dirs: None, metadata: None,
            };
            let mut draft = Draft::create(TaskId::new(), DateTime::UNIX_EPOCH, created).expect("created");
            for step in steps {
                let before = draft.task().clone();
                let outcome = draft.record(payload(&step, &before));
                let after = draft.task();
                if outcome.is_err() {
                    prop_assert_eq!(after, &before);
                } else {
                    let moved = after.status != before.status;
                    prop_assert!(!moved || before.status.can_become(after.status), "{:?}: {} to {}", step, before.status, after.status);
                    prop_assert_eq!(after.seq, before.seq.next());
                }
                prop_assert_eq!(after.status == TaskStatus::AwaitingInput, after.status.is_active() && !after.requests.is_empty());
                prop_assert_eq!(after.owner().is_some(), after.status.is_active());
                prop_assert_eq!(after.completed_at.is_some(), after.status.is_settled());
                prop_assert_eq!(after.queued_messages as usize, after.book.queued.len());
            }
            let (task, commit) = draft.finish(InstanceId::new());
            let commit = commit.expect("created is there");
            let folded = Task::fold(commit.events());
            prop_assert_eq!(folded.as_ref(), Some(&*task));
            prop_assert_eq!(commit.snapshot(), Some(&*task));
            // A store keeps the snapshot of an earlier event, and where the log ends beside it.
            let (seq, last_event_at) = (task.seq.next(), task.last_event_at + TimeDelta::seconds(1));
            let stored = Task::from_stored(&task.to_stored(), seq, last_event_at);
            prop_assert_eq!(stored.expect("readable"), Task { seq, last_event_at, ..(*task).clone() });
        }
    }
}
