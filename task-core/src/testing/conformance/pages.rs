//! Pages of lists: every task once, whatever happens between two of them.

use super::bench::{create, create_in, ids, open, walk, write};
use super::harness::Harness;
use super::list::{crowd, matching};
use crate::model::{TaskId, TaskStatus};
use crate::store::{Cursor, Order, StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

const ORDERS: [Order; 2] = [Order::NewestFirst, Order::OldestFirst];

/// So many tasks, the oldest first.
async fn some(store: &impl TaskStore, tasks: usize) -> Vec<Scribe> {
    let mut scribes = Vec::new();
    for n in 0..tasks {
        scribes.push(create(store, &format!("task {n}")).await);
    }
    scribes
}

/// A list in the middle of being walked.
struct Walk {
    query: TaskQuery,
    seen: Vec<TaskId>,
}

impl Walk {
    fn new(query: TaskQuery) -> Self {
        Self { query, seen: Vec::new() }
    }

    /// One page further; tells whether there is another.
    async fn step(&mut self, store: &impl TaskStore) -> bool {
        let page = store.list(&self.query).await.expect("the list can be read");
        self.seen.extend(ids(&page.items));
        self.query.cursor = page.next;
        self.query.cursor.is_some()
    }

    /// To the end. Every task that matched all the time was seen once, and no other more often.
    async fn finish<'a>(mut self, store: &impl TaskStore, stayed: impl IntoIterator<Item = &'a Scribe>) {
        while self.query.cursor.is_some() {
            self.step(store).await;
            assert!(self.seen.len() < 1000, "a list has an end");
        }
        for task in &self.seen {
            assert_eq!(self.seen.iter().filter(|seen| *seen == task).count(), 1, "seen once");
        }
        for scribe in stayed {
            assert!(self.seen.contains(&scribe.id()), "{} was left out", scribe.task().title);
        }
    }
}

pub async fn a_page_has_no_more_tasks_than_asked_for_and_the_last_no_cursor<H: Harness>(place: &H) {
    let store = open(place).await;
    some(&store, 6).await;
    for (limit, sizes) in
        [(1, &[1; 6][..]), (2, &[2; 3]), (4, &[4, 2]), (6, &[6]), (7, &[6]), (usize::MAX, &[6])]
    {
        for order in ORDERS {
            let mut walk = Walk::new(TaskQuery::default().with_order(order).with_limit(limit));
            for (n, size) in sizes.iter().enumerate() {
                let before = walk.seen.len();
                let more = walk.step(&store).await;
                assert_eq!(walk.seen.len() - before, *size, "page {n} of {limit}");
                assert_eq!(more, n + 1 < sizes.len(), "only the last page of {limit} has no cursor");
            }
        }
    }
}

pub async fn pages_give_each_task_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribes = some(&store, 7).await;
    let mut expected: Vec<_> = scribes.iter().map(Scribe::id).collect();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for limit in 1..=8 {
            let tasks = walk(&store, &TaskQuery::default().with_order(order).with_limit(limit)).await;
            assert_eq!(ids(&tasks), expected, "pages of {limit}, {order:?}");
        }
        expected.reverse();
    }
}

pub async fn pages_of_a_filtered_list_give_each_task_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    for order in ORDERS {
        let query = TaskQuery::default().with_order(order).with_limit(1);
        for query in [
            query.clone().with_statuses([TaskStatus::Running, TaskStatus::Failed]),
            query.clone().with_agent("claude"),
            query.clone().with_search("even"),
            query
                .with_search("odd")
                .with_agent("Claude")
                .with_statuses([TaskStatus::Completed, TaskStatus::Running]),
        ] {
            let found = walk(&store, &query).await;
            assert_eq!(ids(&found), ids(matching(&query, &tasks)), "{query:?}");
        }
    }
}

pub async fn pages_neither_skip_nor_repeat_while_tasks_are_added<H: Harness>(place: &H) {
    for order in ORDERS {
        let store = open(place).await;
        let scribes = some(&store, 9).await;
        let mut walk = Walk::new(TaskQuery::default().with_order(order).with_limit(2));
        for _ in 0..3 {
            walk.step(&store).await;
            some(&store, 3).await;
        }
        walk.finish(&store, &scribes).await;
    }
}

pub async fn pages_neither_skip_nor_repeat_while_tasks_change<H: Harness>(place: &H) {
    for order in ORDERS {
        let store = open(place).await;
        let mut scribes = some(&store, 12).await;
        let pending =
            TaskQuery::default().with_order(order).with_limit(2).with_statuses([TaskStatus::Pending]);
        let mut walk = Walk::new(pending);
        // Those at both ends leave the list: seen before, or not yet.
        for ends in [[0, 11], [1, 10], [2, 9]] {
            walk.step(&store).await;
            for n in ends {
                let commit = scribes[n].start();
                write(&store, commit).await;
            }
        }
        walk.finish(&store, &scribes[3..9]).await;
    }
}

pub async fn pages_neither_skip_nor_repeat_while_tasks_are_removed<H: Harness>(place: &H) {
    for order in ORDERS {
        let store = open(place).await;
        let scribes = some(&store, 12).await;
        let mut walk = Walk::new(TaskQuery::default().with_order(order).with_limit(2));
        // The cursor stands on a task that goes.
        for pair in [[0, 11], [1, 10]] {
            walk.step(&store).await;
            for n in pair {
                store.remove(scribes[n].id(), scribes[n].task().seq).await.expect("removed");
            }
        }
        walk.finish(&store, &scribes[2..10]).await;
    }
}

pub async fn a_cursor_outlives_the_task_it_stands_on<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribes = some(&store, 5).await;
    let mut walk = Walk::new(TaskQuery::default().with_limit(2));
    walk.step(&store).await;
    let last = scribes.remove(3);
    assert_eq!(walk.seen.last(), Some(&last.id()));
    store.remove(last.id(), last.task().seq).await.expect("removed");
    walk.step(&store).await;
    assert_eq!(walk.seen[2..], [scribes[2].id(), scribes[1].id()]);
}

pub async fn a_wrong_cursor_is_refused<H: Harness>(place: &H) {
    let store = open(place).await;
    create_in(&store, Scribe::new("a title"), TaskStatus::Running).await;
    for text in ["", "nonsense", "1 OR 1=1", "\u{1F980}"] {
        let query = TaskQuery::default().with_cursor(Cursor::new(text));
        let refused = store.list(&query).await;
        assert!(
            matches!(&refused, Err(StoreError::InvalidCursor(cursor)) if cursor == text),
            "{text:?}: {refused:?}"
        );
    }
}
