//! Questions wait: durable, answered once, kept over restarts.

mod common;

use std::time::Duration;

use common::{check_log, create, stage, stage_with, until};
use serde_json::json;
use task_core::testing::FaultStore;
use task_core::{
    Answer, Ask, MemoryStore, RequestKind, RequestOption, RunError, Task, TaskError, TaskId, TaskManager,
    TaskStatus,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

fn permission() -> Ask {
    Ask::permission("Delete everything?")
        .option(RequestOption::new("allow", "Allow").with_kind("allow_once"))
        .option(RequestOption::new("deny", "Deny"))
}

/// Asks in the background and gives the act back with the answer.
fn ask(
    act: task_core::testing::Act,
    ask: Ask,
) -> JoinHandle<(task_core::testing::Act, Result<Answer, RunError>)> {
    tokio::spawn(async move {
        let answer = act.cx.ask(ask).await;
        (act, answer)
    })
}

async fn asked(tasks: &TaskManager, task: TaskId) -> Task {
    until(tasks, task, |task| !task.requests.is_empty()).await
}

#[tokio::test(start_paused = true)]
async fn a_question_waits_and_its_answer_reaches_the_run() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let asking = ask(stage.next().await, permission());
    let waiting = asked(&tasks, task.id).await;
    assert_eq!(waiting.status, TaskStatus::AwaitingInput);
    let request = &waiting.requests[0];
    assert_eq!((request.request, request.prompt.as_str()), (RequestKind::Permission, "Delete everything?"));
    assert_eq!(request.options.len(), 2);

    let answered = tasks.answer(task.id, &request.request_id, json!("deny")).await.expect("answered");
    assert_eq!((answered.status, answered.requests.len()), (TaskStatus::Running, 0));
    let (act, answer) = asking.await.expect("no panic");
    let answer = answer.expect("answered");
    assert_eq!((answer.text().as_str(), answer.by.as_str()), ("deny", "user"));
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins_and_the_second_is_told() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let asking = ask(stage.next().await, Ask::question("Which?"));
    let request_id = asked(&tasks, task.id).await.requests[0].request_id.clone();
    let answers = (0..32).map(|n| tasks.answer(task.id, &request_id, json!(n)));
    let outcomes = futures::future::join_all(answers).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let (act, answer) = asking.await.expect("no panic");
    let first = answer.expect("answered").value;
    for outcome in outcomes {
        if let Err(error) = outcome {
            assert!(matches!(error, TaskError::AlreadyAnswered { answer, .. } if answer == first));
        }
    }
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let late = tasks.answer(task.id, &request_id, json!("late")).await;
    assert!(
        matches!(late, Err(TaskError::AlreadyAnswered { answer, .. }) if answer == first),
        "also much later"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_option_is_refused() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let _asking = ask(stage.next().await, permission());
    let waiting = asked(&tasks, task.id).await;
    let request_id = &waiting.requests[0].request_id;
    for answer in [json!("maybe"), json!(1), json!(null), json!(["allow"])] {
        let error = tasks.answer(task.id, request_id, answer).await.expect_err("refused");
        assert!(matches!(error, TaskError::Invalid { .. }), "{error}");
    }
    let missing = tasks.answer(task.id, "1.nothing", json!("x")).await.expect_err("refused");
    assert!(matches!(missing, TaskError::NoRequest(_)));
    assert_eq!(tasks.get(task.id).await.expect("exists").seq, waiting.seq, "nothing was recorded");
}

#[tokio::test(start_paused = true)]
async fn the_default_is_taken_at_the_deadline_and_not_before() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let begun = Instant::now();
    let wait = Duration::from_secs(600);
    let asking = ask(stage.next().await, permission().default_after(wait, "deny"));
    let waiting = asked(&tasks, task.id).await;
    assert!(waiting.requests[0].deadline.is_some());
    let (_act, answer) = asking.await.expect("no panic");
    let answer = answer.expect("answered");
    assert_eq!((answer.text().as_str(), answer.by.as_str()), ("deny", "deadline"));
    // The deadline is a time of day; between it and the timer lies what the test itself took.
    assert!(
        begun.elapsed() > wait - Duration::from_secs(5) && begun.elapsed() < wait + Duration::from_secs(1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_outlives_a_shutdown_and_is_answered_once() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let _asking = ask(act, permission().key("delete"));
    let request_id = asked(&tasks, task.id).await.requests[0].request_id.clone();
    tasks.shutdown(Duration::ZERO).await.expect("shut down");

    let (tasks, mut stage) = stage_with(store, |builder| builder).await;
    let found = tasks.get(task.id).await.expect("exists");
    assert_eq!((found.status, found.requests.len()), (TaskStatus::Interrupted, 1), "it is still open");
    assert!(stage.try_next().is_none());
    let answered = tasks.answer(task.id, &request_id, json!("allow")).await.expect("answered");
    assert_eq!(answered.status, TaskStatus::Pending, "the answer starts the next run");

    let act = stage.next().await;
    let answer = act.cx.ask(permission().key("delete")).await.expect("there at once");
    assert_eq!(answer.text(), "allow");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_question_is_taken_up_by_the_next_run_without_asking_twice() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let _asking = ask(stage.next().await, Ask::question("Well?"));
    asked(&tasks, task.id).await;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");

    let (tasks, mut stage) = stage_with(store, |builder| builder).await;
    tasks.send(task.id, "go on").await.expect("accepted");
    let asking = ask(stage.next().await, Ask::question("Well?"));
    let waiting = until(&tasks, task.id, |task| task.status == TaskStatus::AwaitingInput).await;
    assert_eq!(waiting.requests.len(), 1);
    tasks.answer(task.id, &waiting.requests[0].request_id, json!("yes")).await.expect("answered");
    assert_eq!(asking.await.expect("no panic").1.expect("answered").text(), "yes");
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_closes_its_questions_and_the_next_may_ask_anew() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let asking = ask(stage.next().await, Ask::question("Well?").key("q"));
    let first_id = asked(&tasks, task.id).await.requests[0].request_id.clone();
    tasks.cancel(task.id).await.expect("asked to stop");
    let (act, answer) = asking.await.expect("no panic");
    assert!(answer.is_err(), "nobody will answer any more");
    act.finish(Ok(()));
    assert!(tasks.wait(task.id).await.expect("it settles").requests.is_empty());
    let late = tasks.answer(task.id, &first_id, json!("yes")).await;
    assert!(matches!(late, Err(TaskError::NoRequest(_))));

    tasks.send(task.id, "again").await.expect("accepted");
    let _asking = ask(stage.next().await, Ask::question("Well?").key("q"));
    assert_ne!(asked(&tasks, task.id).await.requests[0].request_id, first_id);
}

#[tokio::test(start_paused = true)]
async fn several_questions_can_be_open() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let cx = act.cx.clone();
    let both = tokio::spawn(async move {
        tokio::join!(cx.ask(Ask::question("One?").key("one")), cx.ask(Ask::question("Two?").key("two")))
    });
    let waiting = until(&tasks, task.id, |task| task.requests.len() == 2).await;
    for request in waiting.requests.iter().rev() {
        tasks.answer(task.id, &request.request_id, json!(request.prompt)).await.expect("answered");
    }
    let (one, two) = both.await.expect("no panic");
    assert_eq!(
        (one.expect("answered").text(), two.expect("answered").text()),
        ("One?".into(), "Two?".into())
    );
}

#[tokio::test(start_paused = true)]
async fn questions_that_make_no_sense_are_refused() {
    let (tasks, mut stage) = stage().await;
    create(&tasks).await;
    let act = stage.next().await;
    for ask in [Ask::permission("no options"), Ask::question("x").key(""), Ask::question("x").key("a/b")] {
        assert!(act.cx.ask(ask).await.is_err());
    }
    assert!(act.cx.task().requests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn leave_for_one_thing_is_no_leave_for_another() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let allow = || RequestOption::new("allow", "Allow");
    let asking = ask(stage.next().await, Ask::permission("List files?").option(allow()));
    let request_id = asked(&tasks, task.id).await.requests[0].request_id.clone();
    tasks.answer(task.id, &request_id, json!("allow")).await.expect("answered");
    let _act = asking.await.expect("no panic");
    tasks.shutdown(Duration::ZERO).await.expect("shut down");

    let (tasks, mut stage) = stage_with(store, |builder| builder).await;
    tasks.send(task.id, "now something else").await.expect("accepted");
    let act = stage.next().await;
    assert!(act.cx.is_resumed());
    let asking = ask(act, Ask::permission("Delete everything?").option(allow()));
    let waiting = asked(&tasks, task.id).await;
    assert_eq!(waiting.requests[0].prompt, "Delete everything?");
    assert!(!asking.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_taken_back_waits_for_nobody() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let asking = tokio::spawn({
        let cx = act.cx.clone();
        async move { cx.ask(permission().key("rm")).await }
    });
    let request = asked(&tasks, task.id).await.requests[0].clone();
    asking.abort();
    act.cx.withdraw("rm", "withdrawn").await.expect("taken back");
    // Nothing is open: nothing changes.
    act.cx.withdraw("rm", "withdrawn").await.expect("taken back");
    act.cx.withdraw("never asked", "withdrawn").await.expect("taken back");
    let now = tasks.get(task.id).await.expect("it is there");
    assert_eq!((now.status, now.requests.len()), (TaskStatus::Running, 0));
    let late = tasks.answer(task.id, &request.request_id, json!("allow")).await;
    assert!(late.is_err(), "it is too late for an answer");

    // It may be asked again.
    let asking = ask(act, permission().key("rm"));
    let request = asked(&tasks, task.id).await.requests[0].clone();
    tasks.answer(task.id, &request.request_id, json!("deny")).await.expect("answered");
    let (act, answer) = asking.await.expect("no panic");
    assert_eq!(answer.expect("answered").by, "user");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_question_asked_again_in_a_run_is_another_question() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let mut act = stage.next().await;
    for answer in ["first", "second"] {
        let asking = ask(act, Ask::question("Which?"));
        let request_id = asked(&tasks, task).await.requests[0].request_id.clone();
        tasks.answer(task, &request_id, json!(answer)).await.expect("answered");
        let (again, given) = asking.await.expect("no panic");
        assert_eq!(given.expect("answered").text(), answer);
        act = again;
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_questions_may_be_open_and_no_more() {
    let mut limits = task_core::Limits::default();
    limits.open_requests = 3;
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.limits(limits)).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    let asks: Vec<_> = (0..3).map(|n| act.cx.ask(Ask::question(format!("{n}")))).collect();
    let open = futures::future::join_all(asks);
    let fourth = async {
        until(&tasks, task, |task| task.requests.len() == 3).await;
        act.cx.ask(Ask::question("one more")).await
    };
    let refused = tokio::select! {
        _ = open => panic!("nobody answered"),
        refused = fourth => refused.expect_err("three are open"),
    };
    assert!(refused.message().contains("is 4, and at most 3"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_question_has_its_limits() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    for illegal in [String::new(), "k".repeat(101), "a b".to_owned(), "~1".to_owned()] {
        let refused = act.cx.ask(Ask::question("Well?").key(illegal.as_str())).await.expect_err(&illegal);
        assert!(refused.message().contains("is not 1 to 100 letters"), "{refused}");
    }
    let longest = "k".repeat(100);
    let asking = ask(act, Ask::question("Well?").key(longest.as_str()));
    assert!(asked(&tasks, task).await.requests[0].request_id.ends_with(&longest));
    asking.abort();
}
