//! Logs in which anything happens, and what the plain fold makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::*;
use crate::clock::SystemClock;
use crate::limits::Limits;
use crate::log::PAGE_EVENTS;
use crate::memory::MemoryStore;
use crate::model::{
    Cancelled, Completed, Content, Custom, Delivery, Failed, InputAnswered, InputRequest, Interrupted,
    MessageAdded, MessageDelivered, MessageId, MessageRefused, NoticeLevel, Output, Payload, Plan, PlanEntry,
    PlanStatus, RequestKind, TaskStatus, ToolCall, ToolStatus, ToolUpdate,
};
use crate::store::TaskStore;
use crate::testing::{FaultStore, Random, Scribe};
use crate::transcript::Block;

/// A log, and what the plain fold makes of it.
pub(super) struct History {
    journal: Journal,
    pub(super) store: FaultStore,
    task: TaskId,
    /// The messages as they stand at the end.
    pub(super) whole: Vec<TranscriptMessage>,
    /// Each message, by its first event, as every event left it that changed it. Of short logs only.
    versions: BTreeMap<Seq, BTreeMap<Seq, TranscriptMessage>>,
    pub(super) end: Seq,
    seed: u64,
}

impl History {
    pub(super) async fn of(store: MemoryStore, task: TaskId) -> Self {
        let events = store.events(task, Seq::ZERO, usize::MAX, usize::MAX).await.expect("readable");
        let mut transcript = Transcript::default();
        events.iter().for_each(|event| transcript.push(event));
        let store = FaultStore::new(store);
        let journal = Journal::new(Arc::new(store.clone()), Arc::new(SystemClock), Limits::default());
        let (whole, end) = (transcript.into_messages().into(), Seq::new(events.len() as u64));
        Self { journal, store, task, whole, versions: BTreeMap::new(), end, seed: 0 }
    }

    /// A log of so many events in which anything happens; about so many events of the agent in a turn.
    pub(super) async fn random(seed: u64, events: u64, turn: u64) -> Self {
        let store = MemoryStore::new();
        let (mut random, mut scribe) = (Random::new(seed), Scribe::new("a title"));
        store.commit(scribe.create(None)).await.expect("stored");
        let mut calls = BTreeSet::new();
        while scribe.task().seq.get() < events {
            let step = step(scribe.task(), &mut calls, &mut random, turn);
            store.commit(scribe.record([step])).await.expect("stored");
        }
        Self { seed, ..Self::of(store, scribe.id()).await.with_versions().await }
    }

    pub(super) async fn with_versions(mut self) -> Self {
        let mut transcript = Transcript::default();
        let events = self.store.events(self.task, Seq::ZERO, usize::MAX, usize::MAX).await.expect("readable");
        for event in events {
            transcript.push(&event);
            for message in transcript.messages().filter(|message| message.last_seq == event.seq()) {
                self.versions.entry(message.seq).or_default().insert(event.seq(), message.clone());
            }
        }
        self
    }

    /// Around the borders of what is read at once, from either end and from where messages begin, and anywhere.
    pub(super) fn places(&self, random: &mut Random) -> BTreeSet<u64> {
        let end = self.end.get();
        let mut places = BTreeSet::from([0, 1, 2, end, end + 1, end + 9]);
        let message = self.whole[usize::try_from(random.below(self.whole.len() as u64)).expect("small")].seq;
        for border in [PAGE_EVENTS, WINDOW as u64, 2 * WINDOW as u64, 3 * WINDOW as u64] {
            let from = [border, end.saturating_sub(border), message.get() + border, message.get()];
            places.extend(from.into_iter().flat_map(|place| [place.saturating_sub(1), place, place + 1]));
        }
        places.extend((0..4).map(|_| random.below(end)));
        // A few of the borders each time: a page takes its time.
        places.retain(|place| *place <= 2 || *place >= end || random.below(4) == 0);
        places.retain(|place| *place <= end + 9);
        places
    }

    pub(super) async fn page(&self, query: TranscriptQuery) -> Result<TranscriptPage, TaskError> {
        page(&self.journal, self.task, query).await
    }

    /// How many reads of the store a page takes.
    pub(super) async fn cost(&self, query: TranscriptQuery) -> u32 {
        let before = self.store.reads();
        self.page(query).await.expect("readable");
        self.store.reads() - before
    }

    pub(super) async fn check_older(&self, before: u64, limit: usize) {
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
    pub(super) async fn check_newer(&self, after: u64, limit: usize) {
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
        (8, ..) => question(&task.seq.to_string()).into(),
        _ => message().into(),
    }
}

pub(super) fn question(name: &str) -> InputRequest {
    InputRequest {
        request_id: name.to_owned(),
        request: RequestKind::Question,
        prompt: "?".to_owned(),
        options: Vec::new(),
        deadline: None,
        default: None,
        call_id: None,
    }
}

pub(super) fn turn_ended() -> Payload {
    Output::turn_ended("done").into()
}

pub(super) fn message() -> MessageAdded {
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
