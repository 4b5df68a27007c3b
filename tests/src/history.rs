//! What was written, by the journals of those who wrote it, and what that says about what is found afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use task_core::{Durability, TaskId};

/// What a place holds: of each task the digests of its events, from the first.
pub type Found = BTreeMap<TaskId, Vec<u64>>;

/// What was written, in the order of time.
#[derive(Debug, Default)]
pub struct History {
    tasks: BTreeMap<TaskId, Log>,
    lines: usize,
}

/// What must be there after a death or a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Everything that was acknowledged.
    All,
    /// What was acknowledged and asked for the disk.
    Asked,
    /// Nothing; but what is missing is missing at the end, in the order of time and over all tasks.
    Order,
}

/// What a comparison has come to, in events.
#[derive(Debug, Default)]
pub struct Report {
    /// Acknowledged, and not removed.
    pub acknowledged: u64,
    /// Acknowledged and promised to be there.
    pub promised: u64,
    /// Promised, and not there.
    pub lost: u64,
    /// Acknowledged, not promised, and not there.
    pub gone: u64,
    /// Not acknowledged, and there.
    pub unacknowledged: u64,
    /// What must not be, whatever was promised.
    pub faults: Vec<String>,
}

#[derive(Debug, Default)]
struct Log {
    commits: Vec<Written>,
    removal: Option<Removal>,
}

/// A commit. Moments are lines of the journal.
#[derive(Debug)]
struct Written {
    end: usize,
    digests: Vec<u64>,
    issued: usize,
    acked: Option<(usize, Durability)>,
}

#[derive(Debug)]
struct Removal {
    issued: usize,
    acked: Option<usize>,
}

/// A number that stands for a text.
#[must_use]
pub fn digest(text: &str) -> u64 {
    // Eight bytes at a time, as builds without optimization digest a lot of them.
    let mut digest = text.len() as u64;
    for piece in text.as_bytes().chunks(8) {
        let mut eight = [0; 8];
        eight[..piece.len()].copy_from_slice(piece);
        digest = (digest ^ u64::from_le_bytes(eight)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }
    digest
}

impl History {
    /// Takes a journal in.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or says what cannot be.
    pub fn read(&mut self, journal: &Path) -> io::Result<()> {
        let text = fs::read_to_string(journal)?;
        // Without the last line if its writer did not come to the end of it.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            self.lines += 1;
            let words: Vec<_> = line.split(' ').collect();
            self.take(&words)
                .ok_or_else(|| io::Error::other(format!("the journal says what cannot be: {line}")))?;
        }
        Ok(())
    }

    /// The tasks that were ever written to.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.tasks.keys().copied()
    }

    /// Compares what was written with what is there.
    #[must_use]
    pub fn compare(&self, found: &Found, promise: Promise) -> Report {
        let mut report = Report::default();
        for (task, log) in &self.tasks {
            log.compare(*task, found.get(task).map(Vec::as_slice), promise, &mut report);
        }
        for task in found.keys().filter(|task| !self.tasks.contains_key(task)) {
            report.faults.push(format!("task {task} was never written"));
        }
        self.compare_order(found, &mut report);
        report
    }

    /// Begins anew with what was found: from here on, it is there for good.
    pub fn settle(&mut self, found: &Found) {
        self.lines = 0;
        self.tasks = found.iter().map(|(task, digests)| (*task, Log::settled(digests))).collect();
    }

    fn take(&mut self, words: &[&str]) -> Option<()> {
        let moment = self.lines;
        let log = self.tasks.entry(words.get(1)?.parse().ok()?).or_default();
        match *words {
            ["issue", _, first, ref digests @ ..] => {
                let first: usize = first.parse().ok()?;
                let digests: Vec<_> =
                    digests.iter().map(|digest| digest.parse().ok()).collect::<Option<_>>()?;
                let before = log.commits.last().map_or(0, |commit| commit.end);
                let end = before + digests.len();
                let written = Written { end, digests, issued: moment, acked: None };
                (first == before + 1).then(|| log.commits.push(written))
            }
            ["ack", _, end, level] => {
                let commit = log.commits.last_mut()?;
                let level = if level == "durable" { Durability::Durable } else { Durability::Process };
                commit.acked = Some((moment, level));
                (end.parse() == Ok(commit.end)).then_some(())
            }
            ["remove", _] => {
                log.removal = Some(Removal { issued: moment, acked: None });
                Some(())
            }
            ["removed", _] => {
                log.removal.as_mut()?.acked = Some(moment);
                Some(())
            }
            _ => None,
        }
    }

    /// What is missing is missing at the end: nothing is there that was issued after something was acknowledged that
    /// is missing.
    fn compare_order(&self, found: &Found, report: &mut Report) {
        let logs = || self.tasks.iter().map(|(task, log)| (task, log, found.get(task).map(Vec::as_slice)));
        let missing = logs().filter_map(|(task, log, found)| Some((log.first_missing(found)?, task)));
        let Some((missing, of)) = missing.min() else { return };
        let later = logs().filter_map(|(task, log, found)| Some((log.last_there(found)?, task)));
        if let Some((there, by)) = later.max().filter(|(there, _)| *there > missing) {
            report.faults.push(format!(
                "what task {by} issued at {there} is there, and what task {of} had acknowledged at {missing} is not"
            ));
        }
    }
}

impl Log {
    fn settled(digests: &[u64]) -> Self {
        let acked = Some((0, Durability::Durable));
        let written = Written { end: digests.len(), digests: digests.to_vec(), issued: 0, acked };
        Self { commits: vec![written], removal: None }
    }

    fn compare(&self, task: TaskId, found: Option<&[u64]>, promise: Promise, report: &mut Report) {
        let there = found.unwrap_or_default();
        let issued: Vec<_> = self.commits.iter().flat_map(|commit| &commit.digests).copied().collect();
        if there.len() > issued.len() {
            let (there, issued) = (there.len(), issued.len());
            report.faults.push(format!("task {task} has {there} events, and {issued} were issued"));
        } else if let Some(at) = there.iter().zip(&issued).position(|(there, issued)| there != issued) {
            report.faults.push(format!("event {} of task {task} is not what was issued", at + 1));
        }
        let whole = self.commits.iter().any(|commit| commit.end == there.len());
        if !there.is_empty() && there.len() < issued.len() && !whole {
            report.faults.push(format!("task {task} ends at {}, inside of a commit", there.len()));
        }

        if self.removal.is_some() && found.is_none() {
            return;
        }
        if self.removal.as_ref().is_some_and(|removal| removal.acked.is_some()) && promise != Promise::Order {
            report.faults.push(format!("task {task} is there after its removal was acknowledged"));
        }
        for commit in &self.commits {
            let (events, kept) = (commit.digests.len() as u64, commit.end <= there.len());
            let Some((_, durability)) = commit.acked else {
                report.unacknowledged += if kept { events } else { 0 };
                continue;
            };
            let promised = match promise {
                Promise::All => true,
                Promise::Asked => durability >= Durability::Durable,
                Promise::Order => false,
            };
            report.acknowledged += events;
            report.promised += if promised { events } else { 0 };
            match (kept, promised) {
                (true, _) => {}
                (false, true) => report.lost += events,
                (false, false) => report.gone += events,
            }
        }
    }

    /// When the first thing was acknowledged that is missing.
    fn first_missing(&self, found: Option<&[u64]>) -> Option<usize> {
        let there = found.map_or(0, <[u64]>::len);
        match (&self.removal, found) {
            (Some(_), None) => None,
            (Some(Removal { acked: Some(acked), .. }), Some(_)) => Some(*acked),
            _ => self.commits.iter().find(|commit| commit.end > there)?.acked.map(|(moment, _)| moment),
        }
    }

    /// When the last thing was issued that is there.
    fn last_there(&self, found: Option<&[u64]>) -> Option<usize> {
        match (&self.removal, found) {
            // That it is gone says that the removal came through only if it was there for sure before.
            (Some(removal), None) => {
                self.commits.first().filter(|first| first.issued == 0).map(|_| removal.issued)
            }
            (_, found) => {
                let there = found.map_or(0, <[u64]>::len);
                self.commits.iter().rev().find(|commit| commit.end <= there).map(|commit| commit.issued)
            }
        }
    }
}

impl Report {
    /// Whether everything is as promised.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.lost == 0 && self.faults.is_empty()
    }

    /// Adds another up to this one.
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.promised += other.promised;
        self.lost += other.lost;
        self.gone += other.gone;
        self.unacknowledged += other.unacknowledged;
        self.faults.extend(other.faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two tasks, `a` and `b`, have written; `a` and `b` in the text stand for their ids.
    fn history(journal: &str) -> (TaskId, TaskId, History) {
        let (a, b, mut history) = (TaskId::new(), TaskId::new(), History::default());
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("journal");
        let ids = journal.replace(" a", &format!(" {a}")).replace(" b", &format!(" {b}"));
        fs::write(&path, ids).expect("written");
        history.read(&path).expect("a journal");
        (a, b, history)
    }

    fn lost(found: &[(TaskId, &[u64])], history: &History, promise: Promise) -> (u64, usize) {
        let found = found.iter().map(|(task, digests)| (*task, digests.to_vec())).collect();
        let report = history.compare(&found, promise);
        (report.lost, report.faults.len())
    }

    const ONE: &str = "issue a 1 11 12\nack a 2 durable\nissue a 3 13 14\nack a 4 process\nissue a 5 15 16\n";

    #[test]
    fn what_was_acknowledged_must_be_there_as_far_as_it_was_promised() {
        let (a, _, history) = history(ONE);
        for (there, all, asked) in [(6, 0, 0), (4, 0, 0), (2, 2, 0), (0, 4, 2)] {
            let there: &[(TaskId, &[u64])] = &[(a, &[11, 12, 13, 14, 15, 16][..there])];
            assert_eq!(lost(there, &history, Promise::All), (all, 0));
            assert_eq!(lost(there, &history, Promise::Asked), (asked, 0));
            assert_eq!(lost(there, &history, Promise::Order), (0, 0));
        }
        assert_eq!(lost(&[], &history, Promise::Asked), (2, 0));
    }

    #[test]
    fn a_commit_is_there_whole_with_what_was_issued_and_nothing_else_is() {
        let (a, b, history) = history(ONE);
        for wrong in
            [(a, [11, 12, 13, 14, 15].as_slice()), (a, &[11, 12, 13, 15]), (a, &[11, 12, 13, 14, 15, 16, 17])]
        {
            assert_eq!(lost(&[wrong], &history, Promise::All), (0, 1), "{wrong:?}");
        }
        assert_eq!(lost(&[(a, &[11, 12, 13, 14]), (b, &[1])], &history, Promise::All), (0, 1));
    }

    #[test]
    fn what_is_missing_is_missing_at_the_end() {
        let (a, b, history) = history(
            "issue a 1 11\nissue b 1 21\nack a 1 process\nack b 1 process\nissue a 2 12\nack a 2 process\n",
        );
        assert_eq!(lost(&[(a, &[11])], &history, Promise::Order), (0, 0), "issued side by side");
        assert_eq!(
            lost(&[(a, &[11, 12])], &history, Promise::Order),
            (0, 1),
            "issued after it was acknowledged"
        );
        assert_eq!(lost(&[(b, &[21])], &history, Promise::Order), (0, 0));
    }

    #[test]
    fn what_was_removed_stays_away_and_what_may_have_been_may_be_there() {
        let (a, _, under_way) = history("issue a 1 11\nack a 1 durable\nremove a\n");
        assert_eq!(lost(&[], &under_way, Promise::Asked), (0, 0));
        assert_eq!(lost(&[(a, &[11])], &under_way, Promise::Asked), (0, 0));
        let (a, _, removed) = history("issue a 1 11\nack a 1 durable\nremove a\nremoved a\n");
        assert_eq!(lost(&[], &removed, Promise::Asked), (0, 0));
        assert_eq!(lost(&[(a, &[11])], &removed, Promise::Asked), (0, 1));
    }

    #[test]
    fn what_was_found_must_be_there_from_then_on() {
        let (a, b, mut history) = history(ONE);
        history.settle(&Found::from([(a, vec![11, 12])]));
        assert_eq!(lost(&[(a, &[11, 12])], &history, Promise::Asked), (0, 0));
        assert_eq!(lost(&[(a, &[11])], &history, Promise::Asked).0, 2);
        assert_eq!(lost(&[(a, &[11, 12]), (b, &[21])], &history, Promise::Asked), (0, 1));
    }

    #[test]
    fn a_line_that_was_not_finished_does_not_count() {
        let (a, _, history) = history("issue a 1 11\nack a 1 dur");
        assert_eq!(lost(&[], &history, Promise::All), (0, 0));
        assert_eq!(lost(&[(a, &[11])], &history, Promise::All), (0, 0));
    }
}
