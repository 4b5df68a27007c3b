use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use async_trait::async_trait;

use super::eventually::eventually;
use crate::rt::atomic::{AtomicBool, Ordering};
use crate::rt::lock;
use crate::rt::sync::Mutex;
use crate::runner::{AgentRunner, Capabilities, RunContext, RunId, RunParts, RunResult};

/// A runner that is looked at while it runs.
pub(super) struct Observed {
    runner: Arc<dyn AgentRunner>,
    seen: Arc<Seen>,
}

/// What was seen of the runs of a place.
#[derive(Default)]
pub(super) struct Seen {
    runs: Mutex<Vec<Run>>,
    /// The process is as if it was killed: nothing is dropped any more.
    crashed: AtomicBool,
    /// Nothing is cleaned up any more.
    unclean: AtomicBool,
}

struct Run {
    id: RunId,
    /// What the run writes with. Gone when nothing of the run is left.
    context: Weak<RunParts>,
    returned: bool,
}

impl Observed {
    pub(super) const fn new(runner: Arc<dyn AgentRunner>, seen: Arc<Seen>) -> Self {
        Self { runner, seen }
    }
}

impl Seen {
    /// From here on the runs are as in a process that was killed.
    pub(super) fn crash(&self) {
        self.crashed.store(true, Ordering::SeqCst);
        self.forget_clean_up();
    }

    /// From here on the runner is not told to clean up.
    pub(super) fn forget_clean_up(&self) {
        self.unclean.store(true, Ordering::SeqCst);
    }

    /// Whether the run returned: it was neither dropped, nor did it panic.
    pub(super) fn returned(&self, id: RunId) -> bool {
        lock(&self.runs).iter().any(|run| run.id == id && run.returned)
    }

    /// How often the run was started.
    pub(super) fn starts(&self, id: RunId) -> usize {
        lock(&self.runs).iter().filter(|run| run.id == id).count()
    }

    /// Waits until nothing of the runs is left that could still write.
    pub(super) async fn assert_nothing_left(&self) {
        eventually(|| {
            let held = self.held();
            (!held.is_empty()).then(|| format!("something of {held:?} goes on after its end"))
        })
        .await;
    }

    /// The runs of which something still holds on to what they write with.
    fn held(&self) -> Vec<RunId> {
        lock(&self.runs).iter().filter(|run| run.context.strong_count() > 0).map(|run| run.id).collect()
    }
}

#[async_trait]
impl AgentRunner for Observed {
    async fn run(&self, cx: RunContext) -> RunResult {
        let id = cx.id();
        lock(&self.seen.runs).push(Run { id, context: cx.watch(), returned: false });
        let runner = Arc::clone(&self.runner);
        let work = Box::pin(async move { runner.run(cx).await });
        let result = Crashable { work: Some(work), seen: Arc::clone(&self.seen) }.await;
        lock(&self.seen.runs).iter_mut().filter(|run| run.id == id).for_each(|run| run.returned = true);
        result
    }

    fn capabilities(&self) -> Capabilities {
        self.runner.capabilities()
    }

    async fn clean_up(&self, runs: &[RunId]) {
        if !self.seen.unclean.load(Ordering::SeqCst) {
            self.runner.clean_up(runs).await;
        }
    }
}

/// A run that a crash does not drop: its destructors do not run, as those of a process that is killed do not.
struct Crashable {
    work: Option<Pin<Box<dyn Future<Output = RunResult> + Send>>>,
    seen: Arc<Seen>,
}

impl Future for Crashable {
    type Output = RunResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RunResult> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl Drop for Crashable {
    fn drop(&mut self) {
        if self.seen.crashed.load(Ordering::SeqCst) {
            std::mem::forget(self.work.take());
        }
    }
}
