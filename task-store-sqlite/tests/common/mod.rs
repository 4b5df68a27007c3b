//! What the tests of this crate share.
#![allow(dead_code, reason = "every test file is a crate of its own and uses a part of this")]

use std::path::PathBuf;

use task_core::testing::Scribe;
use task_core::{Event, Output, Seq, StoreError, TaskStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// A directory with a database in it, which goes when this is dropped.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("tasks.db")
    }

    pub(crate) fn file(&self, suffix: &str) -> PathBuf {
        self.0.path().join(format!("tasks.db{suffix}"))
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).await.expect("the store opens")
    }

    pub(crate) async fn open_with(&self, options: SqliteOptions) -> SqliteStore {
        SqliteStore::open_with(self.path(), options).await.expect("the store opens")
    }

    /// A connection that knows nothing of the store, to look at the file from the outside or to stand in its way.
    pub(crate) fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).expect("the file is a database")
    }
}

pub(crate) async fn create(store: &SqliteStore, title: &str) -> Scribe {
    let mut scribe = Scribe::new(title);
    store.commit(scribe.create(None)).await.expect("created");
    scribe
}

pub(crate) fn text(text: &str) -> [Output; 1] {
    [Output::text("block", text)]
}

/// The whole log, checked for gaps.
pub(crate) async fn log(store: &SqliteStore, task: task_core::TaskId) -> Result<Vec<Event>, StoreError> {
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

/// Runs a future for as far as it comes without waiting, and gives it back.
pub(crate) fn begun<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
    let mut future = Box::pin(future);
    let begun = futures::FutureExt::now_or_never(future.as_mut());
    assert!(begun.is_none(), "nothing is done before the first wait");
    future
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
