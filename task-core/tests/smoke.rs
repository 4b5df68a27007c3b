use std::time::Duration;
use futures::TryStreamExt;
use task_core::*;

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        for w in message.text().split_whitespace() { cx.text("reply", w).await?; }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn smoke() {
    let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await.unwrap();
    let task = tasks.create(NewTask::new("parrot", "hello there")).await.unwrap();
    let events: Vec<_> = tasks.subscribe(task.id, Seq::ZERO).try_collect().await.unwrap();
    for e in &events { println!("{}", e.json()); }
    println!("{}", serde_json::to_string(&tasks.get(task.id).await.unwrap()).unwrap());
    tasks.send(task.id, "again").await.unwrap();
    let t = tasks.wait(task.id).await.unwrap();
    assert_eq!(t.run, 2);
    tasks.shutdown(Duration::from_secs(10)).await.unwrap();
}
