//! The session is the log: whatever happened in between, the model is sent the whole conversation.
#![cfg(feature = "chat")]

mod chat_support;
mod fake_model;

use std::time::Duration;

use chat_support::{manager, manager_on, runner, say, say_more, settled, text, until, within};
use fake_model::{FakeModel, Step, answer, delta, error, stream};
use task_core::{MemoryStore, NewTask, TaskStatus};

fn pairs(said: &[(&str, &str)]) -> Vec<(String, String)> {
    said.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn every_request_holds_the_whole_conversation() {
    within(async {
        let model = FakeModel::new(|before, _| answer(["one", "two", "three"][before]));
        let tasks = manager(runner(&model)).await;
        let (task, _) = say(&tasks, "a").await;
        say_more(&tasks, task.id, "b").await;
        let (task, _) = say_more(&tasks, task.id, "c").await;
        assert_eq!(task.session_id, Some(format!("chat-{}", task.id)));
        let expected =
            [("user", "a"), ("assistant", "one"), ("user", "b"), ("assistant", "two"), ("user", "c")];
        assert_eq!(model.asked()[2].said(), pairs(&expected));
    })
    .await;
}

/// The log has the messages where they were accepted, in the middle of an answer; the model gets them behind it.
#[tokio::test]
async fn messages_that_came_during_an_answer_stand_behind_it() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => {
                let mut steps = vec![stream(), delta("o"), Step::Pause(Duration::from_millis(300))];
                steps.extend(answer("ne").split_off(1));
                steps
            }
            1 => answer("two"),
            _ => answer("three"),
        });
        let tasks = manager(runner(&model)).await;
        let task = tasks.create(NewTask::new("chat", "a")).await.expect("created").id;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.send(task, "b").await.expect("accepted");
        let (settled, log) = settled(&tasks, task).await;
        assert_eq!((settled.run, text(&log).as_str()), (1, "onetwo"));
        let live = pairs(&[("user", "a"), ("assistant", "one"), ("user", "b")]);
        assert_eq!(model.asked()[1].said(), live);
        say_more(&tasks, task, "c").await;
        let read = [live, pairs(&[("assistant", "two"), ("user", "c")])].concat();
        assert_eq!(model.asked()[2].said(), read, "read from the log it is the same");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_cut_off_by_a_restart_is_sent_as_far_as_it_came() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => vec![stream(), delta("I think "), delta("that"), Step::UntilGone],
            _ => answer("it is so"),
        });
        let store = MemoryStore::new();
        let tasks = manager_on(&store, runner(&model)).await;
        let task = tasks.create(NewTask::new("chat", "what?")).await.expect("created").id;
        until(&tasks, task, |event| event.json().contains("that")).await;
        drop(tasks);

        let tasks = manager_on(&store, runner(&model)).await;
        assert_eq!(tasks.get(task).await.expect("it is there").status, TaskStatus::Interrupted);
        let (task, _) = say_more(&tasks, task, "go on").await;
        assert_eq!((task.status, task.run), (TaskStatus::Completed, 2));
        model.wait_for_gone(1);
        let expected = pairs(&[("user", "what?"), ("assistant", "I think that"), ("user", "go on")]);
        assert_eq!(model.asked()[1].said(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_message_without_an_answer_is_sent_again_with_the_next() {
    within(async {
        let model = FakeModel::new(|before, _| if before == 0 { error(400, "no") } else { answer("yes") });
        let tasks = manager(runner(&model)).await;
        let (task, _) = say(&tasks, "a").await;
        assert_eq!(task.status, TaskStatus::Failed);
        let (task, _) = say_more(&tasks, task.id, "b").await;
        assert_eq!(task.status, TaskStatus::Completed);
        assert_eq!(model.asked()[1].said(), pairs(&[("user", "a\n\nb")]), "models insist on taking turns");
    })
    .await;
}

#[tokio::test]
async fn messages_that_were_refused_are_not_sent() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => vec![stream(), delta("hm"), Step::UntilGone],
            _ => answer("yes"),
        });
        let tasks = manager(runner(&model)).await;
        let task = tasks.create(NewTask::new("chat", "a")).await.expect("created").id;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.send(task, "never mind").await.expect("accepted");
        tasks.cancel(task).await.expect("it runs");
        settled(&tasks, task).await;
        say_more(&tasks, task, "b").await;
        assert_eq!(model.asked()[1].said(), pairs(&[("user", "a"), ("assistant", "hm"), ("user", "b")]));
    })
    .await;
}
