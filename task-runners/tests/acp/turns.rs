//! Turns from their prompt to their end.

use serde_json::json;
use task_core::{Output, Payload, TaskStatus};
use task_runners::Permissions;

use crate::real_agents::script;
use crate::rig::{Kind, Rig, within};
use crate::support::{alive, completed, endings, notices, printed, said, settled, turn_reasons};

crate::for_each_agent!(
    a_turn_with_a_tool_changes_the_disk,
    the_next_run_resumes_the_session_in_another_process,
    an_overloaded_api_is_waited_for,
    a_request_that_the_api_refuses_fails_the_run_and_the_next_message_goes_on,
    a_stream_that_breaks_is_asked_for_again,
    a_session_that_is_lost_is_told,
);

async fn a_turn_with_a_tool_changes_the_disk(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let message = script(&[
            json!([{ "thinking": "I should look." }, { "text": "Looking." }, kind.shell("echo one > b.txt; cat b.txt")]),
            json!([{ "text": "All done.", "chunk": 3 }]),
        ]);
        let task = tasks.create(rig.task(&message)).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert_eq!(rig.file("b.txt").as_deref(), Some("one\n"));
        assert_eq!(said(&events), "Looking.All done.");
        assert_eq!(printed(&events).trim(), "one");
        assert_eq!(endings(&events).len(), 1);
        assert_eq!(endings(&events)[0].0, "completed");
        assert_eq!(turn_reasons(&events), ["done"]);
        assert!(task.session_id.is_some());
        let usage = task.usage.expect("it tells what it cost");
        assert!(usage.input_tokens > 0 && usage.output_tokens > 0, "{usage:?}");
        let call = events.iter().find_map(|event| match event.payload() {
            Payload::Output(Output::ToolCall(call)) => Some(call),
            _ => None,
        });
        assert_eq!(call.unwrap().title, "echo one > b.txt; cat b.txt");
        assert!(events.iter().any(|event| event.kind() == "thinking"));
        assert!(events.iter().all(|event| event.kind() != "raw"), "something has no place: {events:?}");
        assert_eq!(alive(task.id, 1), 0);
    })
    .await;
}

async fn the_next_run_resumes_the_session_in_another_process(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
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
        assert_eq!(
            said(&events).matches("echo: Remember").count(),
            1,
            "a replay is no news: {}",
            said(&events)
        );
        assert_eq!(turn_reasons(&events), ["done", "done"]);
    })
    .await;
}

async fn an_overloaded_api_is_waited_for(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
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

async fn a_request_that_the_api_refuses_fails_the_run_and_the_next_message_goes_on(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let message = r#"@fake {"error": {"status": 400, "message": "the tea is cold"}}"#;
        let task = tasks.create(rig.task(message)).await.unwrap();
        let (failed, events) = settled(&tasks, task.id).await;
        assert_eq!(failed.status, TaskStatus::Failed);
        assert!(failed.error.as_ref().unwrap().contains("the tea is cold"), "{:?}", failed.error);
        assert_eq!(turn_reasons(&events), ["failed"]);

        tasks.send(task.id, "Once more").await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert!(said(&events).ends_with("echo: Once more"), "{}", said(&events));
    })
    .await;
}

async fn a_stream_that_breaks_is_asked_for_again(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let half = json!({ "steps": [{ "text": "This will never be", "chunk": 4, "drop_after": 2 }] });
        rig.api.set_script(json!({ "rules": [
            { "when": { "has_tools": true, "prompt": "begin" }, "replies": [half, { "text": "whole" }] },
        ] }));
        let task = tasks.create(rig.task("begin")).await.unwrap();
        let (task, events) = settled(&tasks, task.id).await;
        completed(&task);
        assert!(said(&events).ends_with("whole"), "{}", said(&events));
        assert_eq!(turn_reasons(&events), ["done"]);
    })
    .await;
}

async fn a_session_that_is_lost_is_told(kind: Kind) {
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let tasks = rig.tasks(rig.runner()).await;
        let first = tasks.create(rig.task("Remember me")).await.unwrap();
        let (first, _) = settled(&tasks, first.id).await;
        completed(&first);
        // All that the agent keeps is gone.
        std::fs::remove_dir_all(&rig.home.0).unwrap();
        std::fs::create_dir(&rig.home.0).unwrap();
        // It writes the settings of the agent again.
        drop(rig.runner());
        tasks.send(first.id, "Who am I?").await.unwrap();
        let (second, events) = settled(&tasks, first.id).await;
        completed(&second);
        assert_ne!(second.session_id, first.session_id);
        let told = notices(&events);
        assert!(told.iter().any(|told| told.contains("knows nothing of what was said before")), "{told:?}");
        assert!(said(&events).ends_with("echo: Who am I?"), "{}", said(&events));
    })
    .await;
}
