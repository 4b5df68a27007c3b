//! Messages to a task whose command runs wait for their turn; one that interrupts stops the command.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::time::{Duration, Instant};

use shell_support::{manager, shell, start};
use support::{
    TempDir, alive, endings, eventually, is_alive, printed, settled, turn_reasons, until, until_printed,
    within,
};
use task_core::{Delivery, MemoryStore, Message, TaskStatus};
use task_runners::ShellRunner;

#[tokio::test]
async fn messages_are_run_in_the_order_they_were_sent() {
    within(async {
        let tasks = shell().await;
        let task = start(&tasks, "sleep 0.3; echo 1").await;
        for message in ["echo 2; false", "echo 3"] {
            tasks.send(task.id, message).await.unwrap();
        }
        tasks.send(task.id, Message::new("echo 4").delivery(Delivery::Steer)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert_eq!((task.status, task.run), (TaskStatus::Completed, 1));
        assert_eq!(printed(&events), "1\n2\n3\n4\n");
        assert_eq!(turn_reasons(&events), ["done", "failed", "done", "done"]);
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_stops_the_command_and_is_run_next() {
    within(async {
        let tasks = shell().await;
        let task = start(&tasks, "cd /usr; echo ready; sleep 60; echo not reached").await;
        tasks.send(task.id, "echo later").await.unwrap();
        until_printed(&tasks, task.id, "ready").await;
        let began = Instant::now();
        tasks.send(task.id, Message::new("echo now").delivery(Delivery::Interrupt)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Completed);
        assert_eq!(printed(&events), "ready\nnow\nlater\n");
        assert_eq!(turn_reasons(&events), ["interrupted", "done", "done"]);
        assert_eq!(endings(&events)[0], ("cancelled".to_owned(), Some(130)));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_ignores_an_interrupt_is_killed() {
    within(async {
        let runner = ShellRunner::new().interrupt_wait(Duration::from_millis(200));
        let tasks = manager(MemoryStore::new(), runner).await;
        let task = start(&tasks, "trap '' INT TERM; echo ready; sleep 60; sleep 60").await;
        until_printed(&tasks, task.id, "ready").await;
        tasks.send(task.id, Message::new("echo now").delivery(Delivery::Interrupt)).await.unwrap();
        let (_, events) = settled(&tasks, task.id).await;
        assert_eq!(printed(&events), "ready\nnow\n");
        assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
        assert_eq!(endings(&events)[0], ("cancelled".to_owned(), Some(137)));
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_leaves_the_background_alone_until_the_run_ends() {
    within(async {
        let dir = TempDir::new("interrupt");
        let tasks = shell().await;
        let pid = format!("{}/pid", dir.path());
        let gate = format!("{}/gate", dir.path());
        let task = start(&tasks, &format!("(sleep 60 & echo $! > {pid}); echo ready; sleep 60")).await;
        let background = dir.number("pid").await;
        // A shell lets what it puts in the background ignore the interrupt, just before it becomes what it is to be.
        let name = || std::fs::read_to_string(format!("/proc/{background}/comm")).unwrap_or_default();
        eventually("the background is set up", || name() == "sleep\n").await;
        let next = Message::new(format!("echo next; until [ -e {gate} ]; do sleep 0.02; done"));
        tasks.send(task.id, next.delivery(Delivery::Interrupt)).await.unwrap();
        until_printed(&tasks, task.id, "next").await;
        assert!(is_alive(background));
        std::fs::write(gate, "").unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        assert!(!is_alive(background));
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn what_an_interrupted_command_still_says_is_kept() {
    within(async {
        let tasks = shell().await;
        let task =
            start(&tasks, "trap 'echo sorry; exit 7' INT; echo ready; while :; do sleep 0.05; done").await;
        until_printed(&tasks, task.id, "ready").await;
        tasks.send(task.id, Message::new("echo now").delivery(Delivery::Interrupt)).await.unwrap();
        let (_, events) = settled(&tasks, task.id).await;
        assert_eq!(printed(&events), "ready\nsorry\nnow\n");
        assert_eq!(endings(&events)[0], ("cancelled".to_owned(), Some(7)));
    })
    .await;
}

#[tokio::test]
async fn a_cancel_while_an_interrupt_is_ignored_does_not_wait_for_it() {
    within(async {
        let runner = ShellRunner::new().interrupt_wait(Duration::from_secs(60));
        let tasks = manager(MemoryStore::new(), runner).await;
        let task = start(&tasks, "trap '' INT; echo ready; sleep 60; sleep 60").await;
        until_printed(&tasks, task.id, "ready").await;
        tasks.send(task.id, Message::new("echo now").delivery(Delivery::Interrupt)).await.unwrap();
        until(&tasks, task.id, |event| event.json().contains("\"interrupt\"")).await;
        tasks.cancel(task.id).await.unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}
