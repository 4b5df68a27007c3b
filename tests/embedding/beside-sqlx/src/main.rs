//! An application that keeps its own tables with sqlx, and its tasks beside them.

use std::error::Error;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use task_core::{NewTask, RunContext, RunResult, TaskManager};
use task_store_sqlite::SqliteStore;

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = SqliteConnectOptions::new().filename("app.db").create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE jobs (title TEXT NOT NULL, task TEXT NOT NULL)").execute(&pool).await?;

    let tasks =
        TaskManager::builder(SqliteStore::open("tasks.db").await?).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
    let insert = sqlx::query("INSERT INTO jobs VALUES ('a job', ?)").bind(task.id.to_string());
    insert.execute(&pool).await?;

    let (id,): (String,) = sqlx::query_as("SELECT task FROM jobs").fetch_one(&pool).await?;
    let task = tasks.wait(id.parse()?).await?;
    println!("{} {}", task.title, task.status);
    Ok(())
}
