//! Where a task stands, as far as its events told.

use chrono::{DateTime, Utc};
use task_core::{Event, InputRequest, Lifecycle, Output, Payload, Seq, Task, TaskStatus};

use crate::time;

/// What the status line says, and which questions are open.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The event up to which the snapshot tells it.
    known: Seq,
    status: TaskStatus,
    is_stopping: bool,
    since: DateTime<Utc>,
    requests: Vec<InputRequest>,
    /// Titles of the tools at work, in the order they were called.
    tools: Vec<(String, String)>,
    /// What the newest text is.
    doing: &'static str,
    /// How far the spinner has turned.
    frames: usize,
    is_unicode: bool,
}

impl Progress {
    pub(crate) fn new(task: &Task) -> Self {
        Self {
            known: task.seq,
            status: task.status,
            is_stopping: task.is_stopping(),
            since: task.started_at.filter(|_| task.status.is_active()).unwrap_or(task.created_at),
            requests: task.requests.clone(),
            tools: Vec::new(),
            doing: "",
            frames: 0,
            is_unicode: is_unicode(),
        }
    }

    /// Takes over what the snapshot says: where a log is read from its beginning, what it says first is long over.
    pub(crate) fn catch_up(&mut self, task: &Task) {
        let tools = std::mem::take(&mut self.tools);
        let (doing, frames) = (self.doing, self.frames);
        *self = Self { tools, doing, frames, ..Self::new(task) };
    }

    pub(crate) fn see(&mut self, event: &Event) {
        if event.seq() <= self.known {
            return;
        }
        match event.payload() {
            Payload::Lifecycle(lifecycle) => self.live(event, lifecycle),
            Payload::Output(Output::Text(_)) => self.doing = "writing",
            Payload::Output(Output::Thinking(_)) => self.doing = "thinking",
            Payload::Output(Output::ToolCall(call)) => self.tools.push((call.call_id, call.title)),
            Payload::Output(Output::ToolUpdate(update)) if !update.status.is_open() => {
                self.tools.retain(|(call, _)| *call != update.call_id);
            }
            _ => {}
        }
    }

    pub(crate) const fn status(&self) -> TaskStatus {
        self.status
    }

    /// The question that has waited longest.
    pub(crate) fn request(&self) -> Option<&InputRequest> {
        self.requests.first()
    }

    /// How long the run, or the wait for it, has taken.
    pub(crate) fn elapsed(&self) -> String {
        time::elapsed(time::seconds_since(self.since))
    }

    /// One line for a terminal; each call turns the spinner.
    pub(crate) fn line(&mut self) -> String {
        let frames: &[&str] = if self.is_unicode {
            &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
        } else {
            &["|", "/", "-", "\\"]
        };
        self.frames = (self.frames + 1) % frames.len();
        let state = match self.status {
            TaskStatus::AwaitingInput => "waiting for an answer",
            TaskStatus::Pending => "waiting for a place to run",
            _ if self.is_stopping => "stopping",
            TaskStatus::Running => "running",
            TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Cancelled | TaskStatus::Interrupted => {
                "ended"
            }
        };
        let what = self.tools.last().map_or(self.doing, |(_, title)| title);
        let rest = if what.is_empty() { String::new() } else { format!(" | {what}") };
        format!("{} {state} {}{rest}", frames[self.frames], self.elapsed())
    }

    fn live(&mut self, event: &Event, lifecycle: Lifecycle) {
        match lifecycle {
            Lifecycle::CancelRequested(_) => self.is_stopping = true,
            Lifecycle::Cancelled(_) => self.settle(TaskStatus::Cancelled),
            Lifecycle::Completed(_) => self.settle(TaskStatus::Completed),
            Lifecycle::Failed(_) => self.settle(TaskStatus::Failed),
            Lifecycle::Interrupted(_) => {
                let requests = std::mem::take(&mut self.requests);
                self.settle(TaskStatus::Interrupted);
                // They stay: an answer starts the next run.
                self.requests = requests;
            }
            Lifecycle::InputAnswered(answered) => {
                self.requests.retain(|request| request.request_id != answered.request_id);
                if self.requests.is_empty() && self.status == TaskStatus::AwaitingInput {
                    self.status = TaskStatus::Running;
                }
            }
            Lifecycle::InputRequested(request) => {
                self.requests.push(request);
                self.status = TaskStatus::AwaitingInput;
            }
            Lifecycle::Message(_) | Lifecycle::Requeued(_) if self.status.is_settled() => {
                self.status = TaskStatus::Pending;
                self.since = event.at();
            }
            Lifecycle::RunStarted(_) => {
                self.status =
                    if self.requests.is_empty() { TaskStatus::Running } else { TaskStatus::AwaitingInput };
                self.since = event.at();
            }
            _ => {}
        }
    }

    fn settle(&mut self, status: TaskStatus) {
        self.status = status;
        self.is_stopping = false;
        self.requests.clear();
        self.tools.clear();
        self.doing = "";
    }
}

/// Whether the terminal shows more than ASCII, as the locale says.
fn is_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| locale.to_uppercase().replace('-', "").contains("UTF8"))
}
