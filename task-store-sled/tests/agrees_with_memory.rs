//! One random history on this store and on the memory store: they agree at every step.

mod common;

use common::Place;
use task_core::testing::{Random, Scribe};
use task_core::{
    Cursor, MemoryStore, Order, Output, Seq, StoreError, TaskId, TaskQuery, TaskStatus, TaskStore,
};
use task_store_sled::SledStore;

const STEPS: usize = 200;
const SEED: &str = "TASK_STORE_SLED_SEED";

/// A seed repeats a history.
struct Dice(Random);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.0.below(sides as u64)).expect("below a length")
    }

    fn word(&mut self) -> String {
        let letters = ['a', 'b', 'Ä', 'ß', 'ж', 'Ж', '任', '%'];
        (0..=self.roll(5)).map(|_| letters[self.roll(letters.len())]).collect()
    }
}

#[tokio::test]
async fn on_a_random_history_with_reopens() {
    let chosen = std::env::var(SEED).ok().map(|seed| seed.parse().expect("a number"));
    // Fixed ones, so that a run says the same as the one before.
    for seed in chosen.map_or_else(|| (1..=4).collect(), |seed| vec![seed]) {
        println!("{SEED}={seed}");
        history(seed).await;
    }
}

async fn history(seed: u64) {
    let (place, memory) = (Place::new(), MemoryStore::new());
    let (mut store, mut dice, mut scribes) = (place.open().await, Dice(Random::new(seed)), Vec::new());
    for step in 0..STEPS {
        play(&mut dice, &mut scribes, &memory, &store).await;
        if step % 50 == 49 {
            store.close().await.expect("closed");
            store = place.open().await;
        }
        if step % 10 == 9 {
            compare(&scribes, &memory, &store).await;
        }
    }
}

async fn play(dice: &mut Dice, scribes: &mut Vec<Scribe>, memory: &MemoryStore, store: &SledStore) {
    let key = format!("key {}", dice.roll(12));
    let key = (dice.roll(2) == 0).then_some(key.as_str());
    if scribes.is_empty() || dice.roll(5) == 0 {
        let agent = ["scribe", "other"][dice.roll(2)];
        let mut scribe = Scribe::new(&dice.word()).with_agent(agent);
        let commit = scribe.create(key);
        let outcome = both(memory.commit(commit.clone()).await, store.commit(commit).await);
        if outcome == "ok" {
            scribes.push(scribe);
        }
        return;
    }
    let place = dice.roll(scribes.len());
    if dice.roll(12) == 0 {
        let scribe = scribes.remove(place);
        let (task, end) = (scribe.id(), scribe.task().seq);
        for (at, expected) in [(end.next(), "conflict"), (end, "ok"), (end, "not found")] {
            assert_eq!(both(memory.remove(task, at).await, store.remove(task, at).await), expected);
        }
        let mut late = scribe.clone();
        let late = late.message("late");
        assert_eq!(both(memory.commit(late.clone()).await, store.commit(late).await), "not found");
        return;
    }
    let scribe = &mut scribes[place];
    let (before, status) = (scribe.clone(), scribe.task().status);
    let commit = match dice.roll(6) {
        0 if status.is_active() => scribe.interrupt(),
        1 | 2 if status == TaskStatus::Pending => scribe.start(),
        3 => {
            // Two writers on one position: the second is refused by both.
            let mut late = scribe.clone();
            let (first, second) = (scribe.message("first"), late.message("second"));
            both(memory.commit(first.clone()).await, store.commit(first).await);
            assert_eq!(both(memory.commit(second.clone()).await, store.commit(second).await), "conflict");
            return;
        }
        4 => scribe.record_keyed([Output::text("b", "x".repeat(dice.roll(20_000)))], key),
        _ => scribe.record_keyed([Output::text("b", dice.word()), Output::text("c", dice.word())], key),
    };
    if both(memory.commit(commit.clone()).await, store.commit(commit).await) != "ok" {
        *scribe = before;
    }
}

async fn compare(scribes: &[Scribe], memory: &MemoryStore, store: &SledStore) {
    assert_eq!(memory.counts().await.expect("counted"), store.counts().await.expect("counted"));
    for scribe in scribes {
        let id = scribe.id();
        let task = store.load(id).await.expect("exists");
        assert_eq!(task, memory.load(id).await.expect("exists"));
        assert_eq!(task, *scribe.task());
        for (after, limit, bytes) in [(0, 1000, usize::MAX), (1, 2, usize::MAX), (0, 1000, 1), (1000, 9, 9)] {
            let ours = store.events(id, Seq::new(after), limit, bytes).await.expect("readable");
            let theirs = memory.events(id, Seq::new(after), limit, bytes).await.expect("readable");
            assert_eq!(ours, theirs);
        }
    }
    for n in 0..12 {
        let key = format!("key {n}");
        assert_eq!(
            store.find_key(&key).await.expect("looked"),
            memory.find_key(&key).await.expect("looked"),
            "{key}"
        );
    }
    let instance = task_core::InstanceId::new();
    assert_eq!(
        store.orphans(instance).await.expect("looked"),
        memory.orphans(instance).await.expect("looked")
    );
    for query in queries() {
        assert_eq!(walk(store, &query).await, walk(memory, &query).await, "{query:?}");
    }
}

fn queries() -> Vec<TaskQuery> {
    let mut queries = vec![TaskQuery::default(), TaskQuery::default().with_limit(2)];
    for status in TaskStatus::ALL {
        let query = TaskQuery::default().with_statuses([status, TaskStatus::Running]).with_limit(3);
        queries.extend([query.clone().with_agent("other"), query]);
    }
    for search in ["a", "ä", "SS", "Ж", "任", "%", "_", ""] {
        queries.push(TaskQuery::default().with_search(search).with_limit(3));
    }
    for agent in ["scribe", "other", "nobody", ""] {
        queries.push(TaskQuery::default().with_agent(agent).with_limit(2));
    }
    let oldest: Vec<_> = queries.iter().cloned().map(|query| query.with_order(Order::OldestFirst)).collect();
    queries.extend(oldest);
    queries
}

/// All pages, each task by its id.
async fn walk(store: &dyn TaskStore, query: &TaskQuery) -> Vec<TaskId> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = store.list(&query).await.expect("listed");
        assert!(page.items.len() <= query.limit);
        found.extend(page.items.iter().map(|task| task.id));
        match page.next {
            Some(cursor) => query = query.with_cursor(Cursor::new(cursor.as_str())),
            None => return found,
        }
    }
}

/// What a caller would decide on, which is the same for both.
fn both(memory: Result<(), StoreError>, store: Result<(), StoreError>) -> &'static str {
    let (memory, store) = (outcome(memory), outcome(store));
    assert_eq!(memory, store);
    memory.0
}

fn outcome(result: Result<(), StoreError>) -> (&'static str, String) {
    match result {
        Ok(()) => ("ok", String::new()),
        Err(error @ StoreError::Conflict { .. }) => ("conflict", error.to_string()),
        Err(error @ StoreError::Duplicate { .. }) => ("duplicate", error.to_string()),
        Err(error @ StoreError::NotFound(_)) => ("not found", error.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}
