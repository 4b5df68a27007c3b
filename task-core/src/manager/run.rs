//! One run of one task, from its start to its settled end.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::agent::Agents;
use super::clean_up::clean_up;
use super::outcome::Outcome;
use super::record::record_answer;
use super::settings::Settings;
use super::timers::{Deadlines, Idle, at};
use crate::error::TaskError;
use crate::log::{Journal, Writer};
use crate::model::{InstanceId, RunStarted, Task, TaskId, TaskStatus};
use crate::rt::sync::{CancellationToken, Mutex, watch};
use crate::rt::task::AbortOnDropHandle;
use crate::rt::time::{Instant, sleep, timeout};
use crate::rt::{self, select};
use crate::runner::{AgentRunner, RunContext, RunId, RunParts, RunResult};
use crate::with_causes;

/// Sees runs through, from their start to their settled end. All runs of a manager share one.
pub(super) struct Supervisor {
    pub(super) journal: Journal,
    pub(super) agents: Agents,
    pub(super) settings: Settings,
    pub(super) shutdown: watch::Receiver<Option<Duration>>,
}

impl Supervisor {
    /// Starts the task's next run, waits for its end whatever happens, and settles it. Does nothing when the task is
    /// no longer pending. There must be no other run of the task in this process.
    ///
    /// Its future waits most of the time, next to thousands of others: what is only at its beginning and its end, and
    /// the timers that a run may have, are on the heap while they last, and make no room for themselves in it.
    pub(super) async fn run(self: Arc<Self>, task: TaskId) {
        let Some((writer, started)) = Box::pin(self.begin(task)).await else { return };
        let span = tracing::info_span!("run", %task, run = started.run, agent = started.agent_id);
        self.supervise(writer, started).instrument(span).await;
    }

    /// Records the start of the run. None when there is none to be, or not now.
    async fn begin(&self, task: TaskId) -> Option<(Arc<Writer>, Arc<Task>)> {
        let writer = self.journal.writer(task);
        match start(&writer, self.journal.instance()).await {
            Ok(started) => return Some((writer, started)),
            Err(TaskError::WrongState(_) | TaskError::NotFound(_) | TaskError::ShutDown) => {}
            Err(error) => {
                tracing::warn!(%task, error = %with_causes(&error), "cannot start the run; trying again");
                sleep(RETRY_AFTER).await;
            }
        }
        None
    }

    async fn supervise(self: Arc<Self>, writer: Arc<Writer>, task: Arc<Task>) {
        let id = RunId::new(task.id, task.run);
        let Some(agent) = self.agents.find(&task.agent_id) else {
            let outcome = Outcome::Failed(format!("there is no agent `{}` here", task.agent_id));
            return Box::pin(self.settle(&writer, id, &outcome)).await;
        };
        let runner = Arc::clone(&agent.runner);
        let cancel = CancellationToken::new();
        // However this ends: whatever the runner started that waits for the end of the run is told.
        let _told = cancel.clone().drop_guard();
        let context = RunContext::new(RunParts {
            journal: self.journal.clone(),
            writer: Arc::clone(&writer),
            task,
            instance: self.journal.instance(),
            cancel: cancel.clone(),
            asked: Mutex::default(),
        });

        tracing::debug!("run started");
        let working = spawn(Arc::clone(&runner), context);
        let Some(outcome) = self.watch_over(working, &writer, &id, &cancel).await else {
            tracing::warn!("the task was taken over; its run is dropped");
            cancel.cancel();
            writer.end(id.run);
            return Box::pin(clean_up(runner, vec![id], CLEAN_UP)).await;
        };
        cancel.cancel();
        // From here on the run cannot add anything, also if it was left behind hanging.
        writer.end(id.run);
        Box::pin(clean_up(runner, vec![id], CLEAN_UP)).await;
        Box::pin(self.settle(&writer, id, &outcome)).await;
        tracing::debug!(?outcome, "run ended");
    }

    /// Waits for the run, and ends it when it has to end. `None` when the task is no longer ours.
    async fn watch_over(
        &self,
        mut working: AbortOnDropHandle<RunResult>,
        writer: &Arc<Writer>,
        id: &RunId,
        cancel: &CancellationToken,
    ) -> Option<Outcome> {
        let mut idle = Idle::new(&self.journal, id.task, self.settings.idle_timeout);
        let mut deadlines = Deadlines::default();
        let mut shutdown = self.shutdown.clone();
        let run_until = self.settings.run_timeout.map(|limit| Instant::now() + limit);
        // Set once the run was told to stop: when it is dropped, and what it then ended as.
        let mut stopping: Option<(Instant, Outcome)> = None;
        let mut shutdown_at: Option<Instant> = None;

        loop {
            let (snapshot, seen) = writer.snapshot().get();
            if let Some(task) = &snapshot {
                if task.run != id.run
                    || !task.status.is_active()
                    || task.owner() != Some(self.journal.instance())
                {
                    return None;
                }
                if task.is_stopping() && stopping.is_none() {
                    cancel.cancel();
                    // What it ends as is decided by the log, which says that it was cancelled.
                    stopping = Some((Instant::now() + self.settings.cancel_grace, Outcome::Completed));
                }
                deadlines.update(task, self.journal.now());
                idle.awaits_input(task.status == TaskStatus::AwaitingInput);
            }
            if let Err(error) = writer.check(id.run)
                && stopping.is_none()
            {
                cancel.cancel();
                let outcome = Outcome::Failed(crate::RunError::from(error).message().to_owned());
                stopping = Some((Instant::now() + self.settings.cancel_grace, outcome));
            }
            if let Some(grace) = *shutdown.borrow_and_update() {
                // A run that waits for an answer will not finish: whoever could answer is gone already.
                let waits = snapshot.as_ref().is_some_and(|task| task.status == TaskStatus::AwaitingInput);
                let end = Instant::now() + if waits { Duration::ZERO } else { grace };
                shutdown_at = Some(shutdown_at.map_or(end, |at| at.min(end)));
            }

            let last_moment = shutdown_at.map(|at| at + SHUTDOWN_STOP);
            let force_at = stopping.as_ref().map(|(at, _)| last_moment.map_or(*at, |last| last.min(*at)));
            select! {
                biased;
                ended = &mut working => {
                    // A run that was told to stop ended because of that, whatever it says.
                    return Some(match stopping {
                        Some((_, told @ (Outcome::Failed(_) | Outcome::ShutDown))) => told,
                        _ => Outcome::of(ended),
                    });
                }
                () = at(force_at) => {
                    tracing::warn!("the run did not stop within the grace period and is dropped");
                    working.abort();
                    // A future that can be dropped is dropped at its next await; one that blocks its thread cannot
                    // be, and is left behind without access to the log.
                    let _ = Box::pin(timeout(DROP_PATIENCE, &mut working)).await;
                    return stopping.map(|(_, outcome)| outcome);
                }
                () = at(shutdown_at), if stopping.is_none() => {
                    cancel.cancel();
                    stopping = Some((Instant::now() + SHUTDOWN_STOP, Outcome::ShutDown));
                }
                () = at(run_until), if stopping.is_none() => {
                    cancel.cancel();
                    let words = format!("the run exceeded its time limit of {:?}", self.settings.run_timeout?);
                    stopping = Some((Instant::now() + self.settings.cancel_grace, Outcome::Failed(words)));
                }
                limit = idle.passed(), if stopping.is_none() => {
                    cancel.cancel();
                    let words = format!("the run said nothing for {limit:?}");
                    stopping = Some((Instant::now() + self.settings.cancel_grace, Outcome::Failed(words)));
                }
                request_id = deadlines.passed() => Box::pin(take_default(writer, request_id)).await,
                () = writer.snapshot().newer_than(seen) => {}
                // Again, too: a later call may want it sooner.
                Ok(()) = shutdown.changed() => {}
            }
        }
    }

    /// Writes the end of the run. Does not give up: a task must not stay running without a run.
    async fn settle(&self, writer: &Arc<Writer>, id: RunId, outcome: &Outcome) {
        let (instance, mut delay) = (self.journal.instance(), RETRY_AFTER);
        loop {
            let outcome = outcome.clone();
            let written = writer.update(move |draft| outcome.record(draft, id, instance)).await;
            match written {
                Ok(()) | Err(TaskError::NotFound(_)) => return,
                Err(_) if self.journal.check_open().is_err() => return,
                Err(error) => {
                    tracing::error!(
                        error = %with_causes(&error),
                        "cannot settle the task; trying again"
                    );
                    if self.shutdown.borrow().is_some() {
                        // The next owner finds it and settles it.
                        return;
                    }
                }
            }
            sleep(delay).await;
            delay = (delay * 2).min(LAST_RETRY_AFTER);
        }
    }
}

async fn start(writer: &Arc<Writer>, instance: InstanceId) -> Result<Arc<Task>, TaskError> {
    writer
        .update(move |draft| {
            let task = draft.task();
            // An earlier start of ours whose fate was unknown: nobody runs it yet.
            if task.status.is_active() && task.owner() == Some(instance) {
                return Ok(draft.shared_task());
            }
            if task.status != TaskStatus::Pending {
                return Err(TaskError::wrong_state(task.status, TaskStatus::Running));
            }
            let reason = task.book.pending_reason.clone().unwrap_or_else(|| "message".to_owned());
            draft.record(RunStarted { run: draft.task().run + 1, reason, instance })?;
            Ok(draft.shared_task())
        })
        .await
}

fn spawn(runner: Arc<dyn AgentRunner>, context: RunContext) -> AbortOnDropHandle<RunResult> {
    let work = async move { runner.run(context).await };
    AbortOnDropHandle::new(rt::spawn(work.in_current_span()))
}

async fn take_default(writer: &Arc<Writer>, request_id: String) {
    let outcome = writer
        .update(move |draft| {
            let default = draft.task().request(&request_id).and_then(|request| request.default.clone());
            default.map_or(Ok(()), |answer| record_answer(draft, &request_id, answer, "deadline"))
        })
        .await;
    if let Err(error) = outcome {
        tracing::debug!(
            error = %with_causes(&error),
            "the question was answered at its deadline"
        );
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
const LAST_RETRY_AFTER: Duration = Duration::from_secs(30);

// Together these stay below the second that a task may take beyond its grace period.
/// How long a dropped run may take to let go of what it holds.
const DROP_PATIENCE: Duration = Duration::from_millis(200);
/// How long the runner may take to clean up.
const CLEAN_UP: Duration = Duration::from_millis(600);
/// How long a run may take to stop once the grace period of a shutdown is over.
const SHUTDOWN_STOP: Duration = Duration::from_millis(200);
