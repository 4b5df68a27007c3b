//! A server that is killed: what it left is gone when the next one serves, and the session goes on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use task_core::{NewTask, TaskId, TaskManager, TaskStatus};
use task_runners::Permissions;
use task_store_sqlite::SqliteStore;

use crate::rig::{Kind, Rig, completed, script, within, written};
use crate::support::{alive, settled};

crate::for_each_agent!(a_killed_server_leaves_nothing_and_its_session_goes_on);

/// The server that will be killed: this program again, told by its environment to be one.
struct Server(Child);

impl Server {
    fn start(rig: &Rig, store: &Path, message: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let module = rig.kind.module();
        let test = format!("crash::{module}::a_killed_server_leaves_nothing_and_its_session_goes_on");
        command.args(["--exact", &test, "--nocapture"]);
        command.env(ROLE, json!([store, rig.api.url(), rig.home.0, rig.dir.0, message]).to_string());
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn task(&mut self) -> TaskId {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let task = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("task ")?.parse().ok());
        task.expect("it says which task it runs")
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serve(kind: Kind, role: &str) {
    let [store, url, home, dir, message]: [String; 5] = serde_json::from_str(role).unwrap();
    let runner = kind.runner(&url, home.as_ref()).permissions(Permissions::AllowAll);
    let store = SqliteStore::open(&store).await.unwrap();
    let tasks = TaskManager::builder(store).runner("acp", runner).start().await.unwrap();
    let task = tasks.create(NewTask::new("acp", message).work_dir(dir)).await.unwrap();
    println!("\ntask {}", task.id);
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn a_killed_server_leaves_nothing_and_its_session_goes_on(kind: Kind) {
    if let Ok(role) = std::env::var(ROLE) {
        return serve(kind, &role).await;
    }
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let store = rig.home.0.join("tasks.db");
        let message = script(&[
            json!([kind.shell("setsid sleep 63 & echo x > started; sleep 63")]),
            json!([{ "text": "never" }]),
        ]);
        let mut server = Server::start(&rig, &store, &message);
        let task = server.task();
        written(rig.dir.0.join("started")).await;
        server.kill();
        assert!(alive(task, 1) >= 2, "what the tool started went on");

        let runner = rig.runner();
        let store = SqliteStore::open(&store).await.unwrap();
        let tasks = TaskManager::builder(store).runner("acp", runner).start().await.unwrap();
        assert_eq!(alive(task, 1), 0);
        let interrupted = tasks.get(task).await.unwrap();
        assert_eq!(interrupted.status, TaskStatus::Interrupted);

        tasks.send(task, "Go on").await.unwrap();
        let (task, _) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!(task.session_id, interrupted.session_id);
        let conversation = rig.last_conversation();
        assert!(conversation.contains("sleep 63") && conversation.contains("Go on"), "{conversation}");
    })
    .await;
}

const ROLE: &str = "CRASH_SERVER";
