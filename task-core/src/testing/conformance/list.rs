//! Lists: the order, the filters and what they look for.

use super::bench::{create, create_in, ids, load, open, renamed, text, walk, write};
use super::harness::Harness;
use crate::model::{InstanceId, StatusCounts, Task, TaskStatus};
use crate::store::{Order, TaskQuery, TaskStore};
use crate::testing::Scribe;

/// A task in every state for each of some agents, the oldest first.
pub(super) async fn crowd(store: &impl TaskStore) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (n, status) in TaskStatus::ALL.into_iter().enumerate() {
        for agent in ["claude", "claude-code", "Claude"] {
            let title = if n % 2 == 0 { "Even Title" } else { "odd title" };
            let scribe = create_in(store, Scribe::new(title).with_agent(agent), status).await;
            tasks.push(scribe.task().clone());
        }
    }
    tasks
}

/// The tasks a list should have, by looking at each.
pub(super) fn matching<'a>(query: &TaskQuery, oldest_first: &'a [Task]) -> Vec<&'a Task> {
    let search = query.search.as_deref().map(TaskQuery::fold);
    let matches = |task: &&Task| {
        (query.statuses.is_empty() || query.statuses.contains(&task.status))
            && query.agent_id.as_ref().is_none_or(|agent| *agent == task.agent_id)
            && search.as_ref().is_none_or(|search| TaskQuery::fold(&task.title).contains(search))
    };
    let mut tasks: Vec<_> = oldest_first.iter().filter(matches).collect();
    if query.order == Order::NewestFirst {
        tasks.reverse();
    }
    tasks
}

async fn assert_lists(store: &impl TaskStore, query: &TaskQuery, tasks: &[Task]) {
    let found = walk(store, query).await;
    assert_eq!(ids(&found), ids(matching(query, tasks)), "{query:?}");
}

pub async fn a_new_store_is_empty<H: Harness>(place: &H) {
    let store = open(place).await;
    let page = store.list(&TaskQuery::default()).await.expect("readable");
    assert!(page.items.is_empty() && page.next.is_none(), "{page:?}");
    assert_eq!(store.counts().await.expect("readable"), StatusCounts::default());
    assert_eq!(store.orphans(InstanceId::new()).await.expect("readable"), []);
}

pub async fn the_newest_task_comes_first<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    let found = walk(&store, &TaskQuery::default()).await;
    assert_eq!(ids(&found), ids(tasks.iter().rev()));
}

pub async fn the_oldest_task_comes_first_when_asked_so<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    let found = walk(&store, &TaskQuery::default().with_order(Order::OldestFirst)).await;
    assert_eq!(ids(&found), ids(&tasks));
}

pub async fn a_task_that_changes_keeps_its_place<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribes =
        [create(&store, "one").await, create(&store, "two").await, create(&store, "three").await];
    let order: Vec<_> = scribes.iter().map(Scribe::id).rev().collect();
    for scribe in &mut scribes {
        write(&store, scribe.start()).await;
        write(&store, scribe.record([renamed("changed")])).await;
        assert_eq!(ids(&walk(&store, &TaskQuery::default()).await), order);
    }
}

pub async fn tasks_are_listed_as_they_are_loaded<H: Harness>(place: &H) {
    let store = open(place).await;
    crowd(&store).await;
    let mut scribe = create(&store, "a title").await;
    write(&store, scribe.record([renamed("another")])).await;
    write(&store, scribe.record(text("more"))).await;
    for task in walk(&store, &TaskQuery::default()).await {
        assert_eq!(task, load(&store, task.id).await);
    }
}

pub async fn a_list_can_be_of_some_states<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    for one in TaskStatus::ALL {
        for other in TaskStatus::ALL {
            assert_lists(&store, &TaskQuery::default().with_statuses([one, other]), &tasks).await;
        }
    }
    assert_lists(&store, &TaskQuery::default().with_statuses(TaskStatus::ALL), &tasks).await;
}

pub async fn a_list_follows_changes_of_state<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for moved in [false, true] {
        if moved {
            write(&store, scribe.start()).await;
        }
        for (status, found) in [(TaskStatus::Pending, !moved), (TaskStatus::Running, moved)] {
            let list = walk(&store, &TaskQuery::default().with_statuses([status])).await;
            assert_eq!(!list.is_empty(), found, "{status}, {moved}");
        }
    }
}

pub async fn a_list_can_be_of_one_agent<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    for agent in ["claude", "claude-code", "Claude", "code", "nobody", "%", ""] {
        assert_lists(&store, &TaskQuery::default().with_agent(agent), &tasks).await;
    }
}

pub async fn filters_combine<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for statuses in [&[][..], &TaskStatus::ALL[..1], &TaskStatus::ALL[2..6]] {
            for agent in [None, Some("claude")] {
                for search in [None, Some("EVEN"), Some("title")] {
                    let mut query = TaskQuery::default().with_order(order);
                    query.statuses = statuses.to_vec();
                    query.agent_id = agent.map(str::to_owned);
                    query.search = search.map(str::to_owned);
                    assert_lists(&store, &query, &tasks).await;
                    assert_lists(&store, &query.with_limit(2), &tasks).await;
                }
            }
        }
    }
}

/// Which of these titles a search finds.
async fn found<'a, H: Harness>(place: &H, titles: &[&'a str], searches: &[(&str, &[&'a str])]) {
    let store = open(place).await;
    for title in titles {
        create(&store, title).await;
    }
    for (search, expected) in searches {
        let query = TaskQuery::default().with_order(Order::OldestFirst).with_search(*search);
        let tasks = walk(&store, &query).await;
        let titles: Vec<_> = tasks.iter().map(|task| task.title.as_str()).collect();
        assert_eq!(titles, *expected, "{search:?}");
    }
}

pub async fn a_search_finds_any_part_of_a_title<H: Harness>(place: &H) {
    let titles = ["fix the build", "fix", "build the fix for it"];
    let searches: [(&str, &[&str]); 5] = [
        ("fix", &titles),
        ("the build", &titles[..1]),
        ("he fix f", &titles[2..]),
        (" ", &["fix the build", "build the fix for it"]),
        ("fixes", &[]),
    ];
    found(place, &titles, &searches).await;
}

pub async fn a_search_does_not_mind_case_in_any_language<H: Harness>(place: &H) {
    let titles = ["Fix The Build", "Große Straße", "ΣΊΣΥΦΟΣ και Ζεύς", "Новая Задача", "新的任务"];
    let searches: [(&str, &[&str]); 8] = [
        ("fix tHE", &titles[..1]),
        ("STRASSE", &titles[1..2]),
        ("straße", &titles[1..2]),
        ("σίσυφος", &titles[2..3]),
        ("ΖΕΎΣ", &titles[2..3]),
        ("НОВАЯ зАДАЧА", &titles[3..4]),
        ("任务", &titles[4..]),
        ("задачи", &[]),
    ];
    found(place, &titles, &searches).await;
}

pub async fn a_search_takes_every_character_as_it_is<H: Harness>(place: &H) {
    let titles =
        ["100% done", "100 done", "snake_case", "snakeXcase", r"C:\temp", "what? *all* [a-z]", "it's \"so\""];
    let searches: [(&str, &[&str]); 10] = [
        ("100%", &titles[..1]),
        ("%", &titles[..1]),
        ("0%d", &[]),
        ("snake_", &titles[2..3]),
        ("_", &titles[2..3]),
        (r"\", &titles[4..5]),
        (r":\t", &titles[4..5]),
        ("?", &titles[5..6]),
        ("[a-z]", &titles[5..6]),
        ("'s \"", &titles[6..]),
    ];
    found(place, &titles, &searches).await;
}

pub async fn a_search_looks_at_the_newest_title<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "before").await;
    write(&store, scribe.record([renamed("AFTER")])).await;
    write(&store, scribe.record(text("more"))).await;
    assert_eq!(walk(&store, &TaskQuery::default().with_search("before")).await, []);
    assert_eq!(ids(&walk(&store, &TaskQuery::default().with_search("after")).await), [scribe.id()]);
}
