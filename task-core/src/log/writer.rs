use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::draft::Draft;
use super::latest::Latest;
use super::ledger::Ledger;
use super::op::{
    COMMAND_PATIENCE, Emit, OUTPUT_PATIENCE, Op, Recorded, again, command, patience, split_keyed,
};
use super::per_task::PerTask;
use super::queue::Queue;
use crate::error::TaskError;
use crate::model::{Output, Seq, Task, TaskId};
use crate::rt::lock;
use crate::rt::sync::{Mutex, Semaphore};
use crate::rt::time::{Instant, sleep, timeout};
use crate::store::{Change, Commit, StoreError, no_answer};
use crate::with_causes;

/// The one place in this process that writes to the log of a task.
///
/// What is to be written waits in a queue. While a commit is under way the queue fills; the next commit takes all of
/// it, so a fast writer gets few, large commits without waiting for any, and text deltas of one block that waited
/// together become one event. The one who writes lives as long as the queue is not empty.
pub(crate) struct Writer {
    ledger: Ledger,
    /// All writers of this process, itself among them.
    writers: Arc<Writers>,
    task: TaskId,
    queue: Mutex<Queue>,
    /// Bytes of output that may still be queued.
    room: Semaphore,
    /// The newest snapshot known here, for the run that waits for messages, answers and the wish to stop.
    snapshot: Latest<Option<Arc<Task>>>,
}

impl Writer {
    fn new(ledger: Ledger, writers: Arc<Writers>, task: TaskId) -> Self {
        let room = Semaphore::new(ledger.limits().buffer_bytes.min(Semaphore::MAX_PERMITS));
        Self { ledger, writers, task, queue: Mutex::default(), room, snapshot: Latest::new(None) }
    }

    /// The newest snapshot known here. `seq` and `last_event_at` may be behind.
    pub(crate) fn snapshot(&self) -> &Latest<Option<Arc<Task>>> {
        &self.snapshot
    }

    /// Accepts a piece of output of the run `run`, waiting while the buffer is full. Once accepted it is written
    /// after everything accepted before, unless the run has ended or the store fails for good.
    pub(crate) async fn emit(self: &Arc<Self>, run: u32, output: Output) -> Result<(), TaskError> {
        let weight = output.weight();
        TaskError::check("the size of an event in bytes", weight, self.ledger.limits().event_bytes)?;
        self.check(run)?;
        let permits = self.permits(weight);
        match self.room.acquire_many(permits).await {
            Ok(room) => room.forget(),
            Err(_) => return Err(TaskError::ShutDown),
        }
        if let Err(error) = self.check(run) {
            self.room.add_permits(permits as usize);
            return Err(error);
        }
        let emit = Emit { run, output, weight: permits as usize };
        self.enqueue(|ops| match ops.back_mut() {
            Some(Op::Emit(last)) if last.same_block(&emit) => last.merge(emit),
            _ => ops.push_back(Op::Emit(emit)),
        });
        Ok(())
    }

    /// Runs `change` on a draft, in order with everything else, and gives its result once it is stored.
    pub(crate) async fn update<T, F>(self: &Arc<Self>, change: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        self.update_within(COMMAND_PATIENCE, change).await
    }

    /// The same for a run, which has time when the store has not.
    pub(crate) async fn update_in_run<T, F>(self: &Arc<Self>, change: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        self.update_within(OUTPUT_PATIENCE, change).await
    }

    async fn update_within<T, F>(self: &Arc<Self>, patience: Duration, change: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        let (update, result, progress) = command(change);
        self.enqueue(|ops| ops.push_back(Op::Update { update, patience }));
        // Its commit gives up by itself. But it may share the commit with output, which has more time, or wait behind one.
        match timeout(patience + ANSWER_SLACK, result).await {
            Ok(told) => told.unwrap_or(Err(TaskError::ShutDown)),
            Err(_) if progress.give_up() => Err(StoreError::unavailable(no_answer(patience)).into()),
            Err(_) => Err(StoreError::indeterminate(no_answer(patience)).into()),
        }
    }

    /// Somebody else wrote: look at the log again.
    pub(crate) fn refresh(self: &Arc<Self>) {
        self.enqueue(|ops| {
            if !matches!(ops.back(), Some(Op::Refresh)) {
                ops.push_back(Op::Refresh);
            }
        });
    }

    /// The run is over: from here on its output is refused. What was accepted before is still written.
    pub(crate) fn end(&self, run: u32) {
        lock(&self.queue).end(run);
    }

    /// Why the run may not write any more.
    pub(crate) fn check(&self, run: u32) -> Result<(), TaskError> {
        self.ledger.check_open()?;
        lock(&self.queue).check(run)
    }

    fn permits(&self, weight: usize) -> u32 {
        // An event above the buffer's size takes all of it, and is written alone.
        u32::try_from(weight.clamp(1, self.ledger.limits().buffer_bytes.max(1))).unwrap_or(u32::MAX)
    }

    /// Adds to the queue, and makes sure that somebody takes from it.
    fn enqueue(self: &Arc<Self>, add: impl FnOnce(&mut VecDeque<Op>)) {
        let idle = lock(&self.queue).add(add);
        if idle {
            let writer = Arc::clone(self);
            self.ledger.tracker().spawn(writer.drain());
        }
    }

    async fn drain(self: Arc<Self>) {
        loop {
            let Some((ops, task)) = lock(&self.queue).take() else { return };
            let task = self.write(ops, task).await;
            lock(&self.queue).build_on(task);
        }
    }

    /// Writes the operations in order, in as few commits as may be, and gives the snapshot after them.
    async fn write(&self, mut ops: VecDeque<Op>, mut cached: Option<Arc<Task>>) -> Option<Arc<Task>> {
        while !ops.is_empty() {
            let refresh = ops.iter().any(|op| matches!(op, Op::Refresh));
            if refresh {
                cached = None;
            }
            let task = match cached.take() {
                Some(task) => task,
                None => match self.load(patience(&ops)).await {
                    Ok(task) => {
                        let task = Arc::new(task);
                        self.show(&task);
                        if refresh {
                            self.ledger.hub().found(&task);
                        }
                        task
                    }
                    Err(error) => {
                        self.fail(ops, &TaskError::from(error));
                        return None;
                    }
                },
            };
            let (task, commit, batch) = self.record(task, &mut ops);
            let Some(commit) = commit else {
                cached = Some(task);
                self.finish(batch);
                continue;
            };
            let patience = batch.iter().map(|recorded| recorded.op.patience()).max().unwrap_or_default();
            match self.ledger.commit(&commit, patience, self.writers.late(&self.ledger)).await {
                Ok(()) => {
                    self.ledger.publish(&commit);
                    if let Some(snapshot) = commit.shared_snapshot() {
                        self.show(snapshot);
                    }
                    cached = Some(task);
                    self.finish(batch);
                }
                Err(StoreError::Conflict { .. }) => ops = again(batch, ops),
                Err(error @ StoreError::Duplicate { .. }) => {
                    let (keyed, others) = split_keyed(batch);
                    if let Some(keyed) = keyed {
                        keyed.finish(Err(error.into()));
                    }
                    ops = again(others, ops);
                }
                Err(error) => {
                    let mut failed: VecDeque<Op> = batch.into_iter().map(|recorded| recorded.op).collect();
                    // Output that was lost takes all that comes after it along; a command takes nobody along.
                    if failed.iter().any(|op| op.run().is_some()) {
                        failed.append(&mut ops);
                    }
                    self.fail(failed, &error.into());
                }
            }
        }
        cached
    }

    /// The snapshot, from a store that may be away for a moment.
    async fn load(&self, patience: Duration) -> Result<Task, StoreError> {
        let give_up = Instant::now() + patience;
        loop {
            match self.ledger.store().load(self.task).await {
                Err(error) if error.is_transient() && Instant::now() < give_up => sleep(LOAD_AGAIN).await,
                loaded => return loaded,
            }
        }
    }

    /// Records operations on a draft until the queue is empty or a second idempotency key comes.
    fn record(&self, task: Arc<Task>, ops: &mut VecDeque<Op>) -> (Arc<Task>, Option<Commit>, Vec<Recorded>) {
        let mut draft = Draft::on(task, self.ledger.now());
        let mut batch = Vec::with_capacity(ops.len());
        while let Some(mut op) = ops.pop_front() {
            let had_key = draft.has_key();
            match &mut op {
                Op::Emit(emit) => self.record_output(&mut draft, emit),
                Op::Refresh => {}
                Op::Update { .. } if had_key => {
                    ops.push_front(op);
                    break;
                }
                Op::Update { update, .. } => update.run(&mut draft),
            }
            batch.push(Recorded { op, keyed: draft.has_key() && !had_key });
        }
        let (task, commit) = draft.finish(self.ledger.instance());
        (task, commit, batch)
    }

    /// Output of a run that is over, or that another process took over, is not written.
    fn record_output(&self, draft: &mut Draft, emit: &Emit) {
        let task = draft.task();
        if !task.status.is_active() || task.run != emit.run || task.owner() != Some(self.ledger.instance()) {
            return;
        }
        if let Err(error) = draft.record_output(&emit.output) {
            tracing::error!(task = %self.task, error = %with_causes(&error), "output cannot be recorded");
        }
    }

    fn show(&self, task: &Arc<Task>) {
        self.snapshot.set(Some(Arc::clone(task)));
    }

    fn finish(&self, batch: Vec<Recorded>) {
        for recorded in batch {
            match recorded.op {
                Op::Emit(emit) => self.room.add_permits(emit.weight),
                Op::Refresh => {}
                Op::Update { update, .. } => update.finish(Ok(())),
            }
        }
    }

    /// The store cannot take the operations. A run that loses output may not go on as if nothing happened, and what it
    /// said since is lost with it; when no output is among them, output that waits is tried for itself.
    fn fail(&self, mut failed: VecDeque<Op>, error: &TaskError) {
        if let Some(run) = failed.iter().find_map(Op::run) {
            let source = match error {
                TaskError::Store(source) => Arc::clone(source),
                _ => Arc::new(StoreError::NotFound(self.task)),
            };
            let mut lost = lock(&self.queue).break_off(run, source);
            failed.append(&mut lost);
        }
        for op in failed {
            match op {
                Op::Emit(emit) => self.room.add_permits(emit.weight),
                Op::Refresh => {}
                Op::Update { update, .. } => update.finish(Err(error.clone())),
            }
        }
        // Whoever waits for the snapshot looks again, and finds the run broken.
        self.snapshot.touch();
    }
}

/// The one writer of each task in this process.
pub(super) type Writers = PerTask<Writer>;

impl Writers {
    /// The writer of a task.
    pub(super) fn of(self: &Arc<Self>, task: TaskId, ledger: &Ledger) -> Arc<Writer> {
        self.get_or_make(task, || Writer::new(ledger.clone(), Arc::clone(self), task))
    }

    /// Somebody else moved a task: first its writer looks at the log again, then whoever waits for it is told.
    pub(super) fn moved(&self, task: TaskId, seq: Seq, ledger: &Ledger) {
        if let Some(writer) = self.get(task) {
            writer.refresh();
        }
        ledger.hub().hint(Change::Moved { task, seq });
    }

    /// Passes a commit on that turned out late to be stored. Whoever asked for it may be gone by then.
    pub(super) fn late(self: &Arc<Self>, ledger: &Ledger) -> impl FnOnce(TaskId, Seq) + Send + use<> {
        let (writers, ledger) = (Arc::clone(self), ledger.clone());
        move |task, seq| writers.moved(task, seq, &ledger)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.writers.forget(self.task);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("task", &self.task).finish_non_exhaustive()
    }
}

/// What an answer may take to get from the commit to the caller.
const ANSWER_SLACK: Duration = Duration::from_millis(50);

/// How long until a store that was away is asked again.
const LOAD_AGAIN: Duration = Duration::from_millis(50);
