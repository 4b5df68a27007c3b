//! However a run ends, its processes and files end with it.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shell_support::{manager, run, shell, start, take_over};
use support::{TempDir, alive, eventually, is_alive, settled, within};
use task_core::{AgentRunner, MemoryStore, NewTask, RunId, TaskId, TaskManager, TaskStatus};
use task_runners::ShellRunner;
use task_runners::process::Mark;

#[tokio::test]
async fn what_a_command_left_running_ends_with_the_run() {
    within(async {
        let tasks = shell().await;
        for command in [
            "sleep 60 & echo $! > PID",
            "setsid sh -c 'trap \"\" TERM; echo $$ > PID; sleep 60' & until [ -s PID ]; do sleep 0.01; done",
            "env -i sleep 60 & echo $! > PID; sleep 0.1",
        ] {
            let dir = TempDir::new("left");
            let command = command.replace("PID", &format!("{}/pid", dir.path()));
            let (task, _) = run(&tasks, &command).await;
            assert_eq!(task.status, TaskStatus::Completed);
            assert!(!is_alive(dir.number("pid").await), "{command}");
            assert_eq!(alive(task.id, 1), 0, "{command}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_background_may_print_as_long_as_the_run_lasts() {
    within(async {
        let dir = TempDir::new("prints");
        let tasks = shell().await;
        let done = format!("{}/done", dir.path());
        let task = start(&tasks, &format!("(sleep 0.3; seq 1 100000; : > {done}) &")).await;
        tasks.send(task.id, format!("until [ -e {done} ]; do sleep 0.02; done; echo seen")).await.unwrap();
        let (_, events) = settled(&tasks, task.id).await;
        assert!(support::printed(&events).contains("seen"));
    })
    .await;
}

#[tokio::test]
async fn a_manager_that_is_dropped_takes_its_processes_along() {
    within(async {
        let dir = TempDir::new("dropped");
        let store = MemoryStore::new();
        let tasks = manager(store.clone(), ShellRunner::new()).await;
        let pid = format!("{}/pid", dir.path());
        let stubborn =
            format!("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > {pid}; sleep 60' & sleep 60");
        let task = start(&tasks, &stubborn).await;
        let pid = dir.number("pid").await;
        drop(tasks);
        eventually("all processes are gone", || alive(task.id, 1) == 0 && !is_alive(pid)).await;

        let tasks = take_over(store, ShellRunner::new()).await;
        assert_eq!(tasks.get(task.id).await.unwrap().status, TaskStatus::Interrupted);
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_takes_all_processes_along() {
    within(async {
        let dir = TempDir::new("shutdown");
        let tasks = shell().await;
        let pid = format!("{}/pid", dir.path());
        let command =
            format!("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > {pid}; sleep 60' & sleep 60");
        let task = start(&tasks, &command).await;
        let pid = dir.number("pid").await;
        tasks.shutdown(Duration::from_millis(100)).await.unwrap();
        assert_eq!(alive(task.id, 1), 0);
        assert!(!is_alive(pid));
    })
    .await;
}

/// What a server leaves that is killed: marked processes without anybody who knows them.
fn abandoned(run: RunId, dir: &TempDir) {
    let script = format!(
        "setsid sh -c 'trap \"\" TERM; echo $$ > {0}/setsid; sleep 60' & sleep 60 & echo $! > {0}/plain; sleep 60",
        dir.path()
    );
    let mut server = Command::new("sh")
        .args(["-c", &script])
        .env(Mark::VARIABLE, Mark::new(run).to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !dir.0.join("setsid").exists() || !dir.0.join("plain").exists() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test]
async fn what_a_killed_server_left_is_cleaned_up_and_nothing_else() {
    within(async {
        let run = RunId::new(TaskId::new(), 3);
        let other_task = RunId::new(TaskId::new(), 3);
        let other_run = RunId::new(run.task, 4);
        let dirs = [TempDir::new("reap"), TempDir::new("reap"), TempDir::new("reap")];
        for (run, dir) in [run, other_task, other_run].into_iter().zip(&dirs) {
            abandoned(run, dir);
        }
        let (setsid, plain) = (dirs[0].number("setsid").await, dirs[0].number("plain").await);
        assert!(is_alive(setsid) && is_alive(plain));
        let left = |run: RunId| alive(run.task, run.run);
        let (of_task, of_run) = (left(other_task), left(other_run));
        assert!(of_task >= 3 && of_run >= 3);

        let runner = ShellRunner::new();
        let began = Instant::now();
        runner.clean_up(&[run, RunId::new(TaskId::new(), 1)]).await;
        assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
        assert!(!is_alive(setsid) && !is_alive(plain));
        assert_eq!((left(run), left(other_task), left(other_run)), (0, of_task, of_run));

        // Again, and for several at once.
        runner.clean_up(&[run, other_task, other_run]).await;
        assert_eq!((left(run), left(other_task), left(other_run)), (0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_restart_reaps_what_the_crash_left() {
    within(async {
        let store = MemoryStore::new();
        // A manager whose run hangs, so that the store holds a task that runs; then it is gone without a word.
        let first = TaskManager::builder(store.clone()).runner("shell", hang).start().await.unwrap();
        let task = first.create(NewTask::new("shell", "sleep 60")).await.unwrap();
        support::until(&first, task.id, |event| event.kind() == "message_delivered").await;
        let dir = TempDir::new("restart");
        abandoned(RunId::new(task.id, 1), &dir);
        drop(first);

        let second = take_over(store, ShellRunner::new()).await;
        assert_eq!(second.get(task.id).await.unwrap().status, TaskStatus::Interrupted);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

async fn hang(cx: task_core::RunContext) -> task_core::RunResult {
    cx.next_message().await?;
    std::future::pending().await
}

#[tokio::test]
async fn the_files_of_a_run_are_removed() {
    within(async {
        let tasks = shell().await;
        let (task, _) = run(&tasks, "export A=1").await;
        let left: Vec<_> = std::fs::read_dir(std::env::temp_dir())
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains(&task.id.to_string()))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}
