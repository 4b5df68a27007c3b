use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::log::Draft;
use crate::model::{
    Content, Created, Delivery, InstanceId, MessageAdded, MessageId, Payload, Seq, Task, TaskId,
};
use crate::store::Commit;

/// Makes legal commits for tests of a store, one after the other, as core would for one task.
///
/// ```
/// use task_core::testing::Scribe;
/// use task_core::{MemoryStore, Output, TaskStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let mut scribe = Scribe::new("a title");
/// store.commit(scribe.create(None)).await?;
/// store.commit(scribe.record([Output::text("block", "hello")])).await?;
/// assert_eq!(store.load(scribe.id()).await?, *scribe.task());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scribe {
    task: Arc<Task>,
    instance: InstanceId,
    now: DateTime<Utc>,
}

impl Scribe {
    /// For a task of that title, which is not created yet.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let now = DateTime::UNIX_EPOCH;
        let created = created("scribe", title);
        Self { task: Arc::new(Task::begin(TaskId::new(), now, &created)), instance: InstanceId::new(), now }
    }

    /// For a task that exists.
    #[must_use]
    pub fn continuing(task: Task) -> Self {
        let now = task.last_event_at;
        Self { task: Arc::new(task), instance: InstanceId::new(), now }
    }

    /// The same for another agent.
    #[must_use]
    pub fn with_agent(mut self, agent_id: &str) -> Self {
        agent_id.clone_into(&mut Arc::make_mut(&mut self.task).agent_id);
        self
    }

    /// The same as another process.
    #[must_use]
    pub const fn with_instance(mut self, instance: InstanceId) -> Self {
        self.instance = instance;
        self
    }

    /// The task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id
    }

    /// The process it writes for.
    #[must_use]
    pub const fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The snapshot after the commits made so far.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The first commit: `created` and a first message, which the key stands for.
    pub fn create(&mut self, key: Option<&str>) -> Commit {
        let created = created(&self.task.agent_id, &self.task.title);
        let draft = Draft::create(self.task.id, self.tick(), created).expect("a task can be created");
        self.finish(draft, [message("first").into()], key)
    }

    /// A commit of these events. Panics when they are no legal step of the task.
    pub fn record<P: Into<Payload>>(&mut self, payloads: impl IntoIterator<Item = P>) -> Commit {
        self.record_keyed(payloads, None)
    }

    /// The same, the last of the events with an idempotency key.
    pub fn record_keyed<P: Into<Payload>>(
        &mut self,
        payloads: impl IntoIterator<Item = P>,
        key: Option<&str>,
    ) -> Commit {
        let draft = Draft::on(Arc::clone(&self.task), self.tick());
        self.finish(draft, payloads.into_iter().map(Into::into), key)
    }

    /// A message.
    pub fn message(&mut self, text: &str) -> Commit {
        self.record([message(text)])
    }

    /// The start of the next run, by the process it writes for.
    pub fn start(&mut self) -> Commit {
        let started = crate::RunStarted {
            run: self.task.run + 1,
            reason: "created".to_owned(),
            instance: self.instance,
        };
        self.record([started])
    }

    /// What a new owner writes that finds the task running without one.
    pub fn interrupt(&mut self) -> Commit {
        self.record([crate::Interrupted { reason: "restart".to_owned() }])
    }

    fn tick(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::milliseconds(1);
        self.now
    }

    fn finish(
        &mut self,
        mut draft: Draft,
        payloads: impl IntoIterator<Item = Payload>,
        key: Option<&str>,
    ) -> Commit {
        let mut last = Seq::ZERO;
        for payload in payloads {
            last = draft.record(payload).expect("a legal step");
        }
        if let Some(key) = key {
            draft.set_key(key.to_owned(), last);
        }
        let (task, commit) = draft.finish(self.instance);
        self.task = task;
        commit.expect("at least one event")
    }
}

fn created(agent_id: &str, title: &str) -> Created {
    Created {
        agent_id: agent_id.to_owned(),
        title: title.to_owned(),
        model: None,
        work_dir: None,
        enable_skills: None,
        enable_mcp: None,
        add_dirs: None,
        metadata: None,
    }
}

fn message(text: &str) -> MessageAdded {
    MessageAdded {
        message_id: MessageId::new(),
        content: vec![Content::text(text)],
        delivery: Delivery::Queue,
    }
}
