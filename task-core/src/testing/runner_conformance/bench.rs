//! What the clauses share: a manager with the runner on it, and what its tasks said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;

use super::eventually::LOOK_AGAIN;
use super::harness::{Cue, RunnerHarness};
use super::observed::{Observed, Seen};
use crate::error::TaskError;
use crate::manager::TaskManager;
use crate::memory::MemoryStore;
use crate::model::{Event, InputRequest, Lifecycle, NewTask, Output, Payload, Seq, Task, TaskId, TaskStatus};
use crate::runner::{AgentRunner, RunContext, RunId, RunResult};
use crate::store::{StoreError, TaskQuery};
use crate::testing::FaultStore;

/// One process with the runner: a manager on a store that the next process finds again.
pub(super) struct Bench<'a, H> {
    pub(super) place: &'a H,
    pub(super) tasks: TaskManager,
    pub(super) runner: Arc<dyn AgentRunner>,
    store: FaultStore,
    pub(super) seen: Arc<Seen>,
}

impl<'a, H: RunnerHarness> Bench<'a, H> {
    pub(super) async fn new(place: &'a H) -> Self {
        Self::with_grace(place, GRACE).await
    }

    /// One where runs that should stop have so long.
    pub(super) async fn with_grace(place: &'a H, grace: Duration) -> Self {
        Self::on(place, FaultStore::new(MemoryStore::new()), grace, usize::MAX).await
    }

    /// One with a single place, which is taken: tasks wait until it is [no longer busy](Bench::no_longer_busy).
    pub(super) async fn busy(place: &'a H) -> Self {
        let bench = Self::on(place, FaultStore::new(MemoryStore::new()), GRACE, 1).await;
        let blocker = bench.tasks.create(NewTask::new(BLOCKER, "stay")).await.expect("the task is created");
        bench.until(blocker.id, "a run", |payload| payload.kind() == "run_started").await;
        bench
    }

    pub(super) async fn no_longer_busy(&self) {
        let query = TaskQuery::default().with_agent(BLOCKER);
        for blocker in self.tasks.list(&query).await.expect("the list can be read").items {
            self.tasks.cancel(blocker.id).await.expect("it runs");
        }
    }

    async fn on(place: &'a H, store: FaultStore, grace: Duration, places: usize) -> Self {
        let (runner, seen) = (place.runner(), Arc::<Seen>::default());
        let tasks = loop {
            let observed = Observed::new(Arc::clone(&runner), Arc::clone(&seen));
            let builder = TaskManager::builder(store.clone()).runner(AGENT, observed).runner(BLOCKER, block);
            match builder.cancel_grace(grace).max_running(places).start().await {
                Ok(tasks) => break tasks,
                // The manager before gives it back behind our backs.
                Err(TaskError::Store(error)) if matches!(*error, StoreError::Owned { .. }) => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => panic!("the manager starts: {error}"),
            }
        };
        Self { place, tasks, runner, store, seen }
    }

    /// Kills the process, as far as that can be done from within: nothing is dropped, nothing is cleaned up. Gives the
    /// next one.
    pub(super) async fn crash(self) -> Self {
        self.seen.crash();
        let Self { place, tasks, store, .. } = self;
        drop(tasks);
        Self::on(place, store, GRACE, usize::MAX).await
    }

    /// Drops the manager without a word, and its runs with it: nothing is cleaned up.
    pub(super) fn drop_runs(self) {
        self.seen.forget_clean_up();
    }

    /// Shuts down in good order, at once. Gives what was seen, and the next process.
    pub(super) async fn restart(self) -> (Arc<Seen>, Self) {
        self.tasks.shutdown(Duration::ZERO).await.expect("the manager shuts down");
        (self.seen, Self::on(self.place, self.store, GRACE, usize::MAX).await)
    }

    /// The message for a cue that the runner is mounted with.
    pub(super) fn message(&self, cue: Cue<'_>) -> String {
        let message = self.place.cue(cue);
        message.unwrap_or_else(|| {
            panic!("the harness has a message for {cue:?}, or the kit is mounted without it")
        })
    }

    pub(super) async fn create(&self, cue: Cue<'_>) -> TaskId {
        self.tasks.create(NewTask::new(AGENT, self.message(cue))).await.expect("the task is created").id
    }

    pub(super) async fn send(&self, task: TaskId, cue: Cue<'_>) {
        self.tasks.send(task, self.message(cue)).await.expect("the message is accepted");
    }

    /// The task, once it is settled.
    pub(super) async fn settled(&self, task: TaskId) -> Task {
        self.tasks.wait(task).await.expect("the task settles")
    }

    /// Says this in a task of its own, to the end.
    pub(super) async fn say(&self, words: &str) -> (Task, Vec<Event>) {
        let task = self.create(Cue::Say(words)).await;
        (self.settled(task).await, self.log(task).await)
    }

    /// Stops a task, and gives it once it is settled. Says how long that took, by whatever clock is later: a thread
    /// that is blocked stops the clock of the runtime.
    pub(super) async fn stopped(&self, task: TaskId) -> (Task, Duration) {
        let (begun, real) = (tokio::time::Instant::now(), Instant::now());
        self.tasks.cancel(task).await.expect("it runs");
        let task = self.settled(task).await;
        (task, begun.elapsed().max(real.elapsed()))
    }

    pub(super) async fn log(&self, task: TaskId) -> Vec<Event> {
        let mut log: Vec<Event> = Vec::new();
        loop {
            let after = log.last().map_or(Seq::ZERO, Event::seq);
            let page = self.tasks.events(task, after, 1_000).await.expect("the log can be read");
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }

    /// Waits until the log of a task that runs has an event as wanted.
    pub(super) async fn until(&self, task: TaskId, what: &str, wanted: impl Fn(&Payload) -> bool) -> Event {
        let mut events = self.tasks.subscribe(task, Seq::ZERO);
        while let Some(event) = events.try_next().await.expect("the log can be read") {
            if wanted(&event.payload()) {
                return event;
            }
        }
        let log = self.log(task).await;
        panic!("the task settled and there was never {what}: {:?}", kinds(&log));
    }

    /// Waits until a run has emitted something.
    pub(super) async fn until_output(&self, task: TaskId) {
        self.until(task, "any output", |payload| matches!(payload, Payload::Output(_))).await;
    }

    /// Waits until a run has taken its message.
    pub(super) async fn until_taken(&self, task: TaskId) {
        let taken = |payload: &Payload| matches!(payload, Payload::Lifecycle(Lifecycle::MessageDelivered(_)));
        self.until(task, "a message that was taken", taken).await;
    }

    /// Waits for a question that is open.
    pub(super) async fn until_asked(&self, task: TaskId) -> InputRequest {
        let asked = |payload: &Payload| matches!(payload, Payload::Lifecycle(Lifecycle::InputRequested(_)));
        let event = self.until(task, "a question", asked).await;
        let Payload::Lifecycle(Lifecycle::InputRequested(request)) = event.payload() else {
            unreachable!("it was looked for")
        };
        request
    }

    pub(super) async fn answer(&self, task: TaskId, request: &InputRequest, answer: &str) {
        let answered = self.tasks.answer(task, &request.request_id, answer.into()).await;
        answered.expect("the answer is accepted");
    }

    /// That a run came to an end by itself rather than by being dropped.
    pub(super) fn assert_returned(&self, task: &Task) {
        assert!(self.seen.returned(RunId::new(task.id, task.run)), "the run was dropped: it did not return");
    }

    /// That the runner is started at most once for each run of a task.
    pub(super) fn assert_started_once(&self, task: &Task) {
        for run in 1..=task.run {
            assert!(self.seen.starts(RunId::new(task.id, run)) <= 1, "run {run} was started twice");
        }
    }
}

/// A runner that takes a place, and does nothing.
async fn block(cx: RunContext) -> RunResult {
    cx.cancelled().await;
    Ok(())
}

/// Everything that was said: text, and the output of tools.
pub(super) fn said(log: &[Event]) -> String {
    let (mut said, mut last) = (String::new(), None);
    for event in log {
        let (place, words) = match event.payload() {
            // Names are those of a run.
            Payload::Lifecycle(Lifecycle::RunStarted(_)) => {
                last = None;
                continue;
            }
            Payload::Output(Output::Text(delta)) => (delta.block, delta.text),
            Payload::Output(Output::ToolUpdate(update)) => match update.output {
                Some(output) => (update.call_id, output),
                None => continue,
            },
            _ => continue,
        };
        if last.as_ref() != Some(&place) {
            said.push('\n');
            last = Some(place);
        }
        said.push_str(&words);
    }
    said
}

/// Those of these words that were said, as often and in the order in which they were.
pub(super) fn said_of<'a>(log: &[Event], words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let words: Vec<_> = words.into_iter().collect();
    said(log).split_whitespace().filter(|word| words.contains(word)).map(str::to_owned).collect()
}

/// That these words were said, once each and in this order.
pub(super) fn assert_said(log: &[Event], words: &str) {
    let expected: Vec<_> = words.split(' ').collect();
    assert_eq!(said_of(log, expected.iter().copied()), expected, "said: {}", said(log));
}

pub(super) fn kinds(log: &[Event]) -> Vec<&str> {
    log.iter().map(Event::kind).collect()
}

pub(super) fn count(log: &[Event], kind: &str) -> usize {
    log.iter().filter(|event| event.kind() == kind).count()
}

pub(super) fn assert_status(task: &Task, status: TaskStatus) {
    assert_eq!(task.status, status, "{:?}", task.error);
}

const AGENT: &str = "runner";
const BLOCKER: &str = "blocker";

/// How long a run may take that is told to stop. No runner that looks at the wish takes so long.
const GRACE: Duration = Duration::from_secs(3);
