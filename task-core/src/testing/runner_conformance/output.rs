//! What is emitted makes sense to a reader who follows it event by event.

use std::collections::HashMap;

use super::bench::{Bench, assert_status};
use super::harness::{Cue, RunnerHarness};
use crate::model::{Event, Lifecycle, Output, Payload, TaskStatus, ToolStatus};

pub async fn a_tool_that_goes_on_was_called<H: RunnerHarness>(place: &H) {
    for log in logs(place).await {
        let mut calls: HashMap<String, ToolStatus> = HashMap::new();
        for payload in log.iter().map(Event::payload) {
            match payload {
                Payload::Lifecycle(Lifecycle::RunStarted(_)) => calls.clear(),
                Payload::Output(Output::ToolUpdate(update)) => {
                    let status = calls.get_mut(&update.call_id);
                    let status = status.unwrap_or_else(|| panic!("nobody called `{}`", update.call_id));
                    assert!(status.is_open(), "`{}` goes on after its end", update.call_id);
                    *status = update.status;
                }
                Payload::Output(Output::ToolCall(call)) => {
                    calls.insert(call.call_id, ToolStatus::Pending);
                }
                _ => {}
            }
        }
    }
}

pub async fn every_call_of_a_run_has_a_name_of_its_own<H: RunnerHarness>(place: &H) {
    for log in logs(place).await {
        let mut calls = Vec::new();
        for payload in log.iter().map(Event::payload) {
            match payload {
                Payload::Lifecycle(Lifecycle::RunStarted(_)) => calls.clear(),
                Payload::Output(Output::ToolCall(call)) => {
                    assert!(!call.call_id.is_empty() && !call.name.is_empty(), "a call without a name");
                    assert!(!calls.contains(&call.call_id), "`{}` is called twice", call.call_id);
                    calls.push(call.call_id);
                }
                _ => {}
            }
        }
    }
}

pub async fn no_call_is_open_when_a_run_ends_by_itself<H: RunnerHarness>(place: &H) {
    for log in logs(place).await {
        let mut open = Vec::new();
        for payload in log.iter().map(Event::payload) {
            match payload {
                Payload::Output(Output::ToolCall(call)) => open.push(call.call_id),
                Payload::Output(Output::ToolUpdate(update)) if !update.status.is_open() => {
                    open.retain(|call| *call != update.call_id);
                }
                Payload::Lifecycle(Lifecycle::Completed(_) | Lifecycle::Cancelled(_)) => {
                    assert!(open.is_empty(), "the run has ended, and {open:?} seem to go on");
                }
                _ => {}
            }
        }
    }
}

/// Readers append a delta to the block it names: a block that is text and thinking would be torn in two.
pub async fn a_block_has_a_name_and_one_kind<H: RunnerHarness>(place: &H) {
    for log in logs(place).await {
        let mut blocks: HashMap<String, &str> = HashMap::new();
        for event in &log {
            let block = match event.payload() {
                Payload::Lifecycle(Lifecycle::RunStarted(_)) => {
                    blocks.clear();
                    continue;
                }
                Payload::Output(Output::Text(delta)) => delta.block,
                Payload::Output(Output::Thinking(delta)) => delta.block,
                _ => continue,
            };
            assert!(!block.is_empty(), "a block without a name");
            let kind = *blocks.entry(block.clone()).or_insert(event.kind());
            assert_eq!(kind, event.kind(), "the kind of block `{block}`");
        }
    }
}

pub async fn output_begins_after_a_message_was_taken<H: RunnerHarness>(place: &H) {
    for log in logs(place).await {
        let mut taken = false;
        for payload in log.iter().map(Event::payload) {
            match payload {
                Payload::Lifecycle(Lifecycle::RunStarted(_)) => taken = false,
                Payload::Lifecycle(Lifecycle::MessageDelivered(_)) => taken = true,
                Payload::Output(output) => assert!(taken, "`{}` is said to no message", output.kind()),
                _ => {}
            }
        }
    }
}

pub async fn every_message_has_a_turn_that_ends<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Say("one")).await;
    bench.send(task, Cue::Say("two")).await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    bench.send(task, Cue::Say("three")).await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    let turns = bench.log(task).await.into_iter().filter_map(|event| match event.payload() {
        Payload::Lifecycle(Lifecycle::MessageDelivered(_)) => Some("taken"),
        Payload::Output(Output::TurnEnded(ended)) => {
            assert!(!ended.reason.is_empty(), "a turn ends for a reason");
            Some("ended")
        }
        _ => None,
    });
    assert_eq!(turns.collect::<Vec<_>>(), ["taken", "ended"].repeat(3));
}

/// The logs of everything the runner can be made to do, the end of which it has in its own hands.
async fn logs<H: RunnerHarness>(place: &H) -> Vec<Vec<Event>> {
    // Two turns of one run, where the runner takes them so, and then another run.
    let bench = Bench::busy(place).await;
    let task = bench.create(Cue::Say("some words and then more")).await;
    bench.send(task, Cue::Say("and another turn")).await;
    bench.no_longer_busy().await;
    bench.settled(task).await;
    bench.send(task, Cue::Say("and another run")).await;
    bench.settled(task).await;
    let mut tasks = vec![task];
    for cue in [Cue::Fail("no"), Cue::Work] {
        if place.cue(cue).is_some() {
            tasks.push(bench.create(cue).await);
        }
    }
    for cue in [Cue::Stream, Cue::Ask("why?"), Cue::Permit("this?")] {
        if place.cue(cue).is_some() {
            let task = bench.create(cue).await;
            if cue == Cue::Stream {
                bench.until_output(task).await;
            } else {
                bench.until_asked(task).await;
            }
            bench.stopped(task).await;
            tasks.push(task);
        }
    }
    let mut logs = Vec::new();
    for task in tasks {
        bench.settled(task).await;
        logs.push(bench.log(task).await);
    }
    logs
}
