//! Follows a task from a cursor: through trouble with the store, and past the end of the process that ran it.

#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use task_core::{Chunk, Seq, Subscription, Task, TaskError, TaskId, TaskStatus};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::answers;
use crate::exit::{Code, Failure};
use crate::look::Look;
use crate::session::{Session, persist};
use crate::signals::Wishes;
use crate::view::View;

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Whoever watched left.
    Left,
    /// Nobody reads the output any more.
    OutputClosed,
    /// The task ended so. Its snapshot is as new, or newer.
    Settled(Box<Task>, TaskStatus),
    TimedOut,
}

/// Follows a task.
pub(crate) struct Follower<'a, 'screen> {
    session: &'a mut Session,
    view: &'a mut View<'screen>,
    wishes: &'a Wishes,
    task: TaskId,
    /// The last event that was shown.
    cursor: Seq,
    /// Whether the task runs here when nobody else runs it.
    runs: bool,
    deadline: Option<Instant>,
    /// Whether a cancel was asked for.
    is_stopping: bool,
    /// When to look whether somebody runs the tasks.
    look_at: Instant,
    /// Whether somebody was told that nobody does.
    told_alone: bool,
    /// The question that was told how to answer.
    told_question: Option<String>,
    /// How long to wait before the store is asked again; set while it is away.
    pause: Option<Duration>,
}

enum Step {
    /// The session is another one, or the task goes on: subscribe again.
    Again,
    End(Ending),
}

impl<'a, 'screen> Follower<'a, 'screen> {
    pub(crate) fn new(
        session: &'a mut Session,
        view: &'a mut View<'screen>,
        wishes: &'a Wishes,
        task: TaskId,
    ) -> Self {
        Self {
            session,
            view,
            wishes,
            task,
            cursor: Seq::ZERO,
            runs: false,
            deadline: None,
            is_stopping: false,
            look_at: Instant::now() + LOOK_EVERY,
            told_alone: false,
            told_question: None,
            pause: None,
        }
    }

    /// The same, from this cursor.
    pub(crate) const fn after(mut self, cursor: Seq) -> Self {
        self.cursor = cursor;
        self
    }

    /// The same; the task runs here when nobody else runs it.
    pub(crate) const fn running(mut self) -> Self {
        self.runs = true;
        self
    }

    /// The same, and it ends then.
    pub(crate) const fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Shows every event after the cursor once, in order, until the task has ended or there is a reason to leave.
    pub(crate) async fn follow(mut self) -> Result<Ending, Failure> {
        loop {
            let mut events = self.session.tasks.subscribe(self.task, self.cursor);
            match self.watch(&mut events).await {
                Ok(Step::End(ending)) => return Ok(ending),
                Ok(Step::Again) => {}
                Err(Trouble::Store(error)) if is_transient(&error) => {
                    if self.pause.is_none() {
                        self.view.screen.say(Look::Warn, "the store is away; reconnecting…");
                    }
                    let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LAST_PAUSE));
                    self.pause = Some(pause);
                    tokio::select! {
                        () = self.wishes.stop.cancelled(), if !self.is_stopping => return Ok(Ending::Left),
                        () = self.wishes.hang_up.cancelled() => return Ok(Ending::Left),
                        () = at(self.deadline) => return Ok(Ending::TimedOut),
                        () = sleep(pause) => {}
                    }
                }
                Err(Trouble::Store(TaskError::NotFound(_))) if self.cursor > Seq::ZERO => {
                    return Err(Failure::not_found(format!("task {} was removed", self.task)));
                }
                Err(Trouble::Store(error)) => return Err(error.into()),
                Err(Trouble::Output(error)) => {
                    let failure = Failure::from(error);
                    return if failure.code == Code::BrokenPipe {
                        Ok(Ending::OutputClosed)
                    } else {
                        Err(failure)
                    };
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        }
    }

    async fn watch(&mut self, events: &mut Subscription) -> Result<Step, Trouble> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.wishes.hang_up.cancelled() => return Ok(Step::End(Ending::Left)),
                () = self.wishes.stop.cancelled(), if !self.is_stopping => {
                    if !(self.runs && self.session.tasks.is_owner()) {
                        return Ok(Step::End(Ending::Left));
                    }
                    self.cancel().await?;
                }
                () = at(self.deadline) => return Ok(Step::End(Ending::TimedOut)),
                _ = tick.tick() => {
                    if self.view.screen.is_closed() {
                        return Ok(Step::End(Ending::OutputClosed));
                    }
                    self.view.tick();
                    if self.look_at <= Instant::now() && self.look_for_owner().await? {
                        return Ok(Step::Again);
                    }
                }
                chunk = events.next_chunk() => {
                    if let Some(step) = self.take(chunk).await? {
                        return Ok(step);
                    }
                }
                (request, answer) = self.view.typed() => self.answer(&request, &answer).await?,
            }
            self.view.ask();
            self.tell_question();
        }
    }

    async fn take(&mut self, chunk: Option<Result<Chunk, TaskError>>) -> Result<Option<Step>, Trouble> {
        let chunk = chunk.transpose()?;
        if self.pause.take().is_some() {
            self.view.screen.say(Look::Faint, "reconnected");
        }
        match chunk {
            Some(Chunk::Events(batch)) => {
                self.look_at = Instant::now() + LOOK_EVERY;
                self.view.events(batch.as_slice())?;
                self.cursor = batch.as_slice().last().map_or(self.cursor, task_core::Event::seq);
            }
            Some(Chunk::CaughtUp { .. }) => {
                let task = self.session.tasks.get(self.task).await?;
                self.view.catch_up(&task);
                // Whoever ran it may be gone for long.
                self.look_at = Instant::now();
            }
            Some(Chunk::Ended { status, .. }) => {
                let task = self.session.tasks.get(self.task).await?;
                // A message may have woken it meanwhile.
                let is_over = task.status.is_settled();
                let step =
                    if is_over { Step::End(Ending::Settled(Box::new(task), status)) } else { Step::Again };
                return Ok(Some(step));
            }
            Some(_) => {}
            None => return Ok(Some(Step::Again)),
        }
        Ok(None)
    }

    async fn cancel(&mut self) -> Result<(), Trouble> {
        self.is_stopping = true;
        self.view.screen.say(Look::Warn, "cancelling; Ctrl-C again leaves at once");
        match persist(|| self.session.tasks.cancel(self.task)).await {
            // It ended in this moment.
            Ok(_) | Err(TaskError::WrongState(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Does what the next owner would, when there is none. Whether the session is another one now.
    async fn look_for_owner(&mut self) -> Result<bool, Trouble> {
        self.look_at = Instant::now() + LOOK_EVERY;
        // A store that is away comes up with the events.
        if self.session.has_owner().await.unwrap_or(true) {
            return Ok(false);
        }
        let Task { status, agent_id, .. } = self.session.tasks.get(self.task).await?;
        if status.is_active() {
            self.view.screen.say(Look::Warn, "the process that ran the task is gone");
            self.session.settle().await?;
            return Ok(true);
        }
        if status == TaskStatus::Pending && self.runs {
            self.session.take_over(&agent_id).await?;
            if self.session.tasks.is_owner() {
                self.view.screen.say(Look::Warn, "nobody runs the task, so it runs here: Ctrl-C cancels it");
            }
            return Ok(true);
        }
        if status == TaskStatus::Pending && !std::mem::replace(&mut self.told_alone, true) {
            let words = format!("nobody runs the tasks of {} now; this one waits", self.session.url());
            self.view.screen.say(Look::Warn, &words);
        }
        Ok(false)
    }

    async fn answer(&mut self, request_id: &str, text: &str) -> Result<(), Trouble> {
        let Some(request) = self.view.open_request().filter(|request| request.request_id == request_id)
        else {
            return Ok(());
        };
        if text.trim().is_empty() {
            self.view.ask_again();
            return Ok(());
        }
        let answer = answers::meant(request, text.trim_end_matches(['\r', '\n']));
        let answered = persist(|| self.session.tasks.answer(self.task, request_id, answer.clone())).await;
        match answered {
            Ok(_) => {}
            Err(error) => {
                // Somebody may have been faster; then the log tells the answer.
                self.view.screen.say(Look::Bad, &Failure::from(error).message);
                self.view.ask_again();
            }
        }
        Ok(())
    }

    /// Says once how a question can be answered that is not asked here.
    fn tell_question(&mut self) {
        let Some(request) = self.view.open_request().filter(|_| !self.view.prompts()) else { return };
        if self.told_question.as_ref() == Some(&request.request_id) {
            return;
        }
        let id = request.request_id.clone();
        let words = if self.session.is_private() && self.session.tasks.is_owner() {
            format!(
                "the task waits for an answer, and nobody can give it: {} is open here",
                self.session.url()
            )
        } else {
            format!("the task waits for an answer: tasks answer {} {id} ANSWER", self.task)
        };
        self.told_question = Some(id);
        self.view.screen.say(Look::Accent, &words);
    }
}

/// What ends a subscription before the task has ended.
enum Trouble {
    Failed(Failure),
    Output(io::Error),
    Store(TaskError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<TaskError> for Trouble {
    fn from(error: TaskError) -> Self {
        Self::Store(error)
    }
}

fn is_transient(error: &TaskError) -> bool {
    matches!(error, TaskError::Store(error) if error.is_transient())
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// How long a task may say nothing before it is looked whether somebody runs it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(15);
