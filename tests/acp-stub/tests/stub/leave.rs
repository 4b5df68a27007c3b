//! What the agent wants leave for.

use std::time::Duration;

use serde_json::json;
use task_core::{Delivery, Message, NewTask, TaskManager, TaskStatus};
use task_runners::Permissions;
use task_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::rig::{Rig, serve};
use crate::stub_cases::{run, start};
use crate::support::{asked, completed, said, settled, tool_update, turn_reasons, until, within};

#[tokio::test]
async fn options_are_known_by_what_they_mean() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        for (answer, said_of_it) in [("allow_once", "even-"), ("reject_once", "odd-")] {
            let task = start(&tasks, "permit rm -r build").await;
            let request = asked(&tasks, task).await;
            assert_eq!(request.prompt, "execute: rm -r build");
            let ids: Vec<_> = request.options.iter().map(|option| option.id.as_str()).collect();
            assert_eq!(ids, ["reject_once", "allow_once"]);
            assert_eq!(request.call_id.as_deref(), Some("asked"));
            tasks.answer(task, &request.request_id, json!(answer)).await.unwrap();
            let (task, events) = settled(&tasks, task).await;
            completed(&task);
            assert!(said(&events).starts_with(said_of_it), "{answer}: {}", said(&events));
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_decides_without_asking() {
    within(async {
        let dir = TempDir::new().unwrap();
        let inside = format!("edit {}/new.txt", dir.path().display());
        let told_before = format!("patch {}/new.txt", dir.path().display());
        for (permissions, message, said_of_it) in [
            (Permissions::AllowAll, "permit x", Some("even-")),
            (Permissions::Deny, "permit x", Some("odd-")),
            (Permissions::Deny, &inside, Some("odd-")),
            (Permissions::AllowEdits, &inside, Some("even-")),
            (Permissions::AllowEdits, &told_before, Some("even-")),
            (Permissions::AllowEdits, "edit /etc/passwd", None),
            (Permissions::AllowEdits, "patch /etc/passwd", None),
            (Permissions::AllowEdits, "permit x", None),
            (Permissions::Ask, &inside, None),
        ] {
            let rig = Rig::new();
            let tasks = serve(rig.runner().permissions(permissions)).await;
            let task = NewTask::new("stub", message).work_dir(dir.path().to_str().unwrap());
            let task = tasks.create(task).await.unwrap().id;
            match said_of_it {
                Some(said_of_it) => {
                    let (task, events) = settled(&tasks, task).await;
                    completed(&task);
                    assert!(
                        said(&events).starts_with(said_of_it),
                        "{permissions:?} {message}: {}",
                        said(&events)
                    );
                    assert!(events.iter().all(|event| event.kind() != "input_requested"));
                }
                None => drop(asked(&tasks, task).await),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_is_asked_reads_what_is_changed_wherever_the_agent_told_it() {
    within(async {
        let tasks = Rig::new().tasks().await;
        for message in ["edit /etc/passwd", "patch /etc/passwd"] {
            let task = start(&tasks, message).await;
            let request = asked(&tasks, task).await;
            assert!(request.prompt.ends_with("\n/etc/passwd"), "{message}: {}", request.prompt);
            if message.starts_with("patch") {
                let told = until(&tasks, task, |event| tool_update(event).is_some()).await;
                let input = tool_update(&told).unwrap().input.expect("it is told");
                let input = input.as_str();
                assert!(input.contains("/etc/passwd") && input.contains(r#""newText":"x""#), "{input}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_answers_what_is_open_as_cancelled() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        let task = start(&tasks, "permit x").await;
        asked(&tasks, task).await;
        tasks.send(task, Message::new("say on").delivery(Delivery::Interrupt)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!(
            (turn_reasons(&events), said(&events)),
            (vec!["interrupted".into(), "done".into()], "on".to_owned())
        );
        assert!(task.requests.is_empty());
        let kept = rig.session(&task);
        assert!(kept.contains(r#"answered {"outcome":{"outcome":"cancelled"}}"#), "{kept}");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_the_agent_withdraws_is_no_question_any_more() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        let (task, events) = run(&tasks, "withdraw").await;
        completed(&task);
        assert!(task.requests.is_empty());
        assert_eq!(said(&events), "after it");
        let kinds: Vec<_> = events.iter().map(|event| event.kind()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "input_answered").count(), 1, "{kinds:?}");
    })
    .await;
}

#[tokio::test]
async fn a_question_outlives_a_restart_and_is_not_asked_twice() {
    within(async {
        let rig = Rig::new();
        let start = || async {
            let store = SqliteStore::open(&rig.home.path().join("tasks.db")).await.unwrap();
            TaskManager::builder(store).runner("stub", rig.runner()).start().await.unwrap()
        };
        let tasks = start().await;
        let task = tasks.create(NewTask::new("stub", "permit go on")).await.unwrap().id;
        let request = asked(&tasks, task).await;
        tasks.shutdown(Duration::from_millis(100)).await.unwrap();
        drop(tasks);

        let tasks = start().await;
        let waiting = tasks.get(task).await.unwrap();
        assert_eq!((waiting.status, waiting.requests.len()), (TaskStatus::Interrupted, 1));
        let kept = rig.session(&waiting);
        assert!(!kept.contains("outcome"), "a shutdown is no denial: {kept}");
        tasks.answer(task, &request.request_id, json!("allow_once")).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!(task.run, 2);
        assert!(said(&events).starts_with("even-"), "{}", said(&events));
        assert_eq!(events.iter().filter(|event| event.kind() == "input_requested").count(), 1);
    })
    .await;
}
