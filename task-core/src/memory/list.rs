use std::ops::Bound;

use super::state::{Log, State};
use crate::store::{Cursor, Order, StoreError, TaskPage, TaskQuery};

/// One page of the tasks that match. The cursor is the place of the last one in the order of creation.
pub(super) fn page(state: &State, query: &TaskQuery) -> Result<TaskPage, StoreError> {
    let TaskQuery { statuses, agent_id, search, order, limit, cursor } = query;
    let search = search.as_deref().map(TaskQuery::fold);
    let matches = |log: &Log| {
        (statuses.is_empty() || statuses.contains(&log.task.status))
            && agent_id.as_ref().is_none_or(|agent| *agent == log.task.agent_id)
            && search.as_ref().is_none_or(|search| log.folded_title.contains(search))
    };
    let after = cursor.as_ref().map(place).transpose()?;

    let found: Vec<_> = match order {
        Order::NewestFirst => {
            let range = (Bound::Unbounded, after.map_or(Bound::Unbounded, Bound::Excluded));
            let newest = state.tasks.range::<u64, _>(range).rev();
            newest.filter(|(_, log)| matches(log)).take(limit.saturating_add(1)).collect()
        }
        Order::OldestFirst => {
            let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let oldest = state.tasks.range::<u64, _>(range);
            oldest.filter(|(_, log)| matches(log)).take(limit.saturating_add(1)).collect()
        }
    };
    let next = (found.len() > *limit).then(|| found[..*limit].last()).flatten();
    let next = next.map(|(place, _)| Cursor::new(place.to_string()));
    let items = found.into_iter().take(*limit).map(|(_, log)| log.task.clone()).collect();
    Ok(TaskPage::new(items, next))
}

fn place(cursor: &Cursor) -> Result<u64, StoreError> {
    cursor.as_str().parse().map_err(|_| StoreError::InvalidCursor(cursor.as_str().to_owned()))
}
