//! What a follower shows: events, the line that says what is going on, and questions to whoever sits there.

use std::io::{self, BufRead, IsTerminal};

use task_core::{Event, InputRequest, Task, TaskStatus};
use tokio::sync::mpsc;

use crate::look::Look;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::screen::Screen;

/// Shows a task.
pub(crate) struct View<'a> {
    pub(crate) screen: &'a mut Screen,
    form: Form,
    progress: Option<Progress>,
    /// Whether what is shown is what happens now.
    is_live: bool,
    prompts: bool,
    /// The question on the screen.
    asked: Option<Asked>,
    typed: Option<mpsc::Receiver<String>>,
}

/// A question that was asked at the terminal.
struct Asked {
    request_id: String,
    /// Whether something was typed: whether that was the answer, the log will tell.
    is_typed: bool,
}

/// What is shown of events.
pub(crate) enum Form {
    Json,
    Nothing,
    Words(Box<Printer>),
}

impl<'a> View<'a> {
    pub(crate) fn new(screen: &'a mut Screen, form: Form) -> Self {
        Self { screen, form, progress: None, is_live: false, prompts: false, asked: None, typed: None }
    }

    /// The same; whoever sits at the terminal is asked what the agent asks. Not when the output is for programs, nor
    /// when stdin is something else.
    pub(crate) fn prompting(mut self) -> Self {
        let is_for_people = matches!(self.form, Form::Words(_));
        self.prompts = is_for_people && self.screen.err_is_terminal() && io::stdin().is_terminal();
        self
    }

    /// Whether questions are asked here.
    pub(crate) const fn prompts(&self) -> bool {
        self.prompts
    }

    /// Everything before was shown, and this is how the task stands.
    pub(crate) fn catch_up(&mut self, task: &Task) {
        self.is_live = true;
        match &mut self.progress {
            Some(progress) => progress.catch_up(task),
            None => self.progress = Some(Progress::new(task)),
        }
    }

    pub(crate) fn events(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            if let Some(progress) = &mut self.progress {
                progress.see(event);
            }
        }
        match &mut self.form {
            Form::Json => {
                let mut lines = String::new();
                for event in events {
                    lines.push_str(event.json());
                    lines.push('\n');
                }
                self.screen.json(lines.trim_end())
            }
            Form::Nothing => Ok(()),
            Form::Words(printer) => {
                let pieces: Vec<_> = events.iter().flat_map(|event| printer.print(event)).collect();
                self.screen.write(&pieces)
            }
        }
    }

    /// Turns the spinner.
    pub(crate) fn tick(&mut self) {
        let Some(progress) = self.progress.as_mut().filter(|_| self.is_live && self.asked.is_none()) else {
            return;
        };
        if progress.status().is_settled() {
            self.screen.clear_status();
        } else {
            self.screen.status(&progress.line());
        }
    }

    /// The question that waits, if the task waits for nothing else.
    pub(crate) fn open_request(&self) -> Option<&InputRequest> {
        let progress = self.progress.as_ref().filter(|_| self.is_live)?;
        progress.request().filter(|_| progress.status() == TaskStatus::AwaitingInput)
    }

    /// Asks what the task asks, once each, and forgets what was answered.
    pub(crate) fn ask(&mut self) {
        if !self.prompts {
            return;
        }
        let open =
            self.open_request().map(|request| (request.request_id.clone(), request.options.is_empty()));
        if open.as_ref().map(|(id, _)| id) == self.asked.as_ref().map(|asked| &asked.request_id) {
            return;
        }
        self.asked = None;
        let Some((request_id, is_free)) = open else { return };
        self.screen.prompt(if is_free { "answer>" } else { "answer, one of the above>" });
        self.asked = Some(Asked { request_id, is_typed: false });
        self.typed.get_or_insert_with(read_lines);
    }

    /// Asks the same again: what was typed is no answer.
    pub(crate) fn ask_again(&mut self) {
        self.asked = None;
    }

    /// What was typed as the answer to the question on the screen. Waits for ever when there is none. Cancel safe.
    pub(crate) async fn typed(&mut self) -> (String, String) {
        loop {
            let (Some(typed), Some(asked)) =
                (&mut self.typed, self.asked.as_mut().filter(|asked| !asked.is_typed))
            else {
                return std::future::pending().await;
            };
            let Some(line) = typed.recv().await else {
                // Nobody types any more.
                self.typed = None;
                self.prompts = false;
                self.asked = None;
                continue;
            };
            asked.is_typed = true;
            self.screen.entered();
            return (asked.request_id.clone(), line);
        }
    }

    /// Says how the task ended.
    pub(crate) fn end(&mut self, task: &Task, status: TaskStatus) -> io::Result<()> {
        self.screen.clear_status();
        if matches!(self.form, Form::Words(_)) {
            self.screen.end_line()?;
        }
        let look = match status {
            TaskStatus::Completed => Look::Good,
            TaskStatus::Failed => Look::Bad,
            _ => Look::Warn,
        };
        if self.screen.err_is_terminal() {
            let begun = task.started_at.unwrap_or(task.created_at);
            let took =
                task.completed_at.unwrap_or(task.last_event_at).signed_duration_since(begun).num_seconds();
            let took = crate::time::elapsed(u64::try_from(took).unwrap_or(0));
            self.screen.say(look, &format!("{status} after {took}"));
        } else if status != TaskStatus::Completed {
            let why = task.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
            self.screen.say(look, &format!("task {} {status}{why}", task.id));
        }
        Ok(())
    }
}

/// The lines of stdin, from a thread that nobody waits for: a read of a terminal cannot be called back.
fn read_lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
