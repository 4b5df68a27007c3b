//! Leave and questions: asked in the log, answered by whoever looks.

use std::time::Duration;

use serde_json::json;
use task_core::{Delivery, Message, RequestKind, TaskStatus};
use task_runners::Permissions;

use crate::real_agents::{open, script};
use crate::rig::{Rig, bash, within};
use crate::support::{asked, completed, endings, said, settled, turn_reasons, until};

fn write(rig: &Rig) -> String {
    let input = json!({ "file_path": format!("{}/c.txt", rig.dir.path()), "content": "x" });
    let call = json!({ "tool": { "name": "Write", "input": input } });
    script(&[json!([call]), json!([{ "text": "Understood." }])])
}

#[tokio::test]
async fn leave_that_is_given_lets_the_tool_run() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
        let request = asked(&tasks, task.id).await;
        assert_eq!((request.request, rig.file("c.txt")), (RequestKind::Permission, None));
        assert!(request.prompt.contains("Write") && request.prompt.contains("c.txt"), "{}", request.prompt);
        let kinds: Vec<_> = request.options.iter().filter_map(|option| option.kind.as_deref()).collect();
        assert_eq!(kinds, ["allow_once", "allow_always", "reject_once"]);
        assert_eq!(tasks.get(task.id).await.unwrap().status, TaskStatus::AwaitingInput);
        tasks.answer(task.id, &request.request_id, json!("allow")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(rig.file("c.txt").as_deref(), Some("x"));
        assert_eq!((said(&events).as_str(), endings(&events)[0].0.as_str()), ("Understood.", "completed"));
    })
    .await;
}

#[tokio::test]
async fn leave_that_is_denied_stops_the_tool_and_not_the_turn() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
        let request = asked(&tasks, task.id).await;
        tasks.answer(task.id, &request.request_id, json!("deny")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!((rig.file("c.txt"), endings(&events)[0].0.as_str()), (None, "failed"));
        assert_eq!(said(&events), "Understood.");
        assert_eq!(turn_reasons(&events), ["done"]);
    })
    .await;
}

#[tokio::test]
async fn leave_for_the_session_is_asked_for_once() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let path = |name: &str| format!("{}/{name}", rig.dir.path());
        let write = |name: &str| {
            json!([{ "tool": { "name": "Write", "input": { "file_path": path(name), "content": name } } }])
        };
        let message = script(&[write("one"), write("two"), json!([{ "text": "Both." }])]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let request = asked(&tasks, task.id).await;
        tasks.answer(task.id, &request.request_id, json!("always")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(events.iter().filter(|event| event.kind() == "input_requested").count(), 1);
        assert_eq!(rig.file("two").as_deref(), Some("two"));
        assert!(!rig.dir.0.join(".claude").exists(), "the rule was written into the project");
    })
    .await;
}

#[tokio::test]
async fn a_policy_decides_without_asking() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        for (permissions, file) in [(Permissions::AllowEdits, Some("x")), (Permissions::Deny, None)] {
            let _ = std::fs::remove_file(rig.dir.0.join("c.txt"));
            let tasks = rig.tasks(rig.runner().permissions(permissions)).await;
            let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            completed(&task);
            assert_eq!(rig.file("c.txt").as_deref(), file, "{permissions:?}");
            assert!(events.iter().all(|event| event.kind() != "input_requested"), "{permissions:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_question_to_the_user_gets_its_answer() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let option = |label: &str| json!({ "label": label, "description": "one of them" });
        let question = json!({
            "question": "Which one?", "header": "Way", "multiSelect": false, "options": [option("A"), option("B")],
        });
        let call = json!({ "name": "AskUserQuestion", "input": { "questions": [question] } });
        let message = script(&[json!([{ "tool": call }]), json!([{ "text": "Then so." }])]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let request = asked(&tasks, task.id).await;
        assert_eq!((request.request, request.prompt.as_str()), (RequestKind::Question, "Which one?"));
        assert_eq!(request.options.iter().map(|option| option.id.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        tasks.answer(task.id, &request.request_id, json!("B")).await.unwrap();
        let (task, _) = settled(&tasks, task.id).await;
        completed(&task);
        let conversation = rig.last_conversation();
        assert!(conversation.contains("Which one?\\\"=\\\"B\\\""), "{conversation}");
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_takes_the_question_back() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
        asked(&tasks, task.id).await;
        tasks.send(task.id, Message::new("Leave it").delivery(Delivery::Interrupt)).await.unwrap();
        until(&tasks, task.id, |event| event.kind() == "input_answered").await;
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(
            (turn_reasons(&events), rig.file("c.txt")),
            (vec!["interrupted".into(), "done".into()], None)
        );
        assert!(task.requests.is_empty());
        assert_eq!(endings(&events)[0].0, "cancelled");
    })
    .await;
}

#[tokio::test]
async fn a_question_outlives_a_restart_and_is_not_asked_twice() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let start = || async { open(&rig.home.0.join("tasks.db"), rig.runner()).await };
        let tasks = start().await;
        // Whatever the agent is told to go on with, the model calls the same tool again.
        rig.api.set_script(json!({ "rules": [
            { "when": { "has_tools": true, "has_result": false }, "reply": { "steps": [bash("echo x > c.txt")] } },
            { "when": { "has_tools": true, "has_result": true }, "reply": { "text": "Understood." } },
        ] }));
        let task = tasks.create(rig.task("Write it")).await.unwrap();
        let request = asked(&tasks, task.id).await;
        tasks.shutdown(Duration::from_millis(100)).await.unwrap();
        drop(tasks);

        let tasks = start().await;
        let waiting = tasks.get(task.id).await.unwrap();
        assert_eq!((waiting.status, waiting.requests.len()), (TaskStatus::Interrupted, 1));
        tasks.answer(task.id, &request.request_id, json!("allow")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!((rig.file("c.txt").as_deref(), task.run), (Some("x\n"), 2));
        let conversation = rig.last_conversation();
        assert!(!conversation.contains("doesn't want to proceed"), "a shutdown is no denial: {conversation}");
        assert_eq!(events.iter().filter(|event| event.kind() == "input_requested").count(), 1);
    })
    .await;
}
