//! Commands get what they need from the environment of the server, and none of its secrets.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::process::Command;

use shell_support::{manager, run};
use support::{printed, within};
use task_core::MemoryStore;
use task_runners::ShellRunner;
use task_runners::process::Environment;

const INSIDE: &str = "RUNNERS_TEST_INSIDE";

/// The environment of a program cannot be changed safely while it runs, so this starts itself with another one.
#[tokio::test]
async fn commands_see_no_secrets_of_the_server() {
    if std::env::var_os(INSIDE).is_none() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "commands_see_no_secrets_of_the_server"])
            .env(INSIDE, "1")
            .env("TASKS_TOKEN", "secret-token")
            .env("DATABASE_URL", "secret-url")
            .env("LD_DEBUG_OUTPUT", "secret-loader")
            .env("GIT_DIR", "secret-git")
            .env("LC_TIME", "C")
            .env("AGENT_KEY", "named-key")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    within(async {
        let environment = Environment::basic().inherit("AGENT_KEY").inherit("TASKS_TOKEN").set("GIVEN", "1");
        let tasks = manager(MemoryStore::new(), ShellRunner::new().environment(environment)).await;
        let (task, events) = run(&tasks, "env; cat /proc/self/environ").await;
        let printed = printed(&events);
        for secret in ["secret", "TASKS_TOKEN", INSIDE] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
        for wanted in ["PATH=", "LC_TIME=C", "AGENT_KEY=named-key", "GIVEN=1"] {
            assert!(printed.contains(wanted), "no {wanted} in {printed}");
        }
        assert!(printed.contains(&format!("TASKS_RUN_MARK={}.1.", task.id)));
    })
    .await;
}

#[tokio::test]
async fn commands_get_three_files_and_no_input() {
    within(async {
        let _open = std::fs::File::open("/proc/self/stat").unwrap();
        let tasks = manager(MemoryStore::new(), ShellRunner::new()).await;
        let (_, events) = run(&tasks, "cat; readlink /proc/$$/fd/0; echo /proc/$$/fd/*").await;
        let printed = printed(&events);
        let (input, files) = printed.trim().split_once('\n').unwrap();
        assert_eq!(input, "/dev/null");
        let numbers: Vec<u32> =
            files.split(' ').map(|path| path.rsplit('/').next().unwrap().parse().unwrap()).collect();
        // Shells keep what they use themselves at 10 and above.
        assert!(numbers.iter().all(|number| *number <= 3 || *number >= 10), "{numbers:?}");
    })
    .await;
}
