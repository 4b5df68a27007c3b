//! Whatever the program does: the run ends as it should, viewers are told, and nothing is left.
#![cfg(target_os = "linux")]

#[path = "../../../task-runners/tests/stub_cases/mod.rs"]
mod stub_cases;
#[path = "../../../task-runners/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use stub_cases::{run, start};
use support::{alive, completed, failure, notices, said, settled, turn_reasons, until, within};
use task_core::{Delivery, MemoryStore, Message, NewTask, TaskManager};
use task_runners::process::Environment;
use task_runners::{ClaudeRunner, Permissions};
use tempfile::TempDir;

/// A manager with the stub as its agent, and the stub's directory.
async fn stub(change: impl FnOnce(ClaudeRunner) -> ClaudeRunner) -> (TaskManager, TempDir) {
    stub_in(Environment::basic(), change).await
}

async fn stub_in(
    environment: Environment,
    change: impl FnOnce(ClaudeRunner) -> ClaudeRunner,
) -> (TaskManager, TempDir) {
    let home = TempDir::new().unwrap();
    let runner = ClaudeRunner::new().program(env!("CARGO_BIN_EXE_claude-stub"));
    let runner = change(runner.environment(environment.set("STUB_HOME", home.path())));
    let tasks = TaskManager::builder(MemoryStore::new()).runner("stub", runner).start().await.unwrap();
    (tasks, home)
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    within(async {
        let (tasks, _home) = stub(|runner| runner.program("no-such-claude")).await;
        let (task, _) = run(&tasks, "say x").await;
        assert!(
            failure(&task).contains("no-such-claude") && failure(&task).contains("npm install"),
            "{:?}",
            task.error
        );
    })
    .await;
}

#[tokio::test]
async fn a_start_that_says_nothing_is_given_up() {
    within(async {
        let environment = Environment::basic().set("STUB_START", "silent");
        let (tasks, _home) =
            stub_in(environment, |runner| runner.start_wait(Duration::from_millis(300))).await;
        let (task, _) = run(&tasks, "say x").await;
        assert!(failure(&task).contains("said nothing within 300ms"), "{:?}", task.error);
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn a_start_that_fails_says_what_is_on_stderr() {
    within(async {
        let environment = Environment::basic().set("STUB_START", "stderr");
        let (tasks, _home) = stub_in(environment, |runner| runner).await;
        let (task, events) = run(&tasks, "say x").await;
        assert!(failure(&task).contains("did not start"), "{:?}", task.error);
        assert!(failure(&task).ends_with("first complaint\nthe licence has expired"), "{:?}", task.error);
        assert_eq!(notices(&events), ["first complaint", "the licence has expired"]);
    })
    .await;
}

#[tokio::test]
async fn lines_that_are_no_json_or_too_long_are_told_and_skipped() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        for (message, notice) in [("bad-line", "this is no JSON"), ("long-line", "a line of 4194")] {
            stub_cases::is_told_and_skipped(&tasks, message, notice).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_that_dies_in_the_middle_fails_the_run_and_the_next_message_goes_on() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::dies_in_the_middle(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_nothing_is_stopped_by_a_cancel() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::hears_nothing_and_is_cancelled(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_no_interrupt_is_replaced_for_the_next_message() {
    within(async {
        let (tasks, _home) =
            stub(|runner| runner.interrupt_wait(stub_cases::IMPATIENT).ladder(stub_cases::short())).await;
        stub_cases::hears_no_interrupt_and_is_replaced(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn answers_nobody_asked_for_change_nothing() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "wrong-id").await;
        completed(&task);
        assert_eq!((said(&events).as_str(), turn_reasons(&events).len()), ("after it", 1));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_lost_with_the_program_is_told() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::dies_with_a_message(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_came_too_late_for_a_turn_is_followed_to_its_end() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let task = start(&tasks, "late").await;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.send(task, Message::new("say leftwards").delivery(Delivery::Steer)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!((turn_reasons(&events).len(), said(&events).as_str()), (1, "waitingleftwards"));
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_not_the_program() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::is_interrupted(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn a_request_of_an_unknown_kind_is_refused_rather_than_left_waiting() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "odd-request").await;
        completed(&task);
        // The order of keys is up to the features of the JSON crate.
        for field in [r#""request_id":"odd""#, r#""subtype":"error""#] {
            assert!(said(&events).contains(field), "{}", said(&events));
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_comes_whole_and_in_order() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::floods(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn chatter_on_stderr_is_told_for_a_while() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::chatters(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn two_results_are_one_turn() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "two-results").await;
        completed(&task);
        assert_eq!(
            (turn_reasons(&events), notices(&events)),
            (vec!["done".to_owned()], vec!["half".to_owned()])
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_never_reached_the_model_is_sent_again() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        stub_cases::drops_a_message(&tasks).await;
    })
    .await;
}

#[tokio::test]
async fn the_options_of_a_task_become_arguments_and_none_of_them_becomes_another_option() {
    within(async {
        let dir = TempDir::new().unwrap();
        let (tasks, _home) = stub(|runner| runner.mcp_config("/etc/servers.json").model("plain")).await;
        let arguments = |task: NewTask| async {
            let task = tasks.create(task).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            completed(&task);
            said(&events).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let bare = arguments(NewTask::new("stub", "arguments")).await;
        for argument in
            ["--strict-mcp-config", "--disable-slash-commands", "--model=plain", "--permission-mode=default"]
        {
            assert!(bare.iter().any(|given| given == argument), "{argument}: {bare:?}");
        }
        let sources = bare.iter().position(|argument| argument == "--setting-sources").unwrap();
        assert_eq!(bare[sources + 1], "");
        assert!(!bare.iter().any(|argument| argument.starts_with("--mcp-config")), "{bare:?}");

        let path = dir.path().to_str().unwrap().to_owned();
        let mut task = NewTask::new("stub", "arguments").model("other");
        task = task.enable_mcp(true).enable_skills(true).work_dir(&path);
        task.add_dirs = Some(vec![path.clone(), "--resume=x".to_owned()]);
        let full = arguments(task).await;
        for argument in [
            "--model=other",
            "--mcp-config=/etc/servers.json",
            "user,project",
            &format!("--add-dir={path}"),
            "--add-dir=--resume=x",
        ] {
            assert!(full.iter().any(|given| given == argument), "{argument}: {full:?}");
        }
        for argument in ["--disable-slash-commands", "--model=plain", "--resume=x"] {
            assert!(!full.iter().any(|given| given == argument), "{argument}: {full:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_environment_is_what_is_named() {
    within(async {
        let environment = Environment::empty().set("CLAUDECODE", "1").set("OWN", "x");
        let (tasks, _home) = stub_in(environment, |runner| runner.permissions(Permissions::Deny)).await;
        let (_, events) = run(&tasks, "environment").await;
        let said = said(&events);
        let mut names: Vec<_> = said.lines().collect();
        names.sort_unstable();
        let expected = [
            "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS",
            "CLAUDE_CODE_ENABLE_TODO_TOOLS",
            "CLAUDE_CODE_MAX_RETRIES",
            "DISABLE_AUTOUPDATER",
            "OWN",
            "STUB_HOME",
            "TASKS_RUN_MARK",
        ];
        assert_eq!(names, expected);
    })
    .await;
}
