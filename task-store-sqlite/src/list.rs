//! Lists: pages by row id, so that a page costs the same wherever it is.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use task_core::{Cursor, Order, StoreError, TaskPage, TaskQuery, TaskStatus};

use crate::error::Doing;
use crate::reader;

/// One page of the tasks that match. The cursor is the row of the last one.
pub(crate) fn page(connection: &Connection, query: &TaskQuery) -> Result<TaskPage, StoreError> {
    let (sql, parameters) = statement(query)?;
    let mut rows = connection.prepare_cached(&sql).doing("prepare a list")?;
    let mut rows = rows.query(params_from_iter(parameters)).doing("list tasks")?;

    let (mut items, mut last, mut more) = (Vec::new(), None, false);
    while let Some(row) = rows.next().doing("list a task")? {
        if items.len() == query.limit {
            more = true;
            break;
        }
        let (id, stored): (i64, String) =
            row.get(0).and_then(|id| Ok((id, row.get(1)?))).doing("list a task")?;
        items.push(reader::snapshot(connection, id, &stored)?);
        last = Some(id);
    }
    let next = last.filter(|_| more).map(|id| Cursor::new(id.to_string()));
    Ok(TaskPage::new(items, next))
}

/// Walks the rows, or one index per status: each part is in order and stops at the limit, and what is merged is at most
/// seven pages of ids. One query over several states would have to sort everything that is in them.
fn statement(query: &TaskQuery) -> Result<(String, Vec<Value>), StoreError> {
    // Taken apart whole, so that a new filter does not compile before it is served.
    let TaskQuery { statuses, agent_id, search, order, limit, cursor, .. } = query;
    let (side, direction, start) = match order {
        Order::OldestFirst => ('>', "ASC", 0),
        // `Order` may grow; the newest first is its default.
        _ => ('<', "DESC", i64::MAX),
    };
    let start = cursor.as_ref().map(row_of).transpose()?.unwrap_or(start);
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX).saturating_add(1);

    let mut parameters = vec![Value::Integer(start), Value::Integer(limit)];
    let mut conditions = format!("id {side} ?1");
    if let Some(agent_id) = agent_id {
        parameters.push(Value::Text(agent_id.clone()));
        conditions.push_str(&format!(" AND agent_id = ?{}", parameters.len()));
    }
    if let Some(search) = search {
        parameters.push(Value::Text(TaskQuery::fold(search)));
        conditions.push_str(&format!(" AND instr(title_folded, ?{}) > 0", parameters.len()));
    }
    let end = format!("ORDER BY id {direction} LIMIT ?2");
    if statuses.is_empty() && agent_id.is_none() {
        return Ok((format!("SELECT id, snapshot FROM task WHERE {conditions} {end}"), parameters));
    }

    let parts: Vec<_> = TaskStatus::ALL
        .into_iter()
        .filter(|status| statuses.is_empty() || statuses.contains(status))
        .map(|status| {
            // An agent has an index with the status in it; otherwise the status has one of two, and the engine uses it
            // only where its condition is repeated.
            let index = if agent_id.is_some() { String::new() } else { format!(" AND {}", half_of(status)) };
            format!(
                "SELECT * FROM (SELECT id FROM task WHERE status = '{status}'{index} AND {conditions} {end})"
            )
        })
        .collect();
    let parts = parts.join(" UNION ALL ");
    let sql = format!(
        "SELECT id, snapshot FROM task WHERE id IN (SELECT id FROM ({parts}) {end}) ORDER BY id {direction}"
    );
    Ok((sql, parameters))
}

/// The condition of the index a status is in, as the schema has it.
const fn half_of(status: TaskStatus) -> &'static str {
    if status.is_settled() {
        "status IN ('completed', 'failed', 'cancelled', 'interrupted')"
    } else {
        "status IN ('pending', 'running', 'awaiting_input')"
    }
}

/// Rows beyond the range of ids are beyond the end of every list.
fn row_of(cursor: &Cursor) -> Result<i64, StoreError> {
    let row: u64 =
        cursor.as_str().parse().map_err(|_| StoreError::InvalidCursor(cursor.as_str().to_owned()))?;
    Ok(i64::try_from(row).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of the engine for a list.
    fn plan(query: &TaskQuery) -> String {
        let connection = Connection::open_in_memory().expect("opened");
        crate::schema::MIGRATIONS.iter().for_each(|step| connection.execute_batch(step).expect("the tables"));
        let (sql, parameters) = statement(query).expect("a statement");
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("prepared");
        let steps =
            explain.query_map(params_from_iter(parameters), |row| row.get::<_, String>(3)).expect("run");
        steps.collect::<Result<Vec<_>, _>>().expect("read").join("\n")
    }

    #[test]
    fn no_list_looks_at_more_rows_than_it_must() {
        let all = TaskQuery::default();
        let running = all.clone().with_statuses([TaskStatus::Running]);
        let ended = all.clone().with_statuses([TaskStatus::Completed, TaskStatus::Failed]);
        for (query, index) in [
            (all.clone(), "SEARCH task USING INTEGER PRIMARY KEY (rowid<?)"),
            (all.clone().with_order(Order::OldestFirst), "SEARCH task USING INTEGER PRIMARY KEY (rowid>?)"),
            (running.clone(), "SEARCH task USING COVERING INDEX task_open (status=? AND rowid<?)"),
            (ended, "SEARCH task USING COVERING INDEX task_settled (status=? AND rowid<?)"),
            (
                running.with_agent("agent"),
                "SEARCH task USING COVERING INDEX task_agent (agent_id=? AND status=? AND rowid<?)",
            ),
            (all.with_agent("agent"), "task_agent (agent_id=? AND status=? AND rowid<?)"),
        ] {
            let plan = plan(&query);
            assert!(plan.contains(index), "{index} in\n{plan}");
            assert!(!plan.contains("SCAN task"), "{plan}");
        }
    }
}
