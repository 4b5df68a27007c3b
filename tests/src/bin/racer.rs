//! A process for tests to race with: it observes the SQLite file it is given, and does many times at once what a line
//! on its input says: `create KEY`, or `send TASK KEY`. For each it prints what came of it: a name, and whether it was
//! there before. Then an empty line.

use std::io::{BufRead, Write};

use futures::future::join_all;
use task_core::{Message, NewTask, TaskManager};
use task_store_sqlite::SqliteStore;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("a path is needed")?;
    let times: usize = args.next().ok_or("a number is needed")?.parse()?;
    let tasks = TaskManager::builder(SqliteStore::open(path).await?).observe().await?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let came = match words.as_slice() {
            ["create", key] => {
                let create = || tasks.create_once(NewTask::new("counter", "count").idempotency_key(*key));
                let created = join_all((0..times).map(|_| create())).await;
                let named = created
                    .into_iter()
                    .map(|created| created.map(|created| (created.task.id.to_string(), created.repeated)));
                named.collect::<Result<Vec<_>, _>>()?
            }
            ["send", task, key] => {
                let task = task.parse()?;
                let send = || tasks.send(task, Message::new("more").idempotency_key(*key));
                let sent = join_all((0..times).map(|_| send())).await;
                let named = sent
                    .into_iter()
                    .map(|sent| sent.map(|sent| (sent.message_id.to_string(), sent.repeated)));
                named.collect::<Result<Vec<_>, _>>()?
            }
            _ => return Err(format!("not understood: {line}").into()),
        };
        for (name, repeated) in came {
            writeln!(out, "{name} {repeated}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
