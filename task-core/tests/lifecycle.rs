//! A task from its creation to its end, and on.

mod common;

use common::{check_log, create, kinds, log, stage, stage_with};
use task_core::testing::FaultStore;
use task_core::{
    AgentRunner, Capabilities, Custom, Durability, MemoryStore, NewTask, Output, Plan, RawOutput, RunContext,
    RunError, RunResult, RunStarted, TaskError, TaskStatus, ToolCall, ToolStatus, ToolUpdate, Usage,
    UsageReport,
};

#[tokio::test(start_paused = true)]
async fn a_run_that_returns_ok_completes_the_task() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    assert_eq!((task.status, task.seq.get(), task.queued_messages), (TaskStatus::Pending, 2, 1));

    let act = stage.next().await;
    let message = act.cx.next_message().await.expect("stored").expect("the first message");
    assert_eq!(message.text(), "first");
    assert!(act.cx.next_message().await.expect("stored").is_none());
    act.cx.text("reply", "hi").await.expect("accepted");
    act.finish(Ok(()));

    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.run, task.queued_messages), (TaskStatus::Completed, 1, 0));
    assert!(task.started_at.is_some() && task.completed_at.is_some() && task.error.is_none());
    assert_eq!(
        kinds(&log(&tasks, task.id).await),
        ["created", "message", "run_started", "message_delivered", "text", "completed"]
    );
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_returns_an_error_fails_the_task_in_its_words() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    stage.next().await.finish(Err(RunError::new("out of coffee")));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.error.as_deref()), (TaskStatus::Failed, Some("out of coffee")));
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_task_and_no_other() {
    let (tasks, mut stage) = stage().await;
    let (one, two) = (create(&tasks).await, create(&tasks).await);
    let (first, second) = (stage.next().await, stage.next().await);
    first.panic();
    let failed = tasks.wait(one.id).await.expect("it settles");
    assert_eq!(failed.error.as_deref(), Some("the runner panicked: on purpose"));
    second.finish(Ok(()));
    assert_eq!(tasks.wait(two.id).await.expect("it settles").status, TaskStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn causes_of_an_error_are_put_in_words_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the plan")]
    struct Outer(#[source] std::io::Error);
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    stage.next().await.finish(Err(Outer(std::io::Error::other("no such page")).into()));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(task.error.as_deref(), Some("cannot read the plan: no such page"));
}

#[tokio::test(start_paused = true)]
async fn a_message_to_a_settled_task_starts_its_next_run() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    act.cx.set_session("session-1").await.expect("stored");
    act.finish(Err(RunError::new("lost the thread")));
    tasks.wait(task.id).await.expect("it settles");

    let sent = tasks.send(task.id, "second").await.expect("accepted");
    assert_eq!(sent.status, TaskStatus::Pending);
    let act = stage.next().await;
    assert_eq!((act.cx.run(), act.cx.task().session_id.as_deref()), (2, Some("session-1")));
    assert!(!act.cx.is_resumed(), "the last run ended by itself");
    assert_eq!(act.cx.task().error, None, "the error belongs to the last run");
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "second");
    act.finish(Ok(()));

    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.run), (TaskStatus::Completed, 2));
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn text_that_waits_together_becomes_one_event_and_no_word_is_lost() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let words: Vec<String> = (0..1000).map(|n| format!("word{n} ")).collect();
    for word in &words {
        act.cx.text("reply", word.as_str()).await.expect("accepted");
    }
    act.cx.flush().await.expect("stored");
    act.finish(Ok(()));

    let events = log(&tasks, task.id).await;
    let texts: Vec<_> = events.iter().filter(|event| event.kind() == "text").collect();
    assert!(texts.len() < 1000, "{} events for 1000 words", texts.len());
    let text: String = texts
        .iter()
        .map(|event| match event.payload() {
            task_core::Payload::Output(Output::Text(delta)) => delta.text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(text, words.concat());
}

#[tokio::test(start_paused = true)]
async fn blocks_and_kinds_are_never_merged() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for (kind, block) in [("text", "a"), ("text", "b"), ("thinking", "b"), ("text", "b"), ("text", "b")] {
        let output = if kind == "text" { Output::text(block, "x") } else { Output::thinking(block, "x") };
        act.cx.emit(output).await.expect("accepted");
    }
    act.finish(Ok(()));
    let events = log(&tasks, task.id).await;
    let order: Vec<_> =
        events.iter().filter(|event| ["text", "thinking"].contains(&event.kind())).map(Event::data).collect();
    assert_eq!(
        order,
        [
            r#"{"block":"a","text":"x"}"#,
            r#"{"block":"b","text":"x"}"#,
            r#"{"block":"b","text":"x"}"#,
            r#"{"block":"b","text":"xx"}"#
        ]
    );
    use task_core::Event;
}

#[tokio::test(start_paused = true)]
async fn usage_is_summed_up_over_turns_and_runs() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.emit(UsageReport::from(Usage::new(10, 1).with_cost(0.5))).await.expect("accepted");
    act.cx.emit(UsageReport::from(Usage::new(20, 2))).await.expect("accepted");
    act.cx.emit(UsageReport::from(Usage::new(0, 0).with_cost(0.25))).await.expect("accepted");
    act.finish(Ok(()));
    let usage = tasks.wait(task.id).await.expect("it settles").usage.expect("told");
    assert_eq!(usage, Usage::new(30, 3).with_cost(0.75));
}

#[tokio::test(start_paused = true)]
async fn a_runner_cannot_write_the_kinds_of_core() {
    let (tasks, mut stage) = stage().await;
    create(&tasks).await;
    let act = stage.next().await;
    let forged = Output::Other { kind: "completed".to_owned(), data: serde_json::json!({}).into() };
    let error = act.cx.emit(forged).await.expect_err("refused");
    assert!(error.message().contains("`completed` is no kind a runner can write"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn output_above_the_limit_is_an_error_that_names_both() {
    let (tasks, mut stage) = stage().await;
    create(&tasks).await;
    let act = stage.next().await;
    let error = act.cx.text("reply", "x".repeat(2 << 20)).await.expect_err("refused");
    assert!(error.message().contains("at most 1048576 is allowed"), "{error}");
    act.cx.text("reply", "short").await.expect("the run goes on");
}

#[tokio::test(start_paused = true)]
async fn after_its_end_a_run_cannot_write() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let late = act.cx.clone();
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq;
    assert!(late.text("reply", "too late").await.is_err());
    assert!(late.flush().await.is_err());
    assert!(late.next_message().await.is_err());
    assert!(late.set_session("late").await.is_err());
    assert_eq!(tasks.get(task.id).await.expect("exists").seq, end);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_found_by_the_next_run() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    assert_eq!(act.cx.last_checkpoint::<u32>().await.expect("readable"), None);
    act.cx.checkpoint(&1).await.expect("stored");
    act.cx.checkpoint(&2).await.expect("stored");
    assert_eq!(act.cx.last_checkpoint::<u32>().await.expect("readable"), Some(2));
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    tasks.send(task.id, "on").await.expect("accepted");
    assert_eq!(stage.next().await.cx.last_checkpoint::<u32>().await.expect("readable"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn renaming_and_deleting() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    assert_eq!(tasks.rename(task.id, "  任务 1 ").await.expect("renamed").title, "任务 1");
    let seq = tasks.get(task.id).await.expect("exists").seq;
    assert_eq!(tasks.rename(task.id, "任务 1").await.expect("the same").seq, seq, "nothing to record");

    tasks.delete(task.id).await.expect("deleted");
    assert!(matches!(tasks.get(task.id).await, Err(TaskError::NotFound(_))));
    assert!(matches!(tasks.delete(task.id).await, Err(TaskError::NotFound(_))));
    assert!(matches!(tasks.send(task.id, "hello?").await, Err(TaskError::NotFound(_))));
    assert_eq!(tasks.counts().await.expect("counted").total(), 0);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_running_task_stops_it_first() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let deleting = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.delete(task.id).await }
    });
    act.cx.cancelled().await;
    act.finish(Ok(()));
    deleting.await.expect("no panic").expect("deleted");
    assert!(matches!(tasks.get(task.id).await, Err(TaskError::NotFound(_))));
    assert_eq!(stage.cleaned_up().await.task, task.id);
}

#[tokio::test(start_paused = true)]
async fn a_runner_may_be_a_type_or_an_async_fn() {
    struct Typed;
    #[async_trait::async_trait]
    impl AgentRunner for Typed {
        async fn run(&self, _cx: RunContext) -> RunResult {
            Ok(())
        }
        fn capabilities(&self) -> Capabilities {
            Capabilities::default().with_steer()
        }
    }
    async fn plain(_cx: RunContext) -> RunResult {
        Ok(())
    }
    let builder = task_core::TaskManager::builder(task_core::MemoryStore::new());
    let tasks = builder.runner("typed", Typed).runner("plain", plain).start().await.expect("starts");
    for agent in ["typed", "plain"] {
        let task = tasks.create(NewTask::new(agent, "go")).await.expect("created");
        assert_eq!(tasks.wait(task.id).await.expect("settles").status, TaskStatus::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn output_of_a_tool_at_work_merges_and_its_end_does_not() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for n in 0..100 {
        let update = ToolUpdate::new("c", ToolStatus::Running).with_output(format!("{n}\n"));
        act.cx.tool_update(update).await.expect("accepted");
    }
    act.cx
        .tool_update(ToolUpdate::new("c", ToolStatus::Completed).with_output("end\n"))
        .await
        .expect("accepted");
    act.finish(Ok(()));
    let events = log(&tasks, task.id).await;
    let updates: Vec<ToolUpdate> = events
        .iter()
        .filter(|event| event.kind() == "tool_update")
        .map(|event| event.decode().expect("a tool update"))
        .collect();
    assert!(updates.len() < 50, "{} events", updates.len());
    let output: String = updates.iter().filter_map(|update| update.output.clone()).collect();
    let expected: String = (0..100).map(|n| format!("{n}\n")).chain(["end\n".to_owned()]).collect();
    assert_eq!(output, expected);
    assert_eq!(updates.last().map(|update| update.status), Some(ToolStatus::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_take_the_log_back_in_time() {
    let looks = std::sync::atomic::AtomicI64::new(0);
    let backwards = move || {
        let looks = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        chrono::DateTime::UNIX_EPOCH - chrono::TimeDelta::seconds(looks)
    };
    let (tasks, mut stage) =
        stage_with(task_core::MemoryStore::new(), |builder| builder.clock(backwards)).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for word in ["one", "two"] {
        act.cx.text("reply", word).await.expect("accepted");
        act.cx.flush().await.expect("stored");
    }
    act.finish(Ok(()));
    let events = log(&tasks, task.id).await;
    assert!(events.is_sorted_by_key(task_core::Event::at), "{events:?}");
}

/// What a power cut may take back is progress, and nothing that somebody decides on.
#[tokio::test(start_paused = true)]
async fn only_progress_asks_for_less_than_to_survive_a_power_cut() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let at_work = || ToolUpdate::new("call", ToolStatus::Running);
    let outputs: [(Output, Durability); 13] = [
        (Output::text("b", "hi"), Durability::Process),
        (Output::thinking("b", "hm"), Durability::Process),
        (Custom::new("progress", serde_json::Value::Null).into(), Durability::Process),
        (at_work().with_output("more").into(), Durability::Process),
        (at_work().into(), Durability::Durable),
        (at_work().with_output("more").with_exit_code(0).into(), Durability::Durable),
        (at_work().with_output("more").with_input(serde_json::Value::Null).into(), Durability::Durable),
        (ToolUpdate::new("call", ToolStatus::Completed).with_output("all").into(), Durability::Durable),
        (ToolCall::new("call", "tool").into(), Durability::Durable),
        (Plan::new(Vec::new()).into(), Durability::Durable),
        (UsageReport::from(Usage::new(1, 1)).into(), Durability::Durable),
        (Output::turn_ended("done"), Durability::Durable),
        (RawOutput::new("protocol", serde_json::Value::Null).into(), Durability::Durable),
    ];
    for (output, durability) in outputs {
        let before = store.commits().len();
        act.cx.emit(output.clone()).await.expect("accepted");
        act.cx.flush().await.expect("stored");
        let commits = &store.commits()[before..];
        assert!(commits.len() == 1 && commits[0].events().len() == 1, "{commits:?}");
        assert_eq!(commits[0].durability(), durability, "{output:?}");
    }
    act.cx.text("b", "the last words").await.expect("accepted");
    act.finish(Ok(()));
    tasks.shutdown(common::HOUR).await.expect("ends");
    for commit in store.commits() {
        let progress = |kind: &str| matches!(kind, "text" | "thinking" | "custom" | "tool_update");
        let is_progress = commit.events().iter().all(|event| progress(event.kind()));
        assert!(is_progress || commit.durability() == Durability::Durable, "{commit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_says_why_it_was_started() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    act.finish(Err(RunError::new("no")));
    tasks.wait(task).await.expect("it settles");
    tasks.send(task, "again").await.expect("accepted");
    stage.next().await.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
    let reasons: Vec<_> = log(&tasks, task)
        .await
        .iter()
        .filter(|event| event.kind() == "run_started")
        .map(|event| event.decode::<RunStarted>().expect("one").reason)
        .collect();
    assert_eq!(reasons, ["created", "message"]);
}
