//! Leave: asked in the log, answered by whoever looks.

use std::time::Duration;

use serde_json::json;
use task_core::{Delivery, Message, RequestKind, TaskStatus};
use task_runners::Permissions;

use crate::real_agents::{open, script};
use crate::rig::{Kind, Rig, within};
use crate::support::{asked, completed, endings, said, settled, turn_reasons, until};

crate::for_each_agent!(
    leave_that_is_given_lets_the_tool_run,
    leave_that_is_denied_stops_the_tool,
    edits_in_the_work_directory_are_allowed_without_asking,
    an_interrupt_takes_the_question_back,
    a_question_outlives_a_restart_and_is_not_asked_twice,
);

fn write(rig: &Rig) -> String {
    script(&[json!([rig.write("c.txt", "x")]), json!([{ "text": "Understood." }])])
}

async fn leave_that_is_given_lets_the_tool_run(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
        let request = asked(&tasks, task.id).await;
        assert_eq!((request.request, rig.file("c.txt")), (RequestKind::Permission, None));
        assert!(request.prompt.contains("c.txt"), "{}", request.prompt);
        let ids: Vec<_> = request.options.iter().map(|option| option.id.as_str()).collect();
        assert!(ids.contains(&"allow_once") && ids.contains(&"reject_once"), "{ids:?}");
        assert_eq!(tasks.get(task.id).await.unwrap().status, TaskStatus::AwaitingInput);
        tasks.answer(task.id, &request.request_id, json!("allow_once")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(rig.file("c.txt").as_deref(), Some("x\n"));
        assert_eq!((said(&events).as_str(), endings(&events)[0].0.as_str()), ("Understood.", "completed"));
    })
    .await;
}

async fn leave_that_is_denied_stops_the_tool(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&write(&rig))).await.unwrap();
        let request = asked(&tasks, task.id).await;
        tasks.answer(task.id, &request.request_id, json!("reject_once")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        // Codex takes it for a word to stop.
        let ended = if kind == Kind::Codex { "cancelled" } else { "failed" };
        assert_eq!((rig.file("c.txt"), endings(&events)[0].0.as_str()), (None, ended));
        assert_eq!(turn_reasons(&events).len(), 1);
    })
    .await;
}

async fn edits_in_the_work_directory_are_allowed_without_asking(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowEdits)).await;
        let message = script(&[
            json!([rig.write("c.txt", "x")]),
            json!([kind.shell("echo y > d.txt")]),
            json!([{ "text": "Understood." }]),
        ]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let request = asked(&tasks, task.id).await;
        assert_eq!((rig.file("c.txt").as_deref(), rig.file("d.txt")), (Some("x\n"), None));
        assert!(request.prompt.contains("echo y > d.txt"), "only commands are asked for: {}", request.prompt);
    })
    .await;
}

async fn an_interrupt_takes_the_question_back(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
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
        assert!(said(&events).ends_with("echo: Leave it"), "{}", said(&events));
    })
    .await;
}

async fn a_question_outlives_a_restart_and_is_not_asked_twice(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let start = || async { open(&rig.home.0.join("tasks.db"), rig.runner()).await };
        let tasks = start().await;
        // Whatever the agent is told to go on with, the model calls the same tool again.
        rig.api.set_script(json!({ "rules": [
            { "when": { "has_tools": true, "has_result": false }, "reply": { "steps": [kind.shell("echo x > c.txt")] } },
            { "when": { "has_tools": true, "has_result": true }, "reply": { "text": "Understood." } },
        ] }));
        let task = tasks.create(rig.task("Write it")).await.unwrap();
        let request = asked(&tasks, task.id).await;
        tasks.shutdown(Duration::from_millis(100)).await.unwrap();
        drop(tasks);

        let tasks = start().await;
        let waiting = tasks.get(task.id).await.unwrap();
        assert_eq!((waiting.status, waiting.requests.len()), (TaskStatus::Interrupted, 1));
        tasks.answer(task.id, &request.request_id, json!("allow_once")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!((rig.file("c.txt").as_deref(), task.run), (Some("x\n"), 2));
        assert_eq!(events.iter().filter(|event| event.kind() == "input_requested").count(), 1);
    })
    .await;
}
