//! `cargo run -p quickstart`: an agent task in 25 lines. The events are in `tasks.db` afterwards.
use futures::TryStreamExt;
use task_core::{NewTask, RunContext, RunResult, Seq, TaskManager};
use task_store_sqlite::SqliteStore;

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        for word in message.text().split_whitespace() {
            cx.text("reply", format!("{word} ")).await?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tasks =
        TaskManager::builder(SqliteStore::open("tasks.db").await?).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
    let mut events = tasks.subscribe(task.id, Seq::ZERO);
    while let Some(event) = events.try_next().await? {
        println!("{} {}", event.seq(), event.json());
    }
    Ok(tasks.shutdown(std::time::Duration::from_secs(10)).await?)
}
