//! What the tests of this crate share.
#![allow(dead_code, reason = "every test file is a crate of its own and uses a part of this")]

use std::fs::File;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use task_core::testing::Scribe;
use task_core::{Event, Output, Seq, StoreError, TaskStore};
use task_store_sled::{SledOptions, SledStore};
use tempfile::TempDir;

/// A directory with a store in it, which goes when this is dropped.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("tasks")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) async fn open(&self) -> SledStore {
        SledStore::open(self.path()).await.expect("the store opens")
    }

    pub(crate) async fn open_with(&self, options: SledOptions) -> SledStore {
        SledStore::open_with(self.path(), options).await.expect("the store opens")
    }

    /// The engine's own view, while no store has the directory open. What it does to its files is not damage.
    pub(crate) fn engine(&self) -> Engine {
        std::fs::remove_file(self.file("sums")).ok();
        let db = sled::open(self.file("data")).expect("the engine opens");
        Engine { db: Some(db), file: self.file("data").join("db") }
    }
}

/// The engine without a store around it. Once it is dropped, the directory can be opened.
pub(crate) struct Engine {
    db: Option<sled::Db>,
    file: PathBuf,
}

impl Deref for Engine {
    type Target = sled::Db;

    fn deref(&self) -> &sled::Db {
        self.db.as_ref().expect("open until it is dropped")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.db.take();
        // A thread of it that has just written holds the lock for a moment more.
        let file = File::open(&self.file).expect("the file of the engine");
        let start = Instant::now();
        while file.try_lock().is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the engine does not let go of its file");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub(crate) async fn create(store: &SledStore, title: &str) -> Scribe {
    let mut scribe = Scribe::new(title);
    store.commit(scribe.create(None)).await.expect("created");
    scribe
}

pub(crate) fn text(text: &str) -> [Output; 1] {
    [Output::text("block", text)]
}

/// The whole log, checked for gaps.
pub(crate) async fn log(store: &SledStore, task: task_core::TaskId) -> Result<Vec<Event>, StoreError> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, Event::seq);
        let page = store.events(task, after, 1000, usize::MAX).await?;
        if page.is_empty() {
            return Ok(log);
        }
        for event in page {
            assert_eq!(event.seq().get(), log.len() as u64 + 1, "the log is contiguous");
            log.push(event);
        }
    }
}

/// This test again, as another process: the variable says what it is to do.
pub(crate) fn another_process(test: &str, variable: &str, value: &std::path::Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().expect("a test has a file"))
        .args(["--exact", test, "--nocapture"])
        .env(variable, value)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a process")
}
