//! Turns: tools, errors of the model API, and sessions that go on.

use serde_json::json;
use task_core::{Output, Payload, TaskStatus};
use task_runners::Permissions;

use crate::real_agents::script;
use crate::rig::{Rig, bash, within};
use crate::support::{alive, completed, endings, notices, printed, said, settled, turn_reasons, until};

#[tokio::test]
async fn a_turn_with_a_tool_changes_the_disk() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let message = script(&[
            json!([{ "thinking": "I should look." }, { "text": "Looking." }, bash("echo one > b.txt; cat b.txt")]),
            json!([{ "text": "All done.", "chunk": 3 }]),
        ]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(rig.file("b.txt").as_deref(), Some("one\n"));
        assert_eq!(said(&events), "Looking.All done.");
        assert_eq!((printed(&events).as_str(), endings(&events).len()), ("one", 1));
        assert_eq!(endings(&events)[0].0, "completed");
        assert_eq!(turn_reasons(&events), ["done"]);
        assert!(task.session_id.is_some());
        let usage = task.usage.expect("it tells what it cost");
        assert!(usage.input_tokens > 0 && usage.output_tokens > 0 && usage.cost_usd.unwrap() > 0.0);
        let call = events.iter().find_map(|event| match event.payload() {
            Payload::Output(Output::ToolCall(call)) => Some(call),
            _ => None,
        });
        assert_eq!(call.unwrap().title, "echo one > b.txt; cat b.txt");
        assert!(events.iter().all(|event| event.kind() != "raw"), "something has no place: {events:?}");
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

#[tokio::test]
async fn the_next_run_resumes_the_session_in_another_process() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task("Remember the word ultramarine")).await.unwrap();
        let (first, _) = settled(&tasks, task.id).await;
        completed(&first);
        tasks.send(task.id, "What was the word?").await.unwrap();
        let (second, events) = settled(&tasks, task.id).await;
        completed(&second);
        assert_eq!((second.run, &second.session_id), (2, &first.session_id));
        let conversation = rig.last_conversation();
        for said in ["Remember the word ultramarine", "echo: Remember", "What was the word?"] {
            assert!(conversation.contains(said), "{said}: {conversation}");
        }
        // What each turn added, not the sums that the agent tells.
        let (before, after) = (first.usage.unwrap(), second.usage.unwrap());
        assert!(after.output_tokens > before.output_tokens);
        assert!(after.input_tokens < before.input_tokens * 4, "counted twice: {before:?} {after:?}");
        assert_eq!(turn_reasons(&events), ["done", "done"]);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_lost_is_told_and_one_that_never_was_is_begun_again() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let told = tasks.create(rig.task("Remember me")).await.unwrap();
        completed(&settled(&tasks, told.id).await.0);
        let cut = tasks.create(rig.task(r#"@fake {"steps": [{"wait_ms": 60000}]}"#)).await.unwrap();
        until(&tasks, cut.id, |event| event.kind() == "session").await;
        tasks.cancel(cut.id).await.unwrap();
        let (cut, _) = settled(&tasks, cut.id).await;

        std::fs::remove_dir_all(rig.home.0.join("config")).unwrap();
        tasks.send(told.id, "Who am I?").await.unwrap();
        let (told, _) = settled(&tasks, told.id).await;
        assert_eq!(told.status, TaskStatus::Failed);
        assert!(told.error.as_ref().unwrap().contains("No conversation found"), "{:?}", told.error);

        tasks.send(cut.id, "Hello again").await.unwrap();
        let (again, events) = settled(&tasks, cut.id).await;
        completed(&again);
        assert!(said(&events).ends_with("echo: Hello again"));
        assert_ne!(again.session_id, cut.session_id);
    })
    .await;
}

#[tokio::test]
async fn an_overloaded_api_is_told_and_waited_for() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let message = r#"@fake {"error": {"status": 529}, "times": 1, "then": {"text": "Recovered."}}"#;
        let task = tasks.create(rig.task(message)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(said(&events), "Recovered.");
        assert_eq!(turn_reasons(&events), ["done"]);
        let asked = rig.api.conversations().len();
        assert!(asked >= 2, "asked {asked} times");
    })
    .await;
}

#[tokio::test]
async fn an_api_that_stays_overloaded_fails_the_run_after_so_many_retries() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner().max_retries(1)).await;
        rig.api.set_script(json!({ "default": { "error": { "status": 529, "message": "Overloaded" } } }));
        let task = tasks.create(rig.task("hello")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert_eq!(task.status, TaskStatus::Failed);
        assert!(task.error.as_ref().unwrap().contains("529"), "{:?}", task.error);
        assert_eq!(turn_reasons(&events), ["failed"]);
        let told = notices(&events);
        assert!(told.iter().any(|notice| notice.contains("Retry 1 of 1 in")), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_the_api_refuses_fails_the_run_and_the_next_message_goes_on() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let message = r#"@fake {"error": {"status": 400, "message": "the tea is cold"}}"#;
        let task = tasks.create(rig.task(message)).await.unwrap();
        let (failed, events) = settled(&tasks, task.id).await;
        assert_eq!(failed.status, TaskStatus::Failed);
        assert!(failed.error.as_ref().unwrap().contains("the tea is cold"), "{:?}", failed.error);
        assert_eq!((turn_reasons(&events), said(&events)), (vec!["failed".to_owned()], String::new()));

        tasks.send(task.id, "Once more").await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(said(&events), "echo: Once more");
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_breaks_is_asked_for_again() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let half = json!({ "steps": [{ "text": "This will never be", "chunk": 4, "drop_after": 2 }] });
        rig.api.set_script(json!({ "rules": [
            { "when": { "prompt": "begin" }, "replies": [half, { "text": "whole" }] },
        ] }));
        let task = tasks.create(rig.task("begin")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert!(said(&events).ends_with("whole"), "{}", said(&events));
        assert!(rig.api.conversations().len() >= 2);
        assert_eq!(turn_reasons(&events), ["done"]);
    })
    .await;
}

#[tokio::test]
async fn a_plan_is_shown_as_it_changes() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let create =
            json!({ "name": "TaskCreate", "input": { "subject": "Mend it", "description": "all of it" } });
        let update = json!({ "name": "TaskUpdate", "input": { "taskId": "1", "status": "in_progress" } });
        let message = script(&[
            json!([{ "tool": create }]),
            json!([{ "tool": update }]),
            json!([{ "text": "Planned." }]),
        ]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        let plans = events.iter().filter_map(|event| match event.payload() {
            Payload::Output(Output::Plan(plan)) => Some(serde_json::to_value(plan).unwrap()),
            _ => None,
        });
        let step = |status| json!({ "entries": [{ "text": "Mend it", "status": status }] });
        assert_eq!(plans.collect::<Vec<_>>(), [step("pending"), step("in_progress")]);
    })
    .await;
}
