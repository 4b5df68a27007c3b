//! What others write: other processes, and other handles on the same file.

use std::collections::HashMap;

use rusqlite::params;
use task_core::{Change, Seq, TaskId};

use crate::encoding::{position, task_id};
use crate::engine::{Engine, last_position};
use crate::error::{Doing, Fault};
use crate::removal::REMOVALS_KEPT;
use crate::schema;

impl Engine {
    /// Takes in what others have written since the last look. Runs inside a transaction, so that nothing slips between
    /// the look and what follows.
    pub(crate) fn absorb(&mut self, foreign: &mut Vec<Change>) -> Result<(), Fault> {
        let version = self.data_version()?;
        if self.version == Some(version) {
            return Ok(());
        }
        let found = schema::version(&self.connection)?;
        if found > schema::SUPPORTED {
            return Err(Fault::TooNew { found, supported: schema::SUPPORTED });
        }
        let end = last_position(&self.connection)?;
        let moved = self.moved_behind()?;
        let removed = self.removed_behind()?;
        // When all removals that are kept are new, older ones may be new and not kept.
        if longer(&moved, FOREIGN_AT_ONCE) || longer(&removed, REMOVALS_KEPT - 1) {
            self.tasks.clear();
            self.recent = None;
            foreign.push(Change::Unknown);
        } else {
            self.recent = self.recent.map(|recent| recent + moved.len());
            let moved: HashMap<_, _> = moved.into_iter().collect();
            foreign.extend(moved.into_iter().map(|(task, seq)| Change::Moved { task, seq }));
            foreign.extend(removed.into_iter().map(|task| Change::Removed { task }));
            for change in foreign.iter() {
                if let Change::Moved { task, .. } | Change::Removed { task } = change {
                    self.tasks.forget(*task);
                }
            }
        }
        self.position = end;
        self.version = Some(version);
        Ok(())
    }

    /// Events that others wrote, in order, so that the last of a task is its end.
    fn moved_behind(&self) -> Result<Vec<(TaskId, Seq)>, Fault> {
        let sql = "SELECT task.uid, event.seq FROM event JOIN task ON task.id = event.task
            WHERE event.pos > ?1 ORDER BY event.pos LIMIT ?2";
        let mut query = self.connection.prepare_cached(sql).doing("prepare to look for events")?;
        let rows = query
            .query_map(params![self.position, FOREIGN_AT_ONCE + 1], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect::<Result<Vec<([u8; 16], i64)>, _>>)
            .doing("look for events of others")
            .map(|rows| rows.into_iter().map(|(uid, seq)| (task_id(uid), position(seq))).collect())
    }

    fn removed_behind(&self) -> Result<Vec<TaskId>, Fault> {
        let mut query = self
            .connection
            .prepare_cached("SELECT uid FROM removed WHERE pos > ?1 ORDER BY pos")
            .doing("prepare to look for removals")?;
        query
            .query_map([self.position], |row| row.get(0))
            .and_then(Iterator::collect::<Result<Vec<[u8; 16]>, _>>)
            .doing("look for removals of others")
            .map(|uids| uids.into_iter().map(task_id).collect())
    }
}

fn longer<T>(items: &[T], limit: i64) -> bool {
    i64::try_from(items.len()).unwrap_or(i64::MAX) > limit
}

/// How many events of others are looked at one by one; more of them are "something changed".
const FOREIGN_AT_ONCE: i64 = 4096;
