use futures::TryStreamExt;
use task_core::{NewTask, RunContext, RunResult, Seq, TaskManager};
use task_store_sqlite::SqliteStore;

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SqliteStore::open("tasks.db").await?;
    let tasks = TaskManager::builder(store).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
    let mut events = tasks.subscribe(task.id, Seq::ZERO);
    while let Some(event) = events.try_next().await? {
        println!("{} {}", event.seq(), event.kind());
    }
    Ok(())
}
