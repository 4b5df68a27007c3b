//! Whatever the program does: the run ends as it should, viewers are told, and nothing is left.
#![cfg(target_os = "linux")]

#[path = "../../../task-runners/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{alive, levels, settled, turn_reasons, until, within};
use task_core::{
    Delivery, Event, MemoryStore, Message, NewTask, NoticeLevel, Output, Payload, Task, TaskId, TaskManager,
    TaskStatus,
};
use task_runners::process::{Environment, Ladder};
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

async fn start(tasks: &TaskManager, message: &str) -> TaskId {
    tasks.create(NewTask::new("stub", message)).await.unwrap().id
}

async fn run(tasks: &TaskManager, message: &str) -> (Task, Vec<Event>) {
    let task = start(tasks, message).await;
    settled(tasks, task).await
}

fn said(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Text(delta)) => Some(delta.text),
        _ => None,
    });
    texts.collect()
}

fn notices(events: &[Event]) -> Vec<String> {
    let notices = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Notice(notice)) => Some(notice.text),
        _ => None,
    });
    notices.collect()
}

fn error(task: &Task) -> &str {
    assert_eq!(task.status, TaskStatus::Failed);
    task.error.as_deref().expect("a failed task says why")
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    within(async {
        let (tasks, _home) = stub(|runner| runner.program("no-such-claude")).await;
        let (task, _) = run(&tasks, "say x").await;
        assert!(
            error(&task).contains("no-such-claude") && error(&task).contains("npm install"),
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
        assert!(error(&task).contains("said nothing within 300ms"), "{:?}", task.error);
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
        assert!(error(&task).contains("did not start"), "{:?}", task.error);
        assert!(error(&task).ends_with("first complaint\nthe licence has expired"), "{:?}", task.error);
        assert_eq!(notices(&events), ["first complaint", "the licence has expired"]);
    })
    .await;
}

#[tokio::test]
async fn lines_that_are_no_json_or_too_long_are_told_and_skipped() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        for (message, notice) in [("bad-line", "this is no JSON"), ("long-line", "a line of 4194")] {
            let (task, events) = run(&tasks, message).await;
            assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
            assert_eq!(said(&events), "after it");
            let told = notices(&events);
            assert!(told.len() == 1 && told[0].contains(notice), "{message}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_that_dies_in_the_middle_fails_the_run_and_the_next_message_goes_on() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        for (message, words) in [("cut-line", "exit status: 3"), ("crash", "signal: 6")] {
            let (task, events) = run(&tasks, message).await;
            let told = error(&task);
            assert!(told.contains("in the middle of its work") && told.contains(words), "{told}");
            assert_eq!(message == "cut-line", told.ends_with("lost my footing"), "{told}");
            assert_eq!(turn_reasons(&events), ["failed"]);
            if message == "crash" {
                assert_eq!(support::endings(&events), [("failed".to_owned(), None)], "the open call");
            }
            let session = task.session_id.expect("it was stored before the end");
            tasks.send(task.id, "say on").await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            assert_eq!((task.status, task.session_id), (TaskStatus::Completed, Some(session)));
            assert!(said(&events).ends_with("on"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_nothing_is_stopped_by_a_cancel() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        for message in ["deaf", "never", "spawn 64"] {
            let task = start(&tasks, message).await;
            until(&tasks, task, |event| event.kind() == "text").await;
            let began = Instant::now();
            tasks.cancel(task).await.unwrap();
            let (task, events) = settled(&tasks, task).await;
            assert!(began.elapsed() < Duration::from_secs(6), "{message}: {:?}", began.elapsed());
            assert_eq!(task.status, TaskStatus::Cancelled, "{message}");
            assert_eq!(turn_reasons(&events), ["cancelled"], "{message}");
            assert_eq!(alive(task.id, 1), 0, "{message}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_no_interrupt_is_replaced_for_the_next_message() {
    within(async {
        let ladder = Ladder::default().close_stdin(None).terminate(Some(Duration::from_millis(100)));
        let (tasks, _home) =
            stub(|runner| runner.interrupt_wait(Duration::from_millis(200)).ladder(ladder)).await;
        let task = start(&tasks, "never").await;
        until(&tasks, task, |event| event.kind() == "text").await;
        let before = tasks.get(task).await.unwrap().session_id;
        tasks.send(task, Message::new("say heard").delivery(Delivery::Interrupt)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
        assert_eq!((task.run, task.session_id), (1, before));
        assert!(said(&events).ends_with("heard"));
    })
    .await;
}

#[tokio::test]
async fn answers_nobody_asked_for_change_nothing() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "wrong-id").await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        assert_eq!((said(&events).as_str(), turn_reasons(&events).len()), ("after it", 1));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_lost_with_the_program_is_told() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let task = start(&tasks, "drop-and-crash").await;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.send(task, Message::new("say leftwards").delivery(Delivery::Steer)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        assert!(error(&task).contains("exit status: 4"), "{:?}", task.error);
        assert_eq!(notices(&events), ["A message did not reach the agent: say leftwards"]);
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
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        assert_eq!((turn_reasons(&events).len(), said(&events).as_str()), (1, "waitingleftwards"));
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_not_the_program() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let task = start(&tasks, "pid").await;
        tasks.send(task, "stream").await.unwrap();
        until(&tasks, task, |event| matches!(event.payload(), Payload::Output(Output::Text(delta)) if delta.text.contains("more")))
            .await;
        let began = Instant::now();
        tasks.send(task, Message::new("pid").delivery(Delivery::Interrupt)).await.unwrap();
        let (_, events) = settled(&tasks, task).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(turn_reasons(&events), ["done", "interrupted", "done"]);
        let said = said(&events);
        let pids: Vec<_> = said.split_whitespace().filter(|word| *word != "more").collect();
        assert!(pids.len() == 2 && pids[0] == pids[1], "{pids:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_of_an_unknown_kind_is_refused_rather_than_left_waiting() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "odd-request").await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
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
        let (task, events) = run(&tasks, "flood 20000").await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        let words: Vec<_> = (0..20_000).map(|number| format!("{number} ")).collect();
        assert!(said(&events) == words.concat(), "something is missing or out of order");
    })
    .await;
}

#[tokio::test]
async fn chatter_on_stderr_is_told_for_a_while() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "chatter").await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        let told = notices(&events);
        assert_eq!((told.len(), told[0].as_str()), (21, "complaint 0"));
        assert!(told[20].contains("not shown"), "{told:?}");
        assert!(levels(&events).iter().all(|level| *level == NoticeLevel::Info), "a start is no warning");
    })
    .await;
}

#[tokio::test]
async fn two_results_are_one_turn() {
    within(async {
        let (tasks, _home) = stub(|runner| runner).await;
        let (task, events) = run(&tasks, "two-results").await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
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
        let task = start(&tasks, "drop").await;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.send(task, Message::new("say leftwards").delivery(Delivery::Steer)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
        assert_eq!(turn_reasons(&events), ["done", "done"]);
        assert!(said(&events).ends_with("leftwards"), "{}", said(&events));
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
            assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
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
