//! Where a command ended and what it exported is where the next one begins.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::time::Duration;

use shell_support::{again, manager, run, shell, start, take_over};
use support::{TempDir, endings, printed, settled, within};
use task_core::{MemoryStore, NewTask, Output, Payload, TaskStatus};
use task_runners::ShellRunner;
use task_runners::process::Environment;

/// The shells to try: the one that is chosen here, and the plainest.
fn runners() -> [ShellRunner; 2] {
    [ShellRunner::new(), ShellRunner::new().program("/bin/sh")]
}

#[tokio::test]
async fn to_the_next_message_of_the_run() {
    within(async {
        for runner in runners() {
            let tasks = manager(MemoryStore::new(), runner).await;
            let task = start(&tasks, "sleep 0.3; cd /usr; export A=1").await;
            tasks.send(task.id, "echo $PWD $A").await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            assert_eq!(task.run, 1);
            assert_eq!(printed(&events), "/usr 1\n");
        }
    })
    .await;
}

#[tokio::test]
async fn to_the_next_run() {
    within(async {
        for runner in runners() {
            let tasks = manager(MemoryStore::new(), runner).await;
            let (task, _) = run(&tasks, "cd /usr; export A='x y' B=1; unset B; C=not-exported").await;
            let (task, printed) = again(&tasks, task.id, "echo $PWD $A/$B/$C").await;
            assert_eq!((task.run, printed.as_str()), (2, "/usr x y//\n"));
        }
    })
    .await;
}

#[tokio::test]
async fn to_another_process() {
    within(async {
        let store = MemoryStore::new();
        let first = manager(store.clone(), ShellRunner::new()).await;
        let (task, _) = run(&first, "cd /usr; export A=1").await;
        drop(first);

        let second = take_over(store, ShellRunner::new()).await;
        let (task, printed) = again(&second, task.id, "echo $PWD $A").await;
        assert_eq!((task.run, printed.as_str()), (2, "/usr 1\n"));
    })
    .await;
}

#[tokio::test]
async fn however_the_command_ends() {
    within(async {
        for runner in runners() {
            let tasks = manager(MemoryStore::new(), runner).await;
            for command in [
                "cd /usr; export A=1; exit 3",
                "cd /usr; export A=1; false",
                "set -e; cd /usr; export A=1; false; cd /",
                "set -eux; set -C -f; cd /usr; export A=1",
                "cd /usr; export A=1; eval 'if then ('",
                "trap 'echo bye' EXIT; cd /usr; export A=1",
                "IFS=/; cd /usr; export A=1; PATH=/nowhere",
                "cd /usr\nexport A=1\ncat <<'END'\nit's \"quoted\" $A `here`\nEND\n",
                "cd /usr; export A=1 # a comment without a line break",
                "cd /usr; export A=1; alias pwd=false; pwd() { false; }; env() { false; }",
            ] {
                let (task, _) = run(&tasks, command).await;
                let (_, printed) = again(&tasks, task.id, "echo $PWD $A").await;
                assert_eq!(printed, "/usr 1\n", "after {command}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_killed_changes_nothing() {
    within(async {
        let tasks = shell().await;
        let (task, _) = run(&tasks, "cd /usr; export A=1").await;
        again(&tasks, task.id, "cd /; export A=2; kill -9 $$").await;
        let (_, printed) = again(&tasks, task.id, "echo $PWD $A").await;
        assert_eq!(printed, "/usr 1\n");
    })
    .await;
}

#[tokio::test]
async fn values_of_any_shape() {
    within(async {
        let tasks = shell().await;
        let (task, _) = run(&tasks, "export A=\"a=b\n\nc'd\" EMPTY= Ü=no 任=no; export A EMPTY").await;
        let (_, printed) = again(&tasks, task.id, "printf '%s|%s' \"$A\" \"${EMPTY-unset}\"").await;
        assert_eq!(printed, "a=b\n\nc'd|");
    })
    .await;
}

#[tokio::test]
async fn a_variable_that_was_taken_away_stays_away() {
    within(async {
        let runner = ShellRunner::new().environment(Environment::basic().set("GIVEN", "1"));
        let tasks = manager(MemoryStore::new(), runner).await;
        let (task, events) = run(&tasks, "echo $GIVEN; unset GIVEN").await;
        assert_eq!(printed(&events), "1\n");
        let (_, printed) = again(&tasks, task.id, "echo ${GIVEN-none}").await;
        assert_eq!(printed, "none\n");
    })
    .await;
}

#[tokio::test]
async fn the_log_holds_what_was_exported_and_nothing_of_the_server() {
    within(async {
        let runner = ShellRunner::new().environment(Environment::basic().set("SECRET", "hunter2"));
        let tasks = manager(MemoryStore::new(), runner).await;
        let (_, events) = run(&tasks, "export A=1; cd /usr").await;
        let checkpoints: Vec<_> =
            events.iter().filter(|event| event.kind() == "checkpoint").map(|event| event.json()).collect();
        assert_eq!(checkpoints.len(), 1);
        assert!(checkpoints[0].contains(r#""A":"1""#), "{checkpoints:?}");
        for word in ["hunter2", "PATH", "TASKS_RUN_MARK", "__tasks"] {
            assert!(!checkpoints[0].contains(word), "{word} in {checkpoints:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_directory_that_is_gone_is_left_with_a_warning() {
    within(async {
        let dir = TempDir::new("gone");
        let tasks = manager(MemoryStore::new(), ShellRunner::new().work_dir(dir.path())).await;
        let (task, _) = run(&tasks, "mkdir sub; cd sub; rmdir ../sub").await;
        let (task, printed) = again(&tasks, task.id, "pwd").await;
        assert_eq!(task.status, TaskStatus::Completed);
        assert_eq!(printed.trim(), dir.path());
        let (_, events) = settled(&tasks, task.id).await;
        let is_notice = |payload| matches!(payload, Payload::Output(Output::Notice(_)));
        assert!(events.iter().any(|event| is_notice(event.payload())));
    })
    .await;
}

#[tokio::test]
async fn variables_beyond_measure_are_dropped_with_a_warning() {
    within(async {
        let tasks = shell().await;
        let big = "A=$(head -c 120000 /dev/zero | tr '\\0' x)";
        let (task, events) = run(&tasks, &format!("cd /usr; {big}; export A B=$A C=$A")).await;
        assert_eq!(endings(&events), [("completed".to_owned(), Some(0))]);
        assert!(events.iter().any(|event| event.kind() == "notice"));
        let (_, printed) = again(&tasks, task.id, "echo $PWD ${#A}").await;
        assert_eq!(printed, "/usr 0\n");
    })
    .await;
}

#[tokio::test]
async fn a_task_works_where_it_was_told_to() {
    within(async {
        let dir = TempDir::new("work");
        std::fs::create_dir(dir.0.join("sub")).unwrap();
        let tasks = manager(MemoryStore::new(), ShellRunner::new().work_dir(dir.path())).await;
        for (wanted, expected) in [
            (None, dir.path().to_owned()),
            (Some("sub"), format!("{}/sub", dir.path())),
            (Some("/usr"), "/usr".into()),
        ] {
            let mut new = NewTask::new("shell", "pwd");
            new.work_dir = wanted.map(str::to_owned);
            let task = tasks.create(new).await.unwrap();
            let (_, events) = settled(&tasks, task.id).await;
            assert_eq!(printed(&events).trim(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_task_without_its_directory_or_its_shell_fails_in_clear_words() {
    within(async {
        let tasks = shell().await;
        let task = tasks.create(NewTask::new("shell", "pwd").work_dir("/no/such/dir")).await.unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        assert_eq!(task.status, TaskStatus::Failed);
        assert!(task.error.as_deref().unwrap().contains("/no/such/dir"), "{:?}", task.error);

        let tasks = manager(MemoryStore::new(), ShellRunner::new().program("/no/such/shell")).await;
        let (task, events) = run(&tasks, "pwd").await;
        assert_eq!(task.status, TaskStatus::Failed);
        assert!(task.error.as_deref().unwrap().contains("/no/such/shell"), "{:?}", task.error);
        assert_eq!(endings(&events), [("failed".to_owned(), None)]);
        tasks.shutdown(Duration::ZERO).await.unwrap();
    })
    .await;
}
