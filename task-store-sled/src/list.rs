//! Lists: pages by number, so that a page costs the same wherever it is.

use sled::Db;
use task_core::{Cursor, Order, StoreError, Task, TaskPage, TaskQuery, TaskStatus};

use crate::database::Database;
use crate::error::{Doing, Fault};
use crate::{keys, reader};

/// One page of the tasks that match. The cursor is the number of the last one.
///
/// Looked for in pieces: a search that finds nothing looks at every title, and nobody waits for that.
pub(crate) fn page(database: &Database, query: &TaskQuery) -> Result<TaskPage, StoreError> {
    let mut search = Search::new(query)?;
    while !search.done {
        database.read(|db| search.look(db))?;
    }
    let Search { mut found, limit, .. } = search;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(number, _)| Cursor::new(number.to_string()));
    Ok(TaskPage::new(found.into_iter().map(|(_, task)| task).collect(), next))
}

struct Search<'a> {
    agent_id: Option<&'a str>,
    /// What a folded title has to contain.
    text: Option<String>,
    newest_first: bool,
    limit: usize,
    /// What the keys begin with that lead to the tasks.
    prefixes: Vec<Vec<u8>>,
    /// The last number that was looked at.
    place: Option<u64>,
    found: Vec<(u64, Task)>,
    done: bool,
}

impl<'a> Search<'a> {
    fn new(query: &'a TaskQuery) -> Result<Self, StoreError> {
        // Taken apart whole, so that a new filter does not compile before it is served.
        let TaskQuery { statuses, agent_id, search, order, limit, cursor, .. } = query;
        let wanted = |status: &TaskStatus| statuses.is_empty() || statuses.contains(status);
        let wanted = TaskStatus::ALL.into_iter().filter(wanted);
        let prefixes = match agent_id {
            Some(agent_id) => {
                let agent = keys::hash(agent_id);
                wanted.map(|status| keys::agent_status(agent, status)).collect()
            }
            None if statuses.is_empty() => vec![keys::HEADS.to_vec()],
            None => wanted.map(keys::in_status).collect(),
        };
        Ok(Self {
            agent_id: agent_id.as_deref(),
            text: search.as_deref().map(TaskQuery::fold),
            // `Order` may grow; the newest first is its default.
            newest_first: *order != Order::OldestFirst,
            limit: *limit,
            prefixes,
            place: cursor.as_ref().map(number_of).transpose()?,
            found: Vec::new(),
            done: false,
        })
    }

    /// Looks at some of the tasks, and goes on behind them the next time.
    fn look(&mut self, db: &Db) -> Result<(), StoreError> {
        let (after, before) = if self.newest_first { (None, self.place) } else { (self.place, None) };
        let walks = self.prefixes.iter().map(|prefix| Walk {
            entries: db.range(keys::between(prefix, after, before)),
            prefix_len: prefix.len(),
            newest_first: self.newest_first,
            next: None,
        });
        let mut walks: Vec<_> = walks.collect();
        for walk in &mut walks {
            walk.step()?;
        }
        for _ in 0..PIECE {
            // Each walk is in order, so the next of all is the next of one of them. There are at most seven.
            let heads = walks.iter_mut().filter(|walk| walk.next.is_some());
            let next = if self.newest_first {
                heads.max_by_key(|walk| walk.next)
            } else {
                heads.min_by_key(|walk| walk.next)
            };
            let Some((walk, number)) = next.and_then(|walk| walk.next.map(|number| (walk, number))) else {
                self.done = true;
                return Ok(());
            };
            walk.step()?;
            self.place = Some(number);
            if let Some(task) = self.judge(db, number)? {
                self.found.push((number, task));
            }
            if self.found.len() > self.limit {
                self.done = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// The task, if it matches what its place in an index does not say.
    fn judge(&self, db: &Db, number: u64) -> Result<Option<Task>, Fault> {
        if let Some(text) = &self.text {
            let head = reader::head(db, number)?;
            let head = head.ok_or_else(|| Fault::damaged(format!("task {number} has no head")))?;
            if !head.title_folded.contains(text) {
                return Ok(None);
            }
        }
        let task = reader::snapshot(db, number)?;
        Ok(Some(task).filter(|task| self.agent_id.is_none_or(|agent_id| agent_id == task.agent_id)))
    }
}

/// A walk over the keys of one prefix.
struct Walk {
    entries: sled::Iter,
    prefix_len: usize,
    newest_first: bool,
    next: Option<u64>,
}

impl Walk {
    fn step(&mut self) -> Result<(), Fault> {
        loop {
            let entry = if self.newest_first { self.entries.next_back() } else { self.entries.next() };
            let Some(entry) = entry else {
                self.next = None;
                return Ok(());
            };
            let (key, _) = entry.doing("list tasks")?;
            // Longer keys are parts of the record before.
            if key.len() == self.prefix_len + 8 {
                self.next = keys::number_at(&key, self.prefix_len);
                return Ok(());
            }
        }
    }
}

fn number_of(cursor: &Cursor) -> Result<u64, StoreError> {
    cursor.as_str().parse().map_err(|_| StoreError::InvalidCursor(cursor.as_str().to_owned()))
}

/// How many tasks are looked at before others get a turn.
const PIECE: usize = 256;
