//! Messages and answers that arrive while a run ends.

use serde_json::json;
use task_core::{
    Answer, Ask, InputAnswered, Lifecycle, MemoryStore, NewTask, Payload, RunContext, RunResult, TaskError,
    TaskManager, TaskStatus,
};

use super::explore::explore;
use super::log::{checked, count, kinds, settled, until};

#[test]
fn a_message_that_meets_the_end_of_a_run_is_delivered_once() {
    explore(send_while_the_run_ends);
}

#[test]
fn of_two_answers_one_holds_and_the_other_is_told() {
    explore(answer_twice);
}

async fn send_while_the_run_ends() {
    let builder = TaskManager::builder(MemoryStore::new()).runner("reader", reader);
    let tasks = builder.start().await.expect("it starts");
    let task = tasks.create(NewTask::new("reader", "first")).await.expect("created").id;
    let sending = shuttle::future::spawn({
        let tasks = tasks.clone();
        async move {
            // Not sooner: it would be there long before the run ends.
            until(&tasks, task, "message_delivered").await;
            tasks.send(task, "second").await.expect("accepted")
        }
    });
    sending.await.expect("no panic");
    let snapshot = settled(&tasks, task).await;
    assert_eq!(snapshot.status, TaskStatus::Completed);
    let events = checked(&tasks, task).await;
    assert_eq!(count(&events, "message_delivered"), 2, "{:?}", kinds(&events));
    assert_eq!(count(&events, "message_refused"), 0, "{:?}", kinds(&events));
    assert_eq!(count(&events, "run_started"), count(&events, "completed"), "{:?}", kinds(&events));
}

async fn answer_twice() {
    let store = MemoryStore::new();
    let owner = TaskManager::builder(store.clone()).runner("asker", asker).start().await.expect("it starts");
    let observer = TaskManager::builder(store).observe().await.expect("it observes");
    let task = owner.create(NewTask::new("asker", "ask")).await.expect("created").id;
    until(&owner, task, "input_requested").await;
    let request = owner.get(task).await.expect("exists").requests[0].request_id.clone();
    let answering = |tasks: TaskManager, answer: &'static str| {
        let request = request.clone();
        shuttle::future::spawn(async move { tasks.answer(task, &request, json!(answer)).await })
    };
    let (left, right) = (answering(owner.clone(), "left"), answering(observer, "right"));
    let outcomes = [left.await.expect("no panic"), right.await.expect("no panic")];
    settled(&owner, task).await;

    let events = checked(&owner, task).await;
    assert_eq!(count(&events, "input_answered"), 1, "{:?}", kinds(&events));
    let held = events.iter().find_map(|event| match event.payload() {
        Payload::Lifecycle(Lifecycle::InputAnswered(InputAnswered { answer, .. })) => Some(answer),
        _ => None,
    });
    let wins = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(wins, 1, "{outcomes:?}");
    let winner = if outcomes[0].is_ok() { "left" } else { "right" };
    assert_eq!(held, Some(json!(winner)));
    let told = outcomes.into_iter().find_map(Result::err).expect("one lost");
    assert!(matches!(told, TaskError::AlreadyAnswered { .. }), "{told:?}");
    let said: String =
        events.iter().filter(|event| event.kind() == "text").map(|event| event.data().to_owned()).collect();
    assert!(said.contains(winner), "the runner got the answer that holds: {said}");
}

async fn reader(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {}
    Ok(())
}

async fn asker(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {
        let answer: Answer = cx.ask(Ask::question("Which one?").key("which")).await?;
        cx.text("reply", answer.text()).await?;
    }
    Ok(())
}
