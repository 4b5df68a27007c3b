//! A cancelled task is settled in time, and nothing it started is left, wherever it hid.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::time::{Duration, Instant};

use shell_support::{shell, start};
use support::{TempDir, alive, endings, is_alive, settled, turn_reasons, until_printed, within};
use task_core::{MemoryStore, TaskManager, TaskStatus};
use task_runners::ShellRunner;

/// What a manager gives a run to stop, and itself to settle it.
const IN_TIME: Duration = Duration::from_secs(5 + 1);

#[tokio::test]
async fn a_command_that_behaves_ends_at_once() {
    within(async {
        let tasks = shell().await;
        let task = start(&tasks, "echo ready; sleep 60").await;
        until_printed(&tasks, task.id, "ready").await;
        let began = Instant::now();
        tasks.cancel(task.id).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert_eq!(endings(&events), [("cancelled".to_owned(), Some(143))]);
        assert_eq!(turn_reasons(&events), ["cancelled"]);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn whatever_a_command_does_to_stay() {
    within(async {
        let tasks = shell().await;
        for (name, command) in [
            ("ignores SIGTERM", "trap '' TERM INT HUP; echo $$ > PID; while :; do sleep 60; done"),
            ("its own session", "setsid sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60' & wait"),
            (
                "its own session, in the foreground",
                "setsid -w sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60'",
            ),
            (
                "a double fork",
                "(setsid sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60' &) ; sleep 60",
            ),
            ("no environment", "env -i sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60'"),
            (
                "no environment, own session",
                "setsid -w env -i sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60'",
            ),
            (
                "no environment, in the background",
                "env -i sh -c 'echo $$ > PID; trap \"\" TERM; sleep 60; sleep 60' & wait",
            ),
            ("stopped", "sh -c 'echo $$ > PID; kill -STOP $$; sleep 60'"),
        ] {
            let dir = TempDir::new("cancel");
            let command = command.replace("PID", &format!("{}/pid", dir.path()));
            let task = start(&tasks, &command).await;
            let pid = dir.number("pid").await;
            assert!(is_alive(pid), "{name}");
            let began = Instant::now();
            tasks.cancel(task.id).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            assert!(began.elapsed() < IN_TIME, "{name}: {:?}", began.elapsed());
            assert_eq!(task.status, TaskStatus::Cancelled, "{name}");
            assert_eq!(turn_reasons(&events), ["cancelled"], "{name}");
            assert!(!is_alive(pid), "{name}");
            assert_eq!(alive(task.id, 1), 0, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_process_that_replaces_itself_all_the_time() {
    within(async {
        let tasks = shell().await;
        let chain = "hop() { setsid sh -c '. \"$0\"' \"$FILE\" & }; hop";
        let dir = TempDir::new("chain");
        let file = dir.0.join("chain");
        // Each one starts the next, in a session of its own, and ends.
        std::fs::write(&file, "trap '' TERM INT; sleep 0.01; setsid sh -c '. \"$FILE\"' &\n").unwrap();
        let command = format!("export FILE={}; {chain}; echo ready; sleep 60", file.display());
        let task = start(&tasks, &command).await;
        until_printed(&tasks, task.id, "ready").await;
        let began = Instant::now();
        tasks.cancel(task.id).await.unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
        // One that was missed would have a successor by now.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn a_grace_that_is_too_short_for_manners() {
    within(async {
        let dir = TempDir::new("short");
        let grace = Duration::from_millis(100);
        let tasks =
            TaskManager::builder(MemoryStore::new()).runner("shell", ShellRunner::new()).cancel_grace(grace);
        let tasks = tasks.start().await.unwrap();
        let pid = format!("{}/pid", dir.path());
        let command = format!(
            "trap '' TERM; setsid env -i sh -c 'trap \"\" TERM; echo $$ > {pid}; sleep 60' & sleep 60"
        );
        let task = start(&tasks, &command).await;
        let pid = dir.number("pid").await;
        let began = Instant::now();
        tasks.cancel(task.id).await.unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        assert!(began.elapsed() < grace + Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert!(!is_alive(pid));
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_floods() {
    within(async {
        let tasks = shell().await;
        let task = start(&tasks, "echo ready; yes").await;
        until_printed(&tasks, task.id, "y\ny\n").await;
        let began = Instant::now();
        tasks.cancel(task.id).await.unwrap();
        let task = tasks.wait(task.id).await.unwrap();
        assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}
