//! The lists of the broken store.

use task_core::{Cursor, Order, StoreError, Task, TaskPage, TaskQuery};

use crate::disk::Row;
use crate::fault::Fault;
use crate::read;
use crate::store::BrokenStore;

pub(crate) fn page(store: &BrokenStore, query: &TaskQuery) -> Result<TaskPage, StoreError> {
    let is = |fault| store.is(fault);
    let disk = store.disk();
    let mut rows: Vec<&Row> = disk.rows.iter().collect();
    let by = |row: &&Row| if is(Fault::OrderByLastChange) { row.moved } else { row.place };
    rows.sort_by_key(by);
    let newest_first = match query.order {
        Order::NewestFirst => !is(Fault::NewestFirstIsOldestFirst),
        _ => is(Fault::ListInOneOrder),
    };
    if newest_first {
        rows.reverse();
    }
    let forgets = is(Fault::CursorForgetsFilters) && query.cursor.is_some();
    rows.retain(|row| forgets || matches(row, query, store.fault));

    // The cursor is the opening it comes from and the place of the last task, or the rows seen.
    let start = match &query.cursor {
        None => 0,
        Some(cursor) => {
            let (opening, at) =
                match cursor.as_str().split_once('.').map(|(o, at)| (o.parse::<u64>(), at.parse::<u64>())) {
                    Some((Ok(opening), Ok(at))) => (opening, at),
                    _ if is(Fault::CursorUnchecked) => (store.opening(), 0),
                    _ => return Err(StoreError::InvalidCursor(cursor.to_string())),
                };
            if is(Fault::CursorOfOneOpening) && opening != store.opening() {
                return Err(StoreError::InvalidCursor(cursor.to_string()));
            }
            if is(Fault::CursorCountsRows) {
                usize::try_from(at).unwrap_or(usize::MAX)
            } else if is(Fault::CursorNeedsItsTask) {
                rows.iter().position(|row| row.place == at).map_or(rows.len(), |found| found + 1)
            } else {
                let behind = |row: &Row| if newest_first { row.place < at } else { row.place > at };
                let at = rows.iter().position(|row| behind(row)).unwrap_or(rows.len());
                if is(Fault::CursorRepeats) { at.saturating_sub(1) } else { at }
            }
        }
    };
    let limit = if is(Fault::PageTooLong) { query.limit.saturating_add(1) } else { query.limit };
    let rest = rows.get(start..).unwrap_or_default();
    let shown = &rest[..rest.len().min(limit)];
    let more = rest.len() > shown.len() || (is(Fault::CursorOnTheLastPage) && rest.len() == limit);
    let at = if is(Fault::CursorCountsRows) {
        Some((start + shown.len()) as u64)
    } else {
        shown.last().map(|row| row.place)
    };
    let next = at.filter(|_| more).map(|at| Cursor::new(format!("{}.{at}", store.opening())));
    Ok(TaskPage::new(shown.iter().map(|row| item(row, store.fault)).collect(), next))
}

fn item(row: &Row, fault: Option<Fault>) -> Task {
    if fault == Some(Fault::ListIsOld) { row.first.clone() } else { read::snapshot(row, fault) }
}

fn matches(row: &Row, query: &TaskQuery, fault: Option<Fault>) -> bool {
    let is = |other| fault == Some(other);
    let task = &row.snapshot;
    let status =
        is(Fault::StatesIgnored) || query.statuses.is_empty() || query.statuses.contains(&task.status);
    let agent = query.agent_id.as_ref().is_none_or(|agent| {
        *agent == task.agent_id || (is(Fault::AgentByPrefix) && task.agent_id.starts_with(agent))
    });
    let search = query.search.as_ref().is_none_or(|search| {
        let title = if is(Fault::SearchOfTheFirstTitle) { &row.first.title } else { &task.title };
        found(title, search, fault)
    });
    if is(Fault::FiltersDoNotCombine) && query.agent_id.is_some() {
        return agent;
    }
    status && agent && search
}

fn found(title: &str, search: &str, fault: Option<Fault>) -> bool {
    let (folded, search_folded) = (TaskQuery::fold(title), TaskQuery::fold(search));
    match fault {
        Some(Fault::SearchMindsCase) => title.contains(search),
        Some(Fault::SearchIsAscii) => title.to_ascii_lowercase().contains(&search.to_ascii_lowercase()),
        Some(Fault::SearchOnlyBeginnings) => folded.starts_with(&search_folded),
        Some(Fault::SearchWithWildcards) => {
            // As SQL's LIKE takes a percent sign.
            let mut rest = folded.as_str();
            search_folded.split('%').all(|part| {
                rest.find(part).is_some_and(|at| {
                    rest = &rest[at + part.len()..];
                    true
                })
            })
        }
        _ => folded.contains(&search_folded),
    }
}
