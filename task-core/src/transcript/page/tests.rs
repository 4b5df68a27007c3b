//! Every page is a part of the conversation as the plain fold of the whole log tells it.

mod history;

use super::*;
use crate::log::PAGE_EVENTS;
use crate::memory::MemoryStore;
use crate::model::{
    Completed, Custom, Failed, InputAnswered, MessageDelivered, Output, Payload, ToolCall, ToolStatus,
    ToolUpdate,
};
use crate::store::TaskStore;
use crate::testing::{Random, Scribe};
use crate::transcript::Block;
use history::{History, message, question, turn_ended};

#[tokio::test]
async fn pages_of_a_lively_log_are_parts_of_the_whole() {
    // More than two steps back, messages short and long.
    every_page_is_a_part(1, 1_600, 40).await;
}

#[tokio::test]
async fn a_page_of_a_few_of_many_messages_costs_one_step() {
    let history = History::random(7, 2_000, 40).await;
    let cost = history.cost(TranscriptQuery::default().with_limit(2)).await;
    assert_eq!(cost, 1 + WINDOW as u32 / PAGE_EVENTS as u32);
}

#[tokio::test]
async fn pages_of_a_log_of_long_turns_are_parts_of_the_whole() {
    // Most steps back find no place where a message begins, and what changes is far away.
    every_page_is_a_part(2, 1_650, 500).await;
}

#[tokio::test]
async fn pages_of_a_log_that_ends_at_a_border_are_parts_of_the_whole() {
    for (seed, events) in [(3, 511), (4, 512), (5, 513), (6, 1_024)] {
        every_page_is_a_part(seed, events, 120).await;
    }
}

/// Pages in both directions, from places where something may go wrong and from others, against the whole.
async fn every_page_is_a_part(seed: u64, events: u64, turn: u64) {
    let history = History::random(seed, events, turn).await;
    let mut random = Random::new(seed);
    for limit in [1, 7, 1_000] {
        for at in history.places(&mut random) {
            history.check_older(at, limit).await;
        }
        // Many small pages are many reads.
        let starts = history.places(&mut random);
        let few = if limit < 7 { 8 } else { 2 };
        for after in starts.iter().copied().filter(|_| random.below(few) == 0) {
            history.check_newer(after.min(events), limit).await;
        }
    }
    // All there are, and not one more, where a step back ends in front of the first of them.
    for before in [2 + WINDOW as u64, 2 + 3 * WINDOW as u64] {
        let older = history.whole.iter().filter(|message| message.seq.get() < before).count();
        history.check_older(before, older).await;
    }
    for after in [events - 1, events] {
        history.check_newer(after, 1).await;
    }
    let beyond = history.page(TranscriptQuery::default().with_after(Seq::new(events + 1))).await;
    assert!(matches!(beyond, Err(TaskError::CursorAhead { .. })), "{beyond:?}");
}

/// A log in which what began at event 4 changes after so many events, in these ways, behind a message and before
/// another; and where that first message is.
async fn far(filler: u64, changes: &[Change]) -> (History, u64) {
    let mut scribe = Scribe::new("a title");
    let store = MemoryStore::new();
    let waits = message();
    let (message_id, run) = (waits.message_id, 1);
    let call = |name: &str| Payload::from(Output::from(ToolCall::new(name, "tool")));
    let commits = [
        scribe.create(None),
        scribe.start(),
        scribe.record([Payload::from(waits), call("ends"), call("stays open"), turn_ended()]),
        scribe.record((0..filler).map(|_| Output::text("text", "x"))),
        scribe.record([message()]),
    ];
    let border = scribe.task().seq.get();
    let changes = changes.iter().map(|change| match change {
        Change::Delivered => MessageDelivered { message_id, run }.into(),
        Change::Failed => Failed { error: "gave up".to_owned() }.into(),
        Change::Updated => {
            let ends = ToolUpdate::new("ends", ToolStatus::Completed).with_output("ok");
            Payload::from(Output::from(ends))
        }
    });
    let last = [
        scribe.record((0..8).map(|_| Output::text("text", "a last word"))),
        scribe.record(changes),
        scribe.record([message()]),
    ];
    for commit in commits.into_iter().chain(last) {
        store.commit(commit).await.expect("stored");
    }
    (History::of(store, scribe.id()).await, border)
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Delivered,
    Failed,
    Updated,
}

const CHANGES: [Change; 3] = [Change::Updated, Change::Delivered, Change::Failed];

#[tokio::test]
async fn whatever_changes_what_began_further_back_than_one_step_is_told() {
    for change in CHANGES {
        let (history, border) = far(WINDOW as u64 + 90, &[change]).await;
        let query = TranscriptQuery::default().with_after(Seq::new(border));
        let page = history.page(query).await.expect("readable");
        let changed = history.whole.iter().filter(|message| message.last_seq.get() > border);
        let changed: Vec<_> = changed.cloned().collect();
        assert!(matches!(changed[0].seq.get(), 4 | 5), "{change:?}");
        assert_eq!(
            page,
            TranscriptPage { messages: changed, seq: history.end, has_more: false },
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn a_change_is_told_of_what_began_as_far_back_as_is_read_and_not_torn_apart_beyond() {
    let (history, border) = far(MAX_WINDOW as u64 - 8, &CHANGES).await;
    let furthest = 3 + MAX_WINDOW as u64;
    assert!(border < furthest && furthest + 4 < history.end.get(), "the border is in the last word");
    // What is far away changed, but before this.
    let cost = history.cost(TranscriptQuery::default().with_after(history.end.previous())).await;
    assert!(cost <= 3 + WINDOW as u32 / PAGE_EVENTS as u32, "{cost} reads");
    for after in [border, furthest - 1, furthest] {
        let page = history.page(TranscriptQuery::default().with_after(Seq::new(after))).await;
        let page = page.expect("readable");
        let changed: Vec<_> =
            history.whole.iter().filter(|message| message.last_seq.get() > after).cloned().collect();
        assert_eq!(changed[..2], history.whole[1..3], "what waited, and what was called");
        assert_eq!(page, TranscriptPage { messages: changed, seq: history.end, has_more: false }, "{after}");
    }
    let query = TranscriptQuery::default().with_after(Seq::new(furthest + 1));
    let page = history.page(query).await.expect("readable");
    let told: Vec<_> = page.messages.iter().map(|message| message.seq.get()).collect();
    let end = history.end.get();
    assert_eq!(told, [border + 1, end - 1, end], "whole, or not at all");
    assert_eq!((page.messages[0].run, page.has_more, page.seq), (1, false, history.end));
}

#[tokio::test]
async fn an_older_page_has_what_came_of_it_as_far_as_is_read() {
    let query = TranscriptQuery::default().with_before(Seq::new(8));
    for (filler, is_told) in [(MAX_WINDOW as u64 - 20, true), (2 * MAX_WINDOW as u64, false)] {
        let (history, _) = far(filler, &CHANGES).await;
        let (reads, page) = (history.store.reads(), history.page(query).await.expect("readable"));
        let reads = history.store.reads() - reads;
        assert!(reads <= 3 + MAX_WINDOW as u32 / PAGE_EVENTS as u32, "{reads} reads");
        let told: Vec<_> = page.messages.iter().map(|message| message.seq.get()).collect();
        assert_eq!((told, page.has_more), (vec![2, 4, 5], false));
        let is_open = |block: &Block| matches!(block, Block::Tool(tool) if tool.status.is_open());
        if is_told {
            assert_eq!(page.messages[..], history.whole[..3]);
        } else {
            assert!(page.messages[2].content.iter().all(is_open), "{:?}", page.messages[2]);
        }
    }
}

#[tokio::test]
async fn whatever_is_open_is_looked_after_and_nothing_else() {
    let (store, mut scribe) = (MemoryStore::new(), Scribe::new("a title"));
    store.commit(scribe.create(None)).await.expect("stored");
    let (first, other, run) = (scribe.task().book.queued[0].id, message(), 1);
    let other_id = other.message_id;
    let question = question("asked");
    let answered =
        InputAnswered { request_id: question.request_id.clone(), answer: true.into(), by: "me".into() };
    let commits = [
        scribe.start(),
        scribe.record([MessageDelivered { message_id: first, run }]),
        scribe.record([Payload::from(question), turn_ended(), other.into(), answered.into()]),
        scribe.record([MessageDelivered { message_id: other_id, run }]),
        scribe.record([ToolCall::new("call", "tool")].map(Output::from)),
        scribe.record([turn_ended(), message().into()]),
        scribe.record([ToolUpdate::new("call", ToolStatus::Completed).with_output("ok")].map(Output::from)),
    ];
    for commit in commits {
        store.commit(commit).await.expect("stored");
    }
    let history = History::of(store, scribe.id()).await.with_versions().await;
    // A message that waits, nothing, a question, a message again, nothing, a tool, nothing.
    for (before, cost) in [(3, 2), (5, 1), (7, 2), (8, 2), (10, 1), (12, 2)] {
        history.check_older(before, 9).await;
        let query = TranscriptQuery::default().with_before(Seq::new(before));
        assert_eq!(history.cost(query).await, cost, "before {before}");
    }
}

/// One turn of so many events, and the next run. The message it began with is delivered after so many of them.
async fn endless(before: u64, after: u64) -> History {
    let (store, mut scribe) = (MemoryStore::new(), Scribe::new("a title"));
    let custom = |n: u64| Output::from(Custom::new("n", serde_json::json!(n)));
    let create = scribe.create(None);
    let message_id = scribe.task().book.queued[0].id;
    let commits = [
        create,
        scribe.start(),
        scribe.record((4..4 + before).map(custom)),
        scribe.record([MessageDelivered { message_id, run: 1 }]),
        scribe.record((5 + before..5 + before + after).map(custom)),
        scribe.record([Completed {}]),
        scribe.message("and on"),
        scribe.start(),
    ];
    for commit in commits {
        store.commit(commit).await.expect("stored");
    }
    History::of(store, scribe.id()).await
}

#[tokio::test]
async fn an_endless_turn_is_told_from_where_reading_began() {
    let most = MAX_WINDOW as u64;
    let (history, end) = (endless(100, 3 * most).await, 3 * most + 104);
    let numbers = |messages: &[TranscriptMessage]| -> Vec<u64> {
        let blocks = messages.iter().flat_map(|message| &message.content);
        let number = |block: &Block| match block {
            Block::Custom { data, .. } => data.as_str().parse().ok(),
            _ => None,
        };
        blocks.filter_map(number).collect()
    };

    let at = end - most + 1;
    let older = TranscriptQuery::default().with_before(Seq::new(at)).with_limit(1_000);
    let page = history.page(older).await.expect("readable");
    assert_eq!(numbers(&page.messages), Vec::from_iter(at - most..at));
    assert!(page.has_more && page.messages.iter().all(|message| message.run == 1), "{:?}", page.messages[0]);

    // One event of those read is no block: a message is one short of full where the page begins.
    let after = most + 58;
    let newer = TranscriptQuery::default().with_after(Seq::new(after)).with_limit(1_000);
    let page = history.page(newer).await.expect("readable");
    let first = after + 2 - Transcript::MAX_BLOCKS as u64;
    assert_eq!(numbers(&page.messages), Vec::from_iter(first..=end));
    let whole = (page.messages[0].seq.get(), page.messages[0].run, page.has_more, page.seq);
    assert_eq!(whole, (first, 1, false, history.end));
}

#[tokio::test]
async fn a_page_of_an_endless_log_costs_no_more_than_its_part() {
    let most = MAX_WINDOW as u64;
    let history = endless(100, 3 * most).await;
    let steps = MAX_WINDOW as u32 / PAGE_EVENTS as u32;
    let query = TranscriptQuery::default().with_limit(1_000);
    // Back, and forth for the run that it belongs to: nobody says for long.
    let cost = history.cost(query.with_before(Seq::new(most + 200))).await;
    assert!((2 * steps..=2 * steps + 8).contains(&cost), "{cost} reads");
    // The same, but for a message that is delivered on the way.
    let page = history.page(query.with_before(Seq::new(most + 59))).await.expect("readable");
    assert!(page.messages.iter().all(|message| message.run == 1), "{:?}", page.messages[0]);
    // What is new at the end is near.
    let cost = history.cost(query.with_after(history.end.previous())).await;
    assert!(cost <= 3 + WINDOW as u32 / PAGE_EVENTS as u32, "{cost} reads");
}
