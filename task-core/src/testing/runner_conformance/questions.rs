//! Questions are durable: they wait, they are answered once, and the answer arrives, whatever happens in between.

use super::bench::{Bench, assert_said, assert_status, count, said};
use super::eventually::LOOK_AGAIN;
use super::harness::{Cue, RunnerHarness};
use crate::model::{InputRequest, RequestKind, RequestOption, TaskStatus};

pub async fn a_question_is_in_the_log_and_waits<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which colour?")).await;
    let request = bench.until_asked(task).await;
    assert_eq!(request.request, RequestKind::Question);
    assert!(request.prompt.contains("which colour?"), "asked: {}", request.prompt);
    let task = bench.tasks.get(task).await.expect("it is there");
    assert_eq!((task.status, task.requests.len()), (TaskStatus::AwaitingInput, 1));
}

pub async fn the_answer_arrives<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which colour?")).await;
    let request = bench.until_asked(task).await;
    bench.answer(task, &request, "ultramarine").await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    let log = bench.log(task).await;
    assert_said(&log, "ultramarine");
    assert_eq!(count(&log, "input_requested"), 1);
}

pub async fn each_task_gets_its_own_answer<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (one, other) = (bench.create(Cue::Ask("which?")).await, bench.create(Cue::Ask("which?")).await);
    let (of_one, of_other) = (bench.until_asked(one).await, bench.until_asked(other).await);
    bench.answer(other, &of_other, "green").await;
    bench.answer(one, &of_one, "red").await;
    for (task, answer) in [(one, "red"), (other, "green")] {
        bench.settled(task).await;
        assert_said(&bench.log(task).await, answer);
    }
}

/// The answer to a question of one message is not the answer to the same question of the next, which is taken by the
/// same run.
pub async fn a_question_that_is_asked_again_is_a_new_one<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which?")).await;
    let first = bench.until_asked(task).await;
    bench.send(task, Cue::Ask("which?")).await;
    bench.answer(task, &first, "red").await;
    let second = loop {
        let snapshot = bench.tasks.get(task).await.expect("it is there");
        match snapshot.requests.first() {
            Some(request) => break request.clone(),
            None => assert!(!snapshot.status.is_settled(), "it was not asked again"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    bench.answer(task, &second, "green").await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    assert_said(&bench.log(task).await, "red green");
}

pub async fn a_question_outlives_a_crash_and_is_not_asked_twice<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which colour?")).await;
    let request = bench.until_asked(task).await;
    let bench = bench.crash().await;
    bench.answer(task, &request, "ultramarine").await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    let log = bench.log(task).await;
    assert_said(&log, "ultramarine");
    assert_eq!(count(&log, "input_requested"), 1, "asked once");
}

pub async fn a_question_outlives_a_shutdown_and_is_not_asked_twice<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which colour?")).await;
    let request = bench.until_asked(task).await;
    let (_, bench) = bench.restart().await;
    bench.answer(task, &request, "ultramarine").await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    let log = bench.log(task).await;
    assert_said(&log, "ultramarine");
    assert_eq!(count(&log, "input_requested"), 1, "asked once");
}

pub async fn a_permission_offers_what_can_be_decided<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Permit("remove everything")).await;
    let request = bench.until_asked(task).await;
    assert_eq!(request.request, RequestKind::Permission);
    assert!(request.prompt.contains("remove everything"), "asked: {}", request.prompt);
    let ids: Vec<_> = request.options.iter().map(|option| &option.id).collect();
    let named = ids.iter().all(|id| !id.is_empty()) && request.options.iter().all(|o| !o.label.is_empty());
    let distinct = ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id));
    assert!(ids.len() >= 2 && named && distinct, "offered: {:?}", request.options);
}

pub async fn what_is_decided_makes_a_difference<H: RunnerHarness>(place: &H) {
    let mut outcomes = Vec::new();
    for choose in [<[_]>::first, <[_]>::last] as [fn(&[RequestOption]) -> Option<&RequestOption>; 2] {
        let bench = Bench::new(place).await;
        let task = bench.create(Cue::Permit("go on")).await;
        let request: InputRequest = bench.until_asked(task).await;
        let choice = choose(&request.options).expect("there is a choice").id.clone();
        bench.answer(task, &request, &choice).await;
        assert_status(&bench.settled(task).await, TaskStatus::Completed);
        outcomes.push(said(&bench.log(task).await));
    }
    assert_ne!(outcomes[0], outcomes[1], "whatever is decided, it does the same");
}
