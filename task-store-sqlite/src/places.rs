//! Where the events of a task are: noted in a small table, and moved on to a large one many at a time.
//!
//! Nearly every commit of a batch is of another task. In one index over all events each of them would write a page of its
//! own, ten times the bytes of the event; the pages of the small table they share. It is the idea of a log-structured
//! merge tree (O'Neil, Cheng, Gawlick and O'Neil, *The Log-Structured Merge-Tree*, 1996), with two trees that are both in
//! the database: what they say is committed with the events, and other processes see it.
//!
//! Of each task the small table has the last events, so a log is what the large one has of it and then what the small one
//! has.

use rusqlite::Connection;

use crate::engine::Engine;
use crate::error::{Doing, Fault};

impl Engine {
    /// Notes where the events up to a position are, as far as that is not done: for all of a batch with one statement,
    /// but before anything in it asks where a log ends or what is in it.
    pub(crate) fn note_places(&mut self, end: i64) -> Result<(), Fault> {
        if self.noted < end {
            self.connection
                .prepare_cached(
                    "INSERT OR ROLLBACK INTO recent_place SELECT task, seq, pos FROM event WHERE pos > ?1",
                )
                .and_then(|mut insert| insert.execute([self.noted]))
                .doing("note places")?;
            self.noted = end;
        }
        Ok(())
    }

    /// Moves everything on when there is enough of it, seen from a batch that has noted so many.
    pub(crate) fn move_places(&mut self, noted: usize) -> Result<(), Fault> {
        let recent = match self.recent {
            Some(recent) => recent.saturating_add(noted),
            None => count(&self.connection)?,
        };
        self.recent = Some(recent);
        if recent >= enough(noted) {
            let all =
                "INSERT OR ROLLBACK INTO place SELECT task, seq, pos FROM recent_place ORDER BY task, seq";
            self.execute(all, "move places")?;
            self.execute("DELETE FROM recent_place", "empty what was moved")?;
            self.recent = Some(0);
        }
        Ok(())
    }

    /// Moves those of one task on.
    pub(crate) fn move_places_of(&self, row: i64) -> Result<(), Fault> {
        let move_on = "INSERT INTO place SELECT task, seq, pos FROM recent_place WHERE task = ?1";
        for (sql, doing) in [
            (move_on, "move the places of a task"),
            ("DELETE FROM recent_place WHERE task = ?1", "delete what was moved"),
        ] {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute([row]))
                .doing(doing)?;
        }
        Ok(())
    }
}

fn count(connection: &Connection) -> Result<usize, Fault> {
    connection
        .prepare_cached("SELECT count(*) FROM recent_place")
        .and_then(|mut query| query.query_row([], |row| row.get::<_, i64>(0)))
        .map(|rows| usize::try_from(rows).unwrap_or_default())
        .doing("count places")
}

/// The more a batch writes, the less the pages of the small table weigh in it, and the longer it pays to collect. The
/// most of them are moved within some ten milliseconds.
fn enough(noted: usize) -> usize {
    noted.saturating_mul(16).clamp(8 * 1024, 64 * 1024)
}

#[cfg(test)]
mod tests {
    use task_core::testing::Scribe;
    use task_core::{Output, Seq, Task};

    use super::*;
    use crate::options::SqliteOptions;
    use crate::work::{Entry, Work};
    use crate::{encoding, reader, schema};

    fn rows_of(engine: &Engine, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        engine.connection.query_row(&sql, [], |row| row.get(0)).expect("counted")
    }

    fn run(engine: &mut Engine, work: &Work) {
        let outcome = engine.run(&[work], false);
        assert!(outcome.answers.iter().all(Result::is_ok), "{outcome:?}");
    }

    fn outputs(count: usize) -> impl Iterator<Item = Output> {
        (0..count).map(|n| Output::text("block", n.to_string()))
    }

    #[test]
    fn a_log_is_whole_wherever_its_places_are() {
        let place = tempfile::tempdir().expect("a directory");
        let open = || schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default());
        let mut engine = Engine::new(open().expect("opened").1, None).expect("an engine");
        let mut scribes = [Scribe::new("one"), Scribe::new("two")];
        for scribe in &mut scribes {
            run(&mut engine, &Work::Commit(Entry::new(scribe.create(None))));
        }
        let mut moved = 0;
        for round in 0..24 {
            for scribe in &mut scribes {
                run(&mut engine, &Work::Commit(Entry::new(scribe.record(outputs(500)))));
                moved += usize::from(engine.recent == Some(0));
                let end = scribe.task().seq;
                for after in [0, 2, 499, 501, end.get().saturating_sub(1), end.get()].map(Seq::new) {
                    let log = reader::events(&engine.connection, scribe.id(), after, usize::MAX, usize::MAX)
                        .expect("read");
                    let numbers: Vec<_> = log.iter().map(|event| event.seq().get()).collect();
                    assert_eq!(numbers, (after.get() + 1..=end.get()).collect::<Vec<_>>());
                    let part = reader::events(&engine.connection, scribe.id(), after, 3, usize::MAX);
                    assert_eq!(part.expect("read"), log[..log.len().min(3)]);
                }
                let loaded = reader::load(&engine.connection, scribe.id()).expect("loaded");
                assert_eq!(&loaded, scribe.task());
            }
            // Each of them is asked where a log ends, and none remembers.
            if round % 5 == 0 {
                drop(engine);
                engine = Engine::new(open().expect("opened").1, None).expect("an engine");
            }
        }
        assert_eq!(moved, 2, "of 24,000 events, 8,192 at a time");
        let log = reader::events(&engine.connection, scribes[0].id(), Seq::ZERO, usize::MAX, usize::MAX);
        assert_eq!(Task::fold(&log.expect("read")).as_ref(), Some(scribes[0].task()));
    }

    #[test]
    fn of_a_task_that_is_removed_no_place_is_left() {
        let place = tempfile::tempdir().expect("a directory");
        let (_, connection) =
            schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default()).expect("opened");
        let mut engine = Engine::new(connection, None).expect("an engine");
        let (mut short, mut long, mut other) =
            (Scribe::new("short"), Scribe::new("long"), Scribe::new("other"));
        for scribe in [&mut short, &mut long, &mut other] {
            run(&mut engine, &Work::Commit(Entry::new(scribe.create(None))));
            for _ in 0..8 {
                run(&mut engine, &Work::Commit(Entry::new(scribe.record(outputs(512)))));
            }
        }
        assert!(
            rows_of(&engine, "place") > 0 && rows_of(&engine, "recent_place") > 0,
            "there are some in both"
        );
        let mut brief = Scribe::new("brief");
        run(&mut engine, &Work::Commit(Entry::new(brief.create(None))));
        for (scribe, at_once) in [(&brief, true), (&long, false), (&short, false)] {
            let expected = scribe.task().seq;
            run(&mut engine, &Work::Remove { task: scribe.id(), expected });
            assert_eq!(engine.is_purging(), !at_once);
        }
        while engine.is_purging() {
            engine.purge().expect("purged");
        }
        let left = i64::try_from(other.task().seq.get()).expect("few");
        assert_eq!(rows_of(&engine, "event"), left);
        assert_eq!(rows_of(&engine, "place") + rows_of(&engine, "recent_place"), left);
        assert_eq!(encoding::position(left), other.task().seq);
    }

    #[test]
    fn a_task_that_is_written_and_removed_in_one_batch_leaves_nothing() {
        let place = tempfile::tempdir().expect("a directory");
        let (_, connection) =
            schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default()).expect("opened");
        let mut engine = Engine::new(connection, None).expect("an engine");
        let (mut scribe, mut other) = (Scribe::new("one"), Scribe::new("other"));
        let mut works = vec![Work::Commit(Entry::new(scribe.create(None)))];
        works.push(Work::Commit(Entry::new(other.create(None))));
        works.push(Work::Commit(Entry::new(scribe.record(outputs(3)))));
        works.push(Work::Remove { task: scribe.id(), expected: scribe.task().seq });
        works.push(Work::Commit(Entry::new(other.record(outputs(3)))));
        let outcome = engine.run(&works.iter().collect::<Vec<_>>(), false);
        assert!(outcome.answers.iter().all(Result::is_ok), "{outcome:?}");
        assert_eq!((rows_of(&engine, "event"), rows_of(&engine, "recent_place")), (5, 5), "the other's");
        assert_eq!(rows_of(&engine, "place"), 0);
    }

    #[test]
    fn how_many_are_noted_is_known_after_a_failure_and_after_others_wrote() {
        let place = tempfile::tempdir().expect("a directory");
        let open = || {
            let (_, connection) =
                schema::open_writer(&place.path().join("a.db"), &SqliteOptions::default()).expect("opened");
            Engine::new(connection, None).expect("an engine")
        };
        let (mut one, mut two) = (open(), open());
        let (mut first, mut second) = (Scribe::new("first"), Scribe::new("second"));
        run(&mut one, &Work::Commit(Entry::new(first.create(None))));
        run(&mut two, &Work::Commit(Entry::new(second.create(None))));
        for _ in 0..2 {
            run(&mut two, &Work::Commit(Entry::new(second.record(outputs(1000)))));
            run(&mut one, &Work::Commit(Entry::new(first.record(outputs(1000)))));
        }
        assert_eq!(one.recent, Some(4004));
        assert_eq!(rows_of(&one, "recent_place"), 4004);
        // An engine that has lost count.
        one.recent = None;
        run(&mut one, &Work::Commit(Entry::new(first.record(outputs(1)))));
        assert_eq!(one.recent, Some(4005));
    }
}
