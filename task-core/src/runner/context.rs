use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::RunId;
use super::error::RunError;
use crate::error::TaskError;
use crate::log::{Draft, Journal, Writer};
use crate::model::{InstanceId, Task};
use crate::rt::sync::{CancellationToken, Mutex};

/// What a run works with: its task, its messages, and the way to the log.
///
/// A cheap handle; clones belong to the same run. Once the run is over, everything that writes is an error.
///
/// Everything emitted is *accepted* in order and written behind the runner's back, so that a run is not slowed by each
/// write; when the store cannot keep up, `emit` waits. Nobody sees an event that is not stored.
#[derive(Clone)]
pub struct RunContext(pub(super) Arc<RunParts>);

/// What a run consists of.
pub(crate) struct RunParts {
    pub(crate) journal: Journal,
    pub(crate) writer: Arc<Writer>,
    pub(crate) task: Arc<Task>,
    pub(crate) instance: InstanceId,
    pub(crate) cancel: CancellationToken,
    /// How often each question without a name was asked.
    pub(crate) asked: Mutex<HashMap<String, u32>>,
}

impl RunContext {
    pub(crate) fn new(parts: RunParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The task as it was when the run started.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let place = cx.task().work_dir.as_deref().unwrap_or("nowhere");
    ///     cx.text("reply", format!("I work in {place}.")).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.0.task
    }

    /// Counts the runs of the task, from 1.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let greeting = if cx.run() == 1 { "Hello." } else { "Hello again." };
    ///     cx.text("reply", greeting).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    #[must_use]
    pub fn run(&self) -> u32 {
        self.0.task.run
    }

    /// Names this run.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let id = cx.id();
    ///     let scratch = format!("scratch-{}-{}", id.task, id.run);      // `AgentRunner::clean_up` can find it by these
    ///     cx.text("reply", scratch).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    #[must_use]
    pub fn id(&self) -> RunId {
        RunId::new(self.0.task.id, self.0.task.run)
    }

    /// Whether the run before this one was interrupted, by a restart or a shutdown, rather than ended: then this one
    /// goes on where that one was, as far as the runner knows how.
    ///
    /// ```
    /// use task_core::{NoticeLevel, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     if cx.is_resumed() {
    ///         cx.notice(NoticeLevel::Info, "interrupted, and going on").await?;
    ///     }
    ///     cx.text("reply", "as I was saying").await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.task.book.chain != self.run()
    }

    /// Waits until the run should stop: somebody cancelled the task, the process shuts down, or a time limit passed.
    /// Return soon after; what is emitted until then is kept.
    ///
    /// Cancel safe.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     tokio::select! {
    ///         outcome = answer(&cx) => outcome,
    ///         () = cx.cancelled() => Ok(()),                   // the task is settled as cancelled, whatever this returns
    ///     }
    /// }
    /// # async fn answer(cx: &RunContext) -> RunResult {
    /// #     cx.text("reply", "42").await
    /// # }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.cancel.clone().cancelled_owned()
    }

    /// Whether the run should stop.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     for step in 1..=1000 {
    ///         if cx.is_cancelled() {
    ///             break;
    ///         }
    ///         cx.custom("step", &step).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// Tells later whether the run still holds on to its context.
    #[cfg(feature = "testing")]
    pub(crate) fn watch(&self) -> std::sync::Weak<RunParts> {
        Arc::downgrade(&self.0)
    }

    /// Changes the task, as long as this run is the one that runs it.
    pub(super) async fn update<T, F>(&self, mut change: F) -> Result<T, RunError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        let (run, instance) = (self.run(), self.0.instance);
        self.0.writer.check(run)?;
        let outcome = self
            .0
            .writer
            .update_in_run(move |draft| {
                let task = draft.task();
                if !task.status.is_active() || task.run != run || task.owner() != Some(instance) {
                    return Err(TaskError::wrong_state(task.status, crate::TaskStatus::Running));
                }
                change(draft)
            })
            .await;
        Ok(outcome?)
    }

    /// Waits until the snapshot is as wanted, or the run can no longer go on.
    pub(super) async fn wait_for(&self, wanted: impl Fn(&Task) -> bool) {
        let run = self.run();
        let snapshot = self.0.writer.snapshot();
        let reached = |task: Option<&Task>| {
            let over = self.0.writer.check(run).is_err();
            over || task.is_some_and(|task| task.run != run || !task.status.is_active() || wanted(task))
        };
        loop {
            let (task, seen) = snapshot.get();
            if reached(task.as_deref()) {
                return;
            }
            snapshot.newer_than(seen).await;
        }
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext")
            .field("task", &self.0.task.id)
            .field("run", &self.0.task.run)
            .finish_non_exhaustive()
    }
}
