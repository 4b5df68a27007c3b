//! What a runner says it can do is true, and it says all of it.

use futures::TryStreamExt;

use super::bench::{Bench, assert_said, assert_status};
use super::harness::{Cue, RunnerHarness};
use crate::model::{Delivery, Event, Lifecycle, Message, Output, Payload, TaskStatus};

/// That the kit is mounted with what the runner can do: no more, and no less. Called with the capabilities of the
/// mount.
///
/// # Panics
///
/// When the runner claims what the kit does not look at, or the other way round.
pub fn check_mount<H: RunnerHarness>(place: &H, mounted: &[&str]) {
    let is_mounted = |word: &str| mounted.contains(&word);
    let capabilities = place.runner().capabilities();
    for (word, claims) in [
        ("interrupt", capabilities.interrupt),
        ("resume", capabilities.resume_after_restart),
        ("steer", capabilities.steer),
    ] {
        assert_eq!(is_mounted(word), claims, "`{word}`: mounted, and claimed by the runner");
    }
    assert!(place.cue(Cue::Say("a word")).is_some(), "every runner can say something");
    for (word, cue) in [
        ("ask", Cue::Ask("what?")),
        ("fail", Cue::Fail("why")),
        ("hang", Cue::Hang),
        ("panic", Cue::Panic),
        ("permit", Cue::Permit("this")),
        ("resume", Cue::Work),
        ("spawn", Cue::Spawn(1)),
        ("stream", Cue::Stream),
    ] {
        assert_eq!(
            is_mounted(word),
            place.cue(cue).is_some(),
            "`{word}`: mounted, and a message for {cue:?}"
        );
    }
}

/// A message that steers gets into the turn that is under way, which goes on.
pub async fn a_message_that_steers_gets_into_the_running_turn<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let message = Message::new(bench.message(Cue::Say("leftwards"))).delivery(Delivery::Steer);
    let sent = bench.tasks.send(task, message).await.expect("accepted");
    let mut events = bench.tasks.subscribe(task, sent.seq);
    let (mut taken, mut more) = (false, 0);
    while more < 20 {
        let event = events.try_next().await.expect("the log can be read").expect("the turn goes on");
        match event.payload() {
            Payload::Lifecycle(Lifecycle::MessageDelivered(_)) => taken = true,
            Payload::Output(Output::TurnEnded(_)) => panic!("the turn ended for it"),
            Payload::Output(_) if taken => more += 1,
            _ => {}
        }
    }
    let (task, _) = bench.stopped(task).await;
    assert_status(&task, TaskStatus::Cancelled);
    assert_eq!(task.run, 1);
}

/// The message that interrupts ends the turn, and goes before one that waits longer.
pub async fn a_message_that_interrupts_ends_the_turn_and_comes_first<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    bench.send(task, Cue::Say("patient")).await;
    let message = Message::new(bench.message(Cue::Say("urgent"))).delivery(Delivery::Interrupt);
    bench.tasks.send(task, message).await.expect("accepted");
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Completed);
    let log = bench.log(task.id).await;
    assert_said(&log, "urgent patient");
    assert_eq!(task.run, 1, "the run goes on with it");
    let open = open_calls(&log);
    assert!(open.is_empty(), "what was interrupted seems to go on: {open:?}");
}

fn open_calls(log: &[Event]) -> Vec<String> {
    let mut open = Vec::new();
    for payload in log.iter().map(Event::payload) {
        match payload {
            Payload::Output(Output::ToolCall(call)) => open.push(call.call_id),
            Payload::Output(Output::ToolUpdate(update)) if !update.status.is_open() => {
                open.retain(|call| *call != update.call_id);
            }
            Payload::Lifecycle(Lifecycle::RunStarted(_)) => open.clear(),
            _ => {}
        }
    }
    open
}
