//! Messages to the agent while it works, and the end of its work.

use std::time::{Duration, Instant};

use serde_json::json;
use task_core::{Delivery, Message, TaskStatus};
use task_runners::Permissions;

use crate::real_agents::{script, written};
use crate::rig::{Kind, Rig, within};
use crate::support::{alive, completed, endings, said, settled, turn_reasons, until};

crate::for_each_agent!(
    a_message_interrupts_a_stream,
    a_message_interrupts_a_tool,
    a_message_that_steers_is_heard,
    messages_that_wait_are_turns_of_their_own_in_one_process,
    cancel_in_a_tool_leaves_nothing,
);

/// Text that takes a minute.
fn slow() -> String {
    let words: Vec<_> = (0..600).map(|n| format!("word{n}")).collect();
    let steps = json!([{ "text": words.join(" "), "chunk": 8, "delay_ms": 100 }]);
    format!("@fake {}", json!({ "steps": steps }))
}

async fn a_message_interrupts_a_stream(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task(&slow())).await.unwrap();
        until(&tasks, task.id, |event| event.kind() == "text").await;
        let message = Message::new("Something else").delivery(Delivery::Interrupt);
        tasks.send(task.id, message).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
        assert!(said(&events).ends_with("echo: Something else"), "{}", said(&events));
        assert_eq!((task.run, alive(task.id, 1)), (1, 0));
        assert!(rig.api.requests().iter().any(|seen| seen.hung_up), "the stream was not given up");
    })
    .await;
}

async fn a_message_interrupts_a_tool(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let command = kind.shell("echo x > started; sleep 61; echo y > ended");
        let task =
            tasks.create(rig.task(&script(&[json!([command]), json!([{ "text": "no" }])]))).await.unwrap();
        written(rig.dir.0.join("started")).await;
        let message = Message::new("Something else").delivery(Delivery::Interrupt);
        tasks.send(task.id, message).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
        assert_eq!(endings(&events)[0].0, "cancelled");
        assert_eq!((alive(task.id, 1), rig.file("ended")), (0, None));
    })
    .await;
}

/// In the running turn where the agent takes it there, and in the next where it does not.
async fn a_message_that_steers_is_heard(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let wait = kind.shell("echo x > started; until [ -e go ]; do sleep 0.1; done");
        let message = script(&[json!([wait]), json!([{ "text": "Both heard." }])]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        written(rig.dir.0.join("started")).await;
        tasks.send(task.id, Message::new("Mind the gap").delivery(Delivery::Steer)).await.unwrap();
        if kind.steers() {
            // The first was taken when the run began.
            let taken = std::sync::atomic::AtomicU32::new(0);
            until(&tasks, task.id, |event| {
                event.kind() == "message_delivered"
                    && taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1
            })
            .await;
        }
        std::fs::write(rig.dir.0.join("go"), "").unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        let turns = if kind.steers() { 1 } else { 2 };
        assert_eq!(turn_reasons(&events), vec!["done"; turns]);
        assert!(rig.last_conversation().contains("Mind the gap"));
    })
    .await;
}

async fn messages_that_wait_are_turns_of_their_own_in_one_process(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let message = r#"@fake {"steps": [{"text": "first", "chunk": 1, "delay_ms": 100}]}"#;
        let task = tasks.create(rig.task(message)).await.unwrap();
        until(&tasks, task.id, |event| event.kind() == "text").await;
        tasks.send(task.id, "second").await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(turn_reasons(&events), ["done", "done"]);
        assert_eq!((said(&events).as_str(), task.run), ("firstecho: second", 1));
    })
    .await;
}

async fn cancel_in_a_tool_leaves_nothing(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let stubborn = "setsid sh -c 'trap \"\" TERM INT; sleep 62; sleep 62' & echo x > started; sleep 62";
        let task = tasks.create(rig.task(&script(&[json!([kind.shell(stubborn)])]))).await.unwrap();
        written(rig.dir.0.join("started")).await;
        assert!(alive(task.id, 1) > 1);
        let began = Instant::now();
        tasks.cancel(task.id).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Cancelled);
        assert_eq!(turn_reasons(&events), ["cancelled"]);
        assert_eq!(endings(&events)[0].0, "cancelled");
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}
