//! An application that keeps its own tables with diesel, and its tasks beside them.

use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use task_core::{NewTask, RunContext, RunResult, TaskManager};
use task_store_sqlite::SqliteStore;

diesel::table! {
    jobs (title) {
        title -> Text,
        task -> Text,
    }
}

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut app = SqliteConnection::establish("app.db")?;
    app.batch_execute("CREATE TABLE jobs (title TEXT PRIMARY KEY, task TEXT NOT NULL)")?;

    let tasks =
        TaskManager::builder(SqliteStore::open("tasks.db").await?).runner("parrot", parrot).start().await?;
    let task = tasks.create(NewTask::new("parrot", "hello there")).await?;
    let job = (jobs::title.eq("a job"), jobs::task.eq(task.id.to_string()));
    diesel::insert_into(jobs::table).values(job).execute(&mut app)?;

    let id: String = jobs::table.select(jobs::task).first(&mut app)?;
    let task = tasks.wait(id.parse()?).await?;
    println!("{} {}", task.title, task.status);
    Ok(())
}
