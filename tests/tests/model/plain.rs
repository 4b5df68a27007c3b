//! The plain model of a task: what each event of its log makes of it, written anew from the rules and not from the code.

use std::collections::BTreeMap;

use task_core::{Event, Lifecycle, MessageId, Output, Payload, RequestKind, Task, TaskQuery, TaskStatus};

/// A task as its log says, and the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plain {
    pub(crate) log: Vec<Event>,
    pub(crate) agent: String,
    pub(crate) title: String,
    pub(crate) status: Option<TaskStatus>,
    pub(crate) run: u32,
    pub(crate) stopping: bool,
    /// Messages that wait, in the order of the log.
    queue: Vec<MessageId>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    /// Questions that are open, with the name of the option that may be chosen when only that will do.
    pub(crate) open: Vec<(String, bool)>,
    pub(crate) answers: BTreeMap<String, Vec<(String, String)>>,
    session: Option<String>,
    error: Option<String>,
    tokens: u64,
    /// What each run said.
    pub(crate) said: BTreeMap<u32, String>,
    /// The runs that somebody asked to stop.
    pub(crate) stopped_runs: Vec<u32>,
    /// What it was after each event.
    statuses: Vec<Option<TaskStatus>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) seq: u64,
    pub(crate) delivered: Option<u32>,
    pub(crate) refused: bool,
}

impl Plain {
    /// Takes the next event in.
    pub(crate) fn take(&mut self, event: &Event) -> Result<(), String> {
        let seq = event.seq().get();
        if seq != self.log.len() as u64 + 1 {
            return Err(format!("event {seq} follows event {}", self.log.len()));
        }
        if self.log.last().is_some_and(|last| last.at() > event.at()) {
            return Err(format!("event {seq} is older than the one before"));
        }
        let outcome = match event.payload() {
            Payload::Lifecycle(lifecycle) => self.live(seq, lifecycle),
            Payload::Output(output) => self.say(output),
            other => Err(format!("is of an unknown kind: {other:?}")),
        };
        outcome.map_err(|what| format!("event {seq}, {}: {what}", event.kind()))?;
        self.log.push(event.clone());
        self.statuses.push(self.status);
        Ok(())
    }

    fn say(&mut self, output: Output) -> Result<(), String> {
        self.check(self.is_active(), "nothing runs")?;
        match output {
            Output::Text(delta) => self.said.entry(self.run).or_default().push_str(&delta.text),
            Output::Usage(report) => {
                self.tokens += report.turn.input_tokens;
                self.check(report.totals.input_tokens == self.tokens, "the sum is wrong")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn live(&mut self, seq: u64, event: Lifecycle) -> Result<(), String> {
        use TaskStatus::{Cancelled, Completed, Failed, Interrupted, Pending};

        self.check((seq == 1) == matches!(event, Lifecycle::Created(_)), "a log begins with `created`")?;
        match event {
            Lifecycle::CancelRequested(_) => {
                self.check(self.is_active() || self.status == Some(Pending), "there is nothing to stop")?;
                self.check(!self.stopping, "that was asked for before")?;
                self.stopping = true;
                self.stopped_runs.push(self.run);
            }
            Lifecycle::Cancelled(_) => {
                self.check(self.stopping, "nobody asked for that")?;
                self.check(self.queue.is_empty(), "messages wait that nobody will ever get")?;
                self.settle(Cancelled);
            }
            Lifecycle::Checkpoint(_) => self.check(self.is_active(), "nothing runs")?,
            Lifecycle::Completed(_) => {
                self.check(self.is_active() && !self.stopping, "it does not run, or was to stop")?;
                self.settle(Completed);
            }
            Lifecycle::Created(created) => {
                (self.agent, self.title, self.status) = (created.agent_id, created.title, Some(Pending));
            }
            Lifecycle::Failed(failed) => {
                self.check(self.is_active() && !self.stopping, "it does not run, or was to stop")?;
                self.settle(Failed);
                self.error = Some(failed.error);
            }
            Lifecycle::InputAnswered(answered) => {
                let open = self.open.len();
                self.open.retain(|(request, _)| *request != answered.request_id);
                self.check(self.open.len() + 1 == open, "there is no such question")?;
                if answered.by != "runner" {
                    let given = self.answers.entry(answered.request_id).or_default();
                    given.push((answered.answer.to_string(), answered.by));
                    self.check_once()?;
                }
                if self.is_active() && self.open.is_empty() {
                    self.status = Some(TaskStatus::Running);
                } else if self.status == Some(Interrupted) {
                    self.status = Some(Pending);
                }
            }
            Lifecycle::InputRequested(request) => {
                self.check(self.is_active(), "nothing runs")?;
                let known = self.open.iter().any(|(open, _)| *open == request.request_id);
                self.check(!known, "it is open")?;
                self.open.push((request.request_id, request.request == RequestKind::Permission));
                self.status = Some(TaskStatus::AwaitingInput);
            }
            Lifecycle::Interrupted(_) => {
                self.check(self.is_active() && !self.stopping, "it does not run, or was to stop")?;
                self.settle(Interrupted);
            }
            Lifecycle::Message(message) => {
                let (id, text) = (message.message_id, message.text());
                let known = Message { text, seq, delivered: None, refused: false };
                let is_new = self.messages.insert(id, known).is_none();
                self.check(is_new, "it is there twice")?;
                self.queue.push(id);
                if self.status.is_some_and(TaskStatus::is_settled) {
                    self.status = Some(Pending);
                }
            }
            Lifecycle::MessageDelivered(delivered) => {
                self.check(self.is_active() && delivered.run == self.run, "that run does not run")?;
                self.message(delivered.message_id)?.delivered = Some(delivered.run);
            }
            Lifecycle::MessageRefused(refused) => self.message(refused.message_id)?.refused = true,
            Lifecycle::Renamed(renamed) => self.title = renamed.title,
            Lifecycle::Requeued(_) => {
                let wants = self.status == Some(Completed) && !self.queue.is_empty()
                    || self.status == Some(Interrupted) && self.agent == "resuming";
                self.check(wants, "nothing wants it to go on")?;
                self.status = Some(Pending);
            }
            Lifecycle::RunStarted(started) => {
                self.check(self.status == Some(Pending), "it does not wait for a run")?;
                self.check(started.run == self.run + 1, "runs are counted otherwise")?;
                (self.run, self.stopping, self.error) = (started.run, false, None);
                let waits = !self.open.is_empty();
                self.status = Some(if waits { TaskStatus::AwaitingInput } else { TaskStatus::Running });
            }
            Lifecycle::Session(session) => {
                self.check(self.is_active(), "nothing runs")?;
                self.session = Some(session.session_id);
            }
            other => return Err(format!("is not known: {other:?}")),
        }
        Ok(())
    }

    /// What a list says of it has to be this.
    pub(crate) fn compare(&self, task: &Task) -> Result<(), String> {
        let settled = self.status.is_some_and(TaskStatus::is_settled);
        let open: Vec<_> = self.open.iter().map(|(request, _)| request.as_str()).collect();
        let shown: Vec<_> = task.requests.iter().map(|request| request.request_id.as_str()).collect();
        let tokens = task.usage.map_or(0, |usage| usage.input_tokens);
        let facts = [
            ("status", Some(task.status) == self.status),
            ("seq", task.seq.get() == self.log.len() as u64),
            ("run", task.run == self.run),
            ("title", task.title == self.title),
            ("agent_id", task.agent_id == self.agent),
            ("queued_messages", task.queued_messages as usize == self.queue.len()),
            ("requests", shown == open),
            ("is_stopping", task.is_stopping() == (self.stopping && self.is_active())),
            ("completed_at", task.completed_at.is_some() == settled),
            ("session_id", task.session_id == self.session),
            ("error", task.error == self.error),
            ("usage", tokens == self.tokens),
            ("last_event_at", self.log.last().is_some_and(|last| last.at() == task.last_event_at)),
        ];
        match facts.iter().find(|(_, agrees)| !agrees) {
            Some((fact, _)) => Err(format!("its {fact} is not what its log says: {task:?}")),
            None if self.status == Some(TaskStatus::Completed) && !self.queue.is_empty() => {
                Err("it is completed, and a message waits".to_owned())
            }
            None => Ok(()),
        }
    }

    /// Whether a list with these filters shows it.
    pub(crate) fn matches(&self, query: &TaskQuery) -> bool {
        let is_of = |agent: &String| *agent == self.agent;
        let has = |search: &String| TaskQuery::fold(&self.title).contains(&TaskQuery::fold(search));
        (query.statuses.is_empty() || self.status.is_some_and(|status| query.statuses.contains(&status)))
            && query.agent_id.as_ref().is_none_or(is_of)
            && query.search.as_ref().is_none_or(has)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status.is_some_and(TaskStatus::is_active)
    }

    /// Whether it was settled after this event, or after any.
    pub(crate) fn was_settled(&self, after: Option<u64>) -> bool {
        let settled = |status: &Option<TaskStatus>| status.is_some_and(TaskStatus::is_settled);
        match after {
            Some(seq) => {
                self.statuses.iter().take(usize::try_from(seq).expect("few")).next_back().is_some_and(settled)
            }
            None => self.statuses.iter().any(settled),
        }
    }

    pub(crate) fn waiting_messages(&self) -> usize {
        self.queue.len()
    }

    fn settle(&mut self, status: TaskStatus) {
        (self.status, self.stopping) = (Some(status), false);
        if status != TaskStatus::Interrupted {
            self.open.clear();
        }
    }

    /// A message that waits, and from here on waits no more.
    fn message(&mut self, id: MessageId) -> Result<&mut Message, String> {
        let waited = self.queue.len();
        self.queue.retain(|queued| *queued != id);
        self.check(self.queue.len() + 1 == waited, "no such message waits")?;
        self.messages.get_mut(&id).ok_or_else(|| "there is no such message".to_owned())
    }

    fn check_once(&self) -> Result<(), String> {
        let twice = self.answers.values().any(|given| given.len() > 1);
        self.check(!twice, "a question is answered twice")
    }

    fn check(&self, holds: bool, otherwise: &str) -> Result<(), String> {
        if holds { Ok(()) } else { Err(format!("{otherwise}; the task is {:?}", self.status)) }
    }
}
