//! The engine's writes really fail: nothing panics or hangs, and what was acknowledged is there afterwards.
#![cfg(target_os = "linux")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Place, create, log, text};
use task_core::{Seq, StoreError, TaskStore};
use task_store_sled::{SledOptions, SledStore};

const FILL: &str = "TASK_STORE_SLED_FILL";

/// A limit on the size of files stands in for a full disk.
#[tokio::test]
async fn a_write_that_fails_stops_the_store_and_loses_nothing() {
    if let Some(path) = std::env::var_os(FILL) {
        return fill(Path::new(&path)).await;
    }
    let place = Place::new();
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 4096; exec "$0" "$@""#])
        .arg(std::env::current_exe().expect("a test has a file"))
        .args(["--exact", "a_write_that_fails_stops_the_store_and_loses_nothing", "--nocapture"])
        .env(FILL, place.path())
        .output()
        .expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("acknowledged ")).expect("it was told");
    let (task, seq) = line.split_once(' ').expect("two words");
    let (task, seq): (_, u64) = (task.parse().expect("a task"), seq.parse().expect("a number"));

    let store = place.open().await;
    let end = log(&store, task).await.expect("the log is whole").len() as u64;
    assert!(end == seq || end == seq + 1, "{end} after {seq} acknowledged");
    assert_eq!(store.load(task).await.expect("loaded").seq, Seq::new(end));
}

async fn fill(path: &Path) {
    let options = SledOptions::default().with_stall_timeout(std::time::Duration::from_secs(10));
    let store = SledStore::open_with(path, options).await.expect("opened");
    let mut scribe = create(&store, "a title").await;
    let (mut acknowledged, big) = (scribe.task().seq, "x".repeat(20_000));
    let error = loop {
        match store.commit(scribe.record(text(&big))).await {
            Ok(()) => acknowledged = scribe.task().seq,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Indeterminate { .. }), "{error:?}");
    println!("\nacknowledged {} {acknowledged}", scribe.id());
    for error in [
        store.commit(scribe.record(text("more"))).await.expect_err("stopped"),
        store.load(scribe.id()).await.expect_err("stopped"),
        store.counts().await.expect_err("stopped"),
    ] {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
    store.close().await.expect("closed");
}
