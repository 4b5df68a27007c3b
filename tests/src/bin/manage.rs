//! A process for tests to make suffer: a task manager on a disk store, given commands while the store fails.
//!
//! `manage <sqlite|sled> <path> <mode>`, where the mode is one of
//!
//! * `commands`: creates a task and sends it messages, each with a key, and is gone;
//! * `again`: does the same with the same keys on what is there, and tells the log;
//! * `fill`: runs a task that writes until the disk is full, on which there is a file `ballast` beside the store; takes
//!   that away, and goes on.
//!
//! A line each: `sent <key> <seq> <new|repeated>`, `refused <key> <text>`, `event <task> <seq> <event>`; last, always,
//! `ok` or `error <text>`. The clock stands still while nothing waits for the disk, so nobody waits for patience.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use task_core::{
    Event, Message, NewTask, RunContext, RunResult, Seq, StoreError, Task, TaskError, TaskId, TaskManager,
    TaskStatus, TaskStore,
};
use task_store_sled::{SledOptions, SledStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::sync::Notify;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [store, path, mode] = &args[..] else {
        return Err(io::Error::other("three words are needed: the store, a path, what to do"));
    };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).max_blocking_threads(1).build()?;
    let place = Place { store: store.clone(), path: path.into() };
    let done = runtime.block_on(async {
        match mode.as_str() {
            "commands" => commands(&place).await,
            "again" => again(&place).await,
            "fill" => fill(&place).await,
            _ => Err("there is no such mode".into()),
        }
    });
    match done {
        Ok(()) => tell("ok"),
        Err(error) => tell(&format!("error {}", words(&*error))),
    }
    // As if it had been killed: nothing is closed.
    std::process::exit(0)
}

struct Place {
    store: String,
    path: PathBuf,
}

impl Place {
    async fn open(&self) -> Result<Arc<dyn TaskStore>, StoreError> {
        if self.store == "sled" {
            let options = SledOptions::default().with_stall_timeout(Duration::from_secs(3));
            Ok(Arc::new(SledStore::open_with(&self.path, options).await?))
        } else {
            let options = SqliteOptions::default().with_busy_timeout(Duration::from_secs(1));
            Ok(Arc::new(SqliteStore::open_with(&self.path, options).await?))
        }
    }

    async fn start(&self) -> Done<TaskManager> {
        let builder = TaskManager::builder(self.open().await?).runner("echo", echo).runner("writer", writer);
        Ok(builder.start().await?)
    }
}

/// Says what it was told, for ever.
async fn echo(cx: RunContext) -> RunResult {
    while !cx.is_cancelled() {
        while let Some(message) = cx.next_message().await? {
            cx.text("echo", message.text()).await?;
        }
        tokio::select! {
            () = cx.cancelled() => {}
            () = cx.message_waiting() => {}
        }
    }
    Ok(())
}

/// For `fill`, writes until it cannot, and says how much is stored; for anything else, a little.
async fn writer(cx: RunContext) -> RunResult {
    let Some(message) = cx.next_message().await? else { return Ok(()) };
    if message.text() != "fill" {
        return cx.text("little", "a little").await;
    }
    let mut stored = 0;
    let error = loop {
        let written = cx.text(format!("{stored}"), "x".repeat(20_000)).await;
        match written {
            Ok(()) => {}
            Err(error) => break error,
        }
        if let Err(error) = cx.flush().await {
            break error;
        }
        stored += 1;
    };
    tell(&format!("stopped {stored} {}", error.message()));
    STOPPED.notify_one();
    Err(error)
}

/// Told when a run could not write any more.
static STOPPED: Notify = Notify::const_new();

const MESSAGES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

async fn commands(place: &Place) -> Done<()> {
    let tasks = match place.start().await {
        Ok(tasks) => tasks,
        Err(error) => {
            tell(&format!("refused start {}", words(&*error)));
            return Ok(());
        }
    };
    ask_all(&tasks).await;
    Ok(())
}

async fn again(place: &Place) -> Done<()> {
    let tasks = place.start().await?;
    let task = ask_all(&tasks).await.ok_or("nothing fails any more")?;
    tasks.shutdown(Duration::ZERO).await?;
    let store = place.open().await?;
    let events = store.events(task, Seq::ZERO, usize::MAX, usize::MAX).await?;
    events.iter().for_each(tell_event);
    check(&events, &store.load(task).await?)?;
    let total = store.counts().await?.total();
    if total != 1 {
        return Err(format!("there are {total} tasks").into());
    }
    Ok(())
}

async fn ask_all(tasks: &TaskManager) -> Option<TaskId> {
    let new = NewTask::new("echo", "begin").idempotency_key("create");
    let task = match tasks.create_once(new).await {
        Ok(created) => {
            tell_sent("create", Seq::new(2), created.repeated);
            created.task.id
        }
        Err(error) => {
            tell(&format!("refused create {}", words(&error)));
            return None;
        }
    };
    for text in MESSAGES {
        match tasks.send(task, Message::new(text).idempotency_key(text)).await {
            Ok(sent) => tell_sent(text, sent.seq, sent.repeated),
            Err(error) => tell(&format!("refused {text} {}", words(&error))),
        }
    }
    Some(task)
}

async fn fill(place: &Place) -> Done<()> {
    let mut tasks = place.start().await?;
    let task = tasks.create(NewTask::new("writer", "fill")).await?.id;
    let seen = Arc::new(Mutex::new(Vec::<Event>::new()));
    let viewer = tokio::spawn({
        let (mut events, seen) = (tasks.subscribe(task, Seq::ZERO).following(), Arc::clone(&seen));
        async move {
            // Ends with an error when the store does.
            while let Ok(Some(event)) = events.try_next().await {
                seen.lock().expect("no panic").push(event);
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(600), STOPPED.notified()).await?;
    let refused = loop {
        match tasks.send(task, "is there room?").await {
            Ok(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(error) => break error,
        }
    };
    tell(&format!("refused send {}", words(&refused)));
    let refused =
        tasks.create(NewTask::new("writer", "a little")).await.err().ok_or("the disk is not full")?;
    tell(&format!("refused create {}", words(&refused)));
    let transient = |error: &TaskError| matches!(error, TaskError::Store(error) if error.is_transient());
    if !transient(&refused) {
        return Err(format!("that is no error of a store: {refused:?}").into());
    }

    let ballast = place.path.with_file_name("ballast");
    if place.store == "sled" {
        // It has to be opened again, and says so.
        if let Err(error) = tasks.shutdown(Duration::ZERO).await {
            tell(&format!("refused shutdown {}", words(&error)));
        }
        drop(tasks);
        if let Err(error) = place.open().await {
            tell(&format!("refused open {}", words(&error)));
        }
        std::fs::remove_file(&ballast)?;
        tasks = place.start().await?;
    } else {
        let readable = tasks.events(task, Seq::ZERO, 10).await?.len();
        tell(&format!("readable {readable}"));
        std::fs::remove_file(&ballast)?;
    }
    let settled = tokio::time::timeout(Duration::from_secs(600), tasks.wait(task)).await??;
    tell(&format!("settled {} {}", settled.status, settled.error.as_deref().unwrap_or_default()));
    tasks.send(task, "a little").await?;
    let settled = tokio::time::timeout(Duration::from_secs(600), tasks.wait(task)).await??;
    if settled.status != TaskStatus::Completed {
        return Err(format!("it is {}", settled.status).into());
    }
    let log = tasks.events(task, Seq::ZERO, usize::MAX).await?;
    check(&log, &settled)?;
    tasks.shutdown(Duration::ZERO).await?;
    viewer.await?;
    let seen = std::mem::take(&mut *seen.lock().expect("no panic"));
    tell(&format!("seen {} of {}", seen.len(), log.len()));
    if seen.is_empty() || !log.starts_with(&seen) {
        return Err("a viewer has seen something that is not stored".into());
    }
    let store = place.open().await?;
    if store.events(task, Seq::ZERO, usize::MAX, usize::MAX).await? != log {
        return Err("it is another log when the store is opened again".into());
    }
    log.iter().for_each(tell_event);
    Ok(())
}

fn check(events: &[Event], snapshot: &Task) -> Done<()> {
    let whole = events.iter().zip(1..).all(|(event, n)| event.seq().get() == n);
    if !whole || Task::fold(events).as_ref() != Some(snapshot) {
        return Err("the log is not whole".into());
    }
    Ok(())
}

fn tell_sent(key: &str, seq: Seq, repeated: bool) {
    tell(&format!("sent {key} {seq} {}", if repeated { "repeated" } else { "new" }));
}

fn tell_event(event: &Event) {
    tell(&format!("event {} {} {}", event.task(), event.seq(), event.json()));
}

/// A line that is out before anything else happens. Whoever reads may have gone.
fn tell(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// The error with its causes, on one line.
fn words(error: &dyn Error) -> String {
    let (mut words, mut cause) = (error.to_string(), error.source());
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words.replace('\n', " ")
}
