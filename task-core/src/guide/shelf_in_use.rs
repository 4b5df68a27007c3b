#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use task_core::{NewTask, RunContext, RunResult, TaskManager, TaskStatus};

    async fn parrot(cx: RunContext) -> RunResult {
        while let Some(message) = cx.next_message().await? {
            cx.text("reply", message.text()).await?;
        }
        Ok(())
    }

    let tasks = TaskManager::builder(Shelf::default()).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Completed);
    Ok(())
}
