//! A process for tests to make suffer: it takes a store through everything it can do, step by step, and says what it
//! was told.
//!
//! `steps <sqlite|sled> <path> <mode>`, where the mode is one of
//!
//! * `all`: makes the store, writes to it, closes it, opens it again, reads everything, writes once more, closes it;
//! * `crash`: makes the store, writes to it, and aborts;
//! * `read`: opens the store, tells everything that is in it, writes a task of its own, and closes it;
//! * `look` and tasks: opens the store, tells what is in the logs of these tasks as far as they can be read, and closes it.
//!
//! A line each: `try <task> <seq> <event>` before an event is given to the store; `ack <task> <seq>` when the store has
//! said that everything up to there is written; `removing <task>` and `removed <task>`; `event <task> <seq> <event>` for
//! what was read; `unreadable <task> <kind> <text>` for a log that could not be read to its end; `again <how>` for what was tried after a failure; and last, always, `ok` or `error <step> <kind> <text>`.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use task_core::testing::Scribe;
use task_core::{
    Commit, Event, MessageId, Output, Seq, StoreError, Task, TaskId, TaskQuery, TaskStore, ToolCall,
    ToolStatus, ToolUpdate,
};
use task_store_sled::{SledOptions, SledStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};

/// Which step failed, and how.
struct Failed(&'static str, StoreError);

type Done<T> = Result<T, Failed>;

fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [store, path, mode, tasks @ ..] = &args[..] else {
        return Err(io::Error::other("three words are needed: the store, a path, what to do"));
    };
    // One blocking thread: then the calls of a thread are the same ones in every run.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
    let closes = mode != "crash";
    let place = Place { store: store.clone(), path: path.into(), closes, opened: Mutex::default() };
    let done = runtime.block_on(async {
        match mode.as_str() {
            "all" => all(&place).await,
            "crash" => crash(&place).await,
            "read" => read(&place).await,
            "look" => look(&place, tasks).await,
            _ => Err(Failed("begin", StoreError::unavailable("there is no such mode"))),
        }
    });
    match done {
        Ok(()) => tell("ok"),
        Err(Failed(step, error)) => tell(&format!("error {step} {} {}", kind(&error), words(&error))),
    }
    // What a store has left behind hanging must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

struct Place {
    store: String,
    path: PathBuf,
    /// Whether what was opened is closed, too.
    closes: bool,
    /// The store that was opened last.
    opened: Mutex<Option<Arc<dyn TaskStore>>>,
}

impl Place {
    async fn open(&self) -> Result<Arc<dyn TaskStore>, StoreError> {
        self.opened.lock().expect("no panic").take();
        let store: Arc<dyn TaskStore> = if self.store == "sled" {
            let options = SledOptions::default().with_stall_timeout(Duration::from_secs(3));
            Arc::new(SledStore::open_with(&self.path, options).await?)
        } else {
            let options = SqliteOptions::default().with_busy_timeout(Duration::from_secs(1));
            Arc::new(SqliteStore::open_with(&self.path, options).await?)
        };
        *self.opened.lock().expect("no panic") = Some(Arc::clone(&store));
        Ok(store)
    }
}

async fn all(place: &Place) -> Done<()> {
    let done = once(place).await;
    if done.is_err() && place.store == "sqlite" {
        // Whatever has failed once, the process can go on. (The other engine has to be opened again, with new threads, in
        // which the same call fails again.)
        let again = go_on(place).await;
        let again = again
            .map_or_else(|Failed(step, error)| format!("{step} {}", words(&error)), |()| "ok".to_owned());
        tell(&format!("again {again}"));
    }
    done
}

async fn once(place: &Place) -> Done<()> {
    let mut scribe = write(place).await?;
    let store = place.open().await.at("reopen")?;
    check(&*store, &scribe).await?;
    commit(&*store, scribe.message("and one more"), "write again").await?;
    store.close().await.at("close again")
}

async fn go_on(place: &Place) -> Done<()> {
    let opened = place.opened.lock().expect("no panic").clone();
    let store = match opened {
        Some(store) => store,
        None => place.open().await.at("open")?,
    };
    let mut scribe = Scribe::new("after the failure");
    let created = scribe.create(Some("a third key"));
    // Once more, as a manager does it.
    if let Err(Failed(_, StoreError::Unavailable { .. })) = commit(&*store, created.clone(), "create").await {
        commit(&*store, created, "create").await?;
    }
    let log = log(&*store, scribe.id()).await?;
    if log.len() != 2 {
        let what = format!("{} events instead of 2", log.len());
        return Err(Failed(GAP, StoreError::Corrupt { what, source: None }));
    }
    store.close().await.at("close")
}

async fn crash(place: &Place) -> Done<()> {
    write(place).await?;
    tell("ok");
    std::process::abort()
}

/// Everything that changes a store. Gives what is in it then.
async fn write(place: &Place) -> Done<Scribe> {
    let store = place.open().await.at("open")?;
    let store = &*store;
    let (mut scribe, mut gone) = (Scribe::new("a title"), Scribe::new("to be removed"));
    let instance = scribe.instance();
    store.claim(instance).await.at("claim")?;
    commit(store, scribe.create(Some("a key")), "create").await?;
    commit(store, gone.create(Some("another key")), "create another").await?;
    commit(store, scribe.start(), "start").await?;
    for (step, size) in [10, 1_000, 100, 9_000, 30_000, 1].into_iter().enumerate() {
        let text = format!("{step}:{}", "x".repeat(size));
        commit(store, scribe.record([Output::text("a block", text)]), "append").await?;
    }
    remove(store, &gone).await?;
    commit(store, scribe.message("a message"), "send").await?;
    let call = [
        Output::from(ToolCall::new("call", "tool")),
        ToolUpdate::new("call", ToolStatus::Completed).with_output("y".repeat(3_000)).into(),
        Output::text("another block", "z".repeat(70_000)),
    ];
    commit(store, scribe.record(call), "append several").await?;
    for text in ["first", "second", "third"] {
        let key = format!("key of the {text}");
        commit(store, scribe.record_keyed([Output::text("a block", text)], Some(&key)), "append with a key")
            .await?;
    }
    check(store, &scribe).await?;
    if place.closes {
        store.release(instance).await.at("release")?;
        store.close().await.at("close")?;
    }
    Ok(scribe)
}

/// Whether the store says what was written.
async fn check(store: &dyn TaskStore, scribe: &Scribe) -> Done<()> {
    let wrong = |what: String| Failed("compare", StoreError::Corrupt { what, source: None });
    let task = scribe.id();
    let loaded = store.load(task).await.at("load")?;
    if loaded != *scribe.task() {
        return Err(wrong(format!("the snapshot is {loaded:?}")));
    }
    let log = log(store, task).await?;
    if Task::fold(&log).as_ref() != Some(scribe.task()) {
        return Err(wrong(format!("the log of {} events is another", log.len())));
    }
    let page = store.list(&TaskQuery::default()).await.at("list")?;
    let counts = store.counts().await.at("count")?;
    if (page.items.len(), counts.total()) != (1, 1) {
        return Err(wrong(format!("{} tasks are listed, {} counted", page.items.len(), counts.total())));
    }
    for (key, there) in [("a key", true), ("another key", false), ("key of the second", true)] {
        if store.find_key(key).await.at("find a key")?.is_some() != there {
            return Err(wrong(format!("`{key}` should be there: {there}")));
        }
    }
    Ok(())
}

/// What is in a store, and whether it can be written.
async fn read(place: &Place) -> Done<()> {
    let store = place.open().await.at("open")?;
    let store = &*store;
    let mut query = TaskQuery::default();
    let mut tasks = 0;
    loop {
        let page = store.list(&query).await.at("list")?;
        for task in &page.items {
            tasks += 1;
            let events = log(store, task.id).await?;
            events.iter().for_each(tell_event);
            if Task::fold(&events).as_ref() != Some(task) || store.load(task.id).await.at("load")? != *task {
                let what = format!("the snapshot of {} is not the fold of its log", task.id);
                return Err(Failed(GAP, StoreError::Corrupt { what, source: None }));
            }
        }
        match page.next {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    let counts = store.counts().await.at("count")?;
    if counts.total() != tasks {
        let what = format!("{tasks} tasks are listed, {} counted", counts.total());
        return Err(Failed(GAP, StoreError::Corrupt { what, source: None }));
    }
    let mut scribe = Scribe::new("written afterwards");
    let key = MessageId::new().to_string();
    commit(store, scribe.create(Some(&key)), "write").await?;
    remove(store, &scribe).await?;
    store.close().await.at("close")
}

/// What can be read of these tasks.
async fn look(place: &Place, tasks: &[String]) -> Done<()> {
    let store = place.open().await.at("open")?;
    for task in tasks {
        let task: TaskId = task.parse().map_err(StoreError::unavailable).at("parse")?;
        match log(&*store, task).await {
            Ok(events) => events.iter().for_each(tell_event),
            // No error of the store: whoever reads sees it by the numbers, as core does.
            Err(Failed(GAP, error)) => tell(&format!("unreadable {task} gap {}", words(&error))),
            Err(Failed(_, error)) => tell(&format!("unreadable {task} {} {}", kind(&error), words(&error))),
        }
    }
    store.close().await.at("close")
}

async fn remove(store: &dyn TaskStore, scribe: &Scribe) -> Done<()> {
    tell(&format!("removing {}", scribe.id()));
    store.remove(scribe.id(), scribe.task().seq).await.at("remove")?;
    tell(&format!("removed {}", scribe.id()));
    Ok(())
}

fn tell_event(event: &Event) {
    tell(&format!("event {} {} {}", event.task(), event.seq(), event.json()));
}

async fn commit(store: &dyn TaskStore, commit: Commit, step: &'static str) -> Done<()> {
    for event in commit.events() {
        tell(&format!("try {} {} {}", commit.task(), event.seq(), event.json()));
    }
    let (task, end) = (commit.task(), commit.end());
    store.commit(commit).await.at(step)?;
    tell(&format!("ack {task} {end}"));
    Ok(())
}

/// The whole log, in pages of a few events. A gap is damage.
async fn log(store: &dyn TaskStore, task: TaskId) -> Done<Vec<Event>> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, Event::seq);
        let page = store.events(task, after, 5, usize::MAX).await.at("read events")?;
        if page.is_empty() {
            return Ok(log);
        }
        for event in page {
            if event.seq().get() != log.len() as u64 + 1 {
                let what = format!("event {} comes after event {}", event.seq(), log.len());
                return Err(Failed(GAP, StoreError::Corrupt { what, source: None }));
            }
            log.push(event);
        }
    }
}

const GAP: &str = "compare";

/// A line that is out before anything else happens. Whoever reads may have gone.
fn tell(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

const fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Closed => "closed",
        StoreError::Conflict { .. } => "conflict",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::Duplicate { .. } => "duplicate",
        StoreError::Indeterminate { .. } => "indeterminate",
        StoreError::InvalidCursor(_) => "cursor",
        StoreError::NotFound(_) => "not-found",
        StoreError::Owned { .. } => "owned",
        StoreError::TooNew { .. } => "too-new",
        StoreError::Unavailable { .. } => "unavailable",
        _ => "unknown",
    }
}

/// The error with its causes, on one line.
fn words(error: &StoreError) -> String {
    let (mut words, mut cause) = (error.to_string(), error.source());
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words.replace('\n', " ")
}

/// Says which step it was.
trait At<T> {
    fn at(self, step: &'static str) -> Done<T>;
}

impl<T> At<T> for Result<T, StoreError> {
    fn at(self, step: &'static str) -> Done<T> {
        self.map_err(|error| Failed(step, error))
    }
}
