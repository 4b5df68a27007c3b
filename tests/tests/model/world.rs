//! Where a history happens: a store, the processes on it one after the other, those who ask and those who follow.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_tasks_tests::place::{Kind, Level, open_store};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use task_core::{
    CreatedTask, Event, InstanceId, Limits, MemoryStore, Message, NewTask, Sent, Seq, Task, TaskError,
    TaskId, TaskManager, TaskStore,
};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::judge::MAX_RUNNING;
use crate::runner::{Player, Witness};
use crate::step::{Agent, Pause, Step, What};
use crate::weather::{Weather, Wrong};

/// What is kept when a process dies.
pub(crate) enum Place {
    Disk(Kind, tempfile::TempDir),
    Memory(MemoryStore),
}

impl Place {
    pub(crate) fn disk(kind: Kind) -> Self {
        Self::Disk(kind, tempfile::tempdir().expect("a directory"))
    }

    /// How much may pass at once: a store that looks after its file many times a second takes its time for an hour.
    fn patience(&self) -> Duration {
        match self {
            Self::Disk(..) => Duration::from_secs(10),
            Self::Memory(_) => Duration::MAX,
        }
    }

    async fn open(&self) -> Arc<dyn TaskStore> {
        match self {
            Self::Disk(kind, dir) => {
                let path: PathBuf = dir.path().join("tasks");
                open_store(*kind, Level::Process, &path).await.expect("what was closed, or crashed, opens")
            }
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }
}

/// Somebody who asked for something.
pub(crate) struct Call {
    pub(crate) step: Step,
    pub(crate) task: Option<TaskId>,
    /// The question that is answered.
    pub(crate) request: Option<String>,
    pub(crate) told: Arc<Mutex<Option<Result<Said, TaskError>>>>,
    /// Whether what became of it was looked at.
    pub(crate) is_judged: bool,
    /// Whether the process died, or was shut down, before it was told anything.
    pub(crate) was_cut_off: bool,
    pub(crate) while_closing: bool,
}

#[derive(Debug)]
pub(crate) enum Said {
    Created(CreatedTask),
    Deleted,
    Sent(Sent),
    Task(Task),
}

/// Somebody who follows a task.
pub(crate) struct Reader {
    pub(crate) task: TaskId,
    pub(crate) after: u64,
    pub(crate) stays: bool,
    pub(crate) seen: Arc<Mutex<Read>>,
    /// Whether it reads no more, because of us.
    pub(crate) is_gone: bool,
    handle: tokio::task::AbortHandle,
}

#[derive(Default)]
pub(crate) struct Read {
    pub(crate) events: Vec<Event>,
    pub(crate) end: Option<Result<(), TaskError>>,
}

/// A process.
pub(crate) struct Process {
    pub(crate) runtime: Runtime,
    pub(crate) owner: TaskManager,
    pub(crate) observer: TaskManager,
    pub(crate) weather: Weather,
    store: Arc<dyn TaskStore>,
    started: Instant,
}

pub(crate) struct World {
    place: Place,
    wrong: Option<Wrong>,
    pub(crate) process: Option<Process>,
    pub(crate) witness: Witness,
    pub(crate) calls: Vec<Call>,
    pub(crate) readers: Vec<Reader>,
    /// How much time had passed when the process began.
    passed: Duration,
    /// Whether the store of this process ever failed.
    pub(crate) is_disturbed: bool,
    /// Whether a process ever died or failed in this history.
    pub(crate) was_disturbed: bool,
}

impl World {
    pub(crate) fn new(place: Place, wrong: Option<Wrong>) -> Self {
        let mut world = Self {
            place,
            wrong,
            process: None,
            witness: Witness::default(),
            calls: Vec::new(),
            readers: Vec::new(),
            passed: Duration::ZERO,
            is_disturbed: false,
            was_disturbed: false,
        };
        world.start(None);
        world
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().expect("there is always one but while it changes")
    }

    /// Lets a step happen, and gives the rest its time. A step that names a task which is not there does nothing.
    pub(crate) fn take(&mut self, step: &Step) {
        match &step.what {
            What::Answer { .. }
            | What::Cancel { .. }
            | What::Create { .. }
            | What::Delete { .. }
            | What::Rename { .. }
            | What::Send { .. } => self.ask(step),
            What::Close { grace } => self.restart(Some(Duration::from_millis(*grace))),
            What::Crash => self.restart(None),
            What::Fault { task, fault } => {
                let known = task.and_then(|label| self.task(label));
                if task.is_none() || known.is_some() {
                    (self.is_disturbed, self.was_disturbed) = (true, true);
                    self.process().weather.fault(known, *fault);
                }
            }
            What::Follow { task, behind, stays } => self.follow(*task, *behind, *stays),
            // The judge looks.
            What::List { .. } => {}
            What::Unfollow => self.unfollow(),
            What::Wait { millis } => self.wait(Duration::from_millis(*millis).min(self.place.patience())),
        }
        match step.then {
            // The judge waits, and looks.
            Pause::Calm | Pause::No => {}
            Pause::Turns(turns) => self.process().runtime.block_on(async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }),
        }
    }

    /// Lets time pass. It passes only while nothing is left to do.
    pub(crate) fn wait(&self, time: Duration) {
        self.process().runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Calls `look` at a moment at which nothing is under way: everything else happens at even milliseconds, as whatever
    /// begins there takes an even time, and this is an odd one.
    pub(crate) fn between<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        self.wait(TICK);
        let seen = look(self);
        self.wait(TICK);
        seen
    }

    /// The task that the step of that label created, as far as is known.
    pub(crate) fn task(&self, label: u32) -> Option<TaskId> {
        let call = self.calls.iter().find(|call| call.step.label == label)?;
        match &*lock(&call.told) {
            Some(Ok(Said::Created(created))) => Some(created.task.id),
            _ => None,
        }
    }

    fn ask(&mut self, step: &Step) {
        let target = match step.what {
            What::Create { .. } => None,
            What::Answer { task, .. }
            | What::Cancel { task }
            | What::Delete { task }
            | What::Rename { task }
            | What::Send { task, .. } => match self.task(task) {
                Some(task) => Some(task),
                None => return,
            },
            _ => return,
        };
        let process = self.process();
        let tasks = if step.by_observer { process.observer.clone() } else { process.owner.clone() };
        let request = match (&step.what, target) {
            (What::Answer { .. }, Some(task)) => {
                // What a page would show: the question that was asked first.
                let shown = process.runtime.block_on(process.weather.calm().load(task));
                match shown.ok().and_then(|task| Some(task.requests.first()?.request_id.clone())) {
                    Some(request) => Some(request),
                    None => return,
                }
            }
            _ => None,
        };
        let told = Arc::new(Mutex::new(None));
        let (tell, what, label, asked) = (Arc::clone(&told), step.what.clone(), step.label, request.clone());
        process.runtime.spawn(async move {
            let outcome = ask(&tasks, &what, label, target, asked.as_deref()).await;
            *lock(&tell) = Some(outcome);
        });
        let step = step.clone();
        let call = Call {
            step,
            task: target,
            request,
            told,
            is_judged: false,
            was_cut_off: false,
            while_closing: false,
        };
        self.calls.push(call);
    }

    fn follow(&mut self, label: u32, behind: u8, stays: bool) {
        let Some(task) = self.task(label) else { return };
        let process = self.process();
        let end = process.runtime.block_on(process.weather.calm().load(task));
        let Ok(end) = end.map(|task| task.seq.get()) else { return };
        let after = end.saturating_sub(behind.into());
        let mut events = process.owner.subscribe(task, Seq::new(after));
        if stays {
            events = events.following();
        }
        let seen = Arc::new(Mutex::new(Read::default()));
        let read = Arc::clone(&seen);
        let handle = process.runtime.spawn(async move {
            let end = loop {
                match events.next().await {
                    Some(Ok(event)) => lock(&read).events.push(event),
                    Some(Err(error)) => break Err(error),
                    None => break Ok(()),
                }
            };
            lock(&read).end = Some(end);
        });
        let handle = handle.abort_handle();
        self.readers.push(Reader { task, after, stays, seen, is_gone: false, handle });
    }

    fn unfollow(&mut self) {
        for reader in &mut self.readers {
            reader.handle.abort();
            reader.is_gone = true;
        }
    }

    /// Ends the process, in good order when it is given time for it, and starts the next.
    pub(crate) fn restart(&mut self, grace: Option<Duration>) {
        let Some(process) = self.process.take() else { return };
        if let Some(grace) = grace {
            self.calls.iter_mut().filter(|call| lock(&call.told).is_none()).for_each(|call| {
                call.while_closing = true;
            });
            // A store that is away would keep the end from being written, and that is another test's.
            process.weather.clear_up();
            process.runtime.block_on(async {
                process.observer.shutdown(grace).await.expect("the observer ends");
                process.owner.shutdown(grace).await.expect("the owner ends");
                // Whoever asked while it ended is told.
                tokio::time::sleep(Duration::from_secs(10)).await;
            });
        } else {
            self.was_disturbed = true;
        }
        self.passed += process.runtime.block_on(async { process.started.elapsed() });
        let owner = process.weather.owner();
        let Process { runtime, owner: tasks, observer, weather, store, started: _ } = process;
        if grace.is_some() && matches!(self.place, Place::Disk(..)) {
            runtime.block_on(store.close()).expect("the store closes");
        }
        // Everything that runs is dropped where it stands, before anything notices.
        drop(runtime);
        drop((tasks, observer, weather, store));
        for call in self.calls.iter_mut().filter(|call| lock(&call.told).is_none()) {
            call.was_cut_off = true;
        }
        self.readers.iter_mut().for_each(|reader| reader.is_gone = true);
        self.is_disturbed = false;
        self.start(owner);
    }

    /// A process that comes after `owner`.
    fn start(&mut self, owner: Option<InstanceId>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let (place, passed) = (&self.place, self.passed);
        let (owner, observer, weather, store, started) = runtime.block_on(async {
            let started = Instant::now();
            let store = place.open().await;
            if let (Place::Memory(store), Some(owner)) = (place, owner) {
                // What the operating system does for a file.
                store.release(owner).await.expect("taken back");
            }
            let weather = Weather::new(Arc::clone(&store), self.wrong);
            let mut limits = Limits::default();
            // So small that readers have to go to the store.
            (limits.tail_bytes, limits.tails_bytes, limits.pages_bytes) = (1_500, 12_000, 8_000);
            let builder = || {
                let mut builder =
                    TaskManager::builder(weather.clone()).limits(limits).max_running(MAX_RUNNING);
                builder = builder.clock(move || clock(passed + started.elapsed()));
                for agent in Agent::ALL {
                    let player = Player { agent, witness: self.witness.clone() };
                    builder = builder.runner(agent.id(), player);
                }
                builder
            };
            let owner = builder().start().await.expect("nobody owns the store");
            let observer = builder().observe().await.expect("anybody may observe");
            (owner, observer, weather, store, started)
        });
        self.process = Some(Process { runtime, owner, observer, weather, store, started });
    }
}

async fn ask(
    tasks: &TaskManager,
    what: &What,
    label: u32,
    task: Option<TaskId>,
    request: Option<&str>,
) -> Result<Said, TaskError> {
    let task = task.unwrap_or_else(TaskId::new);
    match what {
        What::Answer { value, .. } => {
            let value = if *value == 2 { "no option".to_owned() } else { value.to_string() };
            tasks.answer(task, request.unwrap_or_default(), value.into()).await.map(Said::Task)
        }
        What::Cancel { .. } => tasks.cancel(task).await.map(Said::Task),
        What::Create { agent, key, script } => {
            let mut new = NewTask::new(agent.id(), text(label, script)).title(format!("task {label}"));
            if let Some(key) = key {
                new = new.idempotency_key(format!("key {key}"));
            }
            tasks.create_once(new).await.map(Said::Created)
        }
        What::Delete { .. } => tasks.delete(task).await.map(|()| Said::Deleted),
        What::Rename { .. } => tasks.rename(task, &format!("renamed {label}")).await.map(Said::Task),
        What::Send { key, delivery, script, .. } => {
            let mut message = Message::new(text(label, script)).delivery(*delivery);
            if let Some(key) = key {
                message = message.idempotency_key(format!("key {key}"));
            }
            tasks.send(task, message).await.map(Said::Sent)
        }
        other => panic!("{other:?} asks nobody"),
    }
}

/// What the message of a step says.
pub(crate) fn text(label: u32, script: &str) -> String {
    format!("{label}|{script}")
}

/// The label of the step whose message that is.
pub(crate) fn label(text: &str) -> Option<u32> {
    text.split_once('|')?.0.parse().ok()
}

fn clock(passed: Duration) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::from_std(passed).expect("less than an age")
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const TICK: Duration = Duration::from_millis(1);
