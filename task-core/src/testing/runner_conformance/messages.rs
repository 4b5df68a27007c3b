//! Every message is taken, once, in order, and done.

use futures::future::join_all;

use super::bench::{Bench, assert_said, assert_status, count, kinds, said, said_of};
use super::harness::{Cue, RunnerHarness};
use crate::model::TaskStatus;

pub async fn a_message_is_done_and_the_task_completed<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (task, log) = bench.say("alpha beta gamma").await;
    assert_status(&task, TaskStatus::Completed);
    assert_said(&log, "alpha beta gamma");
    assert_eq!((task.run, task.queued_messages), (1, 0));
    bench.assert_started_once(&task);
}

pub async fn every_character_arrives_and_comes_back<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let words = "任务 naïve Ж 🦀 שלום e\u{301}";
    assert_said(&bench.say(words).await.1, words);
}

pub async fn long_output_comes_whole_and_in_order<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let words: Vec<_> = (0..3_000).map(|n| format!("w{n}")).collect();
    let (task, log) = bench.say(&words.join(" ")).await;
    assert_status(&task, TaskStatus::Completed);
    let found = said_of(&log, words.iter().map(String::as_str));
    let wrong = found.iter().zip(&words).position(|(found, word)| found != word);
    assert_eq!((wrong, found.len()), (None, words.len()), "position of the first wrong word, and words");
    assert_eq!(kinds(&log).last(), Some(&"completed"), "output comes before the end");
}

/// At every moment of a run, its end included: what is accepted is taken by this run or by the next.
pub async fn messages_that_come_while_it_runs_are_done_in_order<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    for pause in [0, 1, 2, 4, 8, 16, 32, 64] {
        let task = bench.create(Cue::Say("one")).await;
        for word in ["two", "three"] {
            for _ in 0..pause {
                tokio::task::yield_now().await;
            }
            bench.send(task, Cue::Say(word)).await;
        }
        let task = bench.settled(task).await;
        let log = bench.log(task.id).await;
        assert_status(&task, TaskStatus::Completed);
        assert_said(&log, "one two three");
        assert_eq!((count(&log, "message_delivered"), count(&log, "message_refused")), (3, 0));
        bench.assert_started_once(&task);
    }
}

pub async fn messages_that_waited_together_are_done_in_order<H: RunnerHarness>(place: &H) {
    let bench = Bench::busy(place).await;
    let task = bench.create(Cue::Say("one")).await;
    bench.send(task, Cue::Say("two")).await;
    bench.send(task, Cue::Say("three")).await;
    bench.no_longer_busy().await;
    let task = bench.settled(task).await;
    let log = bench.log(task.id).await;
    assert_status(&task, TaskStatus::Completed);
    assert_said(&log, "one two three");
    assert_eq!((count(&log, "message_delivered"), count(&log, "message_refused")), (3, 0));
}

pub async fn a_message_to_a_settled_task_is_done_by_the_next_run<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (task, _) = bench.say("first").await;
    for (run, word) in [(2, "second"), (3, "third")] {
        bench.send(task.id, Cue::Say(word)).await;
        let again = bench.settled(task.id).await;
        assert_status(&again, TaskStatus::Completed);
        assert_eq!(again.run, run);
    }
    assert_said(&bench.log(task.id).await, "first second third");
}

pub async fn tasks_that_run_at_once_do_not_mix<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let words: Vec<Vec<_>> = (0..6).map(|task| (0..40).map(|n| format!("t{task}n{n}")).collect()).collect();
    let texts: Vec<_> = words.iter().map(|words| words.join(" ")).collect();
    let tasks = join_all(texts.iter().map(|text| bench.create(Cue::Say(text)))).await;
    for (task, own) in tasks.into_iter().zip(&words) {
        assert_status(&bench.settled(task).await, TaskStatus::Completed);
        let log = bench.log(task).await;
        let found = said_of(&log, words.iter().flatten().map(String::as_str));
        assert_eq!(found, *own, "said: {}", said(&log));
    }
}
