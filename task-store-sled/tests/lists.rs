//! Lists: filters, order, search, and pages that neither repeat nor miss.

mod common;

use common::{Place, create, text};
use task_core::testing::Scribe;
use task_core::{Cursor, Order, StoreError, TaskQuery, TaskStatus, TaskStore};
use task_store_sled::SledStore;

async fn titles(store: &SledStore, query: &TaskQuery) -> Vec<String> {
    store.list(query).await.expect("listed").items.into_iter().map(|task| task.title).collect()
}

/// All pages of a query.
async fn walk(store: &SledStore, query: &TaskQuery) -> Vec<String> {
    let (mut query, mut titles) = (query.clone(), Vec::new());
    loop {
        let page = store.list(&query).await.expect("listed");
        assert!(page.items.len() <= query.limit);
        titles.extend(page.items.into_iter().map(|task| task.title));
        match page.next {
            Some(cursor) => query = query.with_cursor(cursor),
            None => return titles,
        }
    }
}

#[tokio::test]
async fn pages_give_every_task_once_whatever_is_added_meanwhile() {
    let place = Place::new();
    let store = place.open().await;
    let names: Vec<_> = (0..10).map(|n| format!("task {n}")).collect();
    for name in &names {
        create(&store, name).await;
    }
    let oldest = TaskQuery::default().with_order(Order::OldestFirst).with_limit(3);
    assert_eq!(walk(&store, &oldest).await, names);
    let newest = TaskQuery::default().with_limit(3);
    let first = store.list(&newest).await.expect("listed");
    create(&store, "newer").await;
    let rest = walk(&store, &newest.with_cursor(first.next.expect("there is more"))).await;
    let mut expected = names.clone();
    expected.reverse();
    assert_eq!(rest, expected[3..]);
}

#[tokio::test]
async fn the_last_page_has_no_cursor() {
    let place = Place::new();
    let store = place.open().await;
    create(&store, "one").await;
    create(&store, "two").await;
    let next = async |limit| store.list(&TaskQuery::default().with_limit(limit)).await.expect("listed").next;
    assert!(next(1).await.is_some());
    assert_eq!(next(2).await, None);
    assert_eq!(next(usize::MAX).await, None);
    assert_eq!(next(0).await, None);
}

#[tokio::test]
async fn filters_are_joined_and_pages_keep_them() {
    let place = Place::new();
    let store = place.open().await;
    let mut expected = Vec::new();
    for n in 0..12 {
        let agent = if n % 2 == 0 { "even" } else { "odd" };
        let mut scribe = Scribe::new(&format!("task {n}")).with_agent(agent);
        store.commit(scribe.create(None)).await.expect("created");
        if n % 3 != 0 {
            store.commit(scribe.start()).await.expect("started");
        }
        expected.push((n, agent, scribe.task().status));
    }
    let select = |agent: Option<&str>, statuses: &[TaskStatus]| -> Vec<String> {
        let found = expected.iter().rev().filter(|(_, a, s)| {
            agent.is_none_or(|agent| agent == *a) && (statuses.is_empty() || statuses.contains(s))
        });
        found.map(|(n, ..)| format!("task {n}")).collect()
    };
    for agent in [None, Some("even"), Some("odd"), Some("nobody")] {
        for statuses in [
            &[][..],
            &[TaskStatus::Running],
            &[TaskStatus::Running, TaskStatus::Pending],
            &[TaskStatus::Completed, TaskStatus::Running, TaskStatus::Running],
            &[TaskStatus::Failed],
        ] {
            let mut query = TaskQuery::default().with_limit(2).with_statuses(statuses.iter().copied());
            query.agent_id = agent.map(str::to_owned);
            assert_eq!(walk(&store, &query).await, select(agent, statuses), "{agent:?} {statuses:?}");
        }
    }
}

#[tokio::test]
async fn titles_are_found_in_any_language_and_case() {
    let place = Place::new();
    let store = place.open().await;
    for title in ["Große Straße bauen", "Новая ЗАДАЧА", "新任务", "100% _done_", "plain"] {
        create(&store, title).await;
    }
    for (search, found) in [
        ("STRASSE", &["Große Straße bauen"][..]),
        ("große", &["Große Straße bauen"]),
        ("задача", &["Новая ЗАДАЧА"]),
        ("任务", &["新任务"]),
        ("% _D", &["100% _done_"]),
        ("%", &["100% _done_"]),
        ("'; DROP TABLE task; --", &[]),
        ("", &["plain", "100% _done_", "新任务", "Новая ЗАДАЧА", "Große Straße bauen"]),
    ] {
        assert_eq!(titles(&store, &TaskQuery::default().with_search(search)).await, found, "{search}");
    }
}

#[tokio::test]
async fn a_list_shows_the_newest_event_of_a_task_whose_row_was_not_rewritten() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    store.commit(scribe.record(text("a delta changes no row"))).await.expect("committed");
    let page = store.list(&TaskQuery::default()).await.expect("listed");
    assert_eq!(page.items, [scribe.task().clone()]);
    assert_eq!(page.items[0].seq.get(), 3);
}

#[tokio::test]
async fn a_foreign_cursor_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    create(&store, "a title").await;
    for text in ["", "-1", "1; DROP TABLE task", "a3f", "18446744073709551616"] {
        let error =
            store.list(&TaskQuery::default().with_cursor(Cursor::new(text))).await.expect_err("no cursor");
        assert!(matches!(&error, StoreError::InvalidCursor(cursor) if cursor == text), "{error}");
    }
    let beyond =
        TaskQuery::default().with_order(Order::OldestFirst).with_cursor(Cursor::new(u64::MAX.to_string()));
    assert_eq!(titles(&store, &beyond).await, [""; 0]);
}
