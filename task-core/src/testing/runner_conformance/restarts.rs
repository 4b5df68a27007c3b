//! After a crash of the process nothing is done behind anybody's back, and the next message finds the way.

use super::bench::{Bench, assert_said, assert_status, count};
use super::harness::{Cue, RunnerHarness};
use crate::model::TaskStatus;

/// A runner that says it resumes is looked at by `it_goes_on_by_itself_after_a_crash`.
pub async fn a_run_that_is_cut_off_is_interrupted_unless_it_resumes<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let resumes = bench.runner.capabilities().resume_after_restart;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let bench = bench.crash().await;
    let found = bench.tasks.get(task).await.expect("it is there");
    if resumes {
        assert!(!found.status.is_settled(), "it says that it goes on, and is {}", found.status);
    } else {
        assert_status(&found, TaskStatus::Interrupted);
    }
    assert_eq!(count(&bench.log(task).await, "interrupted"), 1);
}

pub async fn a_message_after_a_crash_starts_the_next_run<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let bench = bench.crash().await;
    let before = bench.tasks.get(task).await.expect("it is there");
    bench.send(task, Cue::Say("awake")).await;
    if before.status.is_settled() {
        let task = bench.settled(task).await;
        assert_status(&task, TaskStatus::Completed);
        assert_eq!(task.run, 2);
    } else {
        // It goes on with what it did, which has no end; the message waits for its turn.
        assert_status(&bench.stopped(task).await.0, TaskStatus::Cancelled);
        bench.send(task, Cue::Say("awake")).await;
        assert_status(&bench.settled(task).await, TaskStatus::Completed);
    }
    assert_said(&bench.log(task).await, "awake");
}

pub async fn messages_that_waited_are_done_after_a_crash<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    if bench.runner.capabilities().resume_after_restart {
        return;
    }
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    bench.send(task, Cue::Say("one")).await;
    let bench = bench.crash().await;
    bench.send(task, Cue::Say("two")).await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Completed);
    let log = bench.log(task.id).await;
    assert_said(&log, "one two");
    assert_eq!(count(&log, "message_refused"), 0);
}

pub async fn it_goes_on_by_itself_after_a_crash<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Work).await;
    bench.until_output(task).await;
    let bench = bench.crash().await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Completed);
    let log = bench.log(task.id).await;
    assert_eq!((task.run, count(&log, "requeued")), (2, 1));
    let last_start = log.iter().rposition(|event| event.kind() == "run_started").expect("it ran");
    let done = log[last_start..].iter().any(|event| event.kind() == "text" || event.kind() == "tool_update");
    assert!(done, "the second run did nothing");
}

pub async fn the_session_is_kept_from_run_to_run<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (task, _) = bench.say("one").await;
    let session = task.session_id.clone().expect("it has a session");
    assert!(!session.is_empty(), "a session has a name");
    bench.send(task.id, Cue::Say("two")).await;
    assert_eq!(bench.settled(task.id).await.session_id.as_ref(), Some(&session));
    let (other, _) = bench.say("one").await;
    assert_ne!(other.session_id, Some(session), "another task has another session");
}

pub async fn the_session_is_kept_over_a_crash<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let before = bench.tasks.get(task).await.expect("it is there").session_id;
    assert!(before.is_some(), "it has a session as soon as it says something");
    let bench = bench.crash().await;
    if !bench.tasks.get(task).await.expect("it is there").status.is_settled() {
        bench.stopped(task).await;
    }
    bench.send(task, Cue::Say("awake")).await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Completed);
    assert_eq!(task.session_id, before);
}
