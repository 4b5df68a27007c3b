//! What a command prints is in the log as it is printed, all of it, whatever it is.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use std::time::{Duration, Instant};

use shell_support::{run, shell, start};
use support::{endings, printed, settled, tool_update, turn_reasons, until_printed, within};
use task_core::{Output, Payload, TaskStatus};

#[tokio::test]
async fn a_command_is_a_tool_call_with_output_and_exit_code() {
    within(async {
        let tasks = shell().await;
        let (task, events) = run(&tasks, "echo out; echo err >&2").await;
        assert_eq!(task.status, TaskStatus::Completed);
        assert_eq!(task.session_id, Some(format!("shell-{}", task.id)));

        let call = events.iter().find_map(|event| match event.payload() {
            Payload::Output(Output::ToolCall(call)) => Some(call),
            _ => None,
        });
        let call = call.unwrap();
        assert_eq!((call.name.as_str(), call.title.as_str()), ("shell", "echo out; echo err >&2"));
        let input: serde_json::Value = call.input.unwrap().decode().unwrap();
        assert_eq!(input, serde_json::json!({"command": "echo out; echo err >&2"}));
        assert!(events.iter().filter_map(tool_update).all(|update| update.call_id == call.call_id));
        assert_eq!(printed(&events), "out\nerr\n");
        assert_eq!(endings(&events), [("completed".to_owned(), Some(0))]);
        assert_eq!(turn_reasons(&events), ["done"]);
    })
    .await;
}

#[tokio::test]
async fn output_is_seen_while_the_command_runs() {
    within(async {
        let tasks = shell().await;
        let dir = support::TempDir::new("gate");
        let gate = format!("{}/gate", dir.path());
        // Goes on only when somebody who saw the output lets it.
        let task =
            start(&tasks, &format!("echo first; until [ -e {gate} ]; do sleep 0.02; done; echo second"))
                .await;
        until_printed(&tasks, task.id, "first").await;
        assert_eq!(tasks.get(task.id).await.unwrap().status, TaskStatus::Running);
        std::fs::write(gate, "").unwrap();
        let (_, events) = settled(&tasks, task.id).await;
        assert_eq!(printed(&events), "first\nsecond\n");
    })
    .await;
}

#[tokio::test]
async fn a_failing_command_ends_its_turn_and_not_the_run() {
    within(async {
        let tasks = shell().await;
        for (command, code) in
            [("exit 3", 3), ("false", 1), ("no-such-program", 127), ("if then", 2), ("kill -9 $$", 137)]
        {
            let (task, events) = run(&tasks, command).await;
            assert_eq!(task.status, TaskStatus::Completed, "{command}");
            assert_eq!(endings(&events), [("failed".to_owned(), Some(code))], "{command}");
            assert_eq!(turn_reasons(&events), ["failed"]);
        }
    })
    .await;
}

#[tokio::test]
async fn stdout_and_stderr_keep_their_order() {
    within(async {
        let tasks = shell().await;
        let command = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done";
        let (_, events) = run(&tasks, command).await;
        let expected: String = (1..=9).map(|i| format!("out {i}\nerr {i}\n")).collect();
        assert_eq!(printed(&events), expected);
    })
    .await;
}

#[tokio::test]
async fn many_small_writes_become_few_events() {
    within(async {
        let tasks = shell().await;
        let (_, events) = run(&tasks, "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done").await;
        let expected: String = (0..5000).map(|i| format!("{i}\n")).collect();
        assert_eq!(printed(&events), expected);
        let updates = events.iter().filter_map(tool_update).count();
        assert!(updates < 500, "{updates} events for 5000 lines");
    })
    .await;
}

#[tokio::test]
async fn huge_output_arrives_whole_and_in_order() {
    within(async {
        let tasks = shell().await;
        let (_, events) = run(&tasks, "seq 1 1500000").await;
        let printed = printed(&events);
        assert!(printed.lines().map(|line| line.parse::<u32>().unwrap()).eq(1..=1_500_000));
        let largest =
            events.iter().filter_map(tool_update).filter_map(|update| update.output).map(|text| text.len());
        // Pieces that wait to be written together are merged, up to a bound.
        assert!(largest.max().unwrap() <= 16 << 10);
    })
    .await;
}

#[tokio::test]
async fn what_is_printed_right_before_the_end_is_not_lost() {
    within(async {
        let tasks = shell().await;
        let expected: String = (1..=15_000).map(|i| format!("{i}\n")).collect();
        for _ in 0..20 {
            // Replaces the shell, so that nothing happens between the last line and the end of the process.
            let (_, events) = run(&tasks, "exec seq 1 15000").await;
            assert!(printed(&events) == expected);
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_text_do_no_harm() {
    within(async {
        let tasks = shell().await;
        for (command, expected) in [
            (r"printf 'a\000b'", "a\0b"),
            (r"printf 'a\377b'", "a\u{FFFD}b"),
            (r"printf '\344\273'; sleep 0.1; printf '\273'", "任"),
            (r"printf 'cut \344\273'", "cut \u{FFFD}"),
            ("printf 'no line break'", "no line break"),
            ("true", ""),
            ("cat", ""),
        ] {
            let (_, events) = run(&tasks, command).await;
            assert_eq!(printed(&events), expected, "{command}");
        }
    })
    .await;
}

#[tokio::test]
async fn characters_are_whole_in_every_event() {
    within(async {
        let tasks = shell().await;
        let (_, events) = run(&tasks, "i=0; while [ $i -lt 9000 ]; do printf 任务👩; i=$((i+1)); done").await;
        assert_eq!(printed(&events), "任务👩".repeat(9000));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_closes_its_output_early_is_waited_for() {
    within(async {
        let tasks = shell().await;
        let dir = support::TempDir::new("closed");
        let command = format!("echo before; exec >&- 2>&-; sleep 0.3; : > {}/late", dir.path());
        let (_, events) = run(&tasks, &command).await;
        assert_eq!(printed(&events), "before\n");
        assert!(dir.0.join("late").exists());
        assert_eq!(endings(&events), [("completed".to_owned(), Some(0))]);
    })
    .await;
}

#[tokio::test]
async fn a_turn_ends_with_its_shell_even_if_the_pipe_is_held() {
    within(async {
        let tasks = shell().await;
        let began = Instant::now();
        let (_, events) = run(&tasks, "sleep 30 & echo started").await;
        assert_eq!(printed(&events), "started\n");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_turn_ends_with_its_shell_even_if_the_background_floods() {
    within(async {
        let tasks = shell().await;
        let began = Instant::now();
        let (_, events) = run(&tasks, "yes & echo started").await;
        assert!(printed(&events).contains("started\n"));
        assert_eq!(turn_reasons(&events), ["done"]);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_no_command_fails_its_turn() {
    within(async {
        let tasks = shell().await;
        for command in [" \n ", "echo a\0b"] {
            let Ok(task) = tasks.create(task_core::NewTask::new("shell", command)).await else { continue };
            let (task, events) = settled(&tasks, task.id).await;
            assert_eq!(task.status, TaskStatus::Completed);
            assert_eq!(turn_reasons(&events), ["failed"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_may_be_longer_than_one_argument_of_a_program() {
    within(async {
        let tasks = shell().await;
        let text = "任务 ".repeat(30_000);
        let (_, events) = run(&tasks, &format!("wc -c <<'END'\n{text}\nEND")).await;
        assert_eq!(printed(&events).trim(), (text.len() + 1).to_string());
    })
    .await;
}
