use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use task_core::{Delivery, Event, MemoryStore, Message, NewTask, Seq, Task, TaskManager, TaskStatus};

use super::Demo;

/// Plays a script to its end.
async fn play(script: &str) -> (Task, Vec<Event>) {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", script)).await.expect("created");
    let task = tasks.wait(task.id).await.expect("settled");
    let events = events(&tasks, &task).await;
    (task, events)
}

async fn manager() -> TaskManager {
    let builder = TaskManager::builder(MemoryStore::new()).runner("demo", Demo);
    builder.cancel_grace(Duration::from_secs(1)).start().await.expect("a fresh store")
}

async fn events(tasks: &TaskManager, task: &Task) -> Vec<Event> {
    tasks.subscribe(task.id, Seq::ZERO).try_collect().await.expect("stored")
}

fn of(events: &[Event], kind: &str) -> Vec<Value> {
    let events = events.iter().filter(|event| event.kind() == kind);
    events.map(|event| serde_json::from_str(event.json()).expect("JSON")).collect()
}

/// What the agent said, block after block.
fn said(events: &[Event]) -> Vec<String> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for delta in of(events, "text") {
        let (block, text) = (delta["block"].as_str().expect("text"), delta["text"].as_str().expect("text"));
        match blocks.iter_mut().find(|(name, _)| name == block) {
            Some((_, said)) => said.push_str(text),
            None => blocks.push((block.to_owned(), text.to_owned())),
        }
    }
    blocks.into_iter().map(|(_, said)| said).collect()
}

/// Waits until an event of that kind is there.
async fn until(tasks: &TaskManager, task: &Task, kind: &str) -> Value {
    let mut events = tasks.subscribe(task.id, Seq::ZERO);
    while let Some(event) = events.try_next().await.expect("stored") {
        if event.kind() == kind {
            return serde_json::from_str(event.json()).expect("JSON");
        }
    }
    panic!("there was no `{kind}`");
}

#[tokio::test]
async fn what_is_no_command_is_said_as_it_is() {
    let (task, events) = play("# Hi\n\n- a  b\n/think hm hm\nmore").await;
    assert_eq!(task.status, TaskStatus::Completed);
    assert_eq!(said(&events), ["# Hi\n\n- a  b", "more"]);
    assert_eq!(of(&events, "turn_ended")[0]["reason"], "done");
    assert!(task.session_id.is_some() && task.usage.is_some());
    let thought: String = of(&events, "thinking")
        .iter()
        .map(|delta| delta["text"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(thought, "hm hm");
}

#[tokio::test]
async fn it_counts_from_one() {
    let (_, events) = play("/count 500").await;
    let counted: Vec<_> = of(&events, "custom").iter().map(|event| event["data"]["n"].clone()).collect();
    assert_eq!(counted, (1..=500).map(|n| json!(n)).collect::<Vec<_>>());
    assert_eq!(of(&events, "custom")[0]["name"], "count");
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_fast_as_it_is_told() {
    let begun = tokio::time::Instant::now();
    play("/count 21 10").await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    play("/text 60 1").await;
    assert_eq!(begun.elapsed().as_secs(), 4);
    play("/sleep 3\n/tool x 2").await;
    assert_eq!(begun.elapsed().as_secs(), 9);
}

#[tokio::test]
async fn a_text_has_the_size_that_was_asked_for() {
    let (_, events) = play("/text 1010").await;
    let text = said(&events).concat();
    assert_eq!(text.len(), 1010);
    assert!(text.starts_with("The quick brown fox The quick"));
}

#[tokio::test]
async fn a_tool_is_called_talks_and_ends_well() {
    let (_, events) = play("/tool grep").await;
    let call = &of(&events, "tool_call")[0];
    let updates = of(&events, "tool_update");
    assert!(updates.iter().all(|update| update["call_id"] == call["call_id"]));
    assert!(updates[0]["output"].is_string() && updates[0]["status"] == "running");
    let last = updates.last().expect("updates");
    assert_eq!((&last["status"], &last["exit_code"]), (&json!("completed"), &json!(0)));
}

#[tokio::test]
async fn a_plan_gets_done() {
    let (_, events) = play("/plan read; write ; test").await;
    let plans = of(&events, "plan");
    assert_eq!(plans[0]["entries"][0], json!({"text": "read", "status": "in_progress"}));
    let last = plans.last().expect("plans")["entries"].as_array().expect("entries");
    assert!(last.len() == 3 && last.iter().all(|entry| entry["status"] == "completed"));
}

#[tokio::test]
async fn an_answer_is_echoed() {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", "/ask Colour?")).await.expect("created");
    let asked = until(&tasks, &task, "input_requested").await;
    assert_eq!((&asked["request"], &asked["prompt"]), (&json!("question"), &json!("Colour?")));
    tasks.answer(task.id, asked["request_id"].as_str().expect("an id"), json!("blue")).await.expect("open");
    tasks.wait(task.id).await.expect("settled");
    assert_eq!(said(&events(&tasks, &task).await), ["blue"]);
}

#[tokio::test]
async fn a_permission_is_granted_or_denied() {
    for (answer, word) in [("allow", "granted"), ("deny", "denied")] {
        let tasks = manager().await;
        let task = tasks.create(NewTask::new("demo", "/permit rm -r build")).await.expect("created");
        let asked = until(&tasks, &task, "input_requested").await;
        tasks
            .answer(task.id, asked["request_id"].as_str().expect("an id"), json!(answer))
            .await
            .expect("open");
        tasks.wait(task.id).await.expect("settled");
        assert_eq!(said(&events(&tasks, &task).await), [word]);
    }
}

#[tokio::test]
async fn it_fails_and_panics_when_told() {
    let (failed, _) = play("/fail no more disk").await;
    assert_eq!((failed.status, failed.error.as_deref()), (TaskStatus::Failed, Some("no more disk")));
    let (panicked, _) = play("/panic").await;
    assert_eq!(panicked.status, TaskStatus::Failed);
}

#[tokio::test]
async fn the_sample_is_markdown_with_everything() {
    let (_, events) = play("/md").await;
    let sample = said(&events).concat();
    for part in ["# A sample", "| agent |", "```rust", "](https://", "任务"] {
        assert!(sample.contains(part), "{part}");
    }
}

#[tokio::test]
async fn what_it_does_not_know_it_says() {
    let (task, events) = play("/dance\n/count many").await;
    assert_eq!(task.status, TaskStatus::Completed);
    assert_eq!(of(&events, "notice").len(), 2);
    assert!(said(&events)[0].contains("`/dance`") && said(&events)[1].contains("/count N"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_it_at_once_and_its_tool_too() {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", "/tool slow 1000")).await.expect("created");
    until(&tasks, &task, "tool_call").await;
    tasks.cancel(task.id).await.expect("running");
    let begun = tokio::time::Instant::now();
    assert_eq!(tasks.wait(task.id).await.expect("settled").status, TaskStatus::Cancelled);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(
        of(&events(&tasks, &task).await, "tool_update").last().expect("updates")["status"],
        "cancelled"
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_it_ignores_a_cancel_and_is_dropped() {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", "well\n/hang")).await.expect("created");
    until(&tasks, &task, "text").await;
    tasks.cancel(task.id).await.expect("running");
    let begun = tokio::time::Instant::now();
    assert_eq!(tasks.wait(task.id).await.expect("settled").status, TaskStatus::Cancelled);
    assert!(begun.elapsed() >= Duration::from_secs(1), "the grace period is over first");
}

#[tokio::test(start_paused = true)]
async fn a_steered_message_is_acknowledged_between_two_steps() {
    let tasks = manager().await;
    let task = tasks
        .create(NewTask::new("demo", "one\n/sleep 100\n/fail too far\n/count 1"))
        .await
        .expect("created");
    until(&tasks, &task, "text").await;
    tasks.send(task.id, Message::new("left!").delivery(Delivery::Steer)).await.expect("running");
    tasks.wait(task.id).await.expect("settled");
    assert_eq!(said(&events(&tasks, &task).await), ["one", "Noted: left!"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_turn_and_comes_first() {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", "one\n/sleep 1000\ntwo")).await.expect("created");
    until(&tasks, &task, "text").await;
    tasks.send(task.id, Message::new("queued")).await.expect("running");
    tasks.send(task.id, Message::new("now").delivery(Delivery::Interrupt)).await.expect("running");
    let task = tasks.wait(task.id).await.expect("settled");
    assert_eq!((task.status, task.run), (TaskStatus::Completed, 1));
    let events = events(&tasks, &task).await;
    assert_eq!(said(&events), ["one", "now", "queued"]);
    let reasons: Vec<_> = of(&events, "turn_ended").iter().map(|ended| ended["reason"].clone()).collect();
    assert_eq!(reasons, ["interrupted", "done", "done"]);
}

/// A store as after a restart: closing it does not close it.
async fn restart(tasks: TaskManager, store: &task_core::testing::FaultStore) -> TaskManager {
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    TaskManager::builder(store.clone()).runner("demo", Demo).start().await.expect("free again")
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_a_restart_lets_the_script_go_on_where_it_was() {
    let store = task_core::testing::FaultStore::new(MemoryStore::new());
    let tasks =
        TaskManager::builder(store.clone()).runner("demo", Demo).start().await.expect("a fresh store");
    let task = tasks.create(NewTask::new("demo", "before\n/ask Which way?\nafter")).await.expect("created");
    let asked = until(&tasks, &task, "input_requested").await;
    let tasks = restart(tasks, &store).await;
    let request_id = asked["request_id"].as_str().expect("text");
    tasks.answer(task.id, request_id, json!("left")).await.expect("still open");
    let task = tasks.wait(task.id).await.expect("settled");
    assert_eq!((task.status, task.run), (TaskStatus::Completed, 2));
    let events = events(&tasks, &task).await;
    let spoken: String = of(&events, "text").iter().filter_map(|delta| delta["text"].as_str()).collect();
    assert_eq!(spoken, "beforeleftafter");
    assert_eq!(of(&events, "input_requested").len(), 1, "asked once");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_script_does_not_come_back() {
    let tasks = manager().await;
    let task = tasks.create(NewTask::new("demo", "/ask Which way?")).await.expect("created");
    until(&tasks, &task, "input_requested").await;
    tasks.cancel(task.id).await.expect("asked to stop");
    tasks.wait(task.id).await.expect("settled");
    tasks.send(task.id, "something else").await.expect("accepted");
    let task = tasks.wait(task.id).await.expect("settled");
    assert_eq!(said(&events(&tasks, &task).await), ["something else"]);
}
