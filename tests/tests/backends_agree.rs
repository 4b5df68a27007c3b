//! One random history on every store: they agree with the memory store at every step.

use proptest::prelude::*;
use task_core::testing::Scribe;
use task_core::{
    Commit, Cursor, MemoryStore, Order, Output, Seq, StoreError, TaskId, TaskQuery, TaskStatus, TaskStore,
};
use task_store_sled::SledStore;
use task_store_sqlite::SqliteStore;

/// What is done, to which of the tasks made so far.
#[derive(Clone, Debug)]
enum Step {
    Create(String),
    Interrupt(prop::sample::Index),
    Message(prop::sample::Index),
    Remove(prop::sample::Index),
    Start(prop::sample::Index),
    Stale(prop::sample::Index),
    Text(prop::sample::Index, String),
}

fn step() -> impl Strategy<Value = Step> {
    let task = any::<prop::sample::Index>;
    prop_oneof![
        3 => "[a-cÄßж任]{1,6}".prop_map(Step::Create),
        1 => task().prop_map(Step::Interrupt),
        2 => task().prop_map(Step::Message),
        1 => task().prop_map(Step::Remove),
        3 => task().prop_map(Step::Start),
        1 => task().prop_map(Step::Stale),
        5 => (task(), any::<String>()).prop_map(|(task, text)| Step::Text(task, text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn on_one_history(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("a directory");
            let (file, directory) = (dir.path().join("tasks.db"), dir.path().join("tasks"));
            let memory = MemoryStore::new();
            let sqlite = SqliteStore::open(&file).await.expect("opens");
            let sled = SledStore::open(&directory).await.expect("opens");
            let mut scribes: Vec<Scribe> = Vec::new();
            for step in steps {
                play(&step, &mut scribes, &memory, &[&sqlite, &sled]).await;
            }
            for store in [&sqlite as &dyn TaskStore, &sled] {
                compare(&scribes, &memory, store).await;
                store.close().await.expect("closed");
            }
            let sqlite = SqliteStore::open(&file).await.expect("opens again");
            let sled = SledStore::open(&directory).await.expect("opens again");
            for store in [&sqlite as &dyn TaskStore, &sled] {
                compare(&scribes, &memory, store).await;
                store.close().await.expect("closed");
            }
        });
    }
}

async fn play(step: &Step, scribes: &mut Vec<Scribe>, memory: &MemoryStore, others: &[&dyn TaskStore]) {
    let commit = match step {
        Step::Create(title) => {
            let mut scribe = Scribe::new(title);
            let key = format!("key {title}");
            let before = scribe.clone();
            let commit = scribe.create(Some(&key));
            scribes.push(scribe);
            if commit_to_all(&commit, memory, others).await != "ok" {
                // The key was taken: the task does not exist.
                scribes.pop();
                assert!(before.task().seq == Seq::ZERO);
            }
            return;
        }
        Step::Remove(task) => {
            let Some(place) = (!scribes.is_empty()).then(|| task.index(scribes.len())) else { return };
            let scribe = scribes.remove(place);
            let (task, end) = (scribe.id(), scribe.task().seq);
            for store in [memory as &dyn TaskStore].iter().chain(others) {
                assert_eq!(outcome(store.remove(task, end.next()).await), "conflict");
                store.remove(task, end).await.expect("removed");
            }
            return;
        }
        Step::Interrupt(task)
        | Step::Message(task)
        | Step::Start(task)
        | Step::Stale(task)
        | Step::Text(task, _) => {
            let Some(place) = (!scribes.is_empty()).then(|| task.index(scribes.len())) else { return };
            let scribe = &mut scribes[place];
            let status = scribe.task().status;
            match step {
                Step::Interrupt(_) if status.is_active() => scribe.interrupt(),
                Step::Start(_) if status == TaskStatus::Pending => scribe.start(),
                Step::Text(_, text) => {
                    scribe.record([Output::text("b", text.as_str()), Output::text("c", "x")])
                }
                Step::Stale(_) => {
                    // Two writers on one position: the second is refused by both.
                    let mut late = scribe.clone();
                    let (first, second) = (scribe.message("first"), late.message("second"));
                    assert_eq!(commit_to_all(&first, memory, others).await, "ok");
                    second
                }
                _ => scribe.message("hello"),
            }
        }
    };
    commit_to_all(&commit, memory, others).await;
}

/// What became of it, which is the same everywhere.
async fn commit_to_all(commit: &Commit, memory: &MemoryStore, others: &[&dyn TaskStore]) -> &'static str {
    let expected = outcome(memory.commit(commit.clone()).await);
    for store in others {
        assert_eq!(outcome(store.commit(commit.clone()).await), expected, "{commit:?}");
    }
    expected
}

async fn compare(scribes: &[Scribe], memory: &MemoryStore, store: &dyn TaskStore) {
    assert_eq!(memory.counts().await.expect("counted"), store.counts().await.expect("counted"));
    for scribe in scribes {
        let id = scribe.id();
        let task = store.load(id).await.expect("exists");
        assert_eq!(task, memory.load(id).await.expect("exists"));
        assert_eq!(task, *scribe.task());
        for (after, limit, bytes) in
            [(0, 1000, usize::MAX), (1, 2, usize::MAX), (0, 1000, 1), (1_000, 10, 10)]
        {
            let ours = store.events(id, Seq::new(after), limit, bytes).await.expect("readable");
            let theirs = memory.events(id, Seq::new(after), limit, bytes).await.expect("readable");
            assert_eq!(ours, theirs);
        }
    }
    let missing = TaskId::new();
    assert_eq!(outcome(memory.load(missing).await), outcome(store.load(missing).await));
    for query in queries() {
        assert_eq!(walk(memory, &query).await, walk(store, &query).await, "{query:?}");
    }
}

fn queries() -> Vec<TaskQuery> {
    let mut queries = vec![TaskQuery::default(), TaskQuery::default().with_limit(2)];
    for status in TaskStatus::ALL {
        queries.push(TaskQuery::default().with_statuses([status, TaskStatus::Running]).with_limit(3));
    }
    for search in ["a", "ä", "SS", "Ж", "任", "%", "_", ""] {
        queries.push(TaskQuery::default().with_search(search).with_limit(3));
    }
    queries.push(TaskQuery::default().with_agent("scribe"));
    queries.push(TaskQuery::default().with_agent("nobody"));
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

/// What a caller would decide on.
fn outcome<T>(result: Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(StoreError::Conflict { .. }) => "conflict",
        Err(StoreError::Duplicate { .. }) => "duplicate",
        Err(StoreError::NotFound(_)) => "not found",
        Err(error) => panic!("{error}"),
    }
}
