//! Names of tasks as people type them, and as lists show them.

use task_core::{Task, TaskError, TaskId, TaskManager, TaskQuery};

use crate::exit::Failure;

/// The task whose id this is, or the only one whose id begins so.
pub(crate) async fn find(tasks: &TaskManager, typed: &str) -> Result<TaskId, Failure> {
    let prefix = normal(typed);
    if prefix.is_empty() {
        return Err(Failure::usage("an empty text is no beginning of an id"));
    }
    if prefix.len() == DIGITS
        && let Ok(id) = prefix.parse()
    {
        return Ok(id);
    }
    let mut found = Vec::new();
    if prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut query = TaskQuery::default().with_limit(PAGE);
        loop {
            let page = tasks.list(&query).await?;
            found.extend(
                page.items.into_iter().filter(|task| normal(&task.id.to_string()).starts_with(&prefix)),
            );
            match page.next {
                Some(cursor) => query = query.with_cursor(cursor),
                None => break,
            }
        }
    }
    match found.as_slice() {
        [] => Err(Failure::not_found(format!("there is no task whose id begins with `{typed}`"))),
        [task] => Ok(task.id),
        several => {
            let shown = several.iter().take(SHOWN).map(|task| format!("{} ({})", task.id, task.title));
            let rest = several.len().checked_sub(SHOWN).filter(|rest| *rest > 0);
            let rest = rest.map_or(String::new(), |rest| format!(" and {rest} more"));
            let names: Vec<_> = shown.collect();
            Err(Failure::usage(format!("`{typed}` could be {}{rest}", names.join(", "))))
        }
    }
}

/// The task of that name.
pub(crate) async fn load(tasks: &TaskManager, typed: &str) -> Result<Task, Failure> {
    let id = find(tasks, typed).await?;
    match tasks.get(id).await {
        Err(TaskError::NotFound(_)) => Err(Failure::not_found(format!("there is no task {id}"))),
        outcome => Ok(outcome?),
    }
}

/// As much of each id as tells it from the others here: the time at least, which is what people recognize.
pub(crate) fn shortened(ids: &[TaskId]) -> Vec<String> {
    let mut sorted: Vec<_> = ids.iter().map(TaskId::to_string).collect();
    sorted.sort_unstable();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let longest = sorted.windows(2).map(|pair| shared(&pair[0], &pair[1])).max().unwrap_or(0);
    let mut length = (longest + 1).max(SHORT);
    // A hyphen at the end tells nothing.
    if HYPHENS.contains(&(length - 1)) {
        length += 1;
    }
    ids.iter().map(|id| id.to_string().chars().take(length).collect()).collect()
}

fn normal(id: &str) -> String {
    id.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}

/// Digits of a whole id.
const DIGITS: usize = 32;

/// Characters that hold the whole time of an id, in milliseconds.
const SHORT: usize = 13;

/// Where an id has hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Candidates that are named.
const SHOWN: usize = 5;

const PAGE: usize = 500;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use task_core::{MemoryStore, NewTask};

    use super::*;
    use crate::exit::Code;

    #[tokio::test]
    async fn a_beginning_names_a_task_when_no_other_has_it() {
        let tasks = TaskManager::builder(MemoryStore::new()).observe().await.expect("a manager");
        let mut ids = Vec::new();
        for n in 0..40 {
            ids.push(tasks.create(NewTask::new("x", format!("task {n}"))).await.expect("created").id);
        }
        for (id, short) in ids.iter().zip(shortened(&ids)) {
            assert_eq!(find(&tasks, &short).await.expect("unique"), *id);
            assert_eq!(find(&tasks, &short.to_uppercase().replace('-', "")).await.expect("unique"), *id);
            assert_eq!(find(&tasks, &id.to_string()).await.expect("whole"), *id);
            let end = find(&tasks, &id.to_string()[24..]).await.expect_err("an end is no beginning");
            assert_eq!(end.code, Code::NotFound);
        }
        let several = find(&tasks, "0").await.expect_err("all begin so");
        assert_eq!(several.code, Code::Usage);
        assert!(several.message.contains("and 35 more"), "{}", several.message);
        for nothing in ["ffff", "zz", "任务", "%"] {
            assert_eq!(find(&tasks, nothing).await.expect_err("none").code, Code::NotFound, "{nothing}");
        }
        assert_eq!(find(&tasks, "-").await.expect_err("nothing").code, Code::Usage);
        let gone = load(&tasks, &TaskId::new().to_string()).await.expect_err("unknown");
        assert_eq!(gone.code, Code::NotFound);
    }

    #[test]
    fn short_ids_are_different_and_as_short_as_can_be() {
        let ids: Vec<_> = (0..2_000).map(|_| TaskId::new()).collect();
        let short = shortened(&ids);
        assert_eq!(short.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(short.iter().all(|id| !id.ends_with('-')));
        assert_eq!(shortened(&ids[..1])[0].len(), 13);
    }
}
