//! What a command prints waits in its pipe, not in memory, while the log takes nothing.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::time::Duration;

use shell_support::{manager, start};
use support::{TempDir, alive, eventually, settled, until_printed, within};
use task_core::testing::FaultStore;
use task_core::{MemoryStore, TaskStatus};
use task_runners::ShellRunner;

#[tokio::test]
async fn until_the_store_goes_on() {
    within(async {
        let dir = TempDir::new("slow");
        let store = FaultStore::new(MemoryStore::new());
        let tasks = manager(store.clone(), ShellRunner::new()).await;
        let path = dir.path();
        let block = "x".repeat(8 << 10);
        let flood = format!(
            "echo ready; until [ -e {path}/gate ]; do sleep 0.01; done; i=0
             until [ -e {path}/stop ]; do echo {block}; i=$((i+1)); echo $i > {path}/new; mv {path}/new {path}/printed; done"
        );
        let task = start(&tasks, &flood).await;
        until_printed(&tasks, task.id, "ready").await;
        store.hold();
        std::fs::write(dir.0.join("gate"), "").unwrap();

        let printed = || -> usize {
            let text = std::fs::read_to_string(dir.0.join("printed")).unwrap_or_default();
            text.trim().parse().unwrap_or_default()
        };
        // It stands still once everything on the way is full.
        let mut last = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if last > 0 && printed() == last {
                break;
            }
            last = printed();
        }
        let bytes = last * block.len();
        // The buffer of the run, the pipe, and the hands they go through.
        assert!(bytes < (1 << 20) + (256 << 10), "{bytes} bytes are held somewhere");

        store.go_on();
        eventually("the command goes on", || printed() > last).await;
        std::fs::write(dir.0.join("stop"), "").unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert_eq!(task.status, TaskStatus::Completed);
        assert_eq!(support::printed(&events).lines().count(), printed() + 1);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}
