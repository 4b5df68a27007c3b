//! What the tests of real agents share.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use task_core::{AgentRunner, NewTask, TaskId, TaskManager};
use task_store_sqlite::SqliteStore;

/// A directive with these turns, each a list of steps.
pub(crate) fn script(turns: &[Value]) -> String {
    let turns: Vec<_> = turns.iter().map(|steps| json!({ "steps": steps })).collect();
    format!("@fake {}", json!({ "turns": turns }))
}

/// Waits until a tool runs that printed to a file.
pub(crate) async fn written(path: PathBuf) {
    let is_there = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(START, is_there).await;
    waited.unwrap_or_else(|_| panic!("{} is never written", path.display()));
}

/// The server that will be killed: this program again, told by its environment to be one.
pub(crate) struct Server(Child);

/// What such a server is told.
pub(crate) struct Role {
    pub(crate) store: PathBuf,
    /// Where the model API is.
    pub(crate) url: String,
    /// The home of the agent.
    pub(crate) home: PathBuf,
    /// Where its task works.
    pub(crate) dir: PathBuf,
    pub(crate) message: String,
}

impl Server {
    /// Runs the test of this name, which has to [serve](Role::serve).
    pub(crate) fn start(test: &str, role: &Role) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]);
        let Role { store, url, home, dir, message } = role;
        command.env(ROLE, json!([store, url, home, dir, message]).to_string());
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn task(&mut self) -> TaskId {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let task = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("task ")?.parse().ok());
        task.expect("it says which task it runs")
    }

    pub(crate) fn kill(&mut self) {
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

impl Role {
    /// What this process is told, if it is such a server.
    pub(crate) fn of_this_process() -> Option<Self> {
        let told = std::env::var(ROLE).ok()?;
        let [store, url, home, dir, message]: [String; 5] = serde_json::from_str(&told).unwrap();
        Some(Self { store: store.into(), url, home: home.into(), dir: dir.into(), message })
    }

    /// Runs a task until the end of this process.
    pub(crate) async fn serve(self, runner: impl AgentRunner) {
        let tasks = open(&self.store, runner).await;
        let dir = self.dir.to_str().unwrap();
        let task = tasks.create(NewTask::new(AGENT, self.message).work_dir(dir)).await.unwrap();
        println!("\ntask {}", task.id);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// A manager with the agent on a store that others find again.
pub(crate) async fn open(store: &Path, runner: impl AgentRunner) -> TaskManager {
    let store = SqliteStore::open(store).await.unwrap();
    TaskManager::builder(store).runner(AGENT, runner).start().await.unwrap()
}

/// What tasks call the agent that is tested.
pub(crate) const AGENT: &str = "agent";

/// A start and a turn to its tool.
const START: Duration = Duration::from_secs(60);

const ROLE: &str = "CRASH_SERVER";
