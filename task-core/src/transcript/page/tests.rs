//! Every page is a part of the conversation as the plain fold of the whole log tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::clock::SystemClock;
use crate::limits::Limits;
use crate::memory::MemoryStore;
use crate::model::{
    Cancelled, Completed, Content, Custom, Delivery, Failed, InputAnswered, InputRequest, Interrupted,
    MessageAdded, MessageDelivered, MessageId, MessageRefused, NoticeLevel, Output, Payload, Plan, PlanEntry,
    PlanStatus, RequestKind, TaskStatus, ToolCall, ToolStatus, ToolUpdate,
};
use crate::store::TaskStore;
use crate::testing::{FaultStore, Random, Scribe};
use crate::transcript::Block;

#[tokio::test]
async fn pages_of_a_lively_log_are_parts_of_the_whole() {
    // More than two steps back, messages short and long.
    every_page_is_a_part(1, 1_300, 40).await;
}

#[tokio::test]
async fn pages_of_a_log_of_long_turns_are_parts_of_the_whole() {
    // Most steps back find no place where a message begins, and what changes is far away.
    every_page_is_a_part(2, 2_100, 500).await;
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
    for limit in [1, 2, 7, 1_000] {
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
    for after in [events - 1, events] {
        history.check_newer(after, 1).await;
    }
    let beyond = history.page(TranscriptQuery::default().with_after(Seq::new(events + 1))).await;
    assert!(matches!(beyond, Err(TaskError::CursorAhead { .. })), "{beyond:?}");
}

/// A log in which something that began at event 4 changes after so many events, in front of a message and a last word.
async fn far(filler: u64) -> (History, u64) {
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
    let ends = ToolUpdate::new("ends", ToolStatus::Completed).with_output("ok");
    let last = [
        scribe.record((0..8).map(|_| Output::text("text", "a last word"))),
        scribe.record([Payload::from(Output::from(ends)), MessageDelivered { message_id, run }.into()]),
        scribe.record([Failed { error: "gave up".to_owned() }]),
    ];
    for commit in commits.into_iter().chain(last) {
        store.commit(commit).await.expect("stored");
    }
    (History::of(store, scribe.id()).await, border)
}

#[tokio::test]
async fn a_change_is_told_of_what_began_as_far_back_as_is_read_and_not_torn_apart_beyond() {
    let (history, border) = far(MAX_WINDOW as u64 - 8).await;
    let furthest = 3 + MAX_WINDOW as u64;
    assert!(border < furthest && furthest + 3 < history.end.get(), "the border is in the last word");
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
    assert_eq!(told, [border + 1, history.end.get()], "whole, or not at all");
    assert_eq!((page.messages[0].run, page.has_more, page.seq), (1, false, history.end));
}

#[tokio::test]
async fn an_older_page_has_what_came_of_it_as_far_as_is_read() {
    let query = TranscriptQuery::default().with_before(Seq::new(8));
    for (filler, is_told) in [(MAX_WINDOW as u64 - 20, true), (2 * MAX_WINDOW as u64, false)] {
        let (history, _) = far(filler).await;
        let (reads, page) = (history.store.reads(), history.page(query).await.expect("readable"));
        let reads = history.store.reads() - reads;
        assert!(reads <= 3 + MAX_WINDOW as u32 / 256, "{reads} reads");
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

/// One turn of so many events, and the next run.
async fn endless(events: u64) -> History {
    let (store, mut scribe) = (MemoryStore::new(), Scribe::new("a title"));
    let commits = [
        scribe.create(None),
        scribe.start(),
        scribe.record((0..events).map(|n| Custom::new("n", serde_json::json!(n))).map(Output::from)),
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
    let history = endless(3 * MAX_WINDOW as u64).await;
    let most = MAX_WINDOW as u64;
    let numbers = |messages: &[TranscriptMessage]| -> Vec<String> {
        let blocks = messages.iter().flat_map(|message| &message.content);
        let number = |block: &Block| match block {
            Block::Custom { data, .. } => Some(data.as_str().to_owned()),
            _ => None,
        };
        blocks.filter_map(number).collect()
    };
    // The first custom event is number 4 of the log, and says 0.
    let expected = |events: std::ops::Range<u64>| events.map(|seq| (seq - 4).to_string()).collect::<Vec<_>>();

    let at = 2 * most + 20;
    let query = TranscriptQuery::default().with_before(Seq::new(at)).with_limit(1_000);
    let page = history.page(query).await.expect("readable");
    assert_eq!(numbers(&page.messages), expected(at - most..at));
    assert!(page.has_more && page.messages.iter().all(|message| message.run == 1), "{:?}", page.messages[0]);

    // Nobody says for long what run that is.
    let reads = history.store.reads();
    history.page(query.with_before(Seq::new(most + 9))).await.expect("readable");
    let reads = history.store.reads() - reads;
    assert!(reads <= 2 * MAX_WINDOW as u32 / 256 + 9, "{reads} reads");

    let query = TranscriptQuery::default().with_after(Seq::new(at)).with_limit(1_000);
    let page = history.page(query).await.expect("readable");
    let (told, first) = (numbers(&page.messages), page.messages[0].seq.get());
    assert!(first <= at + 1 && at + 1 - first < Transcript::MAX_BLOCKS as u64, "from {first} on");
    assert_eq!(told, expected(first..3 * most + 4));
    assert_eq!((page.messages[0].run, page.has_more, page.seq), (1, false, history.end));
}

/// A log, and what the plain fold makes of it.
struct History {
    journal: Journal,
    store: FaultStore,
    task: TaskId,
    /// The messages as they stand at the end.
    whole: Vec<TranscriptMessage>,
    /// Each message, by its first event, as every event left it that changed it. Of random logs only.
    versions: BTreeMap<Seq, BTreeMap<Seq, TranscriptMessage>>,
    end: Seq,
    seed: u64,
}

impl History {
    async fn of(store: MemoryStore, task: TaskId) -> Self {
        let events = store.events(task, Seq::ZERO, usize::MAX, usize::MAX).await.expect("readable");
        let mut transcript = Transcript::default();
        events.iter().for_each(|event| transcript.push(event));
        let store = FaultStore::new(store);
        let journal = Journal::new(Arc::new(store.clone()), Arc::new(SystemClock), Limits::default());
        let (whole, end) = (transcript.into_messages().into(), Seq::new(events.len() as u64));
        Self { journal, store, task, whole, versions: BTreeMap::new(), end, seed: 0 }
    }

    /// A log of so many events in which anything happens; about so many events of the agent in a turn.
    async fn random(seed: u64, events: u64, turn: u64) -> Self {
        let store = MemoryStore::new();
        let (mut random, mut scribe) = (Random::new(seed), Scribe::new("a title"));
        store.commit(scribe.create(None)).await.expect("stored");
        let mut calls = BTreeSet::new();
        while scribe.task().seq.get() < events {
            let step = step(scribe.task(), &mut calls, &mut random, turn);
            store.commit(scribe.record([step])).await.expect("stored");
        }
        let mut history = Self::of(store, scribe.id()).await;
        let mut transcript = Transcript::default();
        for event in
            history.store.events(scribe.id(), Seq::ZERO, usize::MAX, usize::MAX).await.expect("readable")
        {
            transcript.push(&event);
            for message in transcript.messages().filter(|message| message.last_seq == event.seq()) {
                history.versions.entry(message.seq).or_default().insert(event.seq(), message.clone());
            }
        }
        history.seed = seed;
        history
    }

    /// Around the borders of what is read at once, from either end and from where messages begin, and anywhere.
    fn places(&self, random: &mut Random) -> BTreeSet<u64> {
        let end = self.end.get();
        let mut places = BTreeSet::from([0, 1, 2, end, end + 1, end + 9]);
        let message = self.whole[usize::try_from(random.below(self.whole.len() as u64)).expect("small")].seq;
        for border in [256, WINDOW as u64, 2 * WINDOW as u64, 3 * WINDOW as u64] {
            let from = [border, end.saturating_sub(border), message.get() + border, message.get()];
            places.extend(from.into_iter().flat_map(|place| [place.saturating_sub(1), place, place + 1]));
        }
        places.extend((0..4).map(|_| random.below(end)));
        // A few of the borders each time: a page takes its time.
        places.retain(|place| *place <= 2 || *place >= end || random.below(4) == 0);
        places.retain(|place| *place <= end + 9);
        places
    }

    async fn page(&self, query: TranscriptQuery) -> Result<TranscriptPage, TaskError> {
        page(&self.journal, self.task, query).await
    }

    async fn check_older(&self, before: u64, limit: usize) {
        let said = format!("seed {}, before {before}, {limit} messages", self.seed);
        let before = Seq::new(before);
        let page = self.page(TranscriptQuery::default().with_before(before).with_limit(limit)).await;
        let page = page.expect("readable");
        let older: Vec<_> = self.whole.iter().filter(|message| message.seq < before).collect();
        let surplus = older.len().saturating_sub(limit);
        assert_eq!((page.seq, page.has_more), (self.end, surplus > 0), "{said}");
        assert_eq!(page.messages.len(), older.len() - surplus, "{said}");
        for (told, whole) in page.messages.iter().zip(&older[surplus..]) {
            if whole.seq == older[older.len() - 1].seq && whole.last_seq >= before {
                self.check_cut(told, whole, before, &said);
            } else {
                assert_eq!(told, *whole, "{said}");
            }
        }
    }

    /// A message that goes on behind the page: what it says up to there, and what came of that.
    fn check_cut(&self, told: &TranscriptMessage, whole: &TranscriptMessage, before: Seq, said: &str) {
        let (_, then) = self.versions[&whole.seq].range(..before).next_back().expect("it began there");
        let content = then.content.iter().zip(&whole.content).map(|(then, whole)| match whole {
            Block::Tool(_) | Block::Request { .. } => whole.clone(),
            _ => then.clone(),
        });
        assert!(then.last_seq <= told.last_seq && told.last_seq <= whole.last_seq, "{said}: {told:?}");
        let expected =
            TranscriptMessage { content: content.collect(), last_seq: told.last_seq, ..whole.clone() };
        assert_eq!(*told, expected, "{said}");
    }

    /// Page by page to the end: each message that changed, and each page as the log stood where it ends.
    async fn check_newer(&self, after: u64, limit: usize) {
        let said = format!("seed {}, after {after}, {limit} messages", self.seed);
        let (start, mut after, mut found) = (Seq::new(after), Seq::new(after), BTreeMap::new());
        loop {
            let page = self.page(TranscriptQuery::default().with_after(after).with_limit(limit)).await;
            let TranscriptPage { messages, seq, has_more } = page.expect("readable");
            assert_eq!(has_more, seq < self.end, "{said}");
            assert!(seq > after || !has_more, "{said}: it does not go on");
            assert!(messages.is_sorted_by(|one, next| one.seq < next.seq), "{said}");
            let told: Vec<_> = messages.iter().map(|message| message.seq).collect();
            for message in &messages {
                let then = self.versions[&message.seq].range(..=seq).next_back().expect("it began there").1;
                assert_eq!(message, then, "{said}: up to {seq}");
            }
            let changed_for_good =
                |message: &&TranscriptMessage| message.last_seq > after && message.last_seq <= seq;
            let expected: Vec<_> =
                self.whole.iter().filter(changed_for_good).map(|message| message.seq).collect();
            assert!(expected.iter().all(|seq| told.contains(seq)), "{said}: {expected:?} and not {told:?}");
            // What one event changed is not torn apart.
            let last = messages.iter().map(|message| message.last_seq).max();
            let before_last = messages.iter().filter(|message| Some(message.last_seq) < last).count();
            assert!(before_last < limit, "{said}: {told:?}");
            found.extend(messages.into_iter().map(|message| (message.seq, message)));
            after = seq;
            if !has_more {
                break;
            }
        }
        let changed: Vec<_> = self.whole.iter().filter(|message| message.last_seq > start).collect();
        assert_eq!(found.values().collect::<Vec<_>>(), changed, "{said}");
    }
}

/// Anything that may come next; `calls` are those under way.
fn step(task: &Task, calls: &mut BTreeSet<u64>, random: &mut Random, turn: u64) -> Payload {
    let word = || "x".to_owned();
    match task.status {
        TaskStatus::Pending => {
            calls.clear();
            let instance = crate::InstanceId::new();
            return crate::RunStarted { run: task.run + 1, reason: word(), instance }.into();
        }
        status if status.is_settled() => return message().into(),
        _ if random.below(turn) >= 3 => return output(task, calls, random).into(),
        _ => {}
    }
    let queued = task.book.queued.first().map(|queued| queued.id);
    let open = task.requests.first().map(|request| request.request_id.clone());
    match (random.below(10), queued, open) {
        (0, ..) => Completed {}.into(),
        (1, ..) => Failed { error: word() }.into(),
        (2, ..) => Cancelled {}.into(),
        (3, ..) => Interrupted { reason: word() }.into(),
        (4, Some(message_id), _) => MessageRefused { message_id, reason: word() }.into(),
        (5..=7, Some(message_id), _) => MessageDelivered { message_id, run: task.run }.into(),
        (8, _, Some(request_id)) => InputAnswered { request_id, answer: true.into(), by: word() }.into(),
        (8, ..) => InputRequest {
            request_id: task.seq.to_string(),
            request: RequestKind::Question,
            prompt: word(),
            options: Vec::new(),
            deadline: None,
            default: None,
            call_id: None,
        }
        .into(),
        _ => message().into(),
    }
}

fn turn_ended() -> Payload {
    Output::turn_ended("done").into()
}

fn message() -> MessageAdded {
    let content = vec![Content::text("hi")];
    MessageAdded { message_id: MessageId::new(), content, delivery: Delivery::Queue }
}

fn output(task: &Task, calls: &mut BTreeSet<u64>, random: &mut Random) -> Output {
    // Few names of calls, so that a later one often has the name of an earlier one.
    let (name, under_way) = (random.below(9), calls.first().copied());
    match (random.below(24), under_way) {
        (0, _) => Output::turn_ended("done"),
        (1, _) => {
            calls.insert(name);
            ToolCall::new(name.to_string(), "tool").into()
        }
        (2, Some(call)) => ToolUpdate::new(call.to_string(), ToolStatus::Running).with_output("…").into(),
        (3, Some(call)) if random.below(4) == 0 => {
            calls.remove(&call);
            ToolUpdate::new(call.to_string(), ToolStatus::Completed).with_output("ok").into()
        }
        (4, _) => Plan::new(vec![PlanEntry::new(task.seq.to_string(), PlanStatus::Pending)]).into(),
        (5, _) => Output::notice(NoticeLevel::Info, "well"),
        (6 | 7, _) => Custom::new("n", serde_json::json!(task.seq.get())).into(),
        (8 | 9, _) => Output::thinking("t", "hm "),
        (10, _) => Output::text("other", "and "),
        _ => Output::text("text", "so "),
    }
}
