use std::time::Duration;

use async_trait::async_trait;

use crate::rt::lock;
use crate::rt::sync::{Mutex, mpsc, oneshot};
use crate::rt::time::sleep;
use crate::runner::{AgentRunner, Capabilities, RunContext, RunError, RunId, RunResult};

/// A runner that the test plays itself: each run comes to its [`Stage`] as an [`Act`].
///
/// ```
/// use task_core::testing::Puppet;
/// use task_core::{MemoryStore, NewTask, TaskManager, TaskStatus};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (puppet, mut stage) = Puppet::new();
/// let tasks = TaskManager::builder(MemoryStore::new()).runner("puppet", puppet).start().await?;
/// let task = tasks.create(NewTask::new("puppet", "play")).await?;
///
/// let act = stage.next().await;
/// assert_eq!(act.cx.task().id, task.id);
/// act.finish(Ok(()));
/// assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Completed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Puppet {
    acts: mpsc::UnboundedSender<Act>,
    cleaned: mpsc::UnboundedSender<RunId>,
    capabilities: Capabilities,
    /// Taken out when the runner is told to clean up for a while.
    clean_up_takes: Mutex<Duration>,
}

/// Where the runs of a [`Puppet`] come to.
#[derive(Debug)]
pub struct Stage {
    acts: mpsc::UnboundedReceiver<Act>,
    cleaned: mpsc::UnboundedReceiver<RunId>,
}

/// One run. Dropping it leaves the run hanging: it ignores every wish to stop.
#[derive(Debug)]
pub struct Act {
    /// What the run works with.
    pub cx: RunContext,
    finish: oneshot::Sender<RunResult>,
}

impl Puppet {
    /// A runner and where its runs come to.
    #[must_use]
    pub fn new() -> (Self, Stage) {
        let (acts, acts_seen) = mpsc::unbounded_channel();
        let (cleaned, cleaned_seen) = mpsc::unbounded_channel();
        let capabilities = Capabilities::default();
        let puppet = Self { acts, cleaned, capabilities, clean_up_takes: Mutex::default() };
        (puppet, Stage { acts: acts_seen, cleaned: cleaned_seen })
    }

    /// The same with other capabilities.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The same, and cleaning up takes so long.
    #[must_use]
    pub fn with_clean_up_of(self, time: Duration) -> Self {
        *lock(&self.clean_up_takes) = time;
        self
    }
}

impl Stage {
    /// The next run that starts.
    ///
    /// # Panics
    ///
    /// When the runner is gone.
    pub async fn next(&mut self) -> Act {
        self.acts.recv().await.expect("the runner is there as long as its manager")
    }

    /// The next run, if one has started.
    pub fn try_next(&mut self) -> Option<Act> {
        self.acts.try_recv().ok()
    }

    /// The next run that was cleaned up.
    ///
    /// # Panics
    ///
    /// When the runner is gone.
    pub async fn cleaned_up(&mut self) -> RunId {
        self.cleaned.recv().await.expect("the runner is there as long as its manager")
    }
}

impl Act {
    /// Ends the run with this result.
    pub fn finish(self, result: RunResult) {
        // Nobody listens to a run that was dropped.
        drop(self.finish.send(result));
    }

    /// Ends the run with a panic in the runner's own code.
    pub fn panic(self) {
        self.finish(Err(RunError::new(PANIC)));
    }
}

#[async_trait]
impl AgentRunner for Puppet {
    async fn run(&self, cx: RunContext) -> RunResult {
        let (finish, finished) = oneshot::channel();
        drop(self.acts.send(Act { cx, finish }));
        match finished.await {
            Ok(Err(error)) if error.message() == PANIC => panic!("on purpose"),
            Ok(result) => result,
            Err(_) => std::future::pending().await,
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn clean_up(&self, runs: &[RunId]) {
        let time = *lock(&self.clean_up_takes);
        sleep(time).await;
        for run in runs {
            // A stage that is gone does not want to know.
            self.cleaned.send(*run).ok();
        }
    }
}

const PANIC: &str = "\u{0}panic";
